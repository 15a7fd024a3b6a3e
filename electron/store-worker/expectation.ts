/**
 * Looks whether rows are still as a client saw them, before its transaction changes anything.
 *
 * It runs inside the captured transaction, on the leader, after everything that was confirmed or captured
 * before: so of two clients who saw the same row, the later one is told. All that differs is told at once.
 */
import type { ExpectedRow } from "../../shared/changes/expected-row.ts";
import { quoteIdentifier } from "../../shared/changes/identifiers.ts";
import { cellFromValue, valueFromCell } from "../../shared/changes/json-cell.ts";
import { UNDO_CONFLICTS_MAX, type UndoConflict } from "../../shared/changes/undo.ts";
import type { JsonCell } from "../../shared/changes/values.ts";
import type { Connection } from "./connection.ts";
import { Refusal } from "./refusal.ts";
import { findTable, type Schema } from "./schema.ts";
import { tokenize } from "./tokens.ts";
import { bindUserStatement } from "./user-statement.ts";

/** @throws Refusal `row-conflict` with the rows that are not so, `not-found`, `bad-request` */
export function checkExpected(
  connection: Connection,
  schema: Schema,
  expected: readonly ExpectedRow[],
): void {
  const conflicts: UndoConflict[] = [];
  let count = 0;
  for (const each of expected) {
    const conflict = conflictOf(connection, schema, each);
    if (conflict === null) continue;
    count += 1;
    if (conflicts.length < UNDO_CONFLICTS_MAX) conflicts.push(conflict);
  }
  if (count === 0) return;
  const rows = count === 1 ? "1 row is" : `${count} rows are`;
  const message = `${rows} not as expected: somebody changed that meanwhile. Nothing was done.`;
  throw new Refusal({ code: "row-conflict", message, conflicts });
}

function conflictOf(
  connection: Connection,
  schema: Schema,
  { table, key, row }: ExpectedRow,
): UndoConflict | null {
  const layout = findTable(schema, table);
  if (layout === null) {
    throw new Refusal({ code: "not-found", message: `There is no table ${table}.` });
  }
  const columns = Object.keys(row ?? key);
  const left = row === null ? null : Object.values(row);
  const now = findRow(connection, layout.shape.name, key, columns);
  const isSame = left === null ? now === null : now !== null && sameCells(left, now);
  if (isSame) return null;
  const name = layout.shape.name;
  if (now === null) {
    const detail = `A row of ${name} that was expected is gone.`;
    return { table: name, reason: "row-gone", detail, columns, left, now };
  }
  if (left === null) {
    const detail = `${name} has a row that was not expected.`;
    return { table: name, reason: "row-exists", detail, columns, left, now };
  }
  const detail = `A row of ${name} is not as it was seen.`;
  return { table: name, reason: "row-changed", detail, columns, left, now };
}

/** The named values of the row with this key; null when there is none. */
function findRow(
  connection: Connection,
  table: string,
  key: Readonly<Record<string, JsonCell>>,
  columns: readonly string[],
): readonly JsonCell[] | null {
  const names = Object.keys(key);
  if (names.length === 0) {
    throw badRequest(`A row of ${table} was expected without a key.`);
  }
  // With the table before it an unknown name is an error; alone SQLite would take it for a text.
  const shown = columns.length === 0 ? "1" : columns.map(qualified).join(", ");
  const terms = names.map((name) => `${qualified(name)} IS ?`);
  const sql =
    `SELECT ${shown} FROM main.${quoteIdentifier(table)} AS expected ` +
    `WHERE ${terms.join(" AND ")} LIMIT 2`;
  const input = { sql, params: Object.values(key) };
  const statement = bindUserStatement(connection, input, tokenize(sql));
  try {
    if (!statement.step()) return null;
    const cells = columns.length === 0 ? [] : statement.cells();
    if (statement.step()) throw badRequest(`The key of an expected row names several of ${table}.`);
    return cells;
  } finally {
    statement.reset();
  }
}

function qualified(column: string): string {
  return `expected.${quoteIdentifier(column)}`;
}

/** Bit for bit; one value may be written as a cell in several ways. */
function sameCells(expected: readonly JsonCell[], found: readonly JsonCell[]): boolean {
  return expected.every((cell, place) => written(cell) === JSON.stringify(found[place]));
}

function written(cell: JsonCell): string {
  const value = valueFromCell(cell);
  if (!value.ok) throw new Refusal(value.error);
  return JSON.stringify(cellFromValue(value.value));
}

function badRequest(message: string): Refusal {
  return new Refusal({ code: "bad-request", message: `${message} Nothing was done.` });
}
