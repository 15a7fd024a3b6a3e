/**
 * What engines on one SQLite instance keep together must not show: a table is read from its own
 * SQL, whatever tables of that name other databases have or had.
 */
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { createStoreEngine } from "../../electron/store-worker/engine.ts";
import type { SqliteModule } from "../../electron/store-worker/sqlite-module.ts";
import { loadTestSqlite } from "../support/sqlite.ts";
import { request, StoreGroup } from "./store-fixture.ts";

let sqlite: SqliteModule;
let opened: StoreGroup[] = [];

beforeAll(async () => {
  sqlite = await loadTestSqlite();
});

afterEach(() => {
  for (const group of opened) group.dispose();
  opened = [];
});

function open(count: number): StoreGroup {
  const group = new StoreGroup(sqlite, count);
  opened.push(group);
  return group;
}

describe("tables of one name in several databases", () => {
  test("are each written as they were made", () => {
    const first = open(2);
    const second = open(2);
    first.execute("CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT)");
    second.execute("CREATE TABLE t (b TEXT PRIMARY KEY, a INTEGER, c) WITHOUT ROWID");
    first.execute("INSERT INTO t VALUES (1, 'one')");
    second.execute("INSERT INTO t VALUES ('one', 1, x'00')");
    second.execute("UPDATE t SET a = 2, c = 1.5");
    expect(first.query("SELECT a, b FROM t")).toEqual([[1, "one"]]);
    expect(second.query("SELECT b, a, c FROM t")).toEqual([["one", 2, 1.5]]);
    first.verify();
    second.verify();
  });

  test("follow a table that is renamed, widened, dropped and made again", () => {
    const group = open(2);
    group.execute("CREATE TABLE t (a INTEGER PRIMARY KEY, b)");
    group.execute("INSERT INTO t VALUES (1, 2)");
    group.execute("ALTER TABLE t ADD COLUMN c DEFAULT 7");
    group.execute("UPDATE t SET b = 3");
    group.execute("ALTER TABLE t RENAME TO u");
    group.execute("CREATE TABLE t (a INTEGER PRIMARY KEY, b)");
    group.execute("INSERT INTO t SELECT a, c FROM u");
    group.execute("DROP TABLE u");
    group.execute("CREATE TABLE u (only TEXT)");
    group.execute("INSERT INTO u VALUES ('x')");
    expect(group.query("SELECT a, b, only FROM t, u")).toEqual([[1, 7, "x"]]);
    group.verify();
  });

  test("have the triggers of their own database only", () => {
    const plain = open(2);
    const noisy = open(2);
    for (const group of [plain, noisy]) {
      group.execute("CREATE TABLE t (a INTEGER PRIMARY KEY)", "CREATE TABLE seen (a)");
    }
    noisy.execute(
      "CREATE TRIGGER see AFTER INSERT ON t BEGIN INSERT INTO seen VALUES (new.a); END",
    );
    for (const group of [plain, noisy]) group.execute("INSERT INTO t VALUES (5)");
    expect(plain.query("SELECT * FROM seen")).toEqual([]);
    expect(noisy.query("SELECT * FROM seen")).toEqual([[5]]);
  });
});

describe("a new store", () => {
  test("is empty, however many were filled before it", () => {
    open(1).execute("CREATE TABLE t (a)", "INSERT INTO t VALUES (1)");
    const fresh = createStoreEngine(sqlite);
    const other = createStoreEngine(sqlite);
    expect(fresh.handle("load", { image: null })).toEqual(other.handle("load", { image: null }));
    expect(fresh.handle("tables", {}).tables).toEqual([]);
    fresh.dispose();
    other.dispose();
  });

  test("records the rows that follow schema changes in one transaction", () => {
    const group = open(3);
    group.execute(
      "CREATE TABLE a (n INTEGER PRIMARY KEY)",
      "CREATE TABLE b (n INTEGER PRIMARY KEY)",
      "INSERT INTO a VALUES (1), (2)",
      "CREATE TABLE c AS SELECT n FROM a",
      "INSERT INTO b SELECT n FROM c",
    );
    expect(group.query("SELECT n FROM b")).toEqual([[1], [2]]);
    group.verify();
  });

  test("takes back a failed request after a schema change in the same batch", () => {
    const group = open(2);
    const outcomes = group.capture(
      request(["CREATE TABLE t (a INTEGER PRIMARY KEY)"]),
      request([
        "ALTER TABLE t ADD COLUMN b",
        "INSERT INTO t VALUES (1, 2)",
        "INSERT INTO nowhere VALUES (1)",
      ]),
      request(["INSERT INTO t VALUES (9)"]),
    );
    expect(outcomes.map((outcome) => outcome.ok)).toEqual([true, false, true]);
    const payloads = outcomes.flatMap((outcome) => {
      return outcome.ok && outcome.value.type === "captured" ? outcome.value.payloads : [];
    });
    group.apply(group.entries(payloads));
    expect(group.query("SELECT * FROM t")).toEqual([[9]]);
    group.verify();
  });
});
