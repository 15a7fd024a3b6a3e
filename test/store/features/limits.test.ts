/** As many columns and tables as SQLite takes, and names of every kind. */
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { SqliteModule } from "../../../electron/store-worker/sqlite-module.ts";
import { quoteIdentifier } from "../../../shared/changes/identifiers.ts";
import { loadTestSqlite } from "../../support/sqlite.ts";
import { request, StoreGroup } from "../store-fixture.ts";
import { FeatureWorld } from "./feature-world.ts";

let sqlite: SqliteModule;
let group: StoreGroup;

beforeAll(async () => {
  sqlite = await loadTestSqlite();
});
beforeEach(() => {
  group = new StoreGroup(sqlite, 2);
});
afterEach(() => {
  group.verify();
  group.dispose();
});

function columns(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `c${i}`);
}

describe("2,000 columns", () => {
  const all = columns(2000).join(", ");
  test.each([
    ["beside a rowid", `(${all})`],
    ["with a rowid among them", `(c0 INTEGER PRIMARY KEY, ${columns(2000).slice(1).join(", ")})`],
    ["without rowid", `(${all}, PRIMARY KEY (c0, c7)) WITHOUT ROWID`],
    ["that are all of the key", `(${all}, PRIMARY KEY (${all})) WITHOUT ROWID`],
  ])("%s are inserted, changed, moved and deleted, and can be undone", (_, definition) => {
    group.execute(`CREATE TABLE wide ${definition}`);
    const row = (first: number): string =>
      columns(2000)
        .map((__, i) => first + i)
        .join(", ");
    group.execute(`INSERT INTO wide VALUES (${row(1)}), (${row(5000)})`);
    const dump = (): unknown => [
      group.query("SELECT c0, c1, c998, c999, c1000, c1998, c1999 FROM wide ORDER BY c0"),
      definition.includes("WITHOUT") ? null : group.query("SELECT rowid FROM wide ORDER BY 1"),
    ];
    const before = dump();
    const changes = [
      "UPDATE wide SET c1999 = 'last', c998 = c0 WHERE c0 = 1",
      "UPDATE wide SET c0 = c0 + 100000",
      ...(definition.includes("WITHOUT") ? [] : ["UPDATE wide SET rowid = rowid + 5"]),
      "DELETE FROM wide WHERE c1 = 5001",
    ];
    const [outcome] = group.capture(request(changes));
    if (outcome?.ok !== true || outcome.value.type !== "captured")
      throw new Error(JSON.stringify(outcome));
    const { payloads } = outcome.value;
    group.query("SELECT 1");
    group.apply(group.entries(payloads));
    expect(group.query("SELECT count(*), min(c1999), min(c0) FROM wide")).toEqual([
      [1, "last", expect.any(Number)],
    ]);
    group.commit(request([], { work: { type: "undo", payload: payloads[0] as Uint8Array } }));
    expect(dump()).toEqual(before);
  });

  test("come from a bulk insert and from CREATE TABLE AS", () => {
    group.execute(`CREATE TABLE wide (${all})`, `INSERT INTO wide(c0) VALUES (1)`);
    const rows = [columns(2000), columns(2000).map(() => null)];
    const work = { type: "insert-rows", table: "wide", columns: columns(2000), rows } as const;
    group.commit({ ...request([]), work });
    group.execute("CREATE TABLE copy AS SELECT * FROM wide");
    expect(group.query("SELECT rowid, c0, c1999 FROM copy ORDER BY 1")).toEqual([
      [1, 1, null],
      [2, "c0", "c1999"],
      [3, null, null],
    ]);
  });

  test("and one more are SQLite's own error", () => {
    const [outcome] = group.capture(request([`CREATE TABLE wide (${columns(2001).join(", ")})`]));
    expect(outcome).toMatchObject({ error: { code: "sql-error" } });
  });
});

describe("a name", () => {
  test.each([
    ["with quotes and spaces", `a "quoted" 'name' with [all] \`of\` them`],
    ["that is a keyword", "select"],
    ["of other scripts", "таблица 表 ‮جدول \u{1F9EA}"],
    ["that differs from another one in case only", "ÄpfeL"],
    ["of 10 KB", "n".repeat(10_240)],
    ["of 10 KB beyond ASCII", "é".repeat(5_120)],
    ["that is empty", ""],
    ["that looks like a comment", "-- /* ; */ ?1 :a"],
  ])("%s is one of a table, a column, an index, a view and a trigger", (_, name) => {
    const world = new FeatureWorld(sqlite);
    const q = quoteIdentifier(name);
    world.same(
      [`CREATE TABLE ${q} (${q} PRIMARY KEY, b REFERENCES ${q} ON UPDATE CASCADE, c AS (${q}))`],
      [`CREATE INDEX ${quoteIdentifier(`${name} i`)} ON ${q}(${q} DESC)`],
      [`CREATE VIEW ${quoteIdentifier(`${name} v`)} AS SELECT ${q} FROM ${q}`],
      [
        `CREATE TRIGGER ${quoteIdentifier(`${name} t`)} AFTER INSERT ON ${q} WHEN new.${q} > 1 ` +
          `BEGIN UPDATE ${q} SET b = NULL WHERE ${q} = new.${q}; END`,
      ],
      [
        `INSERT INTO ${q} (${q}, b) VALUES (1, 1), (2, 1)`,
        `UPDATE ${q} SET ${q} = 9 WHERE ${q} = 1`,
      ],
      [
        `DELETE FROM ${q} WHERE ${q} = 2`,
        `ALTER TABLE ${q} RENAME COLUMN b TO ${quoteIdentifier(`${name}2`)}`,
      ],
      [`ALTER TABLE ${q} RENAME TO other`, `INSERT INTO other(${q}) VALUES (7) RETURNING ${q}`],
    );
    world.dispose();
  });
});

test("10,000 tables are made in one transaction, written and loaded", { timeout: 300_000 }, () => {
  const names = Array.from({ length: 10_000 }, (_, i) => `t${i}`);
  group.execute(...names.map((name) => `CREATE TABLE ${name}(id INTEGER PRIMARY KEY, a)`));
  group.execute("INSERT INTO t5 VALUES (1, 2)", "INSERT INTO t9999 SELECT * FROM t5");
  group.execute("ALTER TABLE t5 RENAME TO first", "UPDATE first SET a = 3", "DROP TABLE t6");
  const { image } = group.leader.handle("image", {});
  expect(group.engines[1]?.handle("load", { image }).ok).toBe(true);
  group.execute(
    "UPDATE first SET a = a + 1",
    "CREATE TABLE more(a)",
    "INSERT INTO more VALUES (1)",
  );
  expect(group.query("SELECT a FROM first UNION ALL SELECT a FROM t9999")).toEqual([[4], [2]]);
  expect(group.leader.handle("tables", {}).tables.length).toBe(10_000);
});
