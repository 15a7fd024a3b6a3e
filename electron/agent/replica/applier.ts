/**
 * Hands committed entries to the store, in order, one batch at a time, and knows where the
 * database stands. It knows nothing of consensus: whoever calls `enqueue` vouches for the
 * entries. While one batch is being applied, the next gathers.
 */
import { assert } from "../../../shared/base/assert.ts";
import { POSITION_ZERO, formatPosition, logIndex } from "../../../shared/base/ids.ts";
import type { LogIndex } from "../../../shared/base/ids.ts";
import type { LogEntry, LogView } from "../../../shared/raft/types.ts";
import { LogReadError } from "../log/log-error.ts";
import type { ApplyOutcome, CommittedEntry, StorePosition } from "../../store-worker/messages.ts";
import type { Logger, Store } from "../ports.ts";
import { IndexWaiters } from "./waiters.ts";

/** One SQLite transaction applies at most this much: bounds how long a query waits behind it. */
const APPLY_BYTES_MAX = 4 * 1024 * 1024;
/** Per transaction; small entries are cheap, but the call's list should not grow for ever. */
const APPLY_ENTRIES_MAX = 4_096;
/** Checksums remembered to compare with what others report at the same index. */
const CHECKSUM_COUNT_MAX = 4_096;

/** Called after each batch that was applied. */
export type AppliedListener = (
  outcome: Extract<ApplyOutcome, { type: "applied" }>,
  batch: {
    readonly fromIndex: LogIndex;
    readonly toIndex: LogIndex;
  },
) => void;

type ApplierOptions = {
  readonly store: Store;
  /** Where entries are read again when they are not at hand any more. */
  readonly log: LogView;
  readonly logger: Logger;
  readonly onApplied: AppliedListener;
  /** The store cannot go on: a before image did not match. Nothing more is applied. */
  readonly onDiverged: (index: LogIndex, detail: string) => void;
  /** The store's worker is gone; whoever hears this loads a new one and calls `resume`. */
  readonly onStoreLost: (reason: unknown) => void;
};

/** Entries kept at hand for the next batches; beyond this they are read from the log again. */
const QUEUE_BYTES_MAX = 16 * 1024 * 1024;

/** The committed entries' way into the database. */
export class Applier {
  readonly #options: ApplierOptions;
  readonly #waiters = new IndexWaiters();
  readonly #checksums = new Map<LogIndex, string>();
  /** Terms of the newest applied entries: tells a writer whether the entry was its own. */
  readonly #terms = new Map<LogIndex, number>();
  #queue: LogEntry[] = [];
  #queueBytes = 0;
  #position: StorePosition = { applied: POSITION_ZERO, checksum: "" };
  #target: LogIndex = logIndex(0);
  #readableFrom: LogIndex = logIndex(0);
  /** Entries up to here are applied in one batch. */
  #heldUntil: LogIndex = logIndex(0);
  #running: Promise<void> | null = null;
  #isSuspended = true;
  /** Somebody looks at the database and wants it to stand still. */
  #isPaused = false;
  /** The store is empty: nothing may be read or captured until it is filled again. */
  #isLost = false;
  #isStopped = false;

  constructor(options: ApplierOptions) {
    this.#options = options;
  }

  /** Where the database stands. */
  get position(): StorePosition {
    return this.#position;
  }

  /**
   * What readers must not see less than: where the database stood before it was replaced, or
   * what was known to be committed at the start.
   */
  get readableFrom(): LogIndex {
    return this.#readableFrom;
  }

  /** Whether the database is there and not older than what was shown before. */
  get isReadable(): boolean {
    return !this.#isLost && this.#position.applied.index >= this.#readableFrom;
  }

  /**
   * The store holds this now; entries above it are applied from here on.
   *
   * @param committed Known to be committed, and so to come.
   */
  resume(position: StorePosition, committed: LogIndex): void {
    assert(this.#running === null, "the store is idle while it is replaced");
    const seen = Math.max(this.#readableFrom, this.#position.applied.index);
    this.#readableFrom = logIndex(Math.max(seen, position.applied.index, committed));
    this.#clearQueue();
    this.#checksums.clear();
    this.#isSuspended = false;
    this.#isLost = false;
    this.#setPosition(position);
    if (this.#target < position.applied.index) this.#target = position.applied.index;
    this.#start();
  }

  /** These are committed; they follow what was handed over before without a gap. */
  enqueue(entries: readonly LogEntry[]): void {
    const last = entries.at(-1);
    if (last === undefined || this.#isStopped) return;
    assert(entries[0]?.index === this.#target + 1, "entries follow one another");
    const isContiguous =
      this.#target === (this.#queue.at(-1)?.index ?? this.#position.applied.index);
    this.#target = last.index;
    if (isContiguous && !this.#isSuspended && this.#queueBytes < QUEUE_BYTES_MAX) {
      for (const entry of entries) {
        this.#queue.push(entry);
        this.#queueBytes += entry.payload.length;
      }
    }
    this.#start();
  }

  /**
   * What this leader captured together is applied together: its rows are in the open transaction
   * of the store already, and a part of them would have to be undone and applied anew. Committed
   * entries wait for the rest up to `index`, or for `release`.
   */
  holdUntil(index: LogIndex): void {
    this.#heldUntil = index;
  }

  /** This member leads no more: nobody knows when the rest is committed, so nothing waits. */
  release(): void {
    this.#heldUntil = logIndex(0);
    this.#start();
  }

  /** Resolves once the database holds the entry at `index`. */
  reached(index: LogIndex): ReturnType<IndexWaiters["wait"]> {
    return this.#waiters.wait(index);
  }

  /** The checksum right after an index, when that index ended a batch not long ago. */
  checksumAt(index: LogIndex): string | null {
    return this.#checksums.get(index) ?? null;
  }

  /** The term of the applied entry at an index; null when it is too long ago. */
  termApplied(index: LogIndex): number | null {
    return this.#terms.get(index) ?? null;
  }

  /**
   * The store's content is gone, from this very moment. Whoever asks where the database stands
   * is told "nowhere" until `resume`: an edit captured on an empty database, or on an old image
   * before the log is replayed, would be a wrong edit on every member.
   */
  lost(): void {
    this.#isSuspended = true;
    this.#isLost = true;
    this.#waiters.forget();
    const seen = Math.max(this.#readableFrom, this.#position.applied.index);
    this.#readableFrom = logIndex(seen);
    this.#position = { applied: POSITION_ZERO, checksum: "" };
  }

  /** Lets the batch under way end and applies nothing more until `resume`. */
  async suspend(): Promise<void> {
    this.#isSuspended = true;
    // A store that is filled again begins further back: what was reached must be reached anew.
    this.#waiters.forget();
    await this.#running;
    this.#clearQueue();
  }

  /** Lets the batch under way end and applies nothing while `work` runs. One at a time. */
  async whilePaused<T>(work: () => Promise<T>): Promise<T> {
    assert(!this.#isPaused, "the database stands still for one at a time");
    this.#isPaused = true;
    try {
      await this.#running;
      return await work();
    } finally {
      this.#isPaused = false;
      this.#start();
    }
  }

  /** No more entries; callers that wait are told so. */
  async close(): Promise<void> {
    this.#isStopped = true;
    await this.suspend();
    this.#waiters.close();
  }

  get #hasWork(): boolean {
    return this.#target > this.#position.applied.index && this.#target >= this.#heldUntil;
  }

  get #isResting(): boolean {
    return this.#isSuspended || this.#isPaused || this.#isStopped;
  }

  #start(): void {
    if (this.#running !== null || !this.#hasWork || this.#isResting) return;
    this.#running = this.#run().finally(() => {
      this.#running = null;
      // Something may have been handed over while the last batch ended.
      this.#start();
    });
  }

  async #run(): Promise<void> {
    while (this.#hasWork && !this.#isResting) {
      const batch = this.#readBatch();
      if (batch === null) return;
      const outcome = await this.#apply(batch);
      // What was reached before the next refill is nowhere: nothing may be captured on it.
      if (outcome === null || this.#isLost) return;
      if (outcome.type === "diverged") {
        this.#isSuspended = true;
        this.#options.logger.warn("diverged", { index: outcome.index, detail: outcome.detail });
        this.#options.onDiverged(outcome.index, outcome.detail);
        return;
      }
      this.#applied(batch, outcome);
    }
  }

  async #apply(batch: readonly LogEntry[]): Promise<ApplyOutcome | null> {
    try {
      return await this.#options.store.call("apply", { entries: batch.map(toCommitted) });
    } catch (reason) {
      this.#isSuspended = true;
      if (!this.#isLost) this.#options.onStoreLost(reason);
      return null;
    }
  }

  /** null when the log cannot be read any more; whoever opened it was told. */
  #readBatch(): readonly LogEntry[] | null {
    try {
      return this.#takeBatch();
    } catch (error) {
      if (!(error instanceof LogReadError)) throw error;
      this.#isSuspended = true;
      return null;
    }
  }

  #takeBatch(): readonly LogEntry[] {
    const next = logIndex(this.#position.applied.index + 1);
    if (this.#queue[0]?.index !== next) {
      this.#clearQueue();
      const stored = this.#options.log.entriesFrom(next, APPLY_BYTES_MAX);
      return stored.filter((entry) => entry.index <= this.#target);
    }
    let bytes = 0;
    let count = 0;
    for (const entry of this.#queue) {
      if (count > 0 && bytes + entry.payload.length > APPLY_BYTES_MAX) break;
      if (count === APPLY_ENTRIES_MAX) break;
      bytes += entry.payload.length;
      count++;
    }
    this.#queueBytes -= bytes;
    return this.#queue.splice(0, count);
  }

  #clearQueue(): void {
    this.#queue = [];
    this.#queueBytes = 0;
  }

  #applied(batch: readonly LogEntry[], outcome: Extract<ApplyOutcome, { type: "applied" }>): void {
    const first = batch[0];
    const last = batch.at(-1);
    assert(first !== undefined && last !== undefined, "a batch has entries");
    assert(
      outcome.position.applied.index === last.index,
      `the store stands at ${formatPosition(outcome.position.applied)} after ${last.index}`,
    );
    for (const entry of batch) this.#terms.set(entry.index, entry.term);
    forgetOldest(this.#terms, CHECKSUM_COUNT_MAX);
    this.#setPosition(outcome.position);
    this.#options.onApplied(outcome, { fromIndex: first.index, toIndex: last.index });
  }

  #setPosition(position: StorePosition): void {
    this.#position = position;
    this.#checksums.set(position.applied.index, position.checksum);
    forgetOldest(this.#checksums, CHECKSUM_COUNT_MAX);
    this.#waiters.reach(position.applied.index);
  }
}

/** An entry as the store takes it. */
export function toCommitted(entry: LogEntry): CommittedEntry {
  const { term, index, kind, payload } = entry;
  return { term, index, payload: kind === "data" ? payload : null };
}

/** A Map keeps insertion order, so its first keys are the oldest. */
function forgetOldest<V>(map: Map<LogIndex, V>, countMax: number): void {
  for (const key of map.keys()) {
    if (map.size <= countMax) return;
    map.delete(key);
  }
}
