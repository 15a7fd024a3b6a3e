/** Which columns a CSV file makes, and what its cells become. Pure. */
import type { JsonCell } from "../../shared/changes/values.ts";
import type { ColumnPlan } from "../parts/statements.ts";

const WHOLE = /^-?(0|[1-9]\d{0,14})$/;
const REAL = /^-?(0|[1-9]\d*)\.\d+(e[+-]?\d+)?$/i;

/**
 * A column for each header cell. A column is a number only if every cell seen is written the
 * way a number would be written back: `007` and `1e3` stay text, so that nothing changes.
 */
export function planColumns(
  header: readonly string[],
  rows: readonly (readonly string[])[],
): ColumnPlan[] {
  const taken = new Set<string>();
  return header.map((cell, column) => {
    const name = freeName(cell.trim() === "" ? `column ${column + 1}` : cell.trim(), taken);
    return { name, type: typeOf(rows.map((row) => row[column] ?? "")) };
  });
}

/** The value of a cell in a column of a declared type. Empty cells are NULL, but empty in text. */
export function parseCell(cell: string, type: string): JsonCell {
  const isNumeric = /INT|REAL|FLOA|DOUB|NUM|DEC/i.test(type);
  if (!isNumeric) return cell;
  if (cell === "") return null;
  return WHOLE.test(cell) || REAL.test(cell) ? Number(cell) : cell;
}

function typeOf(cells: readonly string[]): ColumnPlan["type"] {
  const filled = cells.filter((cell) => cell !== "");
  if (filled.length === 0) return "TEXT";
  if (filled.every((cell) => WHOLE.test(cell))) return "INTEGER";
  return filled.every((cell) => WHOLE.test(cell) || REAL.test(cell)) ? "REAL" : "TEXT";
}

function freeName(wanted: string, taken: Set<string>): string {
  let name = wanted;
  for (let count = 2; taken.has(name.toLowerCase()); count += 1) name = `${wanted} ${count}`;
  taken.add(name.toLowerCase());
  return name;
}
