/**
 * The SQL the window sends, with names quoted and values as parameters. It knows tables and
 * columns only as `TableInfo` tells them, and never puts a value into the text. Pure.
 */
import type { TableInfo } from "../../shared/api/methods.ts";
import type { JsonCell, SqlStatement } from "../../shared/changes/values.ts";

/** Which rows of a table are shown, and in which order. */
export type RowView = {
  /** Looked for in every column; empty shows all. */
  readonly quickFilter: string;
  /** Column name -> what was typed: `>= 5`, `= Ada`, `null`, or a part of the text. */
  readonly columnFilters: { readonly [column: string]: string };
  readonly sort: { readonly column: string; readonly isDescending: boolean } | null;
};

/** What names one row: the rowid, or the key's values. Empty for a view. */
export type RowKey = readonly JsonCell[];

/** A name as SQL. */
export function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** The columns that name a row, as SQL; empty when nothing does. */
export function keyColumns(table: TableInfo): readonly string[] {
  if (table.hasRowid) return [rowidName(table)];
  return table.columns
    .filter((column) => column.keyPlace > 0)
    .toSorted((a, b) => a.keyPlace - b.keyPlace)
    .map((column) => quoteName(column.name));
}

/** Rows of a view from an offset: the key's columns first, then all of the table's. */
export function selectPage(
  table: TableInfo,
  view: RowView,
  page: { readonly offset: number; readonly limit: number },
): SqlStatement {
  const keys = keyColumns(table);
  const names = [...keys, ...table.columns.map((column) => quoteName(column.name))];
  const where = whereOf(table, view);
  const order = orderOf(view, keys);
  const sql = `SELECT ${names.join(", ")} FROM ${quoteName(table.name)}${where.sql}${order} LIMIT ? OFFSET ?`;
  return { sql, params: [...where.params, page.limit, page.offset] };
}

/** How many rows a view has. */
export function countRows(table: TableInfo, view: RowView): SqlStatement {
  const where = whereOf(table, view);
  return { sql: `SELECT count(*) FROM ${quoteName(table.name)}${where.sql}`, params: where.params };
}

/**
 * How many rows of a view come before a row in key order: where the row is now. Only for an
 * unsorted view of a table with one key column; null otherwise.
 */
export function countRowsBefore(table: TableInfo, view: RowView, key: RowKey): SqlStatement | null {
  const [column, ...others] = keyColumns(table);
  const value = key[0];
  if (view.sort !== null || column === undefined || others.length > 0) return null;
  if (value === undefined) return null;
  const where = whereOf(table, view);
  const condition = where.sql === "" ? ` WHERE ${column} < ?` : `${where.sql} AND ${column} < ?`;
  const sql = `SELECT count(*) FROM ${quoteName(table.name)}${condition}`;
  return { sql, params: [...where.params, value] };
}

/** Sets one cell, if it still holds `expected`; else it changes nothing and says 0 changes. */
export function updateCell(
  table: TableInfo,
  key: RowKey,
  cell: { readonly column: string; readonly value: JsonCell; readonly expected: JsonCell },
): SqlStatement {
  const column = quoteName(cell.column);
  return {
    sql: `UPDATE ${quoteName(table.name)} SET ${column} = ? WHERE ${keyMatch(table)} AND ${column} IS ?`,
    params: [cell.value, ...key, cell.expected],
  };
}

/** Adds a row; columns that are not named take their default. */
export function insertRow(
  table: TableInfo,
  values: readonly { readonly column: string; readonly value: JsonCell }[],
): SqlStatement {
  const into = `INSERT INTO ${quoteName(table.name)}`;
  if (values.length === 0) return { sql: `${into} DEFAULT VALUES` };
  const names = values.map((value) => quoteName(value.column)).join(", ");
  const places = values.map(() => "?").join(", ");
  return {
    sql: `${into} (${names}) VALUES (${places})`,
    params: values.map((value) => value.value),
  };
}

/** Deletes one row. */
export function deleteRow(table: TableInfo, key: RowKey): SqlStatement {
  return { sql: `DELETE FROM ${quoteName(table.name)} WHERE ${keyMatch(table)}`, params: key };
}

/** A column somebody asked for. */
export type ColumnPlan = {
  readonly name: string;
  readonly type: "TEXT" | "INTEGER" | "REAL" | "BLOB";
};

/** A new table with an `id` key unless a column of that name is asked for. */
export function createTable(name: string, columns: readonly ColumnPlan[]): SqlStatement {
  const hasId = columns.some((column) => column.name.toLowerCase() === "id");
  const parts = columns.map((column) => `${quoteName(column.name)} ${column.type}`);
  if (!hasId) parts.unshift('"id" INTEGER PRIMARY KEY');
  return { sql: `CREATE TABLE ${quoteName(name)} (${parts.join(", ")})` };
}

/** One more column; existing rows hold NULL in it. */
export function addColumn(table: string, column: ColumnPlan): SqlStatement {
  const name = quoteName(column.name);
  return { sql: `ALTER TABLE ${quoteName(table)} ADD COLUMN ${name} ${column.type}` };
}

/** A new name for a table. */
export function renameTable(table: string, name: string): SqlStatement {
  return { sql: `ALTER TABLE ${quoteName(table)} RENAME TO ${quoteName(name)}` };
}

/** Removes a table and its rows. */
export function dropTable(table: Pick<TableInfo, "name" | "kind">): SqlStatement {
  return { sql: `DROP ${table.kind === "view" ? "VIEW" : "TABLE"} ${quoteName(table.name)}` };
}

/** A name of the rowid that no column hides. */
function rowidName(table: TableInfo): string {
  const taken = new Set(table.columns.map((column) => column.name.toLowerCase()));
  return ["rowid", "_rowid_", "oid"].find((name) => !taken.has(name)) ?? "rowid";
}

function keyMatch(table: TableInfo): string {
  return keyColumns(table)
    .map((column) => `${column} IS ?`)
    .join(" AND ");
}

function orderOf(view: RowView, keys: readonly string[]): string {
  const terms = [...keys];
  if (view.sort !== null) {
    terms.unshift(`${quoteName(view.sort.column)} ${view.sort.isDescending ? "DESC" : "ASC"}`);
  }
  return terms.length === 0 ? "" : ` ORDER BY ${terms.join(", ")}`;
}

function whereOf(table: TableInfo, view: RowView): { sql: string; params: JsonCell[] } {
  const params: JsonCell[] = [];
  const terms: string[] = [];
  if (view.quickFilter !== "") {
    const pattern = containing(view.quickFilter);
    const anyColumn = table.columns.map((column) => `${quoteName(column.name)} LIKE ? ESCAPE '\\'`);
    terms.push(`(${anyColumn.join(" OR ")})`);
    params.push(...table.columns.map(() => pattern));
  }
  for (const column of table.columns) {
    const typed = view.columnFilters[column.name]?.trim() ?? "";
    if (typed === "") continue;
    const term = columnTerm(quoteName(column.name), typed);
    terms.push(term.sql);
    params.push(...term.params);
  }
  return { sql: terms.length === 0 ? "" : ` WHERE ${terms.join(" AND ")}`, params };
}

function columnTerm(column: string, typed: string): { sql: string; params: JsonCell[] } {
  if (/^null$/i.test(typed)) return { sql: `${column} IS NULL`, params: [] };
  if (/^!null$/i.test(typed)) return { sql: `${column} IS NOT NULL`, params: [] };
  const comparison = /^(>=|<=|!=|<>|=|>|<)\s*(.*)$/s.exec(typed);
  if (comparison === null) {
    return { sql: `${column} LIKE ? ESCAPE '\\'`, params: [containing(typed)] };
  }
  const operand = comparison[2] ?? "";
  const number = Number(operand);
  const value = operand !== "" && Number.isFinite(number) ? number : operand;
  return { sql: `${column} ${comparison[1] ?? "="} ?`, params: [value] };
}

/** A LIKE pattern for text anywhere in a value, its own `%` and `_` taken literally. */
function containing(part: string): string {
  return `%${part.replace(/[\\%_]/g, "\\$&")}%`;
}
