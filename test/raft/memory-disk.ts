/**
 * A disk for cores in tests: keeps what was written to its end, tears what was not, and can be
 * put back to an older copy. It knows nothing of Raft beyond the order within a batch.
 */
import { assert, defined } from "../../shared/base/assert.ts";
import {
  type LogIndex,
  type MemberId,
  POSITION_ZERO,
  type Position,
  type Term,
  logIndex,
  term,
} from "../../shared/base/ids.ts";
import { seatOf } from "../../shared/raft/configuration.ts";
import type {
  Configuration,
  HardState,
  LogEntry,
  LogView,
  PersistBatch,
  SnapshotMark,
} from "../../shared/raft/types.ts";

/** How much of a batch reached the disk before a crash. */
export type Torn = "nothing" | "hard-state" | "some-entries" | "everything";

/** Everything on a disk at one moment, to be put back later. */
export type DiskImage = {
  readonly hardState: HardState;
  readonly base: SnapshotMark;
  readonly entries: readonly LogEntry[];
};

/** What one member has on disk; survives its crashes. */
export class MemoryDisk implements LogView {
  hardState: HardState;
  base: SnapshotMark;
  entries: LogEntry[] = [];

  /** The disk of a new member: it vouches for its seat, if it has one. */
  constructor(id: MemberId, configuration: Configuration) {
    const incarnation = seatOf(configuration, id)?.incarnation ?? null;
    this.hardState = { term: term(0), votedFor: null, incarnation };
    this.base = { position: POSITION_ZERO, configuration };
  }

  get firstIndex(): LogIndex {
    return logIndex(this.base.position.index + 1);
  }

  get lastIndex(): LogIndex {
    return logIndex(this.base.position.index + this.entries.length);
  }

  termAt(index: LogIndex): Term | null {
    const { position } = this.base;
    if (index === position.index) return position.term;
    return this.entries[index - position.index - 1]?.term ?? null;
  }

  entriesFrom(from: LogIndex, bytesMax: number): readonly LogEntry[] {
    assert(from >= this.firstIndex && from <= this.lastIndex, "only kept entries are read");
    const start = from - this.firstIndex;
    let end = start;
    let sizeBytes = 0;
    while (end < this.entries.length) {
      sizeBytes += defined(this.entries[end], "inside").payload.length;
      if (sizeBytes > bytesMax && end > start) break;
      end += 1;
    }
    return this.entries.slice(start, end);
  }

  /** A copy of everything, as a backup of the computer takes it. */
  image(): DiskImage {
    const { hardState, base, entries } = this;
    return { hardState, base, entries: [...entries] };
  }

  /** Puts an older copy in place of everything. */
  restore(image: DiskImage): void {
    this.hardState = image.hardState;
    this.base = image.base;
    this.entries = [...image.entries];
  }

  /** Writes a batch, or as much of it as a crash let through. */
  write(batch: PersistBatch, torn: Torn = "everything"): void {
    if (torn === "nothing") return;
    if (batch.hardState) this.hardState = batch.hardState;
    if (torn === "hard-state") return;
    if (batch.snapshot) {
      this.base = batch.snapshot;
      this.entries = [];
    }
    const count =
      torn === "everything" ? batch.entries.length : Math.ceil(batch.entries.length / 2);
    for (const entry of batch.entries.slice(0, count)) {
      assert(entry.index <= this.lastIndex + 1, "no gap is written");
      assert(entry.index > this.base.position.index, "the snapshot is not overwritten");
      this.entries.length = entry.index - this.firstIndex;
      this.entries.push(entry);
    }
  }

  /** Keeps the log from after `position` on only. */
  compact(position: Position, configuration: Configuration): void {
    this.entries = this.entries.slice(position.index + 1 - this.firstIndex);
    this.base = { position, configuration };
  }
}
