/** Changes of tables themselves, in one transaction with rows: members hold what plain SQL.js does. */
import { afterEach, beforeAll, beforeEach, describe, test } from "vitest";
import type { SqliteModule } from "../../../electron/store-worker/sqlite-module.ts";
import { loadTestSqlite } from "../../support/sqlite.ts";
import { FeatureWorld } from "./feature-world.ts";

let sqlite: SqliteModule;
let world: FeatureWorld;

beforeAll(async () => {
  sqlite = await loadTestSqlite();
});
beforeEach(() => {
  world = new FeatureWorld(sqlite);
});
afterEach(() => {
  world.dispose();
});

describe("a transaction that changes tables", () => {
  test("makes, alters and drops tables, with rows in between, in one transaction", () => {
    world.same(
      [
        "CREATE TABLE t(a, b)",
        "INSERT INTO t VALUES (1, 'x'), (2, 'y')",
        "ALTER TABLE t RENAME TO u",
        "UPDATE u SET a = a + 1",
        "ALTER TABLE u RENAME COLUMN b TO c",
        "ALTER TABLE u ADD COLUMN d NOT NULL DEFAULT 'new'",
        "INSERT INTO u(a) VALUES (9)",
        "ALTER TABLE u DROP COLUMN c",
        "DELETE FROM u WHERE a = 2",
      ],
      ["CREATE TABLE gone(a)", "INSERT INTO gone VALUES (1)", "DROP TABLE gone"],
      ["DROP TABLE u", "CREATE TABLE u(d, a)", "INSERT INTO u VALUES (1, 2)"],
      ["CREATE TABLE IF NOT EXISTS u(x)", "DROP TABLE IF EXISTS nowhere"],
    );
    world.fails(
      ["CREATE TABLE v(a)", "INSERT INTO v VALUES (1)", "INSERT INTO nowhere VALUES (1)"],
      ["ALTER TABLE u RENAME COLUMN a TO d"],
      ["DROP TABLE u", "SELECT a FROM u"],
    );
    world.same(["INSERT INTO u VALUES (3, 4)"]);
  });

  test("indexes, views and triggers come and go with what hangs on them", () => {
    world.same(
      ["CREATE TABLE t(a, b)", "CREATE UNIQUE INDEX i ON t(a)", "INSERT INTO t VALUES (1, 1)"],
      ["CREATE VIEW v AS SELECT a + 1 AS n FROM t", "CREATE TABLE log(a)"],
      ["CREATE TRIGGER g AFTER INSERT ON t BEGIN INSERT INTO log SELECT n FROM v; END"],
      ["INSERT INTO t VALUES (5, 5)", "DROP INDEX i", "INSERT INTO t VALUES (5, 6)"],
      ["ALTER TABLE t RENAME TO s", "INSERT INTO s VALUES (7, 7)", "DROP TRIGGER g"],
      ["INSERT INTO s VALUES (8, 8)", "DROP VIEW v", "DROP TABLE s"],
    );
    world.fails(["INSERT INTO s VALUES (1, 1)"]);
  });

  test("a table from a SELECT has the rows the leader chose", () => {
    const chance = new FeatureWorld(sqlite, { hasOracle: false });
    chance.same(
      ["CREATE TABLE t(a)", "INSERT INTO t VALUES (1), (2), (3)"],
      [
        "CREATE TABLE r AS SELECT a, random() AS r FROM t ORDER BY random()",
        "DELETE FROM r WHERE a = 2",
      ],
    );
    chance.dispose();
    world.same(
      ["CREATE TABLE t(a INT, b TEXT)", "INSERT INTO t VALUES (1, 'x'), (2, NULL)"],
      ["CREATE TABLE c AS SELECT b, a * 2 AS twice FROM t", "UPDATE c SET twice = 0"],
    );
  });
});
