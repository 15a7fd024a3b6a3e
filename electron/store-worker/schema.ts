/**
 * The tables of a database as the store works with them: which values make a row's image, what
 * names a row, which SQL reads and writes it. Read anew after each schema change.
 */
import { isReservedName, quoteIdentifier } from "../../shared/changes/identifiers.ts";
import { COLUMN_COUNT_MAX } from "../../shared/changes/limits.ts";
import type { TableShape } from "../../shared/changes/payload.ts";
import type { Connection } from "./connection.ts";
import { isWord, tokenize } from "./tokens.ts";

/** A trigger somebody made; its effects are shipped as rows, so it rests while applying. */
export type UserTrigger = { readonly name: string; readonly sql: string };

/** One ordinary table. */
export type TableLayout = {
  readonly shape: TableShape;
  /** As in `sqlite_schema`: when it changes, the table's checksum is computed anew. */
  readonly sql: string;
  /** Quoted SQL for each value of an image, in order; the first is the rowid if it leads. */
  readonly imageSql: readonly string[];
  /** Places of the key among an image's values. */
  readonly keyPlaces: readonly number[];
  /**
   * Per image value: whether the column turns a REAL that is a whole number into an INTEGER.
   * Such columns take integers up to 2^51 bound as REAL; SQL.js exports no 64-bit bind.
   */
  readonly takesIntegerAsReal: readonly boolean[];
  readonly isAutoincrement: boolean;
  readonly hasDeferredKey: boolean;
  /** Whether one of its foreign keys follows changes of its parent. */
  readonly hasUpdateAction: boolean;
  readonly triggers: readonly UserTrigger[];
};

/** All ordinary tables, Tidemark's replicated ones included. */
export type Schema = {
  readonly tables: ReadonlyMap<string, TableLayout>;
  readonly hasCounters: boolean;
  readonly hasDeferredKeys: boolean;
  /** Whether a change of a row can change rows again: see `replay-order.ts`. */
  readonly hasReactions: boolean;
};

/** Tables of Tidemark that are replicated as rows; its other tables are each member's own. */
export const REPLICATED_INTERNAL_TABLES: ReadonlySet<string> = new Set([
  "_tidemark_settings",
  "_tidemark_invites",
]);

/** Why a table cannot be shared; null when all can. Called after a schema change. */
export function schemaProblem(schema: Schema): string | null {
  for (const table of schema.tables.values()) {
    const { name, columns, keyPlaces, hasLeadingRowid } = table.shape;
    if (columns.length > COLUMN_COUNT_MAX) {
      return `table ${name} has ${columns.length} columns; at most ${COLUMN_COUNT_MAX} can be shared`;
    }
    if (!hasLeadingRowid && keyPlaces.length === 0) {
      return `table ${name} uses up all three names of the rowid, so its rows cannot be named`;
    }
  }
  return null;
}

/** Reads the schema. */
export function readSchema(connection: Connection): Schema {
  const triggers = readTriggers(connection);
  const tables = new Map<string, TableLayout>();
  const list = connection.cached(
    "SELECT s.name, s.sql, l.wr, l.strict FROM main.sqlite_schema s " +
      "JOIN pragma_table_list(s.name) l ON l.schema = 'main' AND l.type = 'table' " +
      "WHERE s.type = 'table' ORDER BY s.name",
  );
  for (const [name, sql, withoutRowid, strict] of list.all()) {
    if (typeof name !== "string" || typeof sql !== "string") continue;
    if (isReservedName(name) && !REPLICATED_INTERNAL_TABLES.has(name)) continue;
    const layout = readLayout(connection, {
      name,
      sql,
      isWithoutRowid: withoutRowid === 1n,
      isStrict: strict === 1n,
      triggers: triggers.get(name) ?? [],
    });
    tables.set(name, layout);
  }
  const layouts = [...tables.values()];
  return {
    tables,
    hasCounters: layouts.some((layout) => layout.isAutoincrement),
    hasDeferredKeys: layouts.some((layout) => layout.hasDeferredKey),
    hasReactions: layouts.some((layout) => layout.hasUpdateAction || layout.triggers.length > 0),
  };
}

/** The layout of a table named in any case of letters. */
export function findTable(schema: Schema, name: string): TableLayout | null {
  const exact = schema.tables.get(name);
  if (exact !== undefined) return exact;
  const lower = name.toLowerCase();
  for (const layout of schema.tables.values()) {
    if (layout.shape.name.toLowerCase() === lower) return layout;
  }
  return null;
}

type TableFacts = {
  readonly name: string;
  readonly sql: string;
  readonly isWithoutRowid: boolean;
  readonly isStrict: boolean;
  readonly triggers: readonly UserTrigger[];
};

type StoredColumn = { readonly name: string; readonly type: string; readonly keyPlace: number };

function readLayout(connection: Connection, facts: TableFacts): TableLayout {
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
  return {
    shape,
    sql: facts.sql,
    imageSql: [...lead, ...stored.map((column) => quoteIdentifier(column.name))],
    keyPlaces: shape.hasLeadingRowid ? [0] : shape.keyPlaces,
    takesIntegerAsReal: [
      ...lead.map(() => true),
      ...stored.map((column) => takesIntegerAsReal(column.type, facts.isStrict)),
    ],
    isAutoincrement: alias >= 0 && tokens.some((token) => isWord(token, "AUTOINCREMENT")),
    hasDeferredKey: tokens.some((token) => isWord(token, "DEFERRED")),
    hasUpdateAction: tokens.some((token) => isWord(token, "UPDATE")),
    triggers: facts.triggers,
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

function readTriggers(connection: Connection): Map<string, UserTrigger[]> {
  const byTable = new Map<string, UserTrigger[]>();
  const rows = connection
    .cached(
      "SELECT tbl_name, name, sql FROM main.sqlite_schema WHERE type = 'trigger' ORDER BY rowid",
    )
    .all();
  for (const [table, name, sql] of rows) {
    const list = byTable.get(String(table)) ?? [];
    list.push({ name: String(name), sql: String(sql) });
    byTable.set(String(table), list);
  }
  return byTable;
}
