/**
 * The tables of a database as the store works with them, read anew after each schema change.
 */
import { isReservedName } from "../../shared/changes/identifiers.ts";
import { COLUMN_COUNT_MAX } from "../../shared/changes/limits.ts";
import type { Connection } from "./connection.ts";
import { layoutOf, readKinds, type TableKinds } from "./layout.ts";
import { Reach } from "./reach.ts";
import type { TableLayout, UserTrigger } from "./table-layout.ts";

/** All ordinary tables, Tidemark's replicated ones included. */
export type Schema = {
  readonly tables: ReadonlyMap<string, TableLayout>;
  readonly hasCounters: boolean;
  readonly hasDeferredKeys: boolean;
  /** Whether a change of a row can change rows again: see `step-rows.ts`. */
  readonly hasReactions: boolean;
  /** Which tables a statement can change. */
  readonly reach: Reach;
};

/** Where the workspace's settings are. */
export const SETTINGS_TABLE = "_tidemark_settings";

/** Tables of Tidemark that are replicated as rows; its other tables are each member's own. */
export const REPLICATED_INTERNAL_TABLES: ReadonlySet<string> = new Set([
  SETTINGS_TABLE,
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

/** Reads the schema; layouts that are known are not made again. */
export function readSchema(connection: Connection): Schema {
  const triggers = readTriggers(connection);
  const tables = new Map<string, TableLayout>();
  let kinds: TableKinds | null = null;
  const list = connection.cached(
    "SELECT name, sql FROM main.sqlite_schema WHERE type = 'table' ORDER BY name",
  );
  for (const [name, sql] of list.all()) {
    if (typeof name !== "string" || typeof sql !== "string") continue;
    if (isReservedName(name) && !REPLICATED_INTERNAL_TABLES.has(name)) continue;
    const layout = layoutOf(connection, { name, sql }, () => (kinds ??= readKinds(connection)));
    if (layout === null) continue;
    const own = triggers.get(name);
    tables.set(name, own === undefined ? layout : { ...layout, triggers: own });
  }
  const all = [...tables.values()];
  const reach = new Reach(all, triggers);
  return {
    tables,
    reach,
    hasCounters: all.some((layout) => layout.isAutoincrement),
    hasDeferredKeys: all.some((layout) => layout.hasDeferredKey),
    hasReactions: reach.hasFollowers || all.some((layout) => layout.triggers.length > 0),
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
