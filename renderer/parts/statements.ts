/**
 * From what a grid shows to the SQL builders all windows share (`shared/api/statements.ts`), and
 * the few statements only the window sends. Names are quoted, values are parameters. Pure.
 */
import {
  countRows,
  rowName,
  type GridView,
  type NewColumn,
  type RowName,
} from "../../shared/api/statements.ts";
import type { TableInfo } from "../../shared/api/methods.ts";
import { quoteIdentifier } from "../../shared/changes/identifiers.ts";
import type { JsonCell, SqlStatement } from "../../shared/changes/values.ts";

/** Which rows of a table are shown, and in which order. */
export type RowView = {
  /** Looked for in every column; empty shows all. */
  readonly quickFilter: string;
  /** Column name -> what was typed: a part of the text, `=Ada`, `>= 5`. */
  readonly columnFilters: { readonly [column: string]: string };
  readonly sort: { readonly column: string; readonly isDescending: boolean } | null;
};

/** A column somebody asked for. */
export type ColumnPlan = Pick<NewColumn, "name" | "type">;

/** The view as the shared builders take it. */
export function toGridView(table: TableInfo, view: RowView): GridView {
  const { sort } = view;
  const direction = sort?.isDescending ? "descending" : "ascending";
  return {
    table: table.name,
    columns: table.columns.map((column) => column.name),
    hasRowid: hasUsableRowid(table),
    filterText: view.quickFilter,
    columnFilters: view.columnFilters,
    sort: sort === null ? [] : [{ column: sort.column, direction }],
  };
}

/** The name of a row as `selectPage` gave it; null when nothing names the rows of this table. */
export function nameOfRow(table: TableInfo, row: readonly JsonCell[]): RowName | null {
  const keys = keyColumns(table);
  const hasRowid = hasUsableRowid(table);
  if (!hasRowid && keys.length === 0) return null;
  const columns = table.columns.map((column) => column.name);
  return rowName({ columns, hasRowid }, keys, row);
}

/** Whether rows can be named, and so edited. */
export function hasRowNames(table: TableInfo): boolean {
  return hasUsableRowid(table) || keyColumns(table).length > 0;
}

/** A column called rowid hides the real one: rows are then named by their key. */
export function hasUsableRowid(table: TableInfo): boolean {
  return table.hasRowid && !table.columns.some((column) => column.name.toLowerCase() === "rowid");
}

/**
 * How many rows of a view come before a row: where it is now. Only for a view in the order of
 * the rowid; null otherwise.
 */
export function countRowsBefore(
  table: TableInfo,
  view: RowView,
  name: RowName,
): SqlStatement | null {
  if (view.sort !== null || !("rowid" in name)) return null;
  const counted = countRows(toGridView(table, view));
  const typed = [view.quickFilter, ...Object.values(view.columnFilters)];
  const joint = typed.every((text) => text === "") ? "WHERE" : "AND";
  const params = Array.isArray(counted.params) ? (counted.params as readonly JsonCell[]) : [];
  return { sql: `${counted.sql} ${joint} rowid < ?`, params: [...params, name.rowid] };
}

/** A new name for a table. */
export function renameTable(table: string, name: string): SqlStatement {
  return { sql: `ALTER TABLE ${quoteIdentifier(table)} RENAME TO ${quoteIdentifier(name)}` };
}

/** Removes a table and its rows. */
export function dropTable(table: Pick<TableInfo, "name" | "kind">): SqlStatement {
  const kind = table.kind === "view" ? "VIEW" : "TABLE";
  return { sql: `DROP ${kind} ${quoteIdentifier(table.name)}` };
}

function keyColumns(table: TableInfo): string[] {
  return table.columns
    .filter((column) => column.keyPlace > 0)
    .toSorted((a, b) => a.keyPlace - b.keyPlace)
    .map((column) => column.name);
}
