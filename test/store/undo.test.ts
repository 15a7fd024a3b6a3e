import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { CaptureOutcome, StoreError } from "../../electron/store-worker/messages.ts";
import type { SqliteModule } from "../../electron/store-worker/sqlite-module.ts";
import type { SqlStatement } from "../../shared/changes/values.ts";
import {
  randomBetween,
  randomChance,
  randomPick,
  seededRng,
  type Rng,
} from "../../shared/base/rng.ts";
import { loadTestSqlite } from "../support/sqlite.ts";
import { request, StoreGroup } from "./store-fixture.ts";

let sqlite: SqliteModule;
let group: StoreGroup;

beforeAll(async () => {
  sqlite = await loadTestSqlite();
});

beforeEach(() => {
  group = new StoreGroup(sqlite, 3);
});

afterEach(() => {
  group.verify();
  group.dispose();
});

/** Carries out a transaction. @returns its payload. */
function commit(...statements: (string | SqlStatement)[]): Uint8Array {
  const [outcome] = group.capture(request(statements));
  return applied(outcome);
}

function applied(outcome: CaptureOutcome | undefined): Uint8Array {
  if (outcome?.ok !== true || outcome.value.type !== "captured") {
    throw new Error(JSON.stringify(outcome));
  }
  group.apply(group.entries(outcome.value.payloads));
  const [payload] = outcome.value.payloads;
  if (payload === undefined) throw new Error("no payload");
  return payload;
}

/** Takes a transaction back. @returns the payload of the transaction that did. */
function undo(payload: Uint8Array): Uint8Array {
  const [outcome] = group.capture(request([], { work: { type: "undo", payload } }));
  return applied(outcome);
}

function refused(payload: Uint8Array): StoreError {
  const before = group.leader.handle("image", {}).position;
  const preview = group.leader.handle("preview", { work: { type: "undo", payload }, rowsMax: 10 });
  const [outcome] = group.capture(request([], { work: { type: "undo", payload } }));
  if (outcome === undefined || outcome.ok) throw new Error("it was undone");
  expect(preview).toEqual({ ok: false, error: outcome.error });
  expect(group.leader.handle("image", {}).position).toEqual(before);
  return outcome.error;
}

/** Keys and unique values go round among the rows; some go for good, and some come. */
function changePlaces(rng: Rng, ids: readonly number[]): string[] {
  const apart = (column: string): string => `UPDATE t SET ${column} = ${column} + 100`;
  const places = (column: string): string[] => {
    const left = [...ids];
    return ids.map((id) => {
      const [place] = left.splice(randomBetween(rng, 0, left.length - 1), 1);
      return `UPDATE t SET ${column} = ${place} WHERE ${column} = ${id + 100}`;
    });
  };
  const id = randomPick(rng, ids);
  return [
    ...(randomChance(rng, 0.5) ? [`INSERT INTO t VALUES (50, 50, ${id})`] : []),
    ...(randomChance(rng, 0.7) ? [apart("a"), ...places("a")] : []),
    apart("id"),
    ...places("id"),
    ...(randomChance(rng, 0.3) ? [`UPDATE t SET of = ${randomPick(rng, ids)}`] : []),
    ...(randomChance(rng, 0.3)
      ? [`DELETE FROM t WHERE id = ${id} AND id NOT IN (SELECT of FROM t)`]
      : []),
    ...(randomChance(rng, 0.5) ? ["UPDATE OR IGNORE t SET id = 1 WHERE id = 50"] : []),
  ];
}

describe("taking a transaction back", () => {
  it("brings back what was inserted, changed, moved and deleted, and can be taken back itself", () => {
    commit("CREATE TABLE t (id INTEGER PRIMARY KEY, a, b)");
    commit("INSERT INTO t VALUES (1, 'one', 9007199254740993), (2, x'00ff', -0.0), (3, NULL, 3)");
    const sql = "SELECT id, quote(a), quote(b) FROM t ORDER BY id";
    const before = group.query(sql);
    const payload = commit(
      "UPDATE t SET a = 'uno' WHERE id = 1",
      "UPDATE t SET id = 20 WHERE id = 2",
      "DELETE FROM t WHERE id = 3",
      "INSERT INTO t VALUES (3, 'new', 0)",
      "UPDATE t SET b = b + 1 WHERE id = 3",
    );
    const after = group.query(sql);
    const undone = undo(payload);
    expect(group.query(sql)).toEqual(before);
    undo(undone);
    expect(group.query(sql)).toEqual(after);
  });

  it("works on tables without rowid, with composite keys, strict ones and generated columns", () => {
    commit("CREATE TABLE w (k TEXT, j ANY, v, PRIMARY KEY (k, j)) WITHOUT ROWID");
    commit("CREATE TABLE s (x INTEGER, y TEXT, z INTEGER AS (x * 2) STORED) STRICT");
    commit("INSERT INTO w VALUES ('a', 1, 1), ('a', 1.5, 2)", "INSERT INTO s VALUES (1, 'x')");
    const dump = (): unknown => [
      group.query("SELECT k, quote(j), v FROM w ORDER BY k, j"),
      group.query("SELECT rowid, x, y, z FROM s ORDER BY rowid"),
    ];
    const before = dump();
    const payload = commit(
      "UPDATE w SET j = j + 1, v = v * 10",
      "REPLACE INTO w VALUES ('a', 2, 'replaced')",
      "UPDATE s SET x = x + 100",
      "INSERT INTO s SELECT x, y FROM s",
      "DELETE FROM s WHERE rowid = 1",
    );
    undo(payload);
    expect(dump()).toEqual(before);
  });

  it("does not let triggers add anything again, and leaves them as they are", () => {
    commit("CREATE TABLE t (id INTEGER PRIMARY KEY, a)");
    commit("CREATE TABLE audit (what)");
    const trigger =
      "CREATE TRIGGER noted AFTER UPDATE ON t BEGIN INSERT INTO audit VALUES (new.a); END";
    commit(trigger, "INSERT INTO t VALUES (1, 'a')");
    undo(commit("UPDATE t SET a = 'b'"));
    expect(group.query("SELECT a FROM t")).toEqual([["a"]]);
    expect(group.query("SELECT count(*) FROM audit")).toEqual([[0]]);
    expect(group.query("SELECT sql FROM sqlite_schema WHERE type = 'trigger'")).toEqual([
      [trigger],
    ]);
    commit("UPDATE t SET a = 'c'");
    expect(group.query("SELECT what FROM audit")).toEqual([["c"]]);
  });

  it("brings back parents and what followed them, in whatever order they went", () => {
    commit("CREATE TABLE p (id INTEGER PRIMARY KEY)");
    commit(
      "CREATE TABLE c (id INTEGER PRIMARY KEY, p REFERENCES p ON DELETE CASCADE ON UPDATE CASCADE)",
    );
    commit("CREATE TABLE n (p REFERENCES p ON DELETE SET NULL ON UPDATE CASCADE)");
    commit(
      "INSERT INTO p VALUES (1), (2)",
      "INSERT INTO c VALUES (1, 1), (2, 2)",
      "INSERT INTO n VALUES (1), (2)",
    );
    const dump = (): unknown => [
      group.query("SELECT id FROM p ORDER BY id"),
      group.query("SELECT id, p FROM c ORDER BY id"),
      group.query("SELECT p FROM n ORDER BY rowid"),
    ];
    const before = dump();
    const payload = commit("DELETE FROM p WHERE id = 1", "UPDATE p SET id = 7 WHERE id = 2");
    expect(dump()).not.toEqual(before);
    undo(payload);
    expect(dump()).toEqual(before);
  });

  it("swaps unique values back, under a child that forbids that its parent goes", () => {
    commit("CREATE TABLE p (id INTEGER PRIMARY KEY, a UNIQUE)");
    commit("CREATE TABLE c (p REFERENCES p ON DELETE RESTRICT ON UPDATE RESTRICT)");
    commit("INSERT INTO p VALUES (1, 'x'), (2, 'y')");
    const payload = commit(
      "UPDATE p SET a = 'z' WHERE id = 1",
      "UPDATE p SET a = 'x' WHERE id = 2",
      "UPDATE p SET a = 'y' WHERE id = 1",
    );
    commit("INSERT INTO c VALUES (1)");
    undo(payload);
    expect(group.query("SELECT id, a FROM p ORDER BY id")).toEqual([
      [1, "x"],
      [2, "y"],
    ]);
    expect(group.query("SELECT p FROM c")).toEqual([[1]]);
  });

  it("does not take a row for another one that had its name first", () => {
    commit(
      "CREATE TABLE u (k TEXT PRIMARY KEY) WITHOUT ROWID",
      "INSERT INTO u VALUES ('x'), ('y')",
    );
    const payload = commit(
      "UPDATE u SET k = 'z' WHERE k = 'y'",
      "DELETE FROM u WHERE k = 'x'",
      "UPDATE u SET k = 'x' WHERE k = 'z'",
    );
    undo(payload);
    expect(group.query("SELECT k FROM u ORDER BY k")).toEqual([["x"], ["y"]]);
  });

  it("does not take a row for one that has its name and cannot go yet", () => {
    commit(
      "CREATE TABLE t (id INTEGER PRIMARY KEY, of INTEGER NOT NULL " +
        "REFERENCES t ON DELETE SET NULL DEFERRABLE INITIALLY DEFERRED)",
      "INSERT INTO t VALUES (1, 1)",
    );
    // The second row comes as 3 and takes the name that the first one left.
    const payload = commit(
      "INSERT INTO t VALUES (3, 1)",
      "UPDATE t SET id = 2 WHERE id = 1",
      "UPDATE t SET id = 1 WHERE id = 3",
    );
    undo(payload);
    expect(group.query("SELECT id, of FROM t")).toEqual([[1, 1]]);
  });

  it.each([
    ["INTEGER", ""],
    ["TEXT", ""],
    // An action of a key may stand in the way: then nothing is done.
    ["INTEGER", "REFERENCES t ON DELETE SET NULL ON UPDATE CASCADE DEFERRABLE INITIALLY DEFERRED"],
    ["TEXT", "NOT NULL REFERENCES t ON DELETE SET NULL DEFERRABLE INITIALLY DEFERRED"],
  ])("brings back rows whose %s keys and unique values changed places %s", (type, reference) => {
    const rng = seededRng(type.length);
    commit(`CREATE TABLE t (id ${type} PRIMARY KEY, a UNIQUE, of ${type} ${reference})`);
    const dump = (): unknown => group.query("SELECT id, a, of FROM t ORDER BY id");
    let undone = 0;
    for (let round = 0; round < 25; round++) {
      const ids = Array.from({ length: randomBetween(rng, 2, 6) }, (_, i) => i + 1);
      commit(
        "UPDATE t SET of = id",
        "DELETE FROM t",
        ...ids.map((id) => `INSERT INTO t VALUES (${id}, ${id}, ${id})`),
      );
      const before = dump();
      const [changed] = group.capture(request(changePlaces(rng, ids)));
      // The changes themselves may break a reference.
      if (changed?.ok !== true) continue;
      const payload = applied(changed);
      const after = dump();
      const [outcome] = group.capture(request([], { work: { type: "undo", payload } }));
      if (outcome?.ok === true) {
        applied(outcome);
        undone++;
      }
      expect(dump(), `round ${round}`).toEqual(outcome?.ok === true ? before : after);
    }
    expect(undone).toBeGreaterThan(reference === "" ? 24 : 3);
  });

  it("takes as done what is so already, and leaves later changes of other rows alone", () => {
    commit("CREATE TABLE t (id INTEGER PRIMARY KEY, a)");
    const payload = commit("INSERT INTO t VALUES (1, 'a'), (2, 'b')");
    commit("DELETE FROM t WHERE id = 1", "INSERT INTO t VALUES (3, 'c')");
    undo(payload);
    expect(group.query("SELECT id FROM t")).toEqual([[3]]);
  });
});

describe("what stands in the way is told, and nothing is done", () => {
  it("lists each row that was changed, deleted or taken since, with both states", () => {
    commit("CREATE TABLE t (id INTEGER PRIMARY KEY, a)");
    commit("INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, 'c'), (4, 'd')");
    const payload = commit(
      "UPDATE t SET a = a || '!' WHERE id IN (1, 2, 4)",
      "DELETE FROM t WHERE id = 3",
    );
    commit(
      "UPDATE t SET a = 'mine' WHERE id = 1",
      "DELETE FROM t WHERE id = 2",
      "INSERT INTO t VALUES (3, 'another')",
    );
    const error = refused(payload);
    expect(error.code).toBe("undo-conflict");
    const columns = ["id", "a"];
    expect(error.conflicts).toMatchObject([
      { table: "t", reason: "row-exists", columns, left: null, now: [3, "another"] },
      { table: "t", reason: "row-gone", columns, left: [2, "b!"], now: null },
      { table: "t", reason: "row-changed", columns, left: [1, "a!"], now: [1, "mine"] },
    ]);
    expect(error.message).toContain("And 2 more.");
  });

  it("does not delete rows that came later and follow a parent", () => {
    commit("CREATE TABLE p (id INTEGER PRIMARY KEY)");
    commit("CREATE TABLE c (p REFERENCES p ON DELETE CASCADE)", "CREATE TABLE r (p REFERENCES p)");
    const cascading = commit("INSERT INTO p VALUES (1)");
    commit("INSERT INTO c VALUES (1)");
    expect(refused(cascading).conflicts).toMatchObject([{ reason: "cascade" }]);
    const referred = commit("INSERT INTO p VALUES (2)");
    commit("INSERT INTO r VALUES (2)");
    expect(refused(referred).conflicts).toMatchObject([{ reason: "reference", table: "r" }]);
    expect(group.query("SELECT count(*) FROM c")).toEqual([[1]]);
  });

  it("keeps the rules of today's tables", () => {
    commit("CREATE TABLE t (id INTEGER PRIMARY KEY, a UNIQUE)");
    commit("INSERT INTO t VALUES (1, 'a')");
    const payload = commit("UPDATE t SET a = 'b'");
    commit("INSERT INTO t VALUES (2, 'a')");
    expect(refused(payload).conflicts).toMatchObject([{ reason: "constraint", left: [1, "b"] }]);
  });

  it("knows tables that have other columns or are gone", () => {
    commit("CREATE TABLE t (a)", "CREATE TABLE u (a)", "INSERT INTO u VALUES (1)");
    const payload = commit("INSERT INTO t VALUES (1)", "DELETE FROM u");
    commit("ALTER TABLE t ADD COLUMN b", "DROP TABLE u");
    expect(refused(payload).conflicts).toMatchObject([
      { table: "u", reason: "table-changed", detail: "Table u is not there any more." },
      { table: "t", reason: "table-changed", detail: "Table t has other columns since." },
    ]);
  });

  it("has nothing against a table that is gone when its rows were to go anyway", () => {
    commit("CREATE TABLE t (a)", "CREATE TABLE u (a)");
    const payload = commit("INSERT INTO t VALUES (1)", "INSERT INTO u VALUES (1), (2)");
    commit("DROP TABLE u");
    undo(payload);
    expect(group.query("SELECT count(*) FROM t")).toEqual([[0]]);
    undo(payload);
  });

  it("says that a change of tables cannot be taken back, and that there is nothing", () => {
    const made = commit("CREATE TABLE t (a)");
    expect(refused(made)).toMatchObject({ code: "sql-refused" });
    expect(refused(made).message).toContain("CREATE TABLE t");
    expect(refused(commit("DELETE FROM t")).message).toContain("changed no rows");
    expect(refused(new Uint8Array(20)).message).toContain("cannot be undone");
  });

  it("lets the other transactions of its batch through, with keys as strict as before", () => {
    commit("CREATE TABLE p (id INTEGER PRIMARY KEY)", "CREATE TABLE c (p REFERENCES p)");
    const payload = commit("INSERT INTO p VALUES (1)");
    commit("INSERT INTO c VALUES (1)");
    const outcomes = group.capture(
      request(["INSERT INTO p VALUES (2)"]),
      request([], { work: { type: "undo", payload } }),
      request(["INSERT INTO c VALUES (99)"]),
      request(["INSERT INTO c VALUES (2)"]),
    );
    expect(outcomes.map((outcome) => outcome.ok)).toEqual([true, false, false, true]);
    const payloads = outcomes.flatMap((outcome) =>
      outcome.ok && outcome.value.type === "captured" ? outcome.value.payloads : [],
    );
    group.apply(group.entries(payloads));
    expect(group.query("SELECT p FROM c ORDER BY p")).toEqual([[1], [2]]);
  });
});
