/**
 * How large the database is and may become.
 *
 * All of it is in memory, and once or twice more while a snapshot is made or opened. Without a limit of ours
 * the first to run out would be some member that only mirrors, at an entry that everybody else has taken. So
 * the leader refuses what would grow the database beyond what was measured to work; what shrinks it is taken.
 */
import { DATABASE_BYTES_MAX } from "../../shared/changes/limits.ts";
import type { Connection } from "./connection.ts";
import { Refusal } from "./refusal.ts";

const MIB = 1024 * 1024;

/** The size of one connection's database, its open transaction included. */
export class DatabaseSize {
  readonly #connection: Connection;
  readonly #bytesMax: number;
  readonly #pageBytes: number;

  constructor(connection: Connection, bytesMax = DATABASE_BYTES_MAX) {
    this.#connection = connection;
    this.#bytesMax = bytesMax;
    this.#pageBytes = this.#number("PRAGMA page_size");
  }

  /**
   * Bytes that hold something: pages that are free are used again before the file grows. Within the limit
   * those are counted, too: nobody minds there, and each question costs.
   */
  get usedBytes(): number {
    const bytes = this.#number("PRAGMA page_count") * this.#pageBytes;
    if (bytes <= this.#bytesMax) return bytes;
    return bytes - this.#number("PRAGMA freelist_count") * this.#pageBytes;
  }

  /** @throws Refusal `too-large` when a transaction that began at `beforeBytes` grew it beyond the limit. */
  checkGrowth(beforeBytes: number): void {
    const bytes = this.usedBytes;
    if (bytes <= this.#bytesMax || bytes <= beforeBytes) return;
    const message =
      `The database would have ${Math.ceil(bytes / MIB)} MiB; it may have ${this.#bytesMax / MIB} MiB. ` +
      "Nothing was done. Deleting rows or tables makes room.";
    throw new Refusal({ code: "too-large", message });
  }

  #number(sql: string): number {
    return Number(this.#connection.cached(sql).first()?.[0] ?? 0);
  }
}
