/**
 * How the store works with one table: which values make a row's image, what names a row, which
 * SQL reads and writes it. Everything in a layout but the triggers follows from the SQL that made
 * the table, so layouts are kept by that SQL (`SharedFacts`) and a schema change costs the tables
 * it changed. Knows nothing of rows.
 */
import { quoteIdentifier } from "../../shared/changes/identifiers.ts";
import type { TableShape } from "../../shared/changes/payload.ts";
import type { Connection } from "./connection.ts";
import { RowSql } from "./row-sql.ts";
import type { TableLayout } from "./table-layout.ts";
import { isWord, tokenize } from "./tokens.ts";

/** Far more tables than a database of the supported size has. */
const LAYOUTS_KEPT_MAX = 20_000;
const KEY_ACTIONS = "'CASCADE', 'SET NULL', 'SET DEFAULT'";

/** What SQLite calls each table of a database, by name. */
export type TableKinds = ReadonlyMap<string, Pick<TableFacts, "isWithoutRowid" | "isStrict">>;

/** All at once: SQLite goes through all tables for each that is asked alone. */
export function readKinds(connection: Connection): TableKinds {
  const sql =
    "SELECT name, wr, strict FROM pragma_table_list WHERE schema = 'main' AND type = 'table'";
  const kinds = connection.cached(sql).all();
  return new Map(
    kinds.map(([name, withoutRowid, strict]) => [
      String(name),
      { isWithoutRowid: withoutRowid === 1n, isStrict: strict === 1n },
    ]),
  );
}

/**
 * The layout of a table, without triggers; null when it is not an ordinary one.
 *
 * @param kinds Asked only for a table that nobody has met yet.
 */
export function layoutOf(
  connection: Connection,
  { name, sql }: { readonly name: string; readonly sql: string },
  kinds: () => TableKinds,
): TableLayout | null {
  const { layouts } = connection.sqlite.facts;
  const known = layouts.get(sql);
  if (known === null || known?.shape.name === name) return known;
  if (layouts.size >= LAYOUTS_KEPT_MAX) layouts.clear();
  const kind = kinds().get(name);
  const layout = kind === undefined ? null : layoutFrom(connection, { name, sql, ...kind });
  layouts.set(sql, layout);
  return layout;
}

type TableFacts = {
  readonly name: string;
  readonly sql: string;
  readonly isWithoutRowid: boolean;
  readonly isStrict: boolean;
};

type StoredColumn = { readonly name: string; readonly type: string; readonly keyPlace: number };

function layoutFrom(connection: Connection, facts: TableFacts): TableLayout {
  const all = connection
    .cached("SELECT name, type, pk, hidden FROM pragma_table_xinfo(?1, 'main') ORDER BY cid")
    .all([facts.name]);
  const stored: StoredColumn[] = [];
  for (const [name, type, key, hidden] of all) {
    // 2 and 3 are generated columns: computed from the others by each member.
    if (hidden !== 0n) continue;
    stored.push({ name: String(name), type: String(type), keyPlace: Number(key) });
  }
  const alias = facts.isWithoutRowid ? -1 : rowidAlias(connection, facts.name, stored);
  const rowidName = facts.isWithoutRowid || alias >= 0 ? null : freeRowidName(all);
  const shape = shapeOf(facts, stored, { alias, rowidName });
  const tokens = tokenize(facts.sql);
  const lead = rowidName === null ? [] : [rowidName];
  const imageSql = [...lead, ...stored.map((column) => quoteIdentifier(column.name))];
  const keyPlaces = shape.hasLeadingRowid ? [0] : shape.keyPlaces;
  return {
    shape,
    sql: facts.sql,
    imageSql,
    keyPlaces,
    takesIntegerAsReal: [
      ...lead.map(() => true),
      ...stored.map((column) => takesIntegerAsReal(column.type, facts.isStrict)),
    ],
    isAutoincrement: alias >= 0 && tokens.some((token) => isWord(token, "AUTOINCREMENT")),
    hasDeferredKey: tokens.some((token) => isWord(token, "DEFERRED")),
    followedTables: readFollowed(connection, facts.name),
    triggers: [],
    rowSql: new RowSql(facts.name, imageSql, keyPlaces),
  };
}

function shapeOf(
  facts: TableFacts,
  stored: readonly StoredColumn[],
  rowid: { readonly alias: number; readonly rowidName: string | null },
): TableShape {
  const keyed = stored
    .map((column, place) => ({ place, keyPlace: column.keyPlace }))
    .filter((column) => column.keyPlace > 0)
    .sort((a, b) => a.keyPlace - b.keyPlace)
    .map((column) => column.place);
  return {
    name: facts.name,
    hasLeadingRowid: rowid.rowidName !== null,
    columns: stored.map((column) => column.name),
    keyPlaces: rowid.alias >= 0 ? [rowid.alias] : facts.isWithoutRowid ? keyed : [],
  };
}

function readFollowed(connection: Connection, table: string): string[] {
  return connection
    .cached(
      `SELECT DISTINCT "table" FROM pragma_foreign_key_list(?1, 'main')
       WHERE on_update IN (${KEY_ACTIONS}) OR on_delete IN (${KEY_ACTIONS})`,
    )
    .all([table])
    .map(([parent]) => String(parent).toLowerCase());
}

/** Place of the column that is the rowid itself, or -1. */
function rowidAlias(
  connection: Connection,
  table: string,
  stored: readonly StoredColumn[],
): number {
  const keys = stored.filter((column) => column.keyPlace > 0);
  if (keys.length !== 1 || keys[0]?.type.toUpperCase() !== "INTEGER") return -1;
  // "INTEGER PRIMARY KEY DESC" is no alias: it has an index of its own.
  const ownIndex = connection
    .cached("SELECT 1 FROM pragma_index_list(?1, 'main') WHERE origin = 'pk'")
    .first([table]);
  return ownIndex === null ? stored.findIndex((column) => column.keyPlace > 0) : -1;
}

function freeRowidName(columns: readonly (readonly unknown[])[]): string | null {
  const taken = new Set(columns.map((column) => String(column[0]).toLowerCase()));
  return ["rowid", "_rowid_", "oid"].find((name) => !taken.has(name)) ?? null;
}

/** SQLite's rules for the affinity of a declared type: INTEGER or NUMERIC, and nothing else. */
function takesIntegerAsReal(type: string, isStrict: boolean): boolean {
  const upper = type.toUpperCase();
  if (isStrict) return upper === "INTEGER" || upper === "INT";
  if (upper.includes("INT")) return true;
  if (/CHAR|CLOB|TEXT|BLOB/.test(upper) || upper === "") return false;
  return !/REAL|FLOA|DOUB/.test(upper);
}
