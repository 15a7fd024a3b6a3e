/**
 * The SQL the window sends: one place that quotes names and binds values.
 *
 * Every builder answers plain data for `query` or `execute`; nothing here knows a window, a
 * member or a result. Names come from `tables`, values from people.
 */
import { assert } from "../base/assert.ts";
import { quoteIdentifier } from "../changes/identifiers.ts";
import type { JsonCell, SqlStatement } from "../changes/values.ts";

/** How a grid is sorted; several columns count in order. */
export type GridSort = { readonly column: string; readonly direction: "ascending" | "descending" };

/** What a grid shows of a table. */
export type GridView = {
  readonly table: string;
  readonly columns: readonly string[];
  /** Whether each row starts with its rowid (as `rowid`), which names it in edits. */
  readonly hasRowid: boolean;
  /** Shown when some column contains it; empty for no filter. */
  readonly filterText: string;
  /**
   * Column name -> text it must contain; `=text` for exactly this, `=` for empty or NULL,
   * `>5`, `>=5`, `<5`, `<=5` to compare.
   */
  readonly columnFilters: { readonly [column: string]: string };
  readonly sort: readonly GridSort[];
};

/** What names a row: its rowid, or its primary key's columns. */
export type RowName =
  { readonly rowid: JsonCell } | { readonly key: { readonly [column: string]: JsonCell } };

/** A column as a person defines it; `type` is one of SQLite's, or empty. */
export type NewColumn = {
  readonly name: string;
  readonly type: "TEXT" | "INTEGER" | "REAL" | "BLOB" | "NUMERIC" | "";
  readonly isRequired: boolean;
};

/** One page of rows. Sorted by key last, so that pages never overlap. */
export function selectPage(
  view: GridView,
  page: { readonly offset: number; readonly limit: number },
): SqlStatement {
  const columns = view.columns.map(quoteIdentifier);
  const shown = view.hasRowid ? [`rowid AS "rowid"`, ...columns] : columns;
  const filter = filterOf(view);
  const order = orderOf(view);
  const sql =
    `SELECT ${shown.join(", ")} FROM ${quoteIdentifier(view.table)}${filter.sql}${order} ` +
    "LIMIT ? OFFSET ?";
  return { sql, params: [...filter.params, page.limit, page.offset] };
}

/** How many rows the view has, without paging. */
export function countRows(view: GridView): SqlStatement {
  const filter = filterOf(view);
  return {
    sql: `SELECT count(*) FROM ${quoteIdentifier(view.table)}${filter.sql}`,
    params: filter.params,
  };
}

/**
 * Changes one cell, provided it still holds what the person saw: when somebody was faster,
 * `changes` is 0 and nothing is overwritten.
 */
export function updateCell(edit: {
  readonly table: string;
  readonly row: RowName;
  readonly column: string;
  readonly oldValue: JsonCell;
  readonly newValue: JsonCell;
}): SqlStatement {
  const column = quoteIdentifier(edit.column);
  const where = whereRow(edit.row);
  return {
    sql:
      `UPDATE ${quoteIdentifier(edit.table)} SET ${column} = ? ` +
      `WHERE ${where.sql} AND ${column} IS ?`,
    params: [edit.newValue, ...where.params, edit.oldValue],
  };
}

/** Adds a row; columns not named get their default. The answer returns the row's columns. */
export function insertRow(
  table: string,
  values: { readonly [column: string]: JsonCell },
): SqlStatement {
  const names = Object.keys(values);
  const target = quoteIdentifier(table);
  if (names.length === 0) return { sql: `INSERT INTO ${target} DEFAULT VALUES` };
  const places = names.map(() => "?").join(", ");
  return {
    sql: `INSERT INTO ${target} (${names.map(quoteIdentifier).join(", ")}) VALUES (${places})`,
    params: Object.values(values),
  };
}

/** Deletes the named rows, one statement each, to be sent as one transaction. */
export function deleteRows(table: string, rows: readonly RowName[]): SqlStatement[] {
  return rows.map((row) => {
    const where = whereRow(row);
    return {
      sql: `DELETE FROM ${quoteIdentifier(table)} WHERE ${where.sql}`,
      params: where.params,
    };
  });
}

/** A new table. Rows get an `id` of their own, so that every row can be named and linked to. */
export function createTable(table: string, columns: readonly NewColumn[]): SqlStatement {
  const hasOwnId = columns.some((column) => column.name.toLowerCase() === "id");
  const defined = columns.map(columnSql);
  const all = hasOwnId ? defined : [`"id" INTEGER PRIMARY KEY`, ...defined];
  return { sql: `CREATE TABLE ${quoteIdentifier(table)} (${all.join(", ")})` };
}

/** A new column at the end. A required one starts out empty: text "" or number 0. */
export function addColumn(table: string, column: NewColumn): SqlStatement {
  const start = column.type === "TEXT" || column.type === "BLOB" ? "''" : "0";
  const initial = column.isRequired ? ` DEFAULT ${start}` : "";
  return {
    sql: `ALTER TABLE ${quoteIdentifier(table)} ADD COLUMN ${columnSql(column)}${initial}`,
  };
}

/** The names a grid row has for `updateCell` and `deleteRows`. */
export function rowName(
  view: { readonly columns: readonly string[]; readonly hasRowid: boolean },
  keyColumns: readonly string[],
  row: readonly JsonCell[],
): RowName {
  if (view.hasRowid) return { rowid: row[0] ?? null };
  const key: { [column: string]: JsonCell } = {};
  for (const column of keyColumns) key[column] = row[view.columns.indexOf(column)] ?? null;
  return { key };
}

/** A filter that compares: the sign, then a number or a text. */
const COMPARISON = /^(>=|<=|>|<)\s*(\S.*)$/s;

type SqlPart = { readonly sql: string; readonly params: readonly JsonCell[] };

function columnSql(column: NewColumn): string {
  const type = column.type === "" ? "" : ` ${column.type}`;
  return quoteIdentifier(column.name) + type + (column.isRequired ? " NOT NULL" : "");
}

function whereRow(row: RowName): SqlPart {
  if ("rowid" in row) return { sql: "rowid = ?", params: [row.rowid] };
  const names = Object.keys(row.key);
  assert(names.length > 0, "a row without a rowid is named by its key");
  return {
    sql: names.map((name) => `${quoteIdentifier(name)} IS ?`).join(" AND "),
    params: Object.values(row.key),
  };
}

function filterOf(view: GridView): SqlPart {
  const terms: string[] = [];
  const params: JsonCell[] = [];
  if (view.filterText !== "" && view.columns.length > 0) {
    const each = view.columns.map((column) => contains(quoteIdentifier(column)));
    terms.push(`(${each.join(" OR ")})`);
    for (let i = 0; i < each.length; i++) params.push(likePattern(view.filterText));
  }
  for (const [column, text] of Object.entries(view.columnFilters)) {
    const name = quoteIdentifier(column);
    if (text === "") continue;
    if (text === "=") terms.push(`(${name} IS NULL OR ${name} = '')`);
    else if (text.startsWith("=")) {
      terms.push(`CAST(${name} AS TEXT) = ?`);
      params.push(text.slice(1));
    } else if (COMPARISON.test(text)) {
      const [, sign = ">", operand = ""] = COMPARISON.exec(text) ?? [];
      terms.push(`${name} ${sign} ?`);
      params.push(Number.isFinite(Number(operand)) ? Number(operand) : operand);
    } else {
      terms.push(contains(name));
      params.push(likePattern(text));
    }
  }
  return { sql: terms.length === 0 ? "" : ` WHERE ${terms.join(" AND ")}`, params };
}

function contains(name: string): string {
  return `CAST(${name} AS TEXT) LIKE ? ESCAPE '\\'`;
}

function likePattern(text: string): string {
  return `%${text.replace(/[\\%_]/g, (sign) => `\\${sign}`)}%`;
}

function orderOf(view: GridView): string {
  const terms = view.sort.map(
    ({ column, direction }) =>
      `${quoteIdentifier(column)} ${direction === "ascending" ? "ASC" : "DESC"}`,
  );
  // A last word that differs for every row keeps pages from overlapping.
  if (view.hasRowid) terms.push("rowid");
  else terms.push(...view.columns.map(quoteIdentifier));
  return terms.length === 0 ? "" : ` ORDER BY ${terms.join(", ")}`;
}
