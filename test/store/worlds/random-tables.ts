/** Random schema changes: every kind of table, key, column, index, view and trigger there is. */
import { randomBetween, randomChance, randomPick, type Rng } from "../../../shared/base/rng.ts";
import { quoteIdentifier as q } from "../../../shared/changes/identifiers.ts";
import type { Catalogue, Table } from "./catalogue.ts";
import { randomChange, randomCondition, randomExpression, randomValue } from "./random-changes.ts";

const TABLE_NAMES = [
  ...["t1", "t2", "t3", "t4", "people", "Select", "with space", 'qu"ote', "it's", "Ünïcödé"],
  ...["日本", "a.b", "[x]", "order"],
];
const COLUMN_NAMES = [
  ...["a", "b", "c", "d", "id", "Key", "group", 'we"ird', "sp ace", "é", "name"],
  ...["rowid", "oid"],
];
const TYPES = [
  ...["INTEGER", "INT", "TEXT", "REAL", "NUMERIC", "BLOB", "", "ANY", "VARCHAR(10)", "DATETIME"],
  ...["FLOATING POINT", "BOOLEAN"],
];
const STRICT_TYPES = ["INTEGER", "INT", "TEXT", "REAL", "BLOB", "ANY"];
const COLLATIONS = ["", "", "", " COLLATE NOCASE", " COLLATE RTRIM"];
const ACTIONS = ["CASCADE", "SET NULL", "SET DEFAULT", "RESTRICT", "NO ACTION"];
/** Stands for the name of the table in its own text. */
const OWN_NAME = "%own%";
/** More tables than this make each comparison slow. */
const TABLES_MAX = 8;
const TRIGGERS_MAX = 6;

/** A schema change; it may be refused by SQLite. */
export function randomSchemaChange(rng: Rng, catalogue: Catalogue): string {
  if (catalogue.tables.length < 3) return createTable(rng, catalogue);
  if (catalogue.tables.length > TABLES_MAX) return dropSomething(rng, catalogue, "table");
  if (catalogue.triggers.length > TRIGGERS_MAX) return dropSomething(rng, catalogue, "trigger");
  return randomPick(rng, SCHEMA_MAKERS)(rng, catalogue);
}

type SchemaMaker = (rng: Rng, catalogue: Catalogue) => string;

const SCHEMA_MAKERS: readonly SchemaMaker[] = [
  createTable,
  createTable,
  createTableAs,
  createIndex,
  createIndex,
  createView,
  createTrigger,
  createTrigger,
  alterTable,
  alterTable,
  (rng, catalogue) =>
    dropSomething(
      rng,
      catalogue,
      randomPick(rng, ["table", "view", "index", "trigger", "trigger"]),
    ),
];

function createTable(rng: Rng, catalogue: Catalogue): string {
  const isStrict = randomChance(rng, 0.2);
  const names = distinct(rng, COLUMN_NAMES, randomBetween(rng, 1, 5));
  const key = randomPick(rng, ["none", "none", "integer", "integer", "counter", "one", "several"]);
  const columns = names.map((name, place) => {
    const type = randomPick(rng, isStrict ? STRICT_TYPES : TYPES);
    if (place === 0 && key === "integer")
      return `${q(name)} INTEGER PRIMARY KEY${randomPick(rng, ["", "", "", " DESC", " ASC"])}`;
    if (place === 0 && key === "counter") return `${q(name)} INTEGER PRIMARY KEY AUTOINCREMENT`;
    if (place === 0 && key === "one")
      return `${q(name)} ${type} PRIMARY KEY${randomPick(rng, COLLATIONS)}`;
    return `${q(name)} ${type}${columnRules(rng, names, catalogue)}`;
  });
  const rules = key === "several" ? [`PRIMARY KEY (${keyColumns(rng, names)})`] : [];
  if (randomChance(rng, 0.2)) rules.push(`UNIQUE (${keyColumns(rng, names)})${onConflict(rng)}`);
  if (randomChance(rng, 0.15)) rules.push(foreignKey(rng, names, catalogue));
  if (randomChance(rng, 0.1)) rules.push(selfReference(rng, names));
  const canBeWithout = key !== "none" && key !== "counter";
  const options = [
    ...(canBeWithout && randomChance(rng, 0.4) ? ["WITHOUT ROWID"] : []),
    ...(isStrict ? ["STRICT"] : []),
  ];
  const name = q(randomPick(rng, TABLE_NAMES));
  const body = [...columns, ...rules].join(", ").replaceAll(OWN_NAME, name);
  return `CREATE TABLE ${name} (${body}) ${options.join(", ")}`;
}

function columnRules(rng: Rng, names: readonly string[], catalogue: Catalogue): string {
  const rules: string[] = [];
  if (randomChance(rng, 0.12)) {
    const stored = randomPick(rng, ["STORED", "VIRTUAL"]);
    return ` AS (${generated(rng, names)}) ${stored}`;
  }
  if (randomChance(rng, 0.2))
    rules.push(`NOT NULL${onConflict(rng)} DEFAULT ${randomValue(rng, "default")}`);
  else if (randomChance(rng, 0.15)) rules.push(`DEFAULT ${randomValue(rng, "default")}`);
  if (randomChance(rng, 0.12)) rules.push(`UNIQUE${onConflict(rng)}`);
  if (randomChance(rng, 0.1)) rules.push(`CHECK (${q(randomPick(rng, names))} IS NOT 'no')`);
  if (randomChance(rng, 0.12)) rules.push(references(rng, catalogue));
  rules.push(randomPick(rng, COLLATIONS).trim());
  return rules.map((rule) => ` ${rule}`).join("");
}

function generated(rng: Rng, names: readonly string[]): string {
  const column = q(randomPick(rng, names));
  return randomPick(rng, [
    `length(${column})`,
    `${column} || '!'`,
    `typeof(${column})`,
    `CAST(${column} AS REAL) * 2`,
  ]);
}

function references(rng: Rng, { tables }: Catalogue): string {
  if (tables.length === 0) return "";
  const keyed = tables.filter(({ key }) => key.length === 1);
  const table = randomPick(rng, keyed.length > 0 ? keyed : tables);
  // A key that is no key is an error whenever it is looked at: seldom.
  const isSole = table.key.length === 1 && !randomChance(rng, 0.1);
  const column = q(isSole ? (table.key[0] ?? "") : randomPick(rng, table.columns).name);
  return `REFERENCES ${q(table.name)}(${column})${keyActions(rng)}`;
}

function keyActions(rng: Rng): string {
  const deferred = randomPick(rng, ["", "", " DEFERRABLE INITIALLY DEFERRED"]);
  const [onDelete, onUpdate] = [randomPick(rng, ACTIONS), randomPick(rng, ACTIONS)];
  return ` ON DELETE ${onDelete} ON UPDATE ${onUpdate}${deferred}`;
}

/** A row may refer to itself: actions then come back to the row they start from. */
function selfReference(rng: Rng, names: readonly string[]): string {
  const child = q(randomPick(rng, names));
  return `FOREIGN KEY (${child}) REFERENCES ${OWN_NAME}(${q(names[0] ?? "")})${keyActions(rng)}`;
}

function foreignKey(rng: Rng, names: readonly string[], catalogue: Catalogue): string {
  const target = references(rng, catalogue);
  return target === "" ? "CHECK (1)" : `FOREIGN KEY (${q(randomPick(rng, names))}) ${target}`;
}

/** OR ROLLBACK is refused before it runs, so it is not drawn. */
function onConflict(rng: Rng): string {
  const what = randomPick(rng, ["", "", "", "REPLACE", "IGNORE", "FAIL", "ABORT"]);
  return what === "" ? "" : ` ON CONFLICT ${what}`;
}

function keyColumns(rng: Rng, names: readonly string[]): string {
  return distinct(rng, names, randomBetween(rng, 1, 2))
    .map((name) => `${q(name)}${randomPick(rng, COLLATIONS)}${randomPick(rng, ["", "", " DESC"])}`)
    .join(", ");
}

function createTableAs(rng: Rng, { tables }: Catalogue): string {
  const table = randomPick(rng, tables);
  const shown = randomPick(rng, [
    "*",
    table.columns.map((column) => q(column.name)).join(", "),
    `${randomExpression(rng, table)} AS x, 1 AS "one two"`,
  ]);
  const limit = randomBetween(rng, 0, 5);
  return `CREATE TABLE ${q(randomPick(rng, TABLE_NAMES))} AS SELECT ${shown} FROM ${q(table.name)} LIMIT ${limit}`;
}

function createIndex(rng: Rng, { tables }: Catalogue): string {
  const table = randomPick(rng, tables);
  const column = q(randomPick(rng, table.columns).name);
  const unique = randomChance(rng, 0.3) ? "UNIQUE " : "";
  const what = randomPick(rng, [
    column,
    `${column} DESC`,
    `lower(${column})`,
    `${column} COLLATE NOCASE`,
  ]);
  const where = randomChance(rng, 0.4) ? ` WHERE ${column} > ${randomPick(rng, ["0", "'a'"])}` : "";
  return `CREATE ${unique}INDEX ${q(`i${randomBetween(rng, 1, 9)}`)} ON ${q(table.name)}(${what})${where}`;
}

function createView(rng: Rng, { tables }: Catalogue): string {
  const table = randomPick(rng, tables);
  const shown = table.columns.map((column) => q(column.name)).join(", ");
  const where = randomChance(rng, 0.5) ? ` WHERE ${randomCondition(rng, table)}` : "";
  return `CREATE VIEW ${q(`v${randomBetween(rng, 1, 4)}`)} AS SELECT ${shown} FROM ${q(table.name)}${where}`;
}

function createTrigger(rng: Rng, catalogue: Catalogue): string {
  const name = q(`g${randomBetween(rng, 1, 9)}`);
  const { tables, views } = catalogue;
  const isOnView = views.length > 0 && randomChance(rng, 0.3);
  const table = randomPick(rng, isOnView ? views : tables);
  const moment = isOnView ? "INSTEAD OF" : randomPick(rng, ["BEFORE", "AFTER", "AFTER"]);
  const column = q(randomPick(rng, table.columns).name);
  const event = randomPick(rng, ["INSERT", "UPDATE", `UPDATE OF ${column}`, "DELETE"]);
  const row = event === "DELETE" ? "old" : "new";
  // Small tables only: triggers that feed each other would otherwise grow until the depth's limit.
  const small = `(SELECT count(*) FROM ${q(randomPick(rng, tables).name)}) < 12`;
  const condition = randomChance(rng, 0.3) ? `${small} AND ${row}.${column} IS NOT 'x'` : small;
  const actions = Array.from({ length: randomBetween(rng, 1, 2) }, () =>
    isOnView || !randomChance(rng, 0.3)
      ? triggerAction(rng, catalogue, `${row}.${column}`)
      : ownRowAction(rng, table, row),
  );
  const body = actions.map((action) => `${action};`).join(" ");
  return `CREATE TRIGGER ${name} ${moment} ${event} ON ${q(table.name)} WHEN ${condition} BEGIN ${body} END`;
}

function triggerAction(rng: Rng, catalogue: Catalogue, value: string): string {
  if (randomChance(rng, 0.08)) {
    const what = randomPick(rng, ["RAISE(IGNORE)", "RAISE(ABORT, 'no')", "RAISE(FAIL, 'no')"]);
    return `SELECT ${what} WHERE ${value} = 'boom'`;
  }
  return randomChange(rng, catalogue, { isInTrigger: true, value });
}

/** Changes the row that the trigger is fired for, or one that has its name. */
function ownRowAction(rng: Rng, table: Table, row: "old" | "new"): string {
  const name = table.key[0] === undefined ? table.rowid : q(table.key[0]);
  const place = { isInTrigger: true, value: `${row}.${q(randomPick(rng, table.columns).name)}` };
  const sql = randomChange(rng, { tables: [table], views: [], indexes: [], triggers: [] }, place);
  if (name === null || !/^(?:UPDATE|DELETE)/.test(sql)) return sql;
  return sql.replace(
    / WHERE .*$/s,
    ` WHERE (SELECT 1) AND ${name} IS ${randomPick(rng, ["old", row])}.${name}`,
  );
}

function alterTable(rng: Rng, { tables }: Catalogue): string {
  const table: Table = randomPick(rng, tables);
  const column = q(randomPick(rng, table.columns).name);
  const added = q(randomPick(rng, COLUMN_NAMES));
  const change = randomPick(rng, [
    `RENAME TO ${q(randomPick(rng, TABLE_NAMES))}`,
    `RENAME COLUMN ${column} TO ${added}`,
    `ADD COLUMN ${added} ${randomPick(rng, TYPES)}`,
    `ADD COLUMN ${added} TEXT NOT NULL DEFAULT ${randomValue(rng, "default")}`,
    `ADD COLUMN ${added} AS (typeof(${column}))`,
    `DROP COLUMN ${column}`,
  ]);
  return `ALTER TABLE ${q(table.name)} ${change}`;
}

function dropSomething(
  rng: Rng,
  { tables, views, indexes, triggers }: Catalogue,
  what: "table" | "view" | "index" | "trigger",
): string {
  const names = {
    table: tables.map(({ name }) => name),
    view: views.map(({ name }) => name),
    index: indexes,
    trigger: triggers,
  }[what];
  const name = names.length === 0 ? "nothing" : randomPick(rng, names);
  return `DROP ${what.toUpperCase()} IF EXISTS ${q(name)}`;
}

function distinct<T>(rng: Rng, items: readonly T[], count: number): T[] {
  const left = [...items];
  const picked: T[] = [];
  while (picked.length < count && left.length > 0) {
    picked.push(...left.splice(randomBetween(rng, 0, left.length - 1), 1));
  }
  return picked;
}
