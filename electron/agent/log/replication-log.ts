/**
 * The replication log of one member: what it acknowledged is here after any crash.
 *
 * Writes go through a queue, one after the other, and are in memory (for `LogView`) as soon as
 * they are on the disk. It does not know what entries mean, who leads, or when something may be
 * dropped: the driver and the core tell it. The format is in DESIGN.md beside this file.
 */
import { assert, defined } from "../../../shared/base/assert.ts";
import { logIndex } from "../../../shared/base/ids.ts";
import type { LogIndex, Position, Term } from "../../../shared/base/ids.ts";
import { err, ok } from "../../../shared/base/result.ts";
import type { Result } from "../../../shared/base/result.ts";
import type { HardState, LogEntry, LogView } from "../../../shared/raft/types.ts";
import type { DiskError } from "../ports.ts";
import type { DiskReserve } from "./disk-reserve.ts";
import { EntryCache } from "./entry-cache.ts";
import { LogReadError } from "./log-error.ts";
import type { LogOpenError } from "./log-error.ts";
import { SEGMENT_BYTES_MAX } from "./log-options.ts";
import type { LogOptions, OpenedState, SalvagedState } from "./log-options.ts";
import { openParts, placeOf, salvageParts } from "./log-parts.ts";
import type { LogParts } from "./log-parts.ts";
import { newSegmentHeader } from "./log-place.ts";
import type { LogPlace } from "./log-place.ts";
import { ONLY_READ } from "./log-salvage.ts";
import { encodeBatch } from "./record-format.ts";
import { SegmentList } from "./segment-list.ts";
import { TermRuns } from "./term-runs.ts";
import { markSyncFailed } from "./write-anew.ts";

const SEGMENT_AGE_MAX_MS = 24 * 60 * 60 * 1000;
const CACHE_BYTES_MAX = 8 * 1024 * 1024;

export type { LogFaults, LogOptions } from "./log-options.ts";

/** An opened log with what the core needs to start. */
export type OpenedLog = OpenedState & { readonly log: ReplicationLog };

/** The good part of a log; refuses everything that would change it, with `not-writable`. */
export type SalvagedLog = SalvagedState & { readonly log: ReplicationLog };

/** See the top of the file. */
export class ReplicationLog implements LogView {
  readonly #options: LogOptions;
  readonly #place: LogPlace;
  readonly #files: LogParts["files"];
  readonly #cache: EntryCache;
  readonly #segments: SegmentList;
  #terms: TermRuns;
  #lastHash: Uint8Array;
  #lastIndex: LogIndex;
  #commitIndex: number;
  #failure: DiskError | null = null;
  #hasReadError = false;
  #isClosed = false;
  #queue: Promise<unknown> = Promise.resolve();

  private constructor(options: LogOptions, parts: LogParts) {
    this.#options = options;
    this.#place = placeOf(options);
    this.#files = parts.files;
    this.#cache = new EntryCache(options.cacheBytesMax ?? CACHE_BYTES_MAX);
    this.#segments = new SegmentList(options.disk, options.folder, parts.segments);
    this.#terms = new TermRuns(parts.base);
    for (const start of parts.termStarts) this.#terms.push(start);
    this.#lastHash = parts.lastHash;
    this.#lastIndex = parts.last.index;
    this.#commitIndex = parts.commitIndex;
    this.#failure = parts.files === null ? ONLY_READ : null;
  }

  /** Opens the folder, creating it when it is new; cuts a torn tail; refuses a damaged log. */
  static async open(options: LogOptions): Promise<Result<OpenedLog, LogOpenError>> {
    const opened = await openParts(options);
    if (!opened.ok) return opened;
    const { parts, ...rest } = opened.value;
    return ok({ ...rest, log: new ReplicationLog(options, parts) });
  }

  /** Opens what can still be read of a damaged log, for reading only. Changes nothing. */
  static async openSalvage(options: LogOptions): Promise<Result<SalvagedLog, DiskError>> {
    const opened = await salvageParts(options);
    if (!opened.ok) return opened;
    const { parts, ...rest } = opened.value;
    return ok({ ...rest, log: new ReplicationLog(options, parts) });
  }

  get firstIndex(): LogIndex {
    return this.#segments.first.firstIndex;
  }

  get lastIndex(): LogIndex {
    return this.#lastIndex;
  }

  /** All segment files together. */
  get bytes(): number {
    return this.#segments.bytes;
  }

  /** Stored bytes of the entries after `index`, for lag in bytes; all kept ones when it is older. */
  bytesAfter(index: LogIndex): number {
    return this.#segments.bytesAfter(index);
  }

  termAt(index: LogIndex): Term | null {
    if (index < this.firstIndex - 1 || index > this.#lastIndex) return null;
    return this.#terms.at(index);
  }

  /** @throws LogReadError when the disk lost a record since the start. */
  entriesFrom(from: LogIndex, bytesMax: number): readonly LogEntry[] {
    assert(from >= this.firstIndex && from <= this.#lastIndex, "only kept entries are read");
    return this.#reading(() => this.#entriesFrom(from, bytesMax));
  }

  #entriesFrom(from: LogIndex, bytesMax: number): readonly LogEntry[] {
    const entries: LogEntry[] = [];
    let left = bytesMax;
    let index = from;
    while (index <= this.#lastIndex) {
      const isFirst = entries.length === 0;
      const cached = this.#cache.get(index);
      const next =
        cached === null ? this.#segments.holding(index).read(index, left, isFirst) : [cached];
      for (const entry of next) {
        left -= entry.payload.length;
        if (left < 0 && entries.length > 0) return entries;
        // The file may already hold records that are still on their way to the disk.
        if (entry.index > this.#lastIndex) return entries;
        entries.push(entry);
      }
      if (next.length === 0) break;
      index = logIndex(from + entries.length);
    }
    return entries;
  }

  /**
   * The hash over all entries up to `index`, equal on two members exactly when their logs are.
   * Null outside `firstIndex - 1` to `lastIndex`.
   *
   * @throws LogReadError as `entriesFrom`.
   */
  chainHashAt(index: LogIndex): Uint8Array | null {
    if (index < this.firstIndex - 1 || index > this.#lastIndex) return null;
    if (index === this.#lastIndex) return this.#lastHash;
    const next = logIndex(index + 1);
    const segment = this.#segments.holding(next);
    if (segment.firstIndex === next) return segment.header.previousHash;
    return this.#reading(() => segment.readRecord(next).previousHash);
  }

  /**
   * The highest index that was surely stored before `ms` (as `wallMs`); 0 when none is known to
   * be. Exact to a segment.
   */
  lastIndexBefore(ms: number): LogIndex {
    return this.#segments.lastIndexBefore(ms);
  }

  /** Room kept for what must be stored on a full disk; null when the log is only read. */
  get reserve(): DiskReserve | null {
    return this.#files?.reserve ?? null;
  }

  /**
   * Stores entries, cutting the log first where they begin. On `storage-full` nothing of them is
   * stored and a later attempt may succeed; any other failure is final.
   *
   * @param entries Contiguous, beginning at most one above `lastIndex`.
   */
  append(entries: readonly LogEntry[]): Promise<Result<null, DiskError>> {
    return this.persist({ hardState: null, entries });
  }

  /** Stores term and vote; failures as for `append`. */
  saveHardState(hardState: HardState): Promise<Result<null, DiskError>> {
    return this.persist({ hardState, entries: [] });
  }

  /** Both: the hard state first, so that no entry is ever of a term above the stored one. */
  persist(work: {
    readonly hardState: HardState | null;
    readonly entries: readonly LogEntry[];
  }): Promise<Result<null, DiskError>> {
    return this.#enqueue(async () => {
      if (work.hardState !== null) {
        const saved = await this.#saveHardState(work.hardState);
        if (!saved.ok) return saved;
      }
      return work.entries.length === 0 ? ok(null) : this.#append(work.entries);
    });
  }

  /**
   * Replaces the log by an empty one behind `position`. The snapshot of that position must be
   * safe on the disk before. A crash in between leaves the old log or the new one.
   *
   * @param chainHash The chained hash at `position`; travels with the snapshot.
   */
  resetTo(position: Position, chainHash: Uint8Array): Promise<Result<null, DiskError>> {
    return this.#enqueue(async () => {
      const header = newSegmentHeader(this.#place, {
        generation: this.#generation + 1,
        previous: position,
        previousHash: chainHash.slice(),
      });
      const { reserve } = defined(this.#files, "a log that is written to");
      const replaced = await reserve.run(() => this.#segments.replaceAll(header));
      if (!replaced.ok) return this.#noteFailure(replaced.error);
      this.#terms = new TermRuns(position);
      this.#cache.clear();
      this.#lastHash = chainHash.slice();
      this.#lastIndex = position.index;
      this.#commitIndex = position.index;
      await this.#writeHint();
      const removed = await this.#segments.remove(replaced.value);
      return removed.ok ? removed : this.#noteFailure(removed.error);
    });
  }

  /** Drops whole segments whose entries are all at or below `index`; never the newest one. */
  truncatePrefix(index: LogIndex): Promise<Result<null, DiskError>> {
    assert(index <= this.#lastIndex, "only stored entries can be dropped");
    return this.#enqueue(async () => {
      const dropped = await this.#segments.dropThrough(index);
      this.#terms.dropBefore(this.#segments.first.header.previous);
      return dropped.ok ? dropped : this.#noteFailure(dropped.error);
    });
  }

  /** Everything up to `index` is committed, for the next start. Does not wait for the disk. */
  noteCommitted(index: LogIndex): void {
    assert(index <= this.#lastIndex, "a committed entry is stored");
    if (index <= this.#commitIndex || this.#isClosed) return;
    this.#commitIndex = index;
    const hint = { generation: this.#generation, index, hash: null };
    const file = this.#files?.hint;
    if (file?.isDue(hint, index === this.#lastIndex) === true) {
      void this.#enqueue(() => this.#writeHint());
    } else file?.skip();
  }

  /** Waits for what was begun, then closes the files. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    const written = this.#enqueue(() => this.#writeHint());
    this.#isClosed = true;
    await written;
    await this.#segments.close();
    await this.#files?.hint.close();
    await this.#files?.hardState.close();
  }

  async #writeHint(): Promise<Result<null, DiskError>> {
    const index = this.#commitIndex;
    const hash = index === this.#lastIndex ? this.#lastHash : null;
    await this.#files?.hint.write({ generation: this.#generation, index, hash });
    return ok(null);
  }

  async #saveHardState(hardState: HardState): Promise<Result<null, DiskError>> {
    const forgetsVote = this.#options.faults?.skipHardState === true;
    const state = forgetsVote ? { ...hardState, votedFor: null } : hardState;
    const { hardState: file, reserve } = defined(this.#files, "a log that is written to");
    const saved = await reserve.run(() => file.save(state));
    return saved.ok ? saved : this.#noteFailure(saved.error);
  }

  async #append(entries: readonly LogEntry[]): Promise<Result<null, DiskError>> {
    const first = defined(entries[0], "an append has entries");
    assert(first.index >= this.firstIndex, "entries belong behind the snapshot");
    assert(first.index <= this.#lastIndex + 1, "an append leaves no gap");
    if (first.index <= this.#lastIndex) {
      const cut = await this.#cutFrom(first.index);
      if (!cut.ok) return cut;
    }
    const rolled = await this.#maybeRoll();
    if (!rolled.ok) return rolled;
    const batch = encodeBatch(entries, this.#lastHash);
    const segment = this.#segments.last;
    const written = await segment.append(batch);
    if (!written.ok) return this.#noteFailure(written.error);
    const synced = this.#options.faults?.ackBeforeSync === true ? ok(null) : await segment.sync();
    if (!synced.ok) return this.#noteFailure(synced.error);
    for (const entry of batch.entries) {
      this.#terms.push(entry);
      this.#cache.push(entry);
    }
    this.#lastHash = batch.lastHash;
    this.#lastIndex = logIndex(this.#lastIndex + entries.length);
    assert(this.#lastIndex === entries.at(-1)?.index, "appended entries are contiguous");
    await this.#files?.reserve.maybeRestore();
    return ok(null);
  }

  /**
   * Cuts from the back, each step durable before the next: a crash leaves a shorter log or the
   * old one, never one with a gap or with new records over the remains of old ones.
   */
  async #cutFrom(index: LogIndex): Promise<Result<null, DiskError>> {
    assert(index > this.#commitIndex, "committed entries are never cut");
    this.#lastHash = defined(
      this.chainHashAt(logIndex(index - 1)),
      "the cut is in the log",
    ).slice();
    this.#terms.cutFrom(index);
    this.#cache.cutFrom(index);
    this.#lastIndex = logIndex(index - 1);
    const dropped = await this.#segments.dropFrom(index);
    if (!dropped.ok) return this.#noteFailure(dropped.error);
    const segment = this.#segments.last;
    if (segment.lastIndex < index) return ok(null);
    const cut = await segment.cutFrom(index);
    const synced = cut.ok ? await segment.sync() : cut;
    return synced.ok ? synced : this.#noteFailure(synced.error);
  }

  /** Everything in the old segment is on the disk by now: appends are synced one by one. */
  async #maybeRoll(): Promise<Result<null, DiskError>> {
    const segment = this.#segments.last;
    const { segmentBytesMax, segmentAgeMaxMs, wallMs } = this.#options;
    const { createdMs } = segment.header;
    const ageMs = createdMs === 0 ? 0 : (wallMs?.() ?? 0) - createdMs;
    const isLarge = segment.sizeBytes >= (segmentBytesMax ?? SEGMENT_BYTES_MAX);
    if (!isLarge && ageMs <= (segmentAgeMaxMs ?? SEGMENT_AGE_MAX_MS)) return ok(null);
    if (segment.lastIndex < segment.firstIndex) return ok(null);
    const header = newSegmentHeader(this.#place, {
      generation: this.#generation,
      previous: { term: this.#terms.at(this.#lastIndex), index: this.#lastIndex },
      previousHash: this.#lastHash,
    });
    const added = await this.#segments.add(header);
    return added.ok ? added : this.#noteFailure(added.error);
  }

  #enqueue(action: () => Promise<Result<null, DiskError>>): Promise<Result<null, DiskError>> {
    if (this.#isClosed) {
      return Promise.resolve(err({ code: "storage-failed", detail: "the log was closed" }));
    }
    const result = this.#queue.then(() => (this.#failure === null ? action() : err(this.#failure)));
    this.#queue = result;
    return result;
  }

  /** What was good at the start is bad now: nothing may be stored behind it any more. */
  #reading<T>(read: () => T): T {
    try {
      return read();
    } catch (error) {
      if (error instanceof LogReadError && !this.#hasReadError) {
        this.#hasReadError = true;
        this.#failure ??= { code: "storage-failed", detail: error.message };
        this.#options.logger.warn("log-read-failed", { detail: error.message });
        this.#options.onReadError?.(error);
      }
      throw error;
    }
  }

  /** Only a full disk may get better; after anything else nobody knows what is stored. */
  #noteFailure(error: DiskError): { readonly ok: false; readonly error: DiskError } {
    if (error.code !== "storage-full" && this.#failure === null) {
      const detail = `${error.detail}; the log takes nothing more until it is opened again`;
      this.#failure = { code: "storage-failed", detail };
      this.#options.logger.warn("log-storage-failed", { ...error });
      void markSyncFailed(this.#options.disk, this.#options.folder);
    }
    return err(error);
  }

  get #generation(): number {
    return this.#segments.first.header.generation;
  }
}
