/** The API's methods about the past: what was changed, and how to take it back. */
import type { ApiError, ApiParams, ApiResult } from "../../../shared/api/methods.ts";
import type { ChangePreview } from "../../../shared/api/past.ts";
import { err, ok } from "../../../shared/base/result.ts";
import type { Result } from "../../../shared/base/result.ts";
import { rowMatcher } from "../../../shared/changes/row-name.ts";
import type { LogView } from "../../../shared/raft/types.ts";
import type { CaptureRequest } from "../../store-worker/messages.ts";
import type { Store } from "../ports.ts";
import { askStore } from "./ask-store.ts";
import type { Past } from "./past.ts";
import { PastImports } from "./past-imports.ts";
import type { Restoring } from "./restoring.ts";
import type { WriteOutcome } from "./write-queue.ts";

type PastMethodsOptions = {
  readonly past: Past;
  readonly restoring: Restoring;
  readonly log: LogView;
  readonly store: Store;
  /** Why nothing is read now; null when it is. */
  readonly readRefusal: () => Promise<ApiError | null>;
  /** Why nothing is written here; null when it is. */
  readonly writeRefusal: () => ApiError | null;
  readonly write: (
    work: CaptureRequest["work"],
    key: { readonly clientId?: string; readonly sequence?: number },
  ) => Promise<WriteOutcome>;
};

const TRANSACTIONS_DEFAULT = 50;
const CHANGES_DEFAULT = 500;
const PREVIEW_ROWS = 100;
const VERSIONS_DEFAULT = 50;
const NOTHING: ChangePreview = {
  rowCount: 0,
  conflicts: [],
  changes: [],
  schemaChanges: [],
  leftOut: [],
};

/** One handler per method. */
export class PastMethods {
  /** Those about whole imports. */
  readonly imports: PastImports;
  readonly #options: PastMethodsOptions;

  constructor(options: PastMethodsOptions) {
    this.#options = options;
    const preview = (work: CaptureRequest["work"]) => this.#preview(work);
    this.imports = new PastImports({ ...options, preview });
  }

  async transactions({
    beforeIndex = Infinity,
    count = TRANSACTIONS_DEFAULT,
  }: ApiParams<"transactions">): Promise<Result<ApiResult<"transactions">, ApiError>> {
    const { past, log } = this.#options;
    const found = await past.transactionsBefore(beforeIndex, count);
    return found.ok ? ok({ ...found.value, firstIndex: log.firstIndex }) : found;
  }

  async transaction({
    index,
    skip = 0,
    rowsMax = CHANGES_DEFAULT,
  }: ApiParams<"transaction">): Promise<Result<ApiResult<"transaction">, ApiError>> {
    const { past, store } = this.#options;
    const found = past.transactionAt(index);
    if (!found.ok) return found;
    const { position, payload } = found.value;
    const read = await askStore(store, "rowChanges", { payload, skip, rowsMax });
    if (!read.ok) return read;
    return read.value.ok ? ok({ ...position, ...read.value.value }) : read.value;
  }

  async rowHistory({
    table,
    key = {},
    beforeIndex = Infinity,
    count = VERSIONS_DEFAULT,
  }: ApiParams<"rowHistory">): Promise<Result<ApiResult<"rowHistory">, ApiError>> {
    const { past, log } = this.#options;
    const row = { table, key };
    const matcher = rowMatcher(row);
    if (!matcher.ok) return matcher;
    const found = await past.versionsOf(row, { beforeIndex, countMax: count });
    if (!found.ok) return found;
    const { versions, next } = found.value;
    return ok({
      versions,
      next: next === null ? null : { key: next.row.key, beforeIndex: next.beforeIndex },
      firstIndex: log.firstIndex,
    });
  }

  async undoPreview({
    index,
  }: ApiParams<"undoPreview">): Promise<Result<ApiResult<"undoPreview">, ApiError>> {
    const { past, readRefusal } = this.#options;
    const refusal = await readRefusal();
    if (refusal !== null) return err(refusal);
    const found = past.transactionAt(index);
    if (!found.ok) return found;
    return this.#preview({ type: "undo", payload: found.value.payload });
  }

  async undo(params: ApiParams<"undo">): Promise<Result<ApiResult<"undo">, ApiError>> {
    const { past, writeRefusal, write } = this.#options;
    const found = past.transactionAt(params.index);
    // Who may not write hears that first: the entry may be one that only the leader has.
    if (!found.ok) return err(writeRefusal() ?? found.error);
    const outcome = await write({ type: "undo", payload: found.value.payload }, params);
    if (!outcome.ok) return outcome;
    const { position, results } = outcome.value;
    return ok({ ...position, rowCount: results[0]?.changes ?? 0 });
  }
  async restorePreview(
    params: ApiParams<"restorePreview">,
  ): Promise<Result<ApiResult<"restorePreview">, ApiError>> {
    const { readRefusal, restoring } = this.#options;
    const refusal = await readRefusal();
    if (refusal !== null) return err(refusal);
    const found = await restoring.prepare(params);
    if (!found.ok) return found;
    if (found.value === null) return ok(NOTHING);
    const { work, leftOut } = found.value;
    const preview = await this.#preview(work);
    return preview.ok ? ok({ ...preview.value, leftOut }) : preview;
  }

  async restore(params: ApiParams<"restore">): Promise<Result<ApiResult<"restore">, ApiError>> {
    const { writeRefusal, write, restoring } = this.#options;
    const refusal = writeRefusal();
    if (refusal !== null) return err(refusal);
    const found = await restoring.prepare(params);
    if (!found.ok) return found;
    if (found.value === null) {
      return err({ code: "sql-refused", message: "Nothing of it was changed since then." });
    }
    const outcome = await write(found.value.work, params);
    if (!outcome.ok) return outcome;
    const { position, results } = outcome.value;
    return ok({ ...position, rowCount: results[0]?.changes ?? 0 });
  }

  async #preview(
    work: CaptureRequest["work"],
  ): Promise<Result<ApiResult<"undoPreview">, ApiError>> {
    const asked = await askStore(this.#options.store, "preview", { work, rowsMax: PREVIEW_ROWS });
    if (!asked.ok) return asked;
    const outcome = asked.value;
    if (outcome.ok) {
      const { rowCount, changes, schemaChanges } = outcome.value;
      return ok({ ...NOTHING, rowCount, changes, schemaChanges });
    }
    if (outcome.error.code !== "undo-conflict") return err(outcome.error);
    return ok({ ...NOTHING, conflicts: outcome.error.conflicts ?? [] });
  }
}
