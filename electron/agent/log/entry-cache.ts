import { assert } from "../../../shared/base/assert.ts";
import type { LogIndex } from "../../../shared/base/ids.ts";
import type { LogEntry } from "../../../shared/raft/types.ts";

/** What an entry costs in memory besides its payload, roughly. */
const ENTRY_OVERHEAD_BYTES = 160;

/**
 * The newest entries, so that sending them to followers and applying them needs no disk.
 *
 * Invariant: the entries are contiguous and end at the log's last one, or there are none.
 */
export class EntryCache {
  readonly #bytesMax: number;
  #entries: LogEntry[] = [];
  /** Slots at the front already given up; the array is compacted when they are the majority. */
  #head = 0;
  #bytes = 0;

  /** @param bytesMax Limit of payloads and overhead together. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Null when the entry is not held here. */
  get(index: LogIndex): LogEntry | null {
    const first = this.#entries[this.#head];
    if (first === undefined || index < first.index) return null;
    return this.#entries[this.#head + index - first.index] ?? null;
  }

  push(entry: LogEntry): void {
    const last = this.#entries.length > this.#head ? this.#entries.at(-1) : undefined;
    assert(last === undefined || entry.index === last.index + 1, "the cache has no gaps");
    this.#entries.push(entry);
    this.#bytes += costBytes(entry);
    while (this.#bytes > this.#bytesMax && this.#head < this.#entries.length) this.#evictFirst();
  }

  /** Forgets the entries from `index` on. */
  cutFrom(index: LogIndex): void {
    while (this.#entries.length > this.#head) {
      const last = this.#entries.at(-1) as LogEntry;
      if (last.index < index) return;
      this.#entries.pop();
      this.#bytes -= costBytes(last);
    }
  }

  clear(): void {
    this.#entries = [];
    this.#head = 0;
    this.#bytes = 0;
  }

  #evictFirst(): void {
    this.#bytes -= costBytes(this.#entries[this.#head] as LogEntry);
    this.#head++;
    const isWorthCompacting = this.#head >= 1024 && this.#head * 2 >= this.#entries.length;
    if (!isWorthCompacting && this.#head < this.#entries.length) return;
    this.#entries = this.#entries.slice(this.#head);
    this.#head = 0;
  }
}

function costBytes(entry: LogEntry): number {
  return entry.payload.length + ENTRY_OVERHEAD_BYTES;
}
