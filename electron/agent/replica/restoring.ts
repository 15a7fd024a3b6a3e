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
import type { PastState } from "./past-state.ts";
import type { Past } from "./past.ts";

type RestoringOptions = {
  readonly past: Past;
  readonly state: PastState;
  readonly log: LogView;
  readonly store: Store;
};

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
  async prepare({
    toIndex,
    table,
    key = {},
  }: RestoreParams): Promise<Result<PreparedRestore | null, ApiError>> {
    const { past, log } = this.#options;
    if (toIndex < log.firstIndex - 1) {
      const message = `Entry ${toIndex} is not kept any more, the log begins at ${log.firstIndex}.`;
      return err({ code: "not-found", message });
    }
    const scope = table === undefined ? null : { table, key };
    const inverses = await past.wayBack(toIndex, scope);
    if (!inverses.ok) return inverses;
    if (inverses.value === null) return this.#fromState(toIndex, scope);
    if (inverses.value.length === 0) return ok(null);
    return ok({ work: { type: "restore", inverses: inverses.value }, leftOut: [] });
  }

  async #fromState(
    toIndex: number,
    scope: RestoreScope,
  ): Promise<Result<PreparedRestore | null, ApiError>> {
    const { state, store } = this.#options;
    const index = logIndex(toIndex);
    const then = await state.ask(index, "outline", {});
    if (!then.ok) return then;
    const now = await askStore(store, "outline", {});
    if (!now.ok) return now;
    const plan = planRestore(then.value, now.value, scope);
    if (!plan.ok) return err({ code: "not-found", message: plan.error });
    const { tables, statements, leftOut } = plan.value;
    if (tables.length === 0 && statements.length === 0) return ok(null);
    const rows = await state.ask(index, "formerRows", { tables, row: scope });
    if (!rows.ok) return rows;
    if (!rows.value.ok) return err(rows.value.error);
    const former = { scope, outline: then.value, tables, rows: rows.value.value };
    return ok({ work: { type: "restore-state", former }, leftOut });
  }
}
