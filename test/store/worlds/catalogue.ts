/** What a database has, read from SQLite itself: tables to change, names to drop. Knows no random numbers. */
import type { Connection } from "../../../electron/store-worker/connection.ts";
import { quoteIdentifier } from "../../../shared/changes/identifiers.ts";
import type { JsonCell } from "../../../shared/changes/values.ts";

/** A column that a statement may name. */
export type Column = { readonly name: string; readonly isGenerated: boolean };

/** A table or a view that a statement may name. */
export type Table = {
  readonly name: string;
  readonly columns: readonly Column[];
  /** Its primary key; empty when it has none. */
  readonly key: readonly string[];
  /** A name of its rowid that no column hides; null when there is none. */
  readonly rowid: string | null;
  readonly hasTrigger: boolean;
};

/** All of a database. */
export type Catalogue = {
  readonly tables: readonly Table[];
  readonly views: readonly Table[];
  readonly indexes: readonly string[];
  readonly triggers: readonly string[];
};

/** Answers a query with its rows. */
export type Ask = (sql: string) => readonly (readonly JsonCell[])[];

/** Rows of a query of a connection. */
export function readRows(connection: Connection, sql: string): JsonCell[][] {
  const { statement } = connection.prepare(sql);
  const rows: JsonCell[][] = [];
  if (statement === null) return rows;
  try {
    while (statement.step()) rows.push(statement.cells());
    return rows;
  } finally {
    statement.finalize();
  }
}

/** Reads it. */
export function readCatalogue(ask: Ask): Catalogue {
  const all = ask("SELECT type, name, sql, tbl_name FROM sqlite_schema ORDER BY rowid");
  const named = (type: string): string[] =>
    all.filter((row) => row[0] === type && row[2] !== null).map((row) => String(row[1]));
  const watched = new Set(all.filter((row) => row[0] === "trigger").map((row) => row[3]));
  // Ours begin with an underscore, and users' do not here.
  const names = named("table").filter((name) => !/^(?:sqlite)?_/.test(name));
  return {
    tables: names.map((name) => readTable(ask, { name, hasTrigger: watched.has(name) })),
    views: named("view").flatMap((name) => readView(ask, { name, hasTrigger: watched.has(name) })),
    indexes: named("index"),
    triggers: named("trigger"),
  };
}

/** Everything a user can see of a table: its rows with their rowid, in an order that does not depend on the plan. */
export function dumpSql({ name, columns, rowid }: Table): string {
  const shown = [...(rowid === null ? [] : [rowid]), ...columns.map(nameOf)];
  const order = shown.map((_, place) => place + 1).join(", ");
  return `SELECT ${shown.join(", ")} FROM ${quoteIdentifier(name)} ORDER BY ${order}`;
}

type Named = Pick<Table, "name" | "hasTrigger">;

/** A view over what was dropped cannot be read; nobody names it then. */
function readView(ask: Ask, named: Named): Table[] {
  try {
    return [{ ...readTable(ask, named), rowid: null }];
  } catch {
    return [];
  }
}

function readTable(ask: Ask, { name, hasTrigger }: Named): Table {
  const found = ask(
    `SELECT name, hidden, pk FROM pragma_table_xinfo(${text(name)}) WHERE hidden <> 1`,
  );
  const columns = found.map((row): Column => ({ name: String(row[0]), isGenerated: row[1] !== 0 }));
  const key = found.filter((row) => row[2] !== 0).map((row) => String(row[0]));
  const [listed] = ask(`SELECT wr FROM pragma_table_list WHERE name = ${text(name)}`);
  const hidden = new Set(columns.map((column) => column.name.toLowerCase()));
  const free = ["rowid", "_rowid_", "oid"].find((alias) => !hidden.has(alias)) ?? null;
  return { name, columns, key, rowid: listed?.[0] === 0 ? free : null, hasTrigger };
}

function nameOf(column: Column): string {
  return quoteIdentifier(column.name);
}

function text(value: string): string {
  return `'${value.replaceAll("'", "''")}'`;
}
