/**
 * Prepares what brings a former state back. From the log alone where it can be: that is bounded by what changed. Where
 * the schema was changed since, from the state of then itself.
 */
import type { ApiError } from "../../../shared/api/methods.ts";
import type { RestoreParams } from "../../../shared/api/past.ts";
import { logIndex } from "../../../shared/base/ids.ts";
import { err, ok } from "../../../shared/base/result.ts";
import type { Result } from "../../../shared/base/result.ts";
import { planRestore } from "../../../shared/changes/restore-plan.ts";
import type { RestoreScope } from "../../../shared/changes/restore-plan.ts";
import type { LogView } from "../../../shared/raft/types.ts";
import type { CaptureRequest } from "../../store-worker/messages.ts";
import type { Store } from "../ports.ts";
import { askStore } from "./ask-store.ts";
import type { BackupKeeper } from "../backup/backup-keeper.ts";
import type { StoreMethods } from "../../store-worker/messages.ts";
import type { PastQuestion, PastState } from "./past-state.ts";
import type { Past } from "./past.ts";

type RestoringOptions = {
  readonly past: Past;
  readonly state: PastState;
  readonly log: LogView;
  readonly store: Store;
  readonly backups: Pick<BackupKeeper, "open">;
  /** Of this workspace: only its own backups are restored into it. */
  readonly workspaceId: string;
};

/** Asks a store that holds a former state. */
type AskThen = <M extends PastQuestion>(
  method: M,
  params: StoreMethods[M]["params"],
) => Promise<Result<StoreMethods[M]["result"], ApiError>>;

/** What is to be captured, and what of the past cannot come back, in words. */
export type PreparedRestore = {
  readonly work: CaptureRequest["work"];
  readonly leftOut: readonly string[];
};

/** Changes nothing. */
export class Restoring {
  readonly #options: RestoringOptions;

  constructor(options: RestoringOptions) {
    this.#options = options;
  }

  /** null when nothing of it was changed since. */
  async prepare(params: RestoreParams): Promise<Result<PreparedRestore | null, ApiError>> {
    const { past, log, state } = this.#options;
    const { table, key = {} } = params;
    if ("file" in params) {
      return this.#fromBackup(params.file, table === undefined ? null : { table, key });
    }
    const { toIndex } = params;
    if (toIndex < log.firstIndex - 1) {
      const message = `Entry ${toIndex} is not kept any more, the log begins at ${log.firstIndex}.`;
      return err({ code: "not-found", message });
    }
    const scope = table === undefined ? null : { table, key };
    const inverses = await past.wayBack(toIndex, scope);
    if (!inverses.ok) return inverses;
    if (inverses.value === null) {
      const index = logIndex(toIndex);
      return this.#fromState((method, asked) => state.ask(index, method, asked), scope);
    }
    if (inverses.value.length === 0) return ok(null);
    return ok({ work: { type: "restore", inverses: inverses.value }, leftOut: [] });
  }

  /** A file that is not what it was made of is refused: half a restore would look like a whole one. */
  async #fromBackup(
    file: string,
    scope: RestoreScope,
  ): Promise<Result<PreparedRestore | null, ApiError>> {
    const { backups, workspaceId } = this.#options;
    const opened = await backups.open(file, async ({ checked }, store) => {
      const { check, workspace } = checked;
      if (!check.isVerified) {
        const message = `This backup cannot be restored. ${check.problem ?? ""}`.trim();
        return err({ code: "bad-request", message } as const);
      }
      if (workspace?.id !== workspaceId) {
        const message =
          `This is a backup of another workspace (${workspace?.name ?? "unknown"}). ` +
          "A new workspace can be made from it: tidemark create --from FILE.";
        return err({ code: "bad-request", message } as const);
      }
      const prepared = await this.#fromState(
        (method, asked) => askStore(store, method, asked),
        scope,
      );
      if (prepared.ok || prepared.error.code !== "too-large") return prepared;
      const message = `${prepared.error.message} Or make a new workspace from it: tidemark create --from FILE.`;
      return err({ ...prepared.error, message });
    });
    return opened.ok ? opened.value : opened;
  }

  async #fromState(
    ask: AskThen,
    scope: RestoreScope,
  ): Promise<Result<PreparedRestore | null, ApiError>> {
    const { store } = this.#options;
    const then = await ask("outline", {});
    if (!then.ok) return then;
    const now = await askStore(store, "outline", {});
    if (!now.ok) return now;
    const plan = planRestore(then.value, now.value, scope);
    if (!plan.ok) return err({ code: "not-found", message: plan.error });
    const { tables, statements, leftOut } = plan.value;
    if (tables.length === 0 && statements.length === 0) return ok(null);
    const rows = await ask("formerRows", { tables, row: scope });
    if (!rows.ok) return rows;
    if (!rows.value.ok) return err(rows.value.error);
    const former = { scope, outline: then.value, tables, rows: rows.value.value };
    return ok({ work: { type: "restore-state", former }, leftOut });
  }
}
