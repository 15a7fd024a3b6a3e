/**
 * Cells as people type them. What is typed becomes the type the column declares, as
 * SQLite's own affinity rules would; what does not fit stays text and SQLite decides. Pure.
 */
import type { JsonCell } from "../../shared/changes/values.ts";
import type { ColumnInfo } from "../../shared/api/methods.ts";

/** What a column prefers to hold (https://sqlite.org/datatype3.html, section 3.1). */
export type Affinity = "integer" | "text" | "blob" | "real" | "numeric";

/** The affinity of a declared type. */
export function affinityOf(type: string): Affinity {
  const upper = type.toUpperCase();
  if (upper.includes("INT")) return "integer";
  if (/CHAR|CLOB|TEXT/.test(upper)) return "text";
  if (upper === "" || upper.includes("BLOB")) return "blob";
  if (/REAL|FLOA|DOUB/.test(upper)) return "real";
  return "numeric";
}

/** Whether two values are the same in SQLite's eyes. */
export function cellsEqual(a: JsonCell, b: JsonCell): boolean {
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return a === b;
  return JSON.stringify(a) === JSON.stringify(b);
}

/** What typed text means in a column. Empty text is NULL except where the column holds text. */
export function parseTyped(text: string, column: ColumnInfo): JsonCell {
  const affinity = affinityOf(column.type);
  if (text === "") return affinity === "text" ? "" : null;
  if (affinity === "text") return text;
  return parseNumber(text) ?? text;
}

/** The value of a cleared cell: NULL where the column takes it. */
export function clearedValue(column: ColumnInfo): JsonCell {
  if (column.isNullable) return null;
  return affinityOf(column.type) === "text" ? "" : 0;
}

function parseNumber(text: string): JsonCell | null {
  const trimmed = text.trim();
  if (/^[+-]?\d+$/.test(trimmed)) return parseWhole(trimmed);
  if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(trimmed)) return null;
  const real = Number(trimmed);
  return Number.isFinite(real) ? real : null;
}

function parseWhole(digits: string): JsonCell | null {
  const whole = Number(digits);
  if (Number.isSafeInteger(whole)) return whole === 0 ? 0 : whole;
  const exact = BigInt(digits);
  const isInt64 = exact >= -(2n ** 63n) && exact < 2n ** 63n;
  return isInt64 ? { $int: exact.toString() } : null;
}
