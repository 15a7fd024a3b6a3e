import { assert, defined } from "../../shared/base/assert.ts";
import {
  type LogIndex,
  POSITION_ZERO,
  type Position,
  type Term,
  logIndex,
  term,
} from "../../shared/base/ids.ts";
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

/** What one member has on disk; survives its crashes. */
export class MemoryDisk implements LogView {
  hardState: HardState = { term: term(0), votedFor: null };
  base: SnapshotMark;
  entries: LogEntry[] = [];

  constructor(configuration: Configuration) {
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
