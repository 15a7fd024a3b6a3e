/** Reads tables as they were: finds the position that a person means, and asks the state of then. */
import type { ApiError, ApiParams, ApiResult } from "../../../shared/api/methods.ts";
import type { PastMoment } from "../../../shared/api/past.ts";
import { formatPosition, logIndex } from "../../../shared/base/ids.ts";
import type { LogIndex, Position } from "../../../shared/base/ids.ts";
import { err, ok } from "../../../shared/base/result.ts";
import type { Result } from "../../../shared/base/result.ts";
import type { AsOf } from "../../../shared/cluster/status.ts";
import type { LogView } from "../../../shared/raft/types.ts";
import { tooOld } from "./scratch-replay.ts";
import type { PastState } from "./past-state.ts";
import type { Past } from "./past.ts";
import { QUERY_ROWS_DEFAULT } from "./reader.ts";

type AsOfReaderOptions = {
  readonly past: Past;
  readonly state: PastState;
  readonly log: LogView;
  readonly appliedIndex: () => LogIndex;
  readonly wallMs: () => number;
  /** What this member knows of the present: how much of the newest past may be missing here. */
  readonly asOf: () => AsOf;
};

/** Answers for the past as `Reader` does for the present. */
export class AsOfReader {
  readonly #options: AsOfReaderOptions;

  constructor(options: AsOfReaderOptions) {
    this.#options = options;
  }

  async query(
    params: ApiParams<"query">,
    moment: PastMoment,
  ): Promise<Result<ApiResult<"query">, ApiError>> {
    const at = await this.positionOf(moment);
    if (!at.ok) return at;
    const asked = await this.#options.state.ask(at.value.index, "query", {
      sql: params.sql,
      params: params.params ?? [],
      rowsMax: params.rowsMax ?? QUERY_ROWS_DEFAULT,
    });
    if (!asked.ok) return asked;
    if (!asked.value.ok) {
      const { code, message } = asked.value.error;
      return err({ code, message });
    }
    const { columns, rows, isTruncated } = asked.value.value;
    return ok({ columns, rows, isTruncated, asOf: await this.#asOf(at.value) });
  }

  async tables(moment: PastMoment): Promise<Result<ApiResult<"tables">, ApiError>> {
    const at = await this.positionOf(moment);
    if (!at.ok) return at;
    const asked = await this.#options.state.ask(at.value.index, "tables", {});
    if (!asked.ok) return asked;
    return ok({ tables: asked.value.tables, asOf: await this.#asOf(at.value) });
  }

  /** The position that is meant; it can be read, or could when this was asked. */
  async positionOf(moment: PastMoment): Promise<Result<Position, ApiError>> {
    const { log, state } = this.#options;
    const found = "at" in moment ? await this.#indexAt(moment.at) : this.#applied(moment.index);
    if (!found.ok) return found;
    const index = found.value;
    const from = state.readableFrom;
    const term = log.termAt(index);
    if (from === null || index < from || term === null) {
      return err(await this.#tooOld(`The state after entry ${index}`));
    }
    if ("at" in moment || moment.term === undefined || moment.term === term) {
      return ok({ term, index });
    }
    const message = `Entry ${index} is of term ${term}, not ${moment.term}: ${formatPosition({ term, index })}.`;
    return err({ code: "not-found", message });
  }

  #applied(index: number): Result<LogIndex, ApiError> {
    if (index <= this.#options.appliedIndex()) return ok(logIndex(index));
    return err({ code: "not-found", message: `Entry ${index} is not applied here.` });
  }

  async #indexAt(at: string): Promise<Result<LogIndex, ApiError>> {
    const { past, log, wallMs } = this.#options;
    const atMs = Date.parse(at);
    if (Number.isNaN(atMs)) {
      return err({ code: "bad-request", message: `${JSON.stringify(at)} is not a time.` });
    }
    const found = await past.newestAt(atMs);
    if (!found.ok) return found;
    const { index, isNewest } = found.value;
    if (isNewest && atMs > wallMs()) {
      return err({ code: "bad-request", message: "That time has not come yet." });
    }
    if (index !== null) return ok(index);
    if (log.firstIndex === 1) return ok(logIndex(0));
    return err(await this.#tooOld(`The state of ${new Date(atMs).toISOString()}`));
  }

  async #tooOld(what: string): Promise<ApiError> {
    return tooOld(what, this.#options.state.readableFrom, await this.since());
  }

  /** The time of the oldest state that can be read, as far as it is known. */
  async since(): Promise<string | null> {
    const { past, state } = this.#options;
    const from = state.readableFrom;
    if (from === null) return null;
    return (await past.timeAt(from)) ?? past.timeAfter(from);
  }

  async #asOf(position: Position): Promise<AsOf> {
    const at = await this.#options.past.timeAt(position.index);
    return { ...this.#options.asOf(), ...position, past: { at } };
  }
}
