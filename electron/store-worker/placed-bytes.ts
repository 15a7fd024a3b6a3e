/**
 * A payload copied once into SQLite's memory, whose values are bound to statements by address.
 *
 * SQL.js exports no 64-bit integer bind. An integer beyond 32 bits is bound as REAL where the
 * column makes it an integer again (INTEGER and NUMERIC affinity, up to 2^51); elsewhere it is
 * not bindable, and the caller writes it into the SQL as a literal.
 */
import { readUint32, TAG } from "../../shared/changes/row-image.ts";
import type { SqliteModule } from "./sqlite-module.ts";

const KEPT_BY_CALLER = 0;
/** Beyond it SQLite's column affinity leaves a whole REAL as it is. */
const INTEGER_AS_REAL_MAX = 2 ** 51 - 1;

/** Bytes here and in SQLite's memory. Every value was checked with `valueEnd` by the caller. */
export class PlacedBytes {
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  readonly #sqlite: SqliteModule;
  readonly #address: number;

  constructor(sqlite: SqliteModule, bytes: Uint8Array) {
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#sqlite = sqlite;
    this.#address = sqlite.allocate(bytes.length + 1);
    sqlite.heap.set(bytes, this.#address);
  }

  /** No statement may use the bytes afterwards. */
  dispose(): void {
    this.#sqlite.raw._free(this.#address);
  }

  /** Whether the value at `at` can be bound for a column of that kind. */
  isBindable(at: number, takesIntegerAsReal: boolean): boolean {
    if (this.bytes[at] !== TAG.INT64) return true;
    return takesIntegerAsReal && Math.abs(this.#int64AsNumber(at)) <= INTEGER_AS_REAL_MAX;
  }

  /** Binds the bindable value at `at`. @returns SQLite's result code. */
  bind(statement: number, place: number, at: number): number {
    const { raw } = this.#sqlite;
    const tag = this.bytes[at] as number;
    if (tag >= TAG.SHORT_TEXT) {
      const count = tag - TAG.SHORT_TEXT;
      const address = this.#address + at + 1;
      return raw._sqlite3_bind_text(statement, place, address, count, KEPT_BY_CALLER);
    }
    switch (tag) {
      case TAG.INT8:
        return raw._sqlite3_bind_int(statement, place, this.#view.getInt8(at + 1));
      case TAG.INT16:
        return raw._sqlite3_bind_int(statement, place, this.#view.getInt16(at + 1, true));
      case TAG.INT32:
        return raw._sqlite3_bind_int(statement, place, this.#view.getInt32(at + 1, true));
      case TAG.INT64:
        return raw._sqlite3_bind_double(statement, place, this.#int64AsNumber(at));
      case TAG.REAL:
        return raw._sqlite3_bind_double(statement, place, this.#view.getFloat64(at + 1, true));
      case TAG.NULL:
        return raw._sqlite3_bind_blob(statement, place, 0, 0, KEPT_BY_CALLER);
      default: {
        const bind = tag === TAG.TEXT ? raw._sqlite3_bind_text : raw._sqlite3_bind_blob;
        const count = readUint32(this.bytes, at + 1);
        return bind(statement, place, this.#address + at + 5, count, KEPT_BY_CALLER);
      }
    }
  }

  #int64AsNumber(at: number): number {
    return this.#view.getInt32(at + 5, true) * 0x1_0000_0000 + this.#view.getUint32(at + 1, true);
  }
}
