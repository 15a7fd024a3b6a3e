import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { StoreEngine } from "../../electron/store-worker/engine.ts";
import type { RepairOutcome } from "../../electron/store-worker/messages.ts";
import type { SqliteModule } from "../../electron/store-worker/sqlite-module.ts";
import { loadTestSqlite } from "../support/sqlite.ts";
import { compareTable, damage } from "./damage.ts";
import { StoreGroup } from "./store-fixture.ts";

let sqlite: SqliteModule;
let group: StoreGroup;

beforeAll(async () => {
  sqlite = await loadTestSqlite();
});

beforeEach(() => {
  group = new StoreGroup(sqlite, 2);
});

afterEach(() => group.dispose());

/** The one that is damaged, and the one that is as the log says. */
function pair(): readonly [StoreEngine, StoreEngine] {
  return [group.engines[0] as StoreEngine, group.engines[1] as StoreEngine];
}

function brokenTables(engine: StoreEngine): string[] {
  const { tables } = engine.handle("verify", {});
  return tables.filter((each) => each.rolling !== each.recomputed).map((each) => each.name);
}

/** Compares what differs by checksum, and repairs it. */
function repair(): RepairOutcome {
  const [here, other] = pair();
  const tables = brokenTables(here).filter((name) => !name.startsWith("sqlite_"));
  const changes = tables.flatMap((table) => compareTable(here, other, table).payloads);
  const { applied } = here.handle("verify", {}).position;
  const { counters } = other.handle("outline", {});
  return here.handle("repairRows", { applied, changes, counters });
}

describe("rows that are not what the log says", () => {
  it("are named with what is here and what should be, over many pieces", () => {
    group.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, a, b)");
    group.execute(
      "WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500) " +
        "INSERT INTO t SELECT i * 10, 'name ' || i, i / 2.0 FROM n",
    );
    const [here, other] = pair();
    damage(sqlite, here, [
      "UPDATE t SET a = x'00ff', b = NULL WHERE id = 70",
      "UPDATE t SET b = CAST(b AS TEXT) WHERE id = 4000",
      "DELETE FROM t WHERE id IN (10, 2500, 5000)",
      "INSERT INTO t VALUES (-5, 'before all', 1), (9999999, 'behind all', 2), (2501, 'between', 3)",
    ]);
    expect(brokenTables(here)).toEqual(["t"]);
    const found = compareTable(here, other, "t");
    expect(found.pieceCount).toBeGreaterThan(20);
    expect(found).toMatchObject({ missing: 3, surplus: 3, changed: 2 });
    const columns = ["id", "a", "b"];
    expect(found.rows).toContainEqual({
      ...{ table: "t", operation: "update", columns },
      before: [70, { $blob: "AP8=" }, null],
      after: [70, "name 7", 3.5],
    });
    expect(found.rows).toContainEqual({
      ...{ table: "t", operation: "delete", columns, after: null },
      before: [9_999_999, "behind all", 2],
    });
    expect(found.rows).toContainEqual({
      ...{ table: "t", operation: "insert", columns, before: null },
      after: [5000, "name 500", { $real: "250" }],
    });
    expect(repair()).toEqual({ type: "repaired" });
    group.verify();
  });

  it("are all counted, and as many kept as were asked for", () => {
    group.execute("CREATE TABLE t (a)");
    const [here, other] = pair();
    damage(sqlite, here, [
      "WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300) INSERT INTO t SELECT i FROM n",
    ]);
    const piece = other.handle("rowPiece", { table: "t", after: null, bytesMax: 1_000 });
    const asked = { table: "t", after: null, piece };
    const byRows = here.handle("compareRows", { ...asked, rowsMax: 7, bytesMax: Infinity });
    expect(byRows).toMatchObject({ surplus: 300, keptCount: 7 });
    const byBytes = here.handle("compareRows", { ...asked, rowsMax: Infinity, bytesMax: 500 });
    expect(byBytes.surplus).toBe(300);
    expect(byBytes.changes?.length).toBeLessThan(700);
    expect(byBytes.keptCount).toBeGreaterThan(10);
  });

  it.each([
    ["a text key without rowid", "k TEXT PRIMARY KEY, v", " WITHOUT ROWID", "'Ada'"],
    [
      "a key under another collation",
      "k TEXT COLLATE NOCASE PRIMARY KEY, v",
      " WITHOUT ROWID",
      "'Ada'",
    ],
    [
      "a key of several columns, downwards",
      "k, v, PRIMARY KEY (k DESC, v)",
      " WITHOUT ROWID",
      "x'01'",
    ],
    ["no key", "k, v", "", "NULL"],
    ["a rowid that is a column", "k INTEGER PRIMARY KEY, v", "", "-9223372036854775808"],
    ["an integer key beyond 53 bits", "k PRIMARY KEY, v", " WITHOUT ROWID", "9007199254740993"],
    ["a STRICT table", "k ANY PRIMARY KEY, v ANY", " STRICT, WITHOUT ROWID", "9223372036854775807"],
    [
      "generated columns",
      "k PRIMARY KEY, v, g AS (k || v) STORED UNIQUE, h AS (upper(v))",
      "",
      "1.5",
    ],
  ])("are found and repaired in a table with %s", (_what, columns, options, key) => {
    group.execute(`CREATE TABLE t (${columns})${options}`);
    const others = ["5", "'ada b'", "'Zoe'", "77"].filter(
      (other) => !/INTEGER PRIMARY/.test(columns) || /^\d/.test(other),
    );
    for (const [i, each] of [key, ...others].entries()) {
      group.execute(`INSERT INTO t (k, v) VALUES (${each}, 'v${i}')`);
    }
    const [here, other] = pair();
    damage(sqlite, here, [
      `UPDATE t SET v = v || 'x' WHERE k IS ${key}`,
      "DELETE FROM t WHERE k = 77",
      "INSERT INTO t (k, v) VALUES (78, 'nobody wrote this')",
    ]);
    const found = compareTable(here, other, "t", { bytesMax: 1 });
    // Where all of a row is its key, another value is another row.
    const isAllKey = columns.includes("k DESC, v");
    const changed = { missing: 1, surplus: 1, changed: 1 };
    // Without a key of its own the new row takes the rowid of the deleted one.
    const moved = columns === "k, v" || columns.includes("g AS");
    const expected = isAllKey ? { missing: 2, surplus: 2, changed: 0 } : changed;
    expect(found).toMatchObject(moved ? { missing: 0, surplus: 0, changed: 2 } : expected);
    expect(repair()).toEqual({ type: "repaired" });
    group.verify();
    const listed = others.length + 1;
    expect(group.query("SELECT count(*) FROM t")).toEqual([[listed]]);
  });

  it("whose keys are the same under their collation are two", () => {
    group.execute("CREATE TABLE t (k TEXT COLLATE NOCASE PRIMARY KEY, v) WITHOUT ROWID");
    group.execute("INSERT INTO t VALUES ('ada', 1), ('bob', 2), ('cid', 3)");
    const [here, other] = pair();
    damage(sqlite, here, ["UPDATE t SET k = 'BOB' WHERE k = 'bob'"]);
    const found = compareTable(here, other, "t", { bytesMax: 1 });
    expect(found).toMatchObject({ missing: 1, surplus: 1, changed: 0 });
    expect(repair()).toEqual({ type: "repaired" });
    expect(group.query("SELECT k FROM t ORDER BY k")).toEqual([["ada"], ["bob"], ["cid"]]);
  });

  it("that swapped unique values are put right although each stands in the other's way", () => {
    group.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, u UNIQUE)");
    group.execute("INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, 'c')");
    damage(sqlite, pair()[0], [
      "UPDATE t SET u = 'x' WHERE id = 1",
      "UPDATE t SET u = 'a' WHERE id = 2",
      "UPDATE t SET u = 'b' WHERE id = 1",
    ]);
    expect(repair()).toEqual({ type: "repaired" });
    expect(group.query("SELECT id, u FROM t ORDER BY id")).toEqual([
      [1, "a"],
      [2, "b"],
      [3, "c"],
    ]);
  });

  it("are repaired without firing triggers, actions of keys or CHECKs", () => {
    group.execute(
      "CREATE TABLE parent (id INTEGER PRIMARY KEY, n CHECK (n < 10))",
      "CREATE TABLE child (id INTEGER PRIMARY KEY, p REFERENCES parent ON DELETE CASCADE)",
      "CREATE TABLE noted (what)",
      "CREATE TRIGGER gone AFTER DELETE ON parent BEGIN INSERT INTO noted VALUES ('gone'); END",
      "CREATE TRIGGER come BEFORE INSERT ON parent BEGIN INSERT INTO noted VALUES ('come'); END",
    );
    group.execute("INSERT INTO parent VALUES (1, 1), (2, 2)", "INSERT INTO child VALUES (1, 1)");
    const before = group.query("SELECT * FROM noted");
    damage(sqlite, pair()[0], ["UPDATE parent SET n = 99", "DELETE FROM parent WHERE id = 2"]);
    expect(repair()).toEqual({ type: "repaired" });
    expect(group.query("SELECT * FROM noted")).toEqual(before);
    expect(group.query("SELECT * FROM child")).toEqual([[1, 1]]);
    // The triggers are awake again, and what is written next is recorded.
    group.execute("DELETE FROM parent WHERE id = 1");
    expect(group.query("SELECT count(*) FROM child, noted")).toEqual([[0]]);
    group.verify();
  });

  it("bring their AUTOINCREMENT counters along, and counters alone are put right too", () => {
    group.execute("CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, a)");
    group.execute("INSERT INTO t (a) VALUES (1), (2), (3)", "DELETE FROM t WHERE id = 3");
    const [here] = pair();
    damage(sqlite, here, ["UPDATE sqlite_sequence SET seq = 1"]);
    expect(brokenTables(here)).toEqual(["sqlite_sequence"]);
    expect(repair()).toEqual({ type: "repaired" });
    damage(sqlite, here, ["DELETE FROM sqlite_sequence", "DELETE FROM t WHERE id = 1"]);
    expect(repair()).toEqual({ type: "repaired" });
    group.verify();
    group.execute("INSERT INTO t (a) VALUES (4)");
    expect(group.query("SELECT id FROM t ORDER BY id")).toEqual([[1], [2], [4]]);
  });

  it("are counted anew after a repair", () => {
    group.execute("CREATE TABLE t (a)", "INSERT INTO t VALUES (1), (2)");
    const [here] = pair();
    damage(sqlite, here, ["DELETE FROM t"]);
    expect(here.handle("tables", {}).tables[0]?.rowCount).toBe(0);
    expect(repair()).toEqual({ type: "repaired" });
    expect(here.handle("tables", {}).tables[0]?.rowCount).toBe(2);
  });
});

describe("a repair", () => {
  it("of a database that has moved on changes nothing", () => {
    group.execute("CREATE TABLE t (a)", "INSERT INTO t VALUES (1)");
    const [here, other] = pair();
    damage(sqlite, here, ["UPDATE t SET a = 2"]);
    const { applied } = here.handle("verify", {}).position;
    const changes = compareTable(here, other, "t").payloads;
    group.execute("CREATE TABLE u (a)");
    const asked = { applied, changes, counters: [] };
    expect(here.handle("repairRows", asked)).toEqual({ type: "moved" });
    expect(brokenTables(here)).toEqual(["t"]);
  });

  it("that would not come to the log's checksums is rolled back, and tells which", () => {
    group.execute("CREATE TABLE t (a)", "CREATE TABLE u (a)", "INSERT INTO t VALUES (1)");
    const [here, other] = pair();
    damage(sqlite, here, ["UPDATE t SET a = 2", "INSERT INTO u VALUES (7)"]);
    const { applied } = here.handle("verify", {}).position;
    const asked = { applied, changes: compareTable(here, other, "t").payloads, counters: [] };
    const detail = "still not equal: u";
    expect(here.handle("repairRows", asked)).toEqual({ type: "not-proven", detail });
    expect(brokenTables(here)).toEqual(["t", "u"]);
  });

  it("of rows that are not as they were compared is rolled back", () => {
    group.execute("CREATE TABLE t (a)", "INSERT INTO t VALUES (1), (2)");
    const [here, other] = pair();
    damage(sqlite, here, ["UPDATE t SET a = 9"]);
    const { applied } = here.handle("verify", {}).position;
    const changes = compareTable(here, other, "t").payloads;
    damage(sqlite, here, ["UPDATE t SET a = 8 WHERE rowid = 2"]);
    const outcome = here.handle("repairRows", { applied, changes, counters: [] });
    expect(outcome).toMatchObject({ type: "not-proven" });
    expect(compareTable(here, other, "t")).toMatchObject({ changed: 2 });
  });
});

describe("verify", () => {
  it("names a table that is gone, and one that nobody made", () => {
    group.execute("CREATE TABLE t (a)", "CREATE TABLE u (a)", "INSERT INTO t VALUES (1)");
    const [here] = pair();
    damage(sqlite, here, ["DROP TABLE t", "CREATE TABLE x AS SELECT 1"]);
    expect(brokenTables(here)).toEqual(["sqlite_schema", "t", "x"]);
  });
});
