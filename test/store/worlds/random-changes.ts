/** Random INSERT, UPDATE, DELETE and SELECT over tables that exist: every form that changes rows. */
import { randomBetween, randomChance, randomPick, type Rng } from "../../../shared/base/rng.ts";
import { quoteIdentifier as q } from "../../../shared/changes/identifiers.ts";
import type { Catalogue, Table } from "./catalogue.ts";

/** Where a statement stands. */
export type Place = {
  readonly isInTrigger: boolean;
  /** An expression that may stand for a value there, such as `new.a`; null for none. */
  readonly value: string | null;
};

const VALUES = [
  ...["NULL", "0", "1", "2", "3", "-1", "12", "70000", "9007199254740993", "-9223372036854775808"],
  ...["4611686018427387905", "0.5", "-0.0", "1e300", "9e999", "-9e999", "2.0", "1e-320"],
  ...["'a'", "'A'", "'a '", "''", "'no'", "'x'", "'12'", "'1.0'", "'çé'", "'\u{1F9EA}'"],
  ...["'a' || char(0) || 'b'", "x''", "x'00ff10'", "zeroblob(7)", "CAST(x'ff41' AS TEXT)"],
];
const DEFAULTS = ["NULL", "0", "7", "'d'", "0.5", "x'01'", "(1 + 1)", "-9223372036854775808"];
const SCALARS = ["abs", "length", "upper", "lower", "typeof", "hex", "trim", "quote", "unicode"];
const OPERATORS = ["+", "-", "*", "/", "%", "||", "<", "=", "IS", "&", "|", "<<", "AND", "OR"];

/** The same statement with some values drawn by chance, by the clock or by a counter when it runs. */
export function withChance(sql: string): string {
  return sql
    .replaceAll("-9e999", "random()")
    .replaceAll("9e999", "strftime('%f', 'now')")
    .replaceAll("1e-320", "julianday('now')")
    .replaceAll("'\u{1F9EA}'", "hex(randomblob(3))");
}

/** A literal; `default`: one that a column's default may be. */
export function randomValue(rng: Rng, kind: "any" | "default" = "any"): string {
  return randomPick(rng, kind === "default" ? DEFAULTS : VALUES);
}

/** A value made of a row's columns and literals. */
export function randomExpression(rng: Rng, table: Table, depth = 2): string {
  const column = (): string => q(randomPick(rng, table.columns).name);
  if (depth === 0) return randomChance(rng, 0.5) ? column() : randomValue(rng);
  const inner = (): string => randomExpression(rng, table, depth - 1);
  switch (randomBetween(rng, 0, 7)) {
    case 0:
      return `${randomPick(rng, SCALARS)}(${inner()})`;
    case 1:
      return `(${inner()} ${randomPick(rng, OPERATORS)} ${inner()})`;
    case 2:
      return `coalesce(${inner()}, ${inner()})`;
    case 3:
      return `CASE WHEN ${inner()} THEN ${inner()} ELSE ${inner()} END`;
    case 4:
      return `CAST(${inner()} AS ${randomPick(rng, ["TEXT", "INTEGER", "REAL", "BLOB", "NUMERIC"])})`;
    case 5:
      return `substr(${inner()}, ${randomBetween(rng, -2, 3)}, 2)`;
    default:
      return randomChance(rng, 0.5) ? column() : randomValue(rng);
  }
}

/** A condition that mostly chooses some of a table's rows. */
export function randomCondition(rng: Rng, table: Table): string {
  const column = q(randomPick(rng, table.columns).name);
  const { rowid } = table;
  if (rowid !== null && randomChance(rng, 0.4))
    return `${rowid} % ${randomBetween(rng, 1, 4)} = ${randomBetween(rng, 0, 2)}`;
  return randomPick(rng, [
    `${column} = ${randomValue(rng)}`,
    `${column} > ${randomValue(rng)}`,
    `${column} IS ${randomValue(rng)}`,
    `typeof(${column}) = ${randomPick(rng, ["'text'", "'integer'", "'null'", "'real'"])}`,
    `${column} IN (${randomValue(rng)}, ${randomValue(rng)})`,
    randomExpression(rng, table, 1),
  ]);
}

/** One statement; it may break a rule of a table. */
export function randomChange(rng: Rng, catalogue: Catalogue, place: Place): string {
  const { tables, views } = catalogue;
  // Views without INSTEAD OF triggers take no change: seldom.
  const open = randomChance(rng, 0.1) ? views : views.filter(({ hasTrigger }) => hasTrigger);
  const isOnView = !place.isInTrigger && open.length > 0 && randomChance(rng, 0.1);
  const table = randomPick(rng, isOnView ? open : tables);
  const other = randomPick(rng, tables);
  const maker = randomPick(rng, place.isInTrigger ? TRIGGER_MAKERS : MAKERS);
  return maker({ rng, table, other, place });
}

type Draw = {
  readonly rng: Rng;
  readonly table: Table;
  readonly other: Table;
  readonly place: Place;
};
type Maker = (draw: Draw) => string;

const TRIGGER_MAKERS: readonly Maker[] = [insertValues, insertValues, update, remove];
const MAKERS: readonly Maker[] = [
  ...[insertValues, insertValues, insertValues, insertValues, insertSelect, insertDefault, upsert],
  ...[update, update, update, updateFrom, updateRowid, updateRowValue],
  ...[remove, remove, removeAll, withRows, select],
];

function insertValues({ rng, table, place }: Draw): string {
  const columns = chosenColumns(rng, table);
  const count = place.isInTrigger ? 1 : randomPick(rng, [1, 1, 1, 2, 5]);
  const rows = Array.from(
    { length: count },
    () => `(${columns.map((column) => valueFor({ rng, table, place }, column)).join(", ")})`,
  );
  const head = `${insertWord(rng)} INTO ${q(table.name)}(${columns.map(q).join(", ")})`;
  return `${head} VALUES ${rows.join(", ")}${returning(rng, table, place)}`;
}

/** Not a bare SELECT *: SQLite copies pages then, with rowids, and does not while triggers look on. */
function insertSelect({ rng, table, other, place }: Draw): string {
  const columns = chosenColumns(rng, table);
  const values = columns.map(() => randomExpression(rng, other));
  const from = `FROM ${q(other.name)} WHERE ${randomCondition(rng, other)} LIMIT ${randomBetween(rng, 0, 4)}`;
  const head = `${insertWord(rng)} INTO ${q(table.name)}(${columns.map(q).join(", ")})`;
  return `${head} SELECT ${values.join(", ")} ${from}${returning(rng, table, place)}`;
}

function insertDefault({ rng, table }: Draw): string {
  return `${insertWord(rng)} INTO ${q(table.name)} DEFAULT VALUES`;
}

function upsert(draw: Draw): string {
  const { rng, table } = draw;
  const columns = chosenColumns(rng, table);
  const [key] = table.key;
  const target = key !== undefined && table.key.length === 1 ? ` (${q(key)})` : "";
  const set = q(randomPick(rng, columns));
  const value = randomPick(rng, [
    `excluded.${set}`,
    randomValue(rng),
    randomExpression(rng, table),
  ]);
  const doUpdate = ` DO UPDATE SET ${set} = ${value}${randomPick(rng, ["", ` WHERE ${randomCondition(rng, table)}`])}`;
  const action = target === "" || randomChance(rng, 0.3) ? " DO NOTHING" : doUpdate;
  const values = columns.map((column) => valueFor(draw, column)).join(", ");
  const head = `INSERT INTO ${q(table.name)}(${columns.map(q).join(", ")}) VALUES (${values})`;
  return `${head} ON CONFLICT${target}${action}`;
}

function update(draw: Draw): string {
  const { rng, table, other, place } = draw;
  const columns = distinctColumns(rng, table, 2);
  const sets = columns.map((column) => {
    const correlated = `(SELECT max(${q(randomPick(rng, other.columns).name)}) FROM ${q(other.name)})`;
    const value = randomPick(rng, [
      valueFor(draw, column),
      randomExpression(rng, table),
      randomExpression(rng, table),
      correlated,
    ]);
    return `${q(column)} = ${value}`;
  });
  const head = `UPDATE ${orWord(rng)}${q(table.name)} SET ${sets.join(", ")}`;
  return `${head} WHERE ${updated(rng, table)}${returning(rng, table, place)}`;
}

function updateFrom({ rng, table, other }: Draw): string {
  const column = q(chosenColumns(rng, table)[0] ?? "");
  const theirs = q(randomPick(rng, other.columns).name);
  const from = `(SELECT ${theirs} AS v FROM ${q(other.name)} ORDER BY 1 LIMIT 1) AS o`;
  return `UPDATE ${orWord(rng)}${q(table.name)} SET ${column} = o.v FROM ${from} WHERE ${column} IS NOT o.v`;
}

function updateRowid(draw: Draw): string {
  const { rng, table } = draw;
  if (table.rowid === null) return update(draw);
  const shift = randomPick(rng, ["+ 1", "+ 1000", "- 1", "* 2"]);
  return `UPDATE ${orWord(rng)}${q(table.name)} SET ${table.rowid} = ${table.rowid} ${shift} WHERE ${randomCondition(rng, table)}`;
}

function updateRowValue(draw: Draw): string {
  const { rng, table, other } = draw;
  const [first, second] = chosenColumns(rng, table);
  if (first === undefined || second === undefined) return update(draw);
  const values = `SELECT ${randomExpression(rng, other, 1)}, ${randomValue(rng)} FROM ${q(other.name)} ORDER BY 1, 2 LIMIT 1`;
  return `UPDATE ${q(table.name)} SET (${q(first)}, ${q(second)}) = (${values}) WHERE ${updated(rng, table)}`;
}

/**
 * Which rows an update takes. With triggers, or a subquery, SQLite notes them first and takes them by their keys;
 * otherwise as an index may give them, and OR IGNORE leaves out another one (seeds 5077 and 30003).
 */
function updated(rng: Rng, table: Table): string {
  return `(SELECT 1) AND ${randomCondition(rng, table)}`;
}

function remove({ rng, table, place }: Draw): string {
  return `DELETE FROM ${q(table.name)} WHERE ${randomCondition(rng, table)}${returning(rng, table, place)}`;
}

function removeAll(draw: Draw): string {
  return randomChance(draw.rng, 0.3) ? `DELETE FROM ${q(draw.table.name)}` : remove(draw);
}

function withRows({ rng, table }: Draw): string {
  const columns = chosenColumns(rng, table);
  const rows = `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${randomBetween(rng, 1, 4)})`;
  const name = q(table.name);
  const values = columns.map(() =>
    randomPick(rng, ["i", "i * 1000", "'n' || i", randomValue(rng)]),
  );
  return randomPick(rng, [
    `${rows} ${insertWord(rng)} INTO ${name}(${columns.map(q).join(", ")}) SELECT ${values.join(", ")} FROM n`,
    `${rows} DELETE FROM ${name} WHERE ${q(columns[0] ?? "")} IN (SELECT i FROM n)`,
    `${rows} UPDATE ${name} SET ${q(columns[0] ?? "")} = ${randomValue(rng)} WHERE ${q(columns[0] ?? "")} IN n`,
  ]);
}

function select({ rng, table }: Draw): string {
  return `SELECT count(*), typeof(max(${q(randomPick(rng, table.columns).name)})) FROM ${q(table.name)}`;
}

/** Keys are mostly small whole numbers: they fit, and they meet. */
function valueFor(
  { rng, table, place }: Pick<Draw, "rng" | "table" | "place">,
  column: string,
): string {
  if (place.value !== null && randomChance(rng, 0.4)) return place.value;
  const isKey = table.key.includes(column) && randomChance(rng, 0.85);
  return isKey ? String(randomBetween(rng, 1, 40)) : randomValue(rng);
}

function distinctColumns(rng: Rng, table: Table, countMax: number): string[] {
  const columns = chosenColumns(rng, table);
  const from = randomBetween(rng, 0, columns.length - 1);
  return [...columns.slice(from), ...columns.slice(0, from)].slice(0, countMax);
}

function chosenColumns(rng: Rng, table: Table): string[] {
  const names = table.columns.filter((column) => !column.isGenerated).map(({ name }) => name);
  const chosen = names.filter(() => randomChance(rng, 0.8));
  if (chosen.length > 0) return chosen;
  return names.length > 0 ? names : table.columns.map(({ name }) => name);
}

function returning(rng: Rng, table: Table, { isInTrigger }: Place): string {
  if (isInTrigger || randomChance(rng, 0.85)) return "";
  return ` RETURNING ${randomPick(rng, ["*", `${q(randomPick(rng, table.columns).name)} AS r`])}`;
}

function insertWord(rng: Rng): string {
  return randomPick(rng, [
    "INSERT",
    "INSERT",
    "INSERT",
    "REPLACE",
    "INSERT OR IGNORE",
    "INSERT OR FAIL",
  ]);
}

function orWord(rng: Rng): string {
  return randomPick(rng, ["", "", "", "OR REPLACE ", "OR IGNORE ", "OR FAIL ", "OR ABORT "]);
}
