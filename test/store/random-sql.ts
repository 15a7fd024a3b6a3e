/**
 * Random statements over tables that have every feature capture must see through. Values are
 * the ones that break conversions. Knows no store.
 */
import { randomBetween, randomChance, randomPick, type Rng } from "../../shared/base/rng.ts";

/** Tables that between them have every feature capture must see through. */
export const RANDOM_SCHEMA = [
  "CREATE TABLE plain(a, b TEXT, c INTEGER)",
  "CREATE TABLE keyed(id INTEGER PRIMARY KEY, name TEXT UNIQUE, n NUMERIC, twice AS (n * 2))",
  `CREATE TABLE flat(k TEXT COLLATE NOCASE, j INT, v BLOB, len INT AS (length(v)) STORED,
     PRIMARY KEY (k, j)) WITHOUT ROWID`,
  "CREATE TABLE counted(id INTEGER PRIMARY KEY AUTOINCREMENT, note TEXT)",
  "CREATE TABLE firm(x INT, y REAL, z ANY, t TEXT) STRICT",
  `CREATE TABLE child(id INTEGER PRIMARY KEY, parent INT REFERENCES keyed(id)
     ON DELETE CASCADE ON UPDATE CASCADE, label TEXT)`,
  "CREATE TABLE audit(what TEXT, id, seen REAL)",
  `CREATE TRIGGER log_keyed AFTER UPDATE ON keyed BEGIN
     INSERT INTO audit VALUES ('update', new.id, random()); END`,
  `CREATE TRIGGER log_counted BEFORE DELETE ON counted BEGIN
     INSERT INTO audit VALUES ('delete', old.id, 0.5); END`,
  `CREATE TRIGGER polish AFTER INSERT ON keyed WHEN new.n IS NULL BEGIN
     UPDATE keyed SET n = 7 WHERE id = new.id; END`,
  "CREATE UNIQUE INDEX plain_c ON plain(c) WHERE c > 10",
  "CREATE VIEW both AS SELECT a, id FROM plain, keyed",
];

/** Tables whose rows are compared. */
export const RANDOM_TABLES = ["plain", "keyed", "flat", "counted", "firm", "child", "audit"];

/** One statement that may work or may break a constraint. */
export function randomStatement(rng: Rng): string {
  return randomPick(rng, MAKERS)(rng);
}

type Maker = (rng: Rng) => string;

const MAKERS: readonly Maker[] = [
  (rng) => `INSERT ${or(rng)}INTO plain VALUES (${value(rng)}, ${value(rng)}, ${value(rng)})`,
  (rng) => `INSERT INTO plain(rowid, a) VALUES (${id(rng)}, ${value(rng)})`,
  (rng) => `INSERT INTO plain SELECT ${value(rng)}, b, NULL FROM plain LIMIT 3`,
  (rng) => `UPDATE ${or(rng)}plain SET c = ${value(rng)}, a = b WHERE rowid % 3 = ${small(rng)}`,
  (rng) => `UPDATE plain SET rowid = rowid + 1000 WHERE rowid = ${id(rng)}`,
  (rng) => `DELETE FROM plain WHERE rowid = ${id(rng)}`,
  (rng) => (randomChance(rng, 0.1) ? "DELETE FROM plain" : "SELECT 1"),
  (rng) =>
    `INSERT ${or(rng)}INTO keyed(id, name, n) VALUES (${id(rng)}, ${name(rng)}, ${value(rng)})`,
  (rng) =>
    `INSERT INTO keyed(id, name, n) VALUES (${id(rng)}, ${name(rng)}, 1) ` +
    "ON CONFLICT DO UPDATE SET n = excluded.n + 1, name = name || '!'",
  (rng) => `UPDATE ${or(rng)}keyed SET id = ${id(rng)} WHERE id = ${id(rng)}`,
  (rng) => `UPDATE keyed SET n = ${value(rng)} WHERE id <= ${id(rng)}`,
  (rng) => `DELETE FROM keyed WHERE id = ${id(rng)}`,
  (rng) => `REPLACE INTO flat(k, j, v) VALUES (${name(rng)}, ${small(rng)}, ${value(rng)})`,
  (rng) => `UPDATE ${or(rng)}flat SET k = upper(k), v = ${value(rng)} WHERE j = ${small(rng)}`,
  (rng) => `DELETE FROM flat WHERE j = ${small(rng)}`,
  (rng) => `INSERT INTO counted(note) VALUES (${name(rng)}), (${name(rng)})`,
  (rng) => `INSERT OR REPLACE INTO counted VALUES (${id(rng)}, ${name(rng)})`,
  (rng) => `DELETE FROM counted WHERE id % 2 = ${small(rng)}`,
  (rng) => `INSERT ${or(rng)}INTO firm VALUES (${small(rng)}, 0.5, ${value(rng)}, ${name(rng)})`,
  (rng) => `UPDATE firm SET z = ${value(rng)}, y = x WHERE x = ${small(rng)}`,
  (rng) => `INSERT INTO child(parent, label) VALUES (${id(rng)}, ${name(rng)})`,
  (rng) => `UPDATE child SET parent = ${id(rng)} WHERE id = ${id(rng)}`,
  (rng) => `DELETE FROM child WHERE id = ${id(rng)}`,
];

function or(rng: Rng): string {
  return randomPick(rng, ["", "", "", "OR REPLACE ", "OR IGNORE "]);
}

function id(rng: Rng): string {
  return String(randomBetween(rng, 1, 12));
}

function small(rng: Rng): string {
  return String(randomBetween(rng, 0, 2));
}

function name(rng: Rng): string {
  return randomPick(rng, ["'ada'", "'Bob'", "'bob'", "'çé'", "'\u{1F9EA}'", "''"]);
}

function value(rng: Rng): string {
  return randomPick(rng, [
    "NULL",
    "1",
    "-129",
    "70000",
    "9007199254740993",
    "-9223372036854775808",
    "2251799813685249",
    "1700000000000",
    "0.5",
    "-0.0",
    "9e999",
    "1e300",
    "'text'",
    "'12'",
    "'a' || char(0) || 'b'",
    "x''",
    "x'00ff10'",
    "zeroblob(70)",
    "CAST(x'ff41' AS TEXT)",
  ]);
}
