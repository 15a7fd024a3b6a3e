/**
 * Reads at the level the caller asks for. `local` never waits and never fails for want of a
 * quorum; the others wait until this member may answer, or say why it cannot.
 */
import type { ApiError, ApiParams, ApiResult, ReadLevel } from "../../../shared/api/methods.ts";
import { logIndex } from "../../../shared/base/ids.ts";
import type { LogIndex } from "../../../shared/base/ids.ts";
import { err, ok } from "../../../shared/base/result.ts";
import type { Result } from "../../../shared/base/result.ts";
import type { AsOf } from "../../../shared/cluster/status.ts";
import type { ReadAnswer } from "../../../shared/raft/types.ts";
import type { Clock, Store } from "../ports.ts";
import { askStore } from "./ask-store.ts";
import type { Applier } from "./applier.ts";
import { momentOf, since } from "./own-moment.ts";
import type { OwnMoment } from "./own-moment.ts";

type ReaderOptions = {
  readonly clock: Clock;
  readonly store: Store;
  readonly applier: Applier;
  /** Asks the core what a linearizable read may see; the answer comes to `onReadAnswer`. */
  readonly readIndex: (requestId: number) => void;
  readonly asOf: () => AsOf;
  /** About how old what is here may be, ms, to tell it; null when no leader was ever heard. */
  readonly stalenessMs: () => number | null;
  /** How long a read waits for its turn before it gives up, ms. */
  readonly waitMs: number;
};

/** Rows of an answer when nobody asks for another number. */
export const QUERY_ROWS_DEFAULT = 10_000;
/** After a leader change the new one answers as soon as its no-op is committed. */
const READ_INDEX_RETRY_MS = 50;

/** Answers queries. */
export class Reader {
  readonly #options: ReaderOptions;
  readonly #asked = new Map<number, (index: LogIndex | null) => void>();
  #nextRequestId = 1;
  /** The newest round that a quorum answered: when it began, and what was committed then. */
  #confirmed: (OwnMoment & { readonly index: LogIndex }) | null = null;

  constructor(options: ReaderOptions) {
    this.#options = options;
  }

  /** Runs one query; never rejects for a reason of the world. */
  async query(params: ApiParams<"query">): Promise<Result<ApiResult<"query">, ApiError>> {
    const level = params.readLevel ?? "local";
    const refusal = (await this.waitUntilLoaded()) ?? (await this.#waitFor(level, params));
    if (refusal !== null) return err(refusal);
    const asked = await askStore(this.#options.store, "query", {
      sql: params.sql,
      params: params.params ?? [],
      rowsMax: params.rowsMax ?? QUERY_ROWS_DEFAULT,
    });
    if (!asked.ok) return asked;
    const outcome = asked.value;
    if (!outcome.ok) return err({ code: outcome.error.code, message: outcome.error.message });
    const { columns, rows, isTruncated, applied } = outcome.value;
    const asOf = { ...this.#options.asOf(), term: applied.term, index: applied.index };
    return ok({ columns, rows, isTruncated, asOf });
  }

  /** Until the database is back where it was: refilled, it must not show an older state first. */
  async waitUntilLoaded(): Promise<ApiError | null> {
    const { applier } = this.#options;
    if (applier.isReadable) return null;
    const error = await this.#waitApplied(applier.readableFrom);
    if (error === null) return null;
    return { code: "busy", message: "The database is still being loaded; try again soon." };
  }

  /** The core's answer. */
  onReadAnswer(answer: ReadAnswer): void {
    const end = this.#asked.get(answer.requestId);
    this.#asked.delete(answer.requestId);
    end?.(answer.index);
  }

  async #waitFor(level: ReadLevel, params: ApiParams<"query">): Promise<ApiError | null> {
    switch (level) {
      case "local":
        return null;
      case "session":
        return this.#waitApplied(logIndex(params.afterIndex ?? 0));
      case "linearizable":
        return this.#waitLinearizable();
      case "bounded":
        return this.#waitBounded(params.maxStalenessMs ?? 0);
    }
  }

  async #waitApplied(index: LogIndex): Promise<ApiError | null> {
    const { applier, clock, waitMs } = this.#options;
    const waiting = applier.reached(index);
    const timer = clock.after(waitMs, waiting.cancel);
    const end = await waiting.done;
    timer.cancel();
    if (end === "reached") return null;
    const here = applier.position.applied.index;
    return {
      code: "stale",
      message: `This computer has seen changes up to ${here}, not yet ${index}; try again soon.`,
    };
  }

  async #waitLinearizable(): Promise<ApiError | null> {
    const { clock, waitMs } = this.#options;
    const deadlineMs = clock.nowMs() + waitMs;
    for (;;) {
      const asked = momentOf(clock);
      const index = await this.#askReadIndex(deadlineMs - clock.nowMs());
      if (index !== null) {
        this.#confirmed = { ...asked, index };
        return this.#waitApplied(index);
      }
      if (clock.nowMs() + READ_INDEX_RETRY_MS >= deadlineMs) break;
      await new Promise<void>((resume) => clock.after(READ_INDEX_RETRY_MS, resume));
    }
    return {
      code: "no-quorum",
      message: "No leader with a majority could be reached, so the newest state is not known here.",
    };
  }

  #askReadIndex(withinMs: number): Promise<LogIndex | null> {
    const requestId = this.#nextRequestId++;
    return new Promise((resolve) => {
      const timer = this.#options.clock.after(Math.max(0, withinMs), () => {
        this.#asked.delete(requestId);
        resolve(null);
      });
      this.#asked.set(requestId, (index) => {
        timer.cancel();
        resolve(index);
      });
      this.#options.readIndex(requestId);
    });
  }

  async #waitBounded(maxStalenessMs: number): Promise<ApiError | null> {
    const confirmed = this.#confirmedWithin(maxStalenessMs);
    if (confirmed !== null) return this.#waitApplied(confirmed);
    // A quorum that answers now makes the state newer than any bound.
    const error = await this.#waitLinearizable();
    if (error === null) return null;
    const staleMs = this.#options.stalenessMs();
    const told = staleMs === null ? "unknown" : `${Math.round(staleMs)} ms`;
    return {
      code: "stale",
      message: `The data here may be older than ${maxStalenessMs} ms (${told}), and no leader answers.`,
    };
  }

  /**
   * What a quorum confirmed in a round that *began* within the bound; null when none did. A word
   * of the leader does not do: it may be long on its way, and a leader that stood still sends what
   * was true before. The monotonic clock stands still in sleep; then the wall clock runs ahead, or comes
   * back wrong: a jump either way may have been one.
   */
  #confirmedWithin(maxStalenessMs: number): LogIndex | null {
    const { clock } = this.#options;
    if (this.#confirmed === null) return null;
    const { elapsedMs, jumpMs } = since(clock, this.#confirmed);
    if (elapsedMs > maxStalenessMs || jumpMs > 0) return null;
    return this.#confirmed.index;
  }
}
