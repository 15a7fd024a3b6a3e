/** Random transactions over rows that a model knows by their keys only, with a trigger that adds rows of its own. */
import { randomBetween, randomPick, type Rng } from "../../shared/base/rng.ts";
import type { StoreGroup } from "./store-fixture.ts";

const KEYS = 12;
/** The tables. */
export const KEYED_SCHEMA = [
  "CREATE TABLE t (id INTEGER PRIMARY KEY, a, b)",
  "CREATE TABLE audit (id, a)",
  "CREATE TRIGGER noted AFTER UPDATE OF a ON t BEGIN INSERT INTO audit VALUES (new.id, new.a); END",
  "CREATE TABLE u (k TEXT, n INTEGER, PRIMARY KEY (k, n)) WITHOUT ROWID",
];

/** Every row by its table and key. */
export type State = ReadonlyMap<string, string>;

/** One change; it may do nothing, or break a rule. */
export function keyedStatement(rng: Rng): string {
  const id = randomBetween(rng, 1, KEYS);
  const other = randomBetween(rng, 1, KEYS);
  const value = randomPick(rng, ["'x'", "'y'", "NULL", "1.5", "9007199254740993", "x'00'"]);
  switch (randomBetween(rng, 0, 8)) {
    case 0:
      return `INSERT OR REPLACE INTO t VALUES (${id}, ${value}, ${other})`;
    case 1:
      return `UPDATE t SET a = ${value} WHERE id = ${id}`;
    case 2:
      return `UPDATE t SET b = b + 1 WHERE id <= ${id}`;
    case 3:
      return `DELETE FROM t WHERE id = ${id}`;
    case 4:
      return `UPDATE OR IGNORE t SET id = ${other} WHERE id = ${id}`;
    case 5:
      return `INSERT OR IGNORE INTO u VALUES (${value}, ${other})`;
    case 6:
      return `DELETE FROM u WHERE n = ${other}`;
    case 7:
      return `UPDATE OR IGNORE u SET n = n + 1 WHERE n >= ${other}`;
    default:
      return `INSERT OR REPLACE INTO t SELECT id + ${other}, a, b FROM t WHERE id = ${id}`;
  }
}

/** What the members hold, who must agree. */
export function stateOf(group: StoreGroup): State {
  const sql =
    "SELECT 't' || id, quote(a) || quote(b) FROM t UNION ALL " +
    "SELECT 'u' || quote(k) || n, '' FROM u UNION ALL " +
    "SELECT 'audit' || rowid, quote(id) || quote(a) FROM audit";
  return new Map(group.query(sql).map(([key, value]) => [String(key), String(value)]));
}

/** In an order that does not depend on how it came about. */
export function sorted(state: State): readonly (readonly [string, string])[] {
  return [...state].sort(([a], [b]) => (a < b ? -1 : 1));
}
