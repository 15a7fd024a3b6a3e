/**
 * What a column of a file holds, found by looking at every one of its values.
 *
 * A type is chosen only if the database then keeps each value: "007" and 17-digit decimals stay
 * text, and a JSON column that mixes numbers and text gets no type at all, because any type would
 * turn one into the other.
 */
import type { JsonCell } from "../changes/values.ts";

/** Declared type of a new column; "" keeps every value as it comes. */
export type ColumnType = "INTEGER" | "REAL" | "TEXT" | "BLOB" | "";

const INTEGER = 1;
/** A whole number that a REAL column would round. */
const LONG_INTEGER = 2;
const REAL = 4;
const TEXT = 8;
const BLOB = 16;

const INT64_MAX = 2n ** 63n - 1n;
const INT64_MIN = -(2n ** 63n);

/** Collects what one column was seen to hold. */
export class ColumnKind {
  #seen = 0;

  /** A CSV cell: text that may stand for a number. */
  addText(text: string): void {
    // Once text, always text: then nothing needs looking at any more.
    if ((this.#seen & TEXT) === 0) this.#seen |= kindOfText(text);
  }

  /** A JSON value: typed already. */
  addCell(cell: JsonCell): void {
    this.#seen |= kindOfCell(cell);
  }

  /** The type for a column whose CSV cells were all added. */
  typeOfText(): ColumnType {
    if (this.#seen === 0 || (this.#seen & TEXT) !== 0) return "TEXT";
    if ((this.#seen & REAL) === 0) return "INTEGER";
    return (this.#seen & LONG_INTEGER) === 0 ? "REAL" : "TEXT";
  }

  /** The type for a column whose JSON values were all added. */
  typeOfCells(): ColumnType {
    const seen = this.#seen;
    if (seen === 0 || seen === TEXT) return "TEXT";
    if (seen === BLOB) return "BLOB";
    if ((seen & (TEXT | BLOB)) !== 0) return "";
    if ((seen & REAL) === 0) return "INTEGER";
    return (seen & LONG_INTEGER) === 0 ? "REAL" : "";
  }
}

function kindOfText(text: string): number {
  if (/^(0|-?[1-9]\d{0,18})$/.test(text)) {
    if (text.length <= 15) return INTEGER;
    const value = BigInt(text);
    return value >= INT64_MIN && value <= INT64_MAX ? INTEGER | LONG_INTEGER : TEXT;
  }
  if (!/^-?(0|[1-9]\d*)\.\d+$/.test(text)) return TEXT; // 1E5 may be a part number.
  // A double gives 15 digits back exactly, and more where they are its own shortest form.
  return text.length <= 16 || String(Number(text)) === text ? REAL : TEXT;
}

function kindOfCell(cell: JsonCell): number {
  if (cell === null) return 0;
  if (typeof cell === "string") return TEXT;
  if (typeof cell === "number") return Number.isSafeInteger(cell) ? INTEGER : REAL;
  if ("$int" in cell) return INTEGER | LONG_INTEGER;
  return "$real" in cell ? REAL : BLOB;
}
