/** What a change of a row sets going: actions of keys, and triggers of users. They happen on the leader only, and their rows are shipped. */
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { SqliteModule } from "../../../electron/store-worker/sqlite-module.ts";
import { loadTestSqlite } from "../../support/sqlite.ts";
import { request, StoreGroup } from "../store-fixture.ts";
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

describe("a foreign key", () => {
  test.each(["CASCADE", "SET NULL", "SET DEFAULT", "RESTRICT", "NO ACTION"])(
    "does on delete and on update what %s says",
    (action) => {
      const follows = /CASCADE|SET/.test(action) ? "same" : "fails";
      world.same(
        [
          "CREATE TABLE p(id INTEGER PRIMARY KEY, a)",
          "INSERT INTO p VALUES (0, 0), (1, 1), (2, 2)",
        ],
        [
          `CREATE TABLE c(p DEFAULT 0 REFERENCES p ON DELETE ${action} ON UPDATE ${action}, b)`,
          "INSERT INTO c VALUES (1, 'x'), (2, 'y'), (1, 'z')",
        ],
      );
      world[follows](["DELETE FROM p WHERE id = 1"]);
      world[follows](["UPDATE p SET id = 20 WHERE id = 2"]);
      world.same(["DELETE FROM c", "DELETE FROM p"]);
    },
  );

  test("that is deferred may be broken in between, and not at the end", () => {
    world.same(
      ["CREATE TABLE p(id INTEGER PRIMARY KEY)"],
      ["CREATE TABLE c(p REFERENCES p DEFERRABLE INITIALLY DEFERRED)"],
      ["INSERT INTO c VALUES (1)", "INSERT INTO p VALUES (1)"],
      ["DELETE FROM p", "INSERT INTO p VALUES (1)"],
    );
    world.fails(["INSERT INTO c VALUES (2)"], ["DELETE FROM p"], ["UPDATE p SET id = 3"]);
    world.same(["INSERT INTO c VALUES (1)"]);
  });

  test("that is deferred is judged as COMMIT does, where a row refers to itself by another type", () => {
    world.same(
      ["CREATE TABLE t(id TEXT PRIMARY KEY, of REFERENCES t DEFERRABLE INITIALLY DEFERRED)"],
      ["INSERT INTO t VALUES (1, '1')"],
    );
    // foreign_key_check finds nothing wrong with it; the store used to end at its COMMIT.
    world.fails(["INSERT INTO t VALUES (2, 2)"]);
  });

  test("that is deferred does not mind references that were broken before", () => {
    const group = new StoreGroup(sqlite, 2);
    group.execute(
      "CREATE TABLE p(id INTEGER PRIMARY KEY)",
      "CREATE TABLE c(p REFERENCES p DEFERRABLE INITIALLY DEFERRED)",
      "INSERT INTO p VALUES (1)",
      "INSERT INTO c VALUES (1)",
    );
    // Nobody's keys follow a table that is dropped by its name in another schema change.
    group.execute("ALTER TABLE p RENAME TO q", "CREATE TABLE p(id INTEGER PRIMARY KEY)");
    group.execute("CREATE TABLE x(a)", "INSERT INTO x VALUES (1)", "DELETE FROM x");
    group.verify();
    group.dispose();
  });

  test("that follows through several tables and back is recorded whole", () => {
    world.same(
      ["CREATE TABLE a(id INTEGER PRIMARY KEY, b INT)"],
      [
        "CREATE TABLE b(id INTEGER PRIMARY KEY REFERENCES a(id) ON UPDATE CASCADE ON DELETE CASCADE)",
        "CREATE TABLE c(id INTEGER REFERENCES b(id) ON UPDATE CASCADE ON DELETE SET NULL)",
      ],
      ["INSERT INTO a VALUES (1, 1), (2, 1)", "INSERT INTO b VALUES (1), (2)"],
      [
        "INSERT INTO c VALUES (1), (1), (2)",
        "UPDATE a SET id = id + 10",
        "DELETE FROM a WHERE id = 11",
      ],
    );
  });

  test("follows the rows of a table that is dropped", () => {
    world.same(
      ["CREATE TABLE p(id INTEGER PRIMARY KEY)", "INSERT INTO p VALUES (1), (2)"],
      ["CREATE TABLE c(p REFERENCES p ON DELETE CASCADE)", "INSERT INTO c VALUES (1), (NULL)"],
      ["CREATE TABLE n(p REFERENCES p ON DELETE SET NULL)", "INSERT INTO n VALUES (2)"],
      ["DROP TABLE p"],
    );
  });
});

describe("an action of a key that comes back to its own row", () => {
  test("leaves the row as plain SQLite leaves it", () => {
    world.same(
      [
        "CREATE TABLE t(id INTEGER PRIMARY KEY, boss REFERENCES t ON UPDATE CASCADE ON DELETE CASCADE)",
      ],
      ["INSERT INTO t VALUES (1, 1), (2, 1), (3, 3)", "UPDATE t SET id = id + 10 WHERE id <> 2"],
      [
        "UPDATE t SET boss = id",
        "UPDATE t SET id = id + 1 WHERE id = 13",
        "DELETE FROM t WHERE id = 11",
      ],
    );
  });

  test("by a key of its own beside the rowid, and without rowid", () => {
    world.same(
      [
        "CREATE TABLE u(a, code TEXT UNIQUE, of REFERENCES u(code) ON UPDATE CASCADE ON DELETE SET NULL)",
      ],
      ["INSERT INTO u VALUES (1, 'x', 'x'), (2, 'y', 'x')", "UPDATE u SET code = 'z' WHERE a = 1"],
      ["UPDATE u SET code = 'w', a = 9 WHERE a = 1", "DELETE FROM u WHERE a = 9"],
      [
        "CREATE TABLE w(k TEXT PRIMARY KEY, of REFERENCES w ON UPDATE CASCADE) WITHOUT ROWID",
        "INSERT INTO w VALUES ('a', 'a'), ('b', 'a')",
      ],
      ["UPDATE w SET k = k || '!'", "UPDATE w SET k = 'a' WHERE k = 'a!'"],
    );
  });

  test("and whose trigger then deletes the row, or brings back one that was deleted", () => {
    world.same(
      ["CREATE TABLE t(id INTEGER PRIMARY KEY, of REFERENCES t ON UPDATE CASCADE)"],
      [
        "CREATE TRIGGER gone AFTER UPDATE OF of ON t BEGIN DELETE FROM t WHERE id = new.id; END",
        "INSERT INTO t VALUES (1, 1), (5, 5)",
      ],
      ["UPDATE t SET id = 2 WHERE id = 1"],
      [
        "CREATE TABLE p(id INTEGER PRIMARY KEY, a)",
        "CREATE TABLE c(p REFERENCES p ON DELETE CASCADE)",
      ],
      [
        "CREATE TRIGGER back AFTER DELETE ON c BEGIN INSERT INTO p VALUES (old.p, 'again'); END",
        "INSERT INTO p VALUES (1, 'first')",
        "INSERT INTO c VALUES (1)",
      ],
      ["DELETE FROM p"],
    );
  });
});

describe("a trigger", () => {
  test("AFTER and BEFORE a change, recursive ones too, fires on the leader only", () => {
    world.same(
      ["CREATE TABLE t(id INTEGER PRIMARY KEY, n)", "CREATE TABLE log(what, id)"],
      ["CREATE TRIGGER a AFTER INSERT ON t BEGIN INSERT INTO log VALUES ('in', new.id); END"],
      ["CREATE TRIGGER b BEFORE DELETE ON t BEGIN INSERT INTO log VALUES ('out', old.n); END"],
      [
        "CREATE TRIGGER c AFTER UPDATE OF n ON t WHEN new.n < 5 BEGIN " +
          "UPDATE t SET n = n + 1 WHERE id = new.id; END",
      ],
      ["INSERT INTO t VALUES (1, 0), (2, 9)", "UPDATE t SET n = 1 WHERE id = 1", "DELETE FROM t"],
    );
  });

  test("INSTEAD OF on a view changes the tables below it", () => {
    world.same(
      ["CREATE TABLE t(a, b)", "CREATE VIEW v AS SELECT a, b FROM t"],
      ["CREATE TRIGGER i INSTEAD OF INSERT ON v BEGIN INSERT INTO t VALUES (new.b, new.a); END"],
      ["CREATE TRIGGER d INSTEAD OF DELETE ON v BEGIN DELETE FROM t WHERE a = old.a; END"],
      ["INSERT INTO v VALUES (1, 2), (3, 4)", "DELETE FROM v WHERE b = 1"],
    );
    world.fails(["UPDATE v SET a = 1"]);
  });

  test.each([
    ["BEFORE UPDATE", "UPDATE t SET b = b || '!' WHERE id = old.id"],
    ["BEFORE UPDATE", "UPDATE t SET a = 77, u = NULL WHERE id = old.id"],
    ["BEFORE UPDATE", "DELETE FROM t WHERE id = old.id"],
    ["BEFORE UPDATE", "UPDATE t SET id = id + 1000 WHERE id = old.id"],
    ["BEFORE UPDATE", "REPLACE INTO t VALUES (old.id, 'r', 'r', 'r')"],
    ["BEFORE UPDATE", "INSERT OR REPLACE INTO t VALUES (new.id + 50, 'i', 'i', new.id)"],
    ["BEFORE DELETE", "UPDATE t SET b = 'late' WHERE id = old.id"],
    ["BEFORE DELETE", "REPLACE INTO t VALUES (old.id, 'r', 'r', old.id)"],
    ["BEFORE DELETE", "DELETE FROM t WHERE id = old.id"],
    ["BEFORE INSERT", "INSERT OR IGNORE INTO t VALUES (coalesce(new.id, 0) + 100, 'i', 'i', 3.5)"],
    ["AFTER DELETE", "INSERT OR IGNORE INTO t VALUES (old.id, 'back', 'back', 'u')"],
  ])("%s that changes its own row: %s", (moment, action) => {
    for (const key of [
      "id INTEGER PRIMARY KEY",
      "id INT PRIMARY KEY",
      "id INT, PRIMARY KEY (id)",
    ]) {
      const options = key.includes(",") ? "WITHOUT ROWID" : "";
      const [column, rest = ""] = key.split(/(?=,)/);
      const own = new FeatureWorld(sqlite);
      own.same(
        [`CREATE TABLE t(${column}, a, b, u UNIQUE${rest}) ${options}`],
        ["INSERT INTO t VALUES (1, 'a', 'x', 1), (2, 'b', 'y', 2), (3, 'c', 'z', NULL)"],
        [`CREATE TRIGGER own ${moment} ON t BEGIN ${action}; END`],
      );
      const done = own.alike(
        ["UPDATE OR IGNORE t SET a = 'new', u = 4 - u"],
        ["UPDATE t SET a = 'one' WHERE id = 1"],
        ["UPDATE OR REPLACE t SET id = id + 1"],
        ["INSERT OR REPLACE INTO t VALUES (3, 'd', 'w', 1)"],
        ["DELETE FROM t WHERE id = 2", "INSERT OR IGNORE INTO t VALUES (9, 9, 9, 9)"],
        ["DELETE FROM t"],
      );
      expect(done).toBeGreaterThan(1);
      own.dispose();
    }
  });

  test("that swaps the unique values of two rows is replayed without a conflict", () => {
    world.same(
      ["CREATE TABLE t(id INTEGER PRIMARY KEY, u UNIQUE, n)"],
      ["INSERT INTO t VALUES (1, 'a', 0), (2, 'b', 0)"],
      [
        "CREATE TRIGGER swap BEFORE UPDATE OF n ON t BEGIN UPDATE t SET u = NULL WHERE id = 1; " +
          "UPDATE t SET u = 'a' WHERE id = 2; UPDATE t SET u = 'b' WHERE id = 1; END",
      ],
      ["UPDATE t SET n = 1"],
    );
  });
});

test("a step that is written anew is told by what it came to, and can be undone", () => {
  const group = new StoreGroup(sqlite, 3);
  group.execute(
    "CREATE TABLE t(id INTEGER PRIMARY KEY, a, at)",
    "INSERT INTO t VALUES (1, 'x', 0)",
  );
  group.execute("CREATE TRIGGER b BEFORE UPDATE OF a ON t BEGIN UPDATE t SET at = 5; END");
  const [outcome] = group.capture(
    request(["UPDATE t SET a = 'y'", "INSERT INTO t VALUES (2, 1, 1)"]),
  );
  if (outcome?.ok !== true || outcome.value.type !== "captured") throw new Error("no capture");
  const { payloads } = outcome.value;
  group.apply(group.entries(payloads));
  expect(group.leader.handle("describe", { payloads })[0]?.summary).toBe(
    "insert 1 into t, update 1 in t",
  );
  const payload = payloads[0] as Uint8Array;
  group.commit(request([], { work: { type: "undo", payload } }));
  expect(group.query("SELECT * FROM t")).toEqual([[1, "x", 0]]);
  group.verify();
  group.dispose();
});
