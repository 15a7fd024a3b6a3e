/**
 * JSON cells to SQLite values and back, without losing a bit.
 *
 * JSON has no 64-bit integers, no blobs, no infinities and no negative zero that survives every
 * parser, so those travel in a one-key object. Knows nothing of tables or of SQL.
 */
import { err, ok, type Result } from "../base/result.ts";
import { base64Decode, base64Encode } from "./base64.ts";
import type { JsonCell, Value } from "./values.ts";

/** Why a cell is no value. */
export type CellError = { readonly code: "bad-request"; readonly message: string };

const INT64_MIN = -(2n ** 63n);
const INT64_MAX = 2n ** 63n - 1n;
const LONE_SURROGATE = /\p{Surrogate}/u;
const REAL_TEXT = /^-?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/;

/** The value a JSON cell stands for. Takes anything: the cell may come from another machine. */
export function valueFromCell(cell: unknown): Result<Value, CellError> {
  if (cell === null) return ok(null);
  if (typeof cell === "string") {
    return LONE_SURROGATE.test(cell) ? refuse("text with half of a surrogate pair") : ok(cell);
  }
  if (typeof cell === "number") return valueFromNumber(cell);
  if (typeof cell !== "object") return refuse(`a ${typeof cell}, which is no cell`);
  const entries = Object.entries(cell);
  const [name, text] = entries[0] ?? [];
  if (entries.length !== 1 || typeof text !== "string") return refuse("an object of unknown form");
  if (name === "$int") return valueFromInt(text);
  if (name === "$blob") {
    const bytes = base64Decode(text);
    return bytes === null ? refuse("a $blob that is not base64") : ok(bytes);
  }
  return name === "$real" ? valueFromReal(text) : refuse(`an object with the key ${name}`);
}

/** The JSON cell for a value; `valueFromCell` gives the same value back. */
export function cellFromValue(value: Value): JsonCell {
  if (value === null || typeof value === "string") return value;
  if (typeof value === "bigint") {
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : { $int: value.toString() };
  }
  if (typeof value === "number") return cellFromReal(value);
  return { $blob: base64Encode(value) };
}

/** The JSON cell for a REAL: a plain number only when JSON reads it back as a REAL. */
export function cellFromReal(real: number): JsonCell {
  if (real === Infinity) return { $real: "inf" };
  if (real === -Infinity) return { $real: "-inf" };
  if (Object.is(real, -0)) return { $real: "-0" };
  return Number.isSafeInteger(real) ? { $real: String(real) } : real;
}

function valueFromNumber(number: number): Result<Value, CellError> {
  if (Number.isNaN(number)) return refuse("NaN");
  // Minus zero is no integer: it stays what it is.
  if (Number.isSafeInteger(number) && !Object.is(number, -0)) return ok(BigInt(number));
  return ok(number);
}

function valueFromInt(text: string): Result<Value, CellError> {
  if (!/^-?\d{1,19}$/.test(text)) return refuse("an $int that is no whole number");
  const value = BigInt(text);
  if (value < INT64_MIN || value > INT64_MAX) return refuse("an $int beyond 64 bits");
  return ok(value);
}

function valueFromReal(text: string): Result<Value, CellError> {
  if (text === "inf") return ok(Infinity);
  if (text === "-inf") return ok(-Infinity);
  return REAL_TEXT.test(text) ? ok(Number(text)) : refuse("a $real that is no number");
}

function refuse(what: string): Result<never, CellError> {
  return err({
    code: "bad-request",
    message: `Expected null, a number, text, $int, $blob or $real; got ${what}.`,
  });
}
