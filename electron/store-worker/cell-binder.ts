/**
 * Binds rows of plain JSON cells to one statement, text written straight into SQLite's memory.
 * What it cannot bind (objects, wide integers, broken text) it leaves to the slow, exact way.
 */
import type { JsonCell } from "../../shared/changes/values.ts";
import type { SqliteModule } from "./sqlite-module.ts";

const KEPT_BY_CALLER = 0;
const INTEGER_AS_REAL_MAX = 2 ** 51 - 1;
const UTF8_BYTES_PER_UNIT_MAX = 3;

/** Some rows, and what their columns take. */
export type CellRows = {
  readonly rows: readonly (readonly JsonCell[])[];
  readonly at: number;
  readonly size: number;
  readonly takesIntegerAsReal: readonly boolean[];
};

/** Owns a piece of SQLite's memory for text, used again for each chunk. */
export class CellBinder {
  readonly #sqlite: SqliteModule;
  #address: number;
  #capacity = 64 * 1024;
  #end = 0;

  constructor(sqlite: SqliteModule) {
    this.#sqlite = sqlite;
    this.#address = sqlite.allocate(this.#capacity);
  }

  dispose(): void {
    this.#sqlite.raw._free(this.#address);
  }

  /** @returns false when a cell cannot be bound here. */
  bindRows(statement: number, chunk: CellRows): boolean {
    this.#reserve(chunk);
    this.#end = this.#address;
    const width = chunk.takesIntegerAsReal.length;
    let place = 1;
    for (let i = chunk.at; i < chunk.at + chunk.size; i++) {
      const row = chunk.rows[i] as readonly JsonCell[];
      for (let column = 0; column < width; column++) {
        const cell = row[column] as JsonCell;
        const takesReal = chunk.takesIntegerAsReal[column] as boolean;
        const isBound =
          typeof cell === "string"
            ? this.#bindText(statement, place, cell)
            : this.#bindOther(statement, place, cell, takesReal);
        if (!isBound) return false;
        place++;
      }
    }
    return true;
  }

  #bindOther(statement: number, place: number, cell: JsonCell, takesReal: boolean): boolean {
    const { raw } = this.#sqlite;
    if (cell === null) {
      return raw._sqlite3_bind_blob(statement, place, 0, 0, KEPT_BY_CALLER) === 0;
    }
    if (typeof cell !== "number" || Number.isNaN(cell)) return false;
    if ((cell | 0) === cell && !Object.is(cell, -0)) {
      return raw._sqlite3_bind_int(statement, place, cell) === 0;
    }
    const isWideInteger = Number.isSafeInteger(cell) && !Object.is(cell, -0);
    if (isWideInteger && !(takesReal && Math.abs(cell) <= INTEGER_AS_REAL_MAX)) return false;
    return raw._sqlite3_bind_double(statement, place, cell) === 0;
  }

  #bindText(statement: number, place: number, text: string): boolean {
    const { heap, raw } = this.#sqlite;
    const start = this.#end;
    let at = start;
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      if (unit < 0x80) heap[at++] = unit;
      else if (unit < 0x800) {
        heap[at++] = 0xc0 | (unit >> 6);
        heap[at++] = 0x80 | (unit & 0x3f);
      } else if (unit < 0xd800 || unit > 0xdfff) {
        heap[at++] = 0xe0 | (unit >> 12);
        heap[at++] = 0x80 | ((unit >> 6) & 0x3f);
        heap[at++] = 0x80 | (unit & 0x3f);
      } else {
        const low = text.charCodeAt(++i);
        if (unit > 0xdbff || !(low >= 0xdc00 && low <= 0xdfff)) return false;
        const point = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
        heap[at++] = 0xf0 | (point >> 18);
        heap[at++] = 0x80 | ((point >> 12) & 0x3f);
        heap[at++] = 0x80 | ((point >> 6) & 0x3f);
        heap[at++] = 0x80 | (point & 0x3f);
      }
    }
    this.#end = at;
    return raw._sqlite3_bind_text(statement, place, start, at - start, KEPT_BY_CALLER) === 0;
  }

  #reserve(chunk: CellRows): void {
    let units = 0;
    for (let i = chunk.at; i < chunk.at + chunk.size; i++) {
      for (const cell of chunk.rows[i] ?? []) if (typeof cell === "string") units += cell.length;
    }
    const bytes = units * UTF8_BYTES_PER_UNIT_MAX + 1;
    if (bytes <= this.#capacity) return;
    this.#sqlite.raw._free(this.#address);
    this.#address = this.#sqlite.allocate(bytes);
    this.#capacity = bytes;
  }
}
