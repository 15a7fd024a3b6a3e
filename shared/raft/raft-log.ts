/**
 * The log as the core sees it: what is on disk, plus a tail that is not known to be there yet.
 *
 * Below the tail the driver's `LogView` is read; from the tail's first index on it is never
 * asked, because it may still hold entries that a conflict replaced. Knows nothing of commit:
 * callers guard what may be cut.
 */
import { assert } from "../base/assert.ts";
import { type LogIndex, type Position, type Term, logIndex } from "../base/ids.ts";
import type { LogEntry, LogView, SnapshotMark } from "./types.ts";

/** What the next persist batch must write of the log. */
export type LogWork = {
  readonly snapshot: SnapshotMark | null;
  readonly entries: readonly LogEntry[];
};

/** Stored entries and the unstored tail as one log. */
export class RaftLog {
  readonly #view: LogView;
  /** Entries from `#tailFrom` on, kept until the disk has them. */
  #tail: LogEntry[] = [];
  #tailFrom: number;
  /** Everything up to here was given to the disk and not cut since. */
  #handedIndex: number;
  /** Everything up to here is on disk. Invariant: `flushed <= handed <= last`. */
  #flushedIndex: number;
  /** A received snapshot the disk does not have yet: the view is void meanwhile. */
  #snapshot: SnapshotMark | null = null;
  #isSnapshotHanded = false;

  constructor(view: LogView) {
    this.#view = view;
    this.#tailFrom = view.lastIndex + 1;
    this.#handedIndex = view.lastIndex;
    this.#flushedIndex = view.lastIndex;
  }

  get firstIndex(): number {
    return this.#snapshot ? this.#snapshot.position.index + 1 : this.#view.firstIndex;
  }

  get lastIndex(): LogIndex {
    return (this.#tailFrom + this.#tail.length - 1) as LogIndex;
  }

  get lastTerm(): Term {
    const lastTerm = this.termAt(this.lastIndex);
    assert(lastTerm !== null, "the term of the last entry is always kept");
    return lastTerm;
  }

  get last(): Position {
    return { term: this.lastTerm, index: this.lastIndex };
  }

  get flushedIndex(): LogIndex {
    return this.#flushedIndex as LogIndex;
  }

  /** A snapshot was received and is not on disk yet. */
  get isInstalling(): boolean {
    return this.#snapshot !== null;
  }

  /** Whether there is something the disk was not given yet. */
  get hasWork(): boolean {
    if (this.#snapshot && !this.#isSnapshotHanded) return true;
    return this.#handedIndex < this.lastIndex;
  }

  /** The term at an index; null where it is not known any more or not yet. */
  termAt(index: number): Term | null {
    if (index >= this.#tailFrom) return this.#tail[index - this.#tailFrom]?.term ?? null;
    const snapshot = this.#snapshot;
    if (snapshot === null) return index < 0 ? null : this.#view.termAt(index as LogIndex);
    return index === snapshot.position.index ? snapshot.position.term : null;
  }

  /** Adds entries that follow the last one. */
  append(entries: readonly LogEntry[]): void {
    for (const entry of entries) {
      assert(entry.index === this.lastIndex + 1, "entries are appended without a gap");
      this.#tail.push(entry);
    }
  }

  /** Drops every entry from `index` on. */
  truncateFrom(index: number): void {
    assert(index >= this.firstIndex && index <= this.lastIndex, "only kept entries can be cut");
    if (index >= this.#tailFrom) {
      this.#tail.length = index - this.#tailFrom;
    } else {
      this.#tail = [];
      this.#tailFrom = index;
    }
    this.#handedIndex = Math.min(this.#handedIndex, index - 1);
    this.#flushedIndex = Math.min(this.#flushedIndex, index - 1);
  }

  /** Replaces the whole log by a snapshot. @param keepFlushed Index known committed before it. */
  restore(mark: SnapshotMark, keepFlushed: number): void {
    this.#snapshot = mark;
    this.#isSnapshotHanded = false;
    this.#tail = [];
    this.#tailFrom = mark.position.index + 1;
    this.#handedIndex = mark.position.index;
    this.#flushedIndex = Math.min(this.#flushedIndex, keepFlushed);
  }

  /** What the disk has not been given yet. Taking it makes it the disk's. */
  takeWork(): LogWork {
    const entries = this.#tail.slice(this.#handedIndex + 1 - this.#tailFrom);
    const snapshot = this.#isSnapshotHanded ? null : this.#snapshot;
    this.#isSnapshotHanded = this.#snapshot !== null;
    this.#handedIndex = this.lastIndex;
    return { snapshot, entries };
  }

  /** The work taken last is on disk, except for what was cut or replaced meanwhile. */
  workStored(): void {
    if (this.#snapshot !== null) {
      if (!this.#isSnapshotHanded) return;
      this.#snapshot = null;
      this.#isSnapshotHanded = false;
    }
    this.#flushedIndex = this.#handedIndex;
    const storedCount = this.#flushedIndex + 1 - this.#tailFrom;
    if (storedCount <= 0) return;
    this.#tail.splice(0, storedCount);
    this.#tailFrom += storedCount;
  }

  /**
   * Entries from `from` up to at most `through`: as many as fit into `bytesMax`, but one at
   * least. @param from `firstIndex` to `through`.
   */
  entriesFrom(from: number, through: number, bytesMax: number): readonly LogEntry[] {
    assert(from >= this.firstIndex && from <= through, "the range is kept and not empty");
    assert(through <= this.lastIndex, "the range ends inside the log");
    if (from >= this.#tailFrom) return this.#tailEntries(from, through, bytesMax);
    const stored = this.#view.entriesFrom(logIndex(from), bytesMax);
    assert(stored[0]?.index === from, "the log view gives at least the first entry");
    const keepCount = Math.min(this.#tailFrom - 1, through) - from + 1;
    return stored.length <= keepCount ? stored : stored.slice(0, keepCount);
  }

  /**
   * The highest index up to `from` whose term is at most `termMax`, or the lowest index whose
   * term is known less one. Terms ascend along the log, so a binary search does it.
   */
  lastIndexWithTermUpTo(from: number, termMax: number): number {
    let low = this.firstIndex - 2;
    let high = Math.min(from, this.lastIndex);
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      const middleTerm = this.termAt(middle);
      if (middleTerm !== null && middleTerm <= termMax) low = middle;
      else high = middle - 1;
    }
    return Math.max(0, low);
  }

  #tailEntries(from: number, through: number, bytesMax: number): readonly LogEntry[] {
    const start = from - this.#tailFrom;
    const stop = through - this.#tailFrom + 1;
    let end = start;
    let sizeBytes = 0;
    while (end < stop) {
      sizeBytes += (this.#tail[end] as LogEntry).payload.length;
      if (sizeBytes > bytesMax && end > start) break;
      end += 1;
    }
    return this.#tail.slice(start, end);
  }
}
