/** Every way to change rows, and every kind of table that they are in: members hold and answer what plain SQL.js does. */
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { SqliteModule } from "../../../electron/store-worker/sqlite-module.ts";
import { loadTestSqlite } from "../../support/sqlite.ts";
import { StoreGroup } from "../store-fixture.ts";
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

const PEOPLE = [
  "CREATE TABLE people(id INTEGER PRIMARY KEY, name TEXT UNIQUE, age INTEGER, boss)",
  "INSERT INTO people VALUES (1, 'ada', 36, NULL), (2, 'bob', 20, 1), (3, 'cyd', 50, 1)",
];

describe("a statement", () => {
  test("INSERT, UPDATE, DELETE and REPLACE change the same rows", () => {
    world.same(
      PEOPLE,
      [
        "INSERT INTO people(name) VALUES ('dan'), ('eve')",
        "UPDATE people SET age = 1 WHERE id > 3",
      ],
      ["DELETE FROM people WHERE age = 1", "REPLACE INTO people VALUES (9, 'ada', 1, 2)"],
      ["UPDATE OR REPLACE people SET name = 'bob' WHERE id = 3"],
    );
    world.fails(["INSERT INTO people VALUES (7, 'x', 1, 1)", "INSERT INTO people(id) VALUES (7)"]);
  });

  test("with ON CONFLICT inserts, updates or does nothing", () => {
    world.same(
      PEOPLE,
      ["INSERT INTO people VALUES (1, 'x', 1, 1) ON CONFLICT(id) DO UPDATE SET age = excluded.age"],
      [
        "INSERT INTO people VALUES (8, 'bob', 1, 1) ON CONFLICT(name) DO UPDATE SET id = excluded.id",
      ],
      ["INSERT INTO people VALUES (8, 'z', 1, 1), (9, 'y', 2, 2) ON CONFLICT DO NOTHING"],
      [
        "INSERT INTO people SELECT id, name || '!', 0, 0 FROM people WHERE true " +
          "ON CONFLICT(id) DO UPDATE SET name = excluded.name WHERE age > 30",
      ],
    );
  });

  test("with RETURNING answers what it changed", () => {
    world.same(
      PEOPLE,
      ["INSERT INTO people(name) VALUES ('dan') RETURNING *, rowid, typeof(age)"],
      ["UPDATE people SET age = age + 1 WHERE age > 30 RETURNING id, age * 2 AS twice"],
      ["DELETE FROM people WHERE boss = 1 RETURNING name"],
    );
  });

  test("takes rows from SELECT, CTEs and recursive CTEs", () => {
    world.same(
      PEOPLE,
      ["INSERT INTO people(name, age) SELECT name || age, id FROM people WHERE age > 20"],
      ["WITH old AS (SELECT id FROM people WHERE age > 40) DELETE FROM people WHERE id IN old"],
      [
        "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 50) " +
          "INSERT INTO people(name, age) SELECT 'n' || i, i FROM n",
      ],
    );
  });

  test("with row values, correlated subqueries and UPDATE FROM changes the same rows", () => {
    world.same(
      PEOPLE,
      ["UPDATE people SET (age, boss) = (SELECT max(age), min(id) FROM people)"],
      ["UPDATE people SET age = (SELECT count(*) FROM people AS p WHERE p.id < people.id)"],
      ["UPDATE people SET boss = b.name FROM people AS b WHERE b.id = people.id - 1"],
      ["DELETE FROM people WHERE (id, age) IN (VALUES (2, 1), (3, 1))"],
    );
  });

  test("DELETE without WHERE takes every row, and the truncation is recorded", () => {
    world.same(PEOPLE, ["DELETE FROM people"], ["INSERT INTO people(name) VALUES ('again')"]);
  });

  test("changes() and last_insert_rowid() are what plain SQLite says", () => {
    world.same(
      PEOPLE,
      ["UPDATE people SET age = 1", "INSERT INTO people(age, boss) SELECT changes(), 1"],
      ["INSERT INTO people(name) VALUES ('f')", "UPDATE people SET boss = last_insert_rowid()"],
      ["DELETE FROM people WHERE id < 3", "SELECT changes(), last_insert_rowid()"],
    );
  });

  test("with random(), randomblob() and the clock gives all members the leader's values", () => {
    const chance = new FeatureWorld(sqlite, { hasOracle: false });
    chance.same(
      ["CREATE TABLE t(a DEFAULT (random()), b DEFAULT CURRENT_TIMESTAMP, c)"],
      ["INSERT INTO t(c) VALUES (randomblob(9)), (datetime('now')), (julianday('now'))"],
      ["UPDATE t SET c = strftime('%f', 'now'), a = random() WHERE random() % 2"],
      ["DELETE FROM t WHERE random() % 3 = 0"],
    );
    chance.dispose();
  });

  test("that is given the last rowid there is goes on with rowids by chance, the same on all members", () => {
    const chance = new FeatureWorld(sqlite, { hasOracle: false });
    chance.same(
      ["CREATE TABLE t(a)", "INSERT INTO t(rowid, a) VALUES (9223372036854775807, 1)"],
      ["INSERT INTO t VALUES (2), (3)"],
    );
    chance.dispose();
  });
});

describe("rows of a table", () => {
  test("without rowid, with a composite key, are changed by key, also when the key changes", () => {
    world.same(
      ["CREATE TABLE w(k TEXT, j INT, v, PRIMARY KEY (k, j DESC)) WITHOUT ROWID"],
      ["INSERT INTO w VALUES ('a', 1, 1), ('a', 2, 2), ('b', 1, 3)"],
      ["UPDATE w SET j = j + 10 WHERE k = 'a'", "REPLACE INTO w VALUES ('b', 1, x'00')"],
      ["UPDATE w SET k = k || j, v = k", "DELETE FROM w WHERE j > 11"],
    );
  });

  test("that is STRICT keep their types, and refuse others", () => {
    world.same(
      ["CREATE TABLE s(a INTEGER, b REAL, c TEXT, d BLOB, e ANY) STRICT"],
      ["INSERT INTO s VALUES (1, 2, 3, x'04', '05'), ('6', '7', 8, NULL, 9.0)"],
    );
    world.fails(["INSERT INTO s(a) VALUES ('x')"]);
  });

  test("with text keys, changed keys and an INTEGER PRIMARY KEY keep their rowids", () => {
    world.same(
      ["CREATE TABLE k(name TEXT PRIMARY KEY, n)", "INSERT INTO k VALUES ('a', 1), ('b', 2)"],
      ["UPDATE k SET name = name || name", "UPDATE k SET rowid = rowid + 5"],
      PEOPLE,
      ["UPDATE people SET id = id + 100", "UPDATE OR REPLACE people SET id = 102 WHERE id = 101"],
      ["CREATE TABLE d(id INTEGER PRIMARY KEY DESC, a)", "INSERT INTO d(a) VALUES (1), (2)"],
      ["UPDATE d SET id = 7 WHERE a = 1", "INSERT INTO d(rowid, id) VALUES (50, 1)"],
    );
  });

  test("with AUTOINCREMENT never get a number again, and sqlite_sequence is the same", () => {
    world.same(
      ["CREATE TABLE c(id INTEGER PRIMARY KEY AUTOINCREMENT, a)"],
      ["INSERT INTO c(a) VALUES (1), (2), (3)", "DELETE FROM c"],
      ["INSERT INTO c(a) VALUES (4)", "INSERT INTO c VALUES (900, 5)"],
      ["DELETE FROM c", "UPDATE sqlite_sequence SET seq = 5000"],
      ["INSERT INTO c(a) VALUES (6)", "DELETE FROM sqlite_sequence"],
    );
  });

  test("with generated columns, stored and virtual, have them computed by each member", () => {
    world.same(
      ["CREATE TABLE g(a, b AS (a * 2) STORED, c TEXT AS (a || '!'), d UNIQUE AS (abs(a)))"],
      ["INSERT INTO g(a) VALUES (1), (-2), (3.5)", "UPDATE g SET a = a + 10"],
    );
    world.fails(["INSERT INTO g(a) VALUES (-11)"]);
  });

  test("with CHECK, UNIQUE, NOT NULL and their ON CONFLICT clauses break the same rules", () => {
    world.same(
      [
        "CREATE TABLE r(a CHECK (a < 10), b UNIQUE ON CONFLICT REPLACE, c NOT NULL ON CONFLICT IGNORE)",
      ],
      ["INSERT INTO r VALUES (1, 1, 1), (2, 1, 2), (3, 3, NULL)", "UPDATE r SET b = 3"],
    );
    world.fails(["UPDATE r SET a = 11"], ["INSERT INTO r VALUES (99, 9, 9)"]);
  });

  test("with partial and expression indexes and collations conflict alike", () => {
    world.same(
      ["CREATE TABLE i(a TEXT COLLATE NOCASE, b, c TEXT COLLATE RTRIM)"],
      ["CREATE UNIQUE INDEX part ON i(b) WHERE b > 10", "CREATE UNIQUE INDEX low ON i(lower(c))"],
      ["CREATE UNIQUE INDEX fold ON i(a)", "INSERT INTO i VALUES ('x', 1, 'p'), ('y', 1, 'q')"],
      ["INSERT OR REPLACE INTO i VALUES ('X', 11, 'Q')", "UPDATE OR IGNORE i SET b = 11"],
      ["CREATE TABLE n(k TEXT COLLATE NOCASE PRIMARY KEY, v) WITHOUT ROWID"],
      ["INSERT INTO n VALUES ('a', 1), ('b', 2)", "UPDATE n SET k = upper(k) WHERE v = 1"],
      ["REPLACE INTO n VALUES ('B', 3)"],
    );
    world.fails(["INSERT INTO i VALUES ('Z', 1, 'Q')"], ["INSERT INTO n VALUES ('A', 1)"]);
  });
});

test.each(["", "WITHOUT ROWID"])(
  "an update takes rows by their keys, and plain SQLite as an index gives them: a limit (seeds 5077, 30003) %s",
  (options) => {
    const group = new StoreGroup(sqlite, 3);
    group.execute(`CREATE TABLE w(k INTEGER PRIMARY KEY, u UNIQUE, s) ${options}`);
    group.execute("CREATE INDEX by_s ON w(s)", "INSERT INTO w VALUES (1, 'a', 9), (2, 'b', 1)");
    // Plain SQL.js goes along the index and gives 'new' to the second row.
    group.execute("UPDATE OR IGNORE w SET u = 'new' WHERE s > 0");
    expect(group.query("SELECT k, u FROM w ORDER BY k")).toEqual([
      [1, "new"],
      [2, "b"],
    ]);
    group.verify();
    group.dispose();
  },
);
