import { randomBetween, randomPick } from "../../shared/base/rng.ts";
import type { Rng } from "../../shared/base/rng.ts";
import type { SqlStatement } from "../../shared/changes/values.ts";

/** The tables every world begins with. */
export const WORLD_SCHEMA: readonly SqlStatement[] = [
  { sql: "CREATE TABLE counters (key INTEGER PRIMARY KEY, value INTEGER NOT NULL)" },
  { sql: "CREATE TABLE ledger (place INTEGER PRIMARY KEY AUTOINCREMENT, key, name TEXT, rank)" },
  { sql: "CREATE TABLE noise (id TEXT PRIMARY KEY, number, moment, filler) WITHOUT ROWID" },
];

/**
 * Appends the write's name to the list of a key. The first result names its place in the list.
 * The noise beside it is what makes a replica diverge that ran the SQL again instead of taking
 * over the rows. It is not `random()` or the time of day: those are real, also in a simulation.
 */
export function appendStatements(rng: Rng, name: string, key: number): readonly SqlStatement[] {
  const count =
    "INSERT INTO counters VALUES (?1, 1) " +
    "ON CONFLICT (key) DO UPDATE SET value = value + 1 RETURNING value";
  const append =
    "INSERT INTO ledger (key, name, rank) " +
    "VALUES (?1, ?2, (SELECT value FROM counters WHERE key = ?1))";
  return [
    { sql: count, params: [key] },
    { sql: append, params: [key, name] },
    ...(randomBetween(rng, 0, 3) === 0 ? [noiseStatement(rng)] : []),
  ];
}

function noiseStatement(rng: Rng): SqlStatement {
  const id = `n${randomBetween(rng, 1, 20)}`;
  return randomPick(rng, [
    {
      sql: "INSERT OR REPLACE INTO noise (id, number, moment, filler) VALUES (?1, total_changes(), last_insert_rowid(), zeroblob(20))",
      params: [id],
    },
    { sql: "UPDATE noise SET number = number * 0.1, filler = -0.0 WHERE id >= ?1", params: [id] },
    { sql: "DELETE FROM noise WHERE id < ?1 AND id > 'n15'", params: [id] },
  ]);
}

/** The names in the list of a key, oldest first. */
export function readListSql(key: number): { readonly sql: string; readonly params: number[] } {
  return { sql: "SELECT name FROM ledger WHERE key = ?1 ORDER BY place", params: [key] };
}

/** All lists at once, oldest first: key and name. */
export const ALL_LISTS_SQL = "SELECT key, name FROM ledger ORDER BY place";

/** Rows of one import. */
export function bulkRows(
  rng: Rng,
  name: string,
): { table: string; columns: readonly string[]; rows: readonly (readonly (string | number)[])[] } {
  const rows = Array.from({ length: randomBetween(rng, 5, 60) }, (_, i) => [
    `${name}/${i}`,
    i / 3,
    "x".repeat(randomBetween(rng, 0, 60)),
  ]);
  return { table: "noise", columns: ["id", "number", "filler"], rows };
}

/** A change of the schema that always works, in any order. */
export function schemaStatement(rng: Rng, unique: string): SqlStatement {
  return randomPick(rng, [
    { sql: `CREATE TABLE extra_${unique} (a INTEGER PRIMARY KEY, b TEXT DEFAULT 'b')` },
    { sql: `ALTER TABLE noise ADD COLUMN c_${unique} INTEGER DEFAULT 7` },
    { sql: `CREATE INDEX by_name_${unique} ON ledger (name)` },
    { sql: `CREATE TABLE copy_${unique} AS SELECT name, rank FROM ledger LIMIT 5` },
  ]);
}
