/**
 * What the store promises, method by method: refusals, retries, schema changes, bulk inserts,
 * large transactions, divergence, answers. Engines run in this thread; the worker has its own
 * test.
 */
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { JsonCell } from "../../shared/changes/values.ts";
import { createStoreEngine } from "../../electron/store-worker/engine.ts";
import type { CaptureRequest } from "../../electron/store-worker/messages.ts";
import type { SqliteModule } from "../../electron/store-worker/sqlite-module.ts";
import { loadTestSqlite } from "../support/sqlite.ts";
import { request, rows, StoreGroup } from "./store-fixture.ts";

let sqlite: SqliteModule;
let group: StoreGroup;

beforeAll(async () => {
  sqlite = await loadTestSqlite();
});
beforeEach(() => {
  group = new StoreGroup(sqlite, 2);
});
afterEach(() => {
  group.dispose();
});

function bulk(columns: readonly string[], cells: readonly (readonly JsonCell[])[]): CaptureRequest {
  return { ...request([]), work: { type: "insert-rows", table: "t", columns, rows: cells } };
}

function refusal(sql: string): string {
  const [outcome] = group.capture(request(["INSERT INTO t VALUES (1, 2)", sql]));
  return outcome === undefined || outcome.ok ? "taken" : outcome.error.code;
}

function queryCode(sql: string): string {
  const answer = group.leader.handle("query", { sql, params: [], rowsMax: 10 });
  return answer.ok ? "taken" : answer.error.code;
}

describe("what the store refuses", () => {
  test.each([
    "ATTACH 'x' AS y",
    "DETACH main",
    "VACUUM",
    "VACUUM INTO 'x'",
    "BEGIN",
    "COMMIT",
    "ROLLBACK",
    "SAVEPOINT a",
    "PRAGMA foreign_keys = OFF",
    "ANALYZE",
    "CREATE TEMP TABLE x(a)",
    "CREATE TABLE temp.x(a)",
    'CREATE TABLE "temp".x(a)',
    "CREATE VIRTUAL TABLE x USING fts3(a)",
    "DELETE FROM _tidemark_clients",
    "DELETE FROM '_tidemark_meta'",
    "SELECT _TIDEMARK_ROW(0)",
    "CREATE TABLE _tidemark_x(a)",
    "INSERT OR ROLLBACK INTO t VALUES (1, 2)",
    "INSERT INTO t VALUES (1, 2); DELETE FROM t",
    "/* a */ ; attach 'x' as y",
    "",
  ])("is %j, before anything happens", (sql) => {
    group.execute("CREATE TABLE t(a, b)");
    expect(refusal(sql)).toBe("sql-refused");
    group.apply(group.entries([null]));
    expect(group.query("SELECT count(*) FROM t")).toEqual([[0]]);
    group.verify();
  });

  test.each([
    "DELETE FROM t",
    "WITH x AS (SELECT 1) DELETE FROM t",
    "PRAGMA user_version = 3",
    "PRAGMA writable_schema(1)",
    "PRAGMA table_info = t",
    "SELECT 1; SELECT 2",
    "SELECT * FROM _tidemark_invites",
  ])("as a query is %j", (sql) => {
    group.execute("CREATE TABLE t(a, b)");
    expect(queryCode(sql)).toBe("sql-refused");
  });

  test.each([
    "SELECT 1 -- ; DELETE",
    "WITH x AS (SELECT 1) SELECT * FROM x;",
    "VALUES (1)",
    "EXPLAIN QUERY PLAN DELETE FROM t",
    "PRAGMA table_info(t)",
    "PRAGMA user_version",
    "SELECT 'temp . x', '; drop'",
  ])("as a query is not %j", (sql) => {
    group.execute("CREATE TABLE t(a, b)");
    expect(queryCode(sql)).toBe("taken");
  });

  test("names the statement that failed and undoes the ones before it", () => {
    group.execute("CREATE TABLE t(a UNIQUE, b)");
    const [first, second] = group.capture(
      request(["INSERT INTO t VALUES (1, 1)", "INSERT INTO t VALUES (1, 2)"]),
      request(["INSERT INTO t VALUES (1, 3)"]),
    );
    expect(first).toMatchObject({ ok: false, error: { code: "constraint", statement: 1 } });
    expect(second).toMatchObject({ ok: true });
  });

  test("counts parameters and takes them by name", () => {
    group.execute("CREATE TABLE t(a, b)");
    const wide = { $int: "9223372036854775807" };
    group.execute({ sql: "INSERT INTO t VALUES (:a, @b)", params: { a: wide, b: -5_000_000_000 } });
    expect(group.query("SELECT a, b, typeof(b) FROM t")).toEqual([[wide, -5e9, "integer"]]);
    const few = { sql: "INSERT INTO t VALUES (?, ?)", params: [1] };
    const [outcome] = group.capture(request([few]));
    expect(outcome).toMatchObject({ ok: false, error: { code: "bad-request" } });
    const half = { sql: "INSERT INTO t VALUES (?, 1)", params: ["\ud800"] };
    expect(group.capture(request([half]))[0]).toMatchObject({ error: { code: "bad-request" } });
  });
});

describe("a client that asks again", () => {
  const client = { id: "c1", sequence: 5 };

  test("gets the first answer and its position, also from a member that was loaded since", () => {
    group.execute("CREATE TABLE t(a)");
    const insert = request(["INSERT INTO t VALUES (random()) RETURNING a"], { client });
    const results = group.commit(insert);
    const other = createStoreEngine(sqlite);
    other.handle("load", { image: group.leader.handle("image", {}).image });
    for (const engine of [group.leader, other]) {
      const [again] = engine.handle("capture", { requests: [insert] });
      const position = { term: 1, index: 2 };
      expect(again).toEqual({ ok: true, value: { type: "duplicate", position, results } });
    }
    const older = { ...insert, client: { id: "c1", sequence: 4 } };
    expect(group.capture(older)[0]).toMatchObject({ error: { code: "sequence-too-old" } });
    other.dispose();
  });

  test("changes nothing when its first try was committed after all", () => {
    group.execute("CREATE TABLE t(a)");
    const insert = request(["INSERT INTO t VALUES (1)"], { client });
    const [first] = group.capture(insert);
    const [retry] = group.capture(insert);
    if (first?.ok !== true || first.value.type !== "captured") throw new Error("no capture");
    if (retry?.ok !== true || retry.value.type !== "captured") throw new Error("no capture");
    group.apply(group.entries([...first.value.payloads, ...retry.value.payloads]));
    expect(group.query("SELECT count(*) FROM t")).toEqual([[1]]);
    group.verify();
  });
});

describe("a request", () => {
  test("from before 1970 is refused: an entry has no such time", () => {
    const [outcome] = group.capture(request(["CREATE TABLE early(a)"], { atMs: -1 }));
    expect(outcome).toMatchObject({ ok: false, error: { code: "bad-request" } });
  });
});

describe("a schema change", () => {
  test("runs between row changes of the same transaction, in order", () => {
    group.execute(
      "CREATE TABLE t(a)",
      "INSERT INTO t VALUES (1)",
      "ALTER TABLE t ADD COLUMN b DEFAULT 9",
      "UPDATE t SET a = 2",
      "ALTER TABLE t RENAME TO u",
      "INSERT INTO u VALUES (3, 4)",
    );
    expect(group.query("SELECT * FROM u")).toEqual([
      [2, 9],
      [3, 4],
    ]);
    group.execute("ALTER TABLE u DROP COLUMN a", "CREATE INDEX i ON u(b)");
    group.execute("CREATE TABLE v AS SELECT b, random() AS r FROM u");
    expect(group.query("SELECT b, r FROM v").length).toBe(2);
    group.execute("DROP TABLE u");
    group.verify();
  });

  test("of a batch is forgotten when the batch is rolled back, also after a failed one (seed 20009)", () => {
    group.execute("CREATE TABLE t(a, b)");
    group.apply(group.entries([null]));
    const outcomes = group.capture(
      request(["CREATE INDEX i ON t(a)"]),
      request(["ALTER TABLE t RENAME COLUMN b TO a"]),
      request(["INSERT INTO t VALUES (1, 2)"]),
    );
    expect(outcomes.map(({ ok }) => ok)).toEqual([true, false, true]);
    const [made] = outcomes;
    if (made?.ok !== true || made.value.type !== "captured") throw new Error("no capture");
    // SQLite still knew the index: it looks at the file again only when a statement runs.
    group.apply(group.entries(made.value.payloads));
    group.verify();
  });

  test("of a failed transaction leaves no trace, and recording goes on", () => {
    group.execute("CREATE TABLE t(a)");
    const [failed, done] = group.capture(
      request([
        "ALTER TABLE t ADD COLUMN b",
        "CREATE TABLE x(a)",
        "INSERT INTO nowhere VALUES (1)",
      ]),
      request(["INSERT INTO t VALUES (7)"]),
    );
    expect(failed).toMatchObject({ ok: false, error: { statement: 2 } });
    if (done?.ok !== true || done.value.type !== "captured") throw new Error("no capture");
    group.apply(group.entries(done.value.payloads));
    expect(group.query("SELECT * FROM t")).toEqual([[7]]);
    group.verify();
  });
});

describe("a bulk insert", () => {
  test("keeps every cell, whatever the columns' types", () => {
    group.execute("CREATE TABLE t(a, b INTEGER, c TEXT)");
    const wide = { $int: "9007199254740993" };
    const cells: JsonCell[][] = Array.from({ length: 150 }, (_, i) => [
      i * 1e9,
      i * 1e12,
      `né${i}`,
    ]);
    cells.push([wide, wide, "\u{1F9EA}"], [{ $blob: "AA==" }, null, "x\u0000"], [-0.5, 1e300, ""]);
    group.commit(bulk(["A", "b", "c"], cells));
    expect(group.query("SELECT * FROM t ORDER BY rowid")).toEqual(cells);
    expect(group.query("SELECT DISTINCT typeof(a) FROM t WHERE rowid < 151")).toEqual([
      ["integer"],
    ]);
    group.verify();
  });

  test("names the first row that does not fit", () => {
    group.execute("CREATE TABLE t(a UNIQUE, b CHECK (b < 100))");
    const cells = Array.from({ length: 120 }, (_, i) => [i, i]);
    const [outcome] = group.capture(bulk(["a", "b"], cells));
    expect(outcome).toMatchObject({ ok: false, error: { code: "import-row", statement: 100 } });
    const [ragged] = group.capture(bulk(["a", "b"], [[1, 2], [3]]));
    expect(ragged).toMatchObject({ ok: false, error: { code: "import-row", statement: 1 } });
    const [unknown] = group.capture(bulk(["a", "z"], [[1, 2]]));
    expect(unknown).toMatchObject({ ok: false, error: { code: "bad-request" } });
  });
});

describe("a large transaction", () => {
  const large = [{ sql: "INSERT INTO t VALUES (?)", params: ["x".repeat(2_500_000)] }];

  test("is logged in parts and applied at its last one, also across an image", () => {
    group.execute("CREATE TABLE t(a)");
    const [outcome] = group.capture(request(large));
    if (outcome?.ok !== true || outcome.value.type !== "captured") throw new Error("no capture");
    expect(outcome.value.payloads.length).toBe(3);
    const entries = group.entries(outcome.value.payloads);
    group.apply(entries.slice(0, 2));
    expect(group.query("SELECT count(*) FROM t")).toEqual([[0]]);
    const other = createStoreEngine(sqlite);
    other.handle("load", { image: group.leader.handle("image", {}).image });
    expect(other.handle("apply", { entries: entries.slice(2) }).type).toBe("applied");
    group.apply(entries.slice(2));
    const sql = "SELECT length(a) FROM t";
    expect(rows(other, sql)).toEqual(group.query(sql));
    group.verify();
    other.dispose();
  });

  test("without its end is dropped by every member", () => {
    group.execute("CREATE TABLE t(a)");
    const [outcome] = group.capture(request(large));
    if (outcome?.ok !== true || outcome.value.type !== "captured") throw new Error("no capture");
    const [first, second, third] = outcome.value.payloads;
    group.apply(group.entries([first ?? null, null, second ?? null, third ?? null], 2));
    expect(group.query("SELECT count(*) FROM t")).toEqual([[0]]);
    group.execute("INSERT INTO t VALUES (1)");
    group.verify();
  });

  test("beyond 64 MiB is refused", () => {
    group.execute("CREATE TABLE t(a)");
    const huge = "INSERT INTO t SELECT zeroblob(30000000) FROM (VALUES (1), (2), (3))";
    expect(group.capture(request([huge]))[0]).toMatchObject({ error: { code: "too-large" } });
    expect(group.capture(request(["INSERT INTO t VALUES (1)"]))[0]).toMatchObject({ ok: true });
  });
});

describe("divergence", () => {
  test.each([
    ["a changed row", "UPDATE t SET b = 99 WHERE a = 1", "UPDATE t SET b = 3 WHERE a = 1", 1],
    ["a missing row", "DELETE FROM t WHERE a = 1", "DELETE FROM t WHERE a = 1", 1],
    ["an extra row", "INSERT INTO t VALUES (7, 7)", "INSERT INTO t VALUES (7, 8)", 1],
    ["another column", "ALTER TABLE t ADD COLUMN c", "INSERT INTO t VALUES (7, 8)", 0],
  ])("by %s is found before anything of the batch is applied", (_, damage, sql, place) => {
    group.execute("CREATE TABLE t(a INTEGER PRIMARY KEY, b)", "INSERT INTO t VALUES (1, 1)");
    const [leader, mirror] = group.engines;
    if (leader === undefined || mirror === undefined) throw new Error("two engines");
    const own = mirror.handle("capture", { requests: [request([damage])] })[0];
    if (own?.ok !== true || own.value.type !== "captured") throw new Error("no capture");
    const filler = group.capture(request(["INSERT INTO t VALUES (50, 50)"]), request([sql]));
    const payloads = filler.flatMap((outcome) =>
      outcome.ok && outcome.value.type === "captured" ? outcome.value.payloads : [],
    );
    const damaged = group.entries(own.value.payloads);
    mirror.handle("apply", { entries: damaged });
    leader.handle("apply", { entries: damaged.map((entry) => ({ ...entry, payload: null })) });
    const entries = group.entries(payloads);
    const outcome = mirror.handle("apply", { entries });
    expect(outcome).toMatchObject({ type: "diverged", index: entries[place]?.index });
    expect(rows(mirror, "SELECT count(*) FROM t WHERE a = 50")).toEqual([[0]]);
    expect(mirror.handle("tables", {}).applied.index).toBe(damaged[0]?.index);
  });

  test("includes bytes that are no transaction", () => {
    const entries = group.entries([new Uint8Array([1, 2, 3])]);
    expect(group.leader.handle("apply", { entries }).type).toBe("diverged");
  });
});

describe("what the store tells", () => {
  test("of tables, columns and counts follows each change", () => {
    group.execute("CREATE TABLE t(a INT NOT NULL DEFAULT 5, b AS (a + 1), PRIMARY KEY (a))");
    group.execute("CREATE VIEW v AS SELECT a FROM t", "INSERT INTO t VALUES (1), (2)");
    const before = group.leader.handle("tables", {}).tables;
    expect(before.map((table) => [table.name, table.kind, table.rowCount])).toEqual([
      ["t", "table", 2],
      ["v", "view", null],
    ]);
    group.execute("DELETE FROM t WHERE a = 1");
    expect(group.leader.handle("tables", {}).tables[0]?.rowCount).toBe(1);
    expect(group.leader.handle("columns", { table: "t" })).toMatchObject({
      value: [
        { name: "a", type: "INT", isNullable: false, keyPlace: 1, defaultSql: "5" },
        { name: "b", isGenerated: true },
      ],
    });
    expect(group.leader.handle("columns", { table: "none" })).toMatchObject({ ok: false });
  });

  test("of a query may not be larger than one JSON text can be", () => {
    const ask = { sql: "SELECT hex(zeroblob(70000000))", params: [], rowsMax: 1 };
    expect(group.leader.handle("query", ask)).toMatchObject({ error: { code: "too-large" } });
    expect(queryCode("SELECT 1")).toBe("taken");
  });

  test("of a query is cut at rowsMax, and says so", () => {
    const ask = { sql: "VALUES (1), (2), (3)", params: [] };
    const answer = group.leader.handle("query", { ...ask, rowsMax: 2 });
    expect(answer).toMatchObject({ value: { rows: [[1], [2]], isTruncated: true } });
    const exact = group.leader.handle("query", { ...ask, rowsMax: 3 });
    expect(exact).toMatchObject({ value: { isTruncated: false, columns: ["column1"] } });
  });

  test("as a plain image has the users' tables only, and nothing of ours in its free pages", () => {
    group.execute("CREATE TABLE t(a)", "INSERT INTO t VALUES ('mine')");
    const sql = "INSERT INTO _tidemark_invites VALUES ('id', x'00', 'voter', 1, 'secret-owner')";
    group.commit(request([sql], { isInternal: true }));
    group.verify();
    const { image } = group.leader.handle("plainImage", {});
    const text = Buffer.from(image).toString("latin1");
    expect(text).toContain("mine");
    expect(text).not.toContain("secret-owner");
    const other = createStoreEngine(sqlite);
    expect(other.handle("load", { image })).toMatchObject({ error: { code: "image-damaged" } });
    const damaged = other.handle("load", { image: new Uint8Array(5000).fill(7) });
    expect(damaged).toMatchObject({ error: { code: "image-damaged" } });
    other.dispose();
  });

  test("of an entry is a sentence", () => {
    const [outcome] = group.capture(
      request(["CREATE TABLE t(a)", "INSERT INTO t VALUES (1), (2)", "DELETE FROM t WHERE a = 1"]),
    );
    if (outcome?.ok !== true || outcome.value.type !== "captured") throw new Error("no capture");
    const { payloads } = outcome.value;
    expect(group.leader.handle("describe", { payloads })).toEqual([
      {
        at: "2023-11-14T22:13:20.000Z",
        author: "ada",
        importId: null,
        summary: "CREATE TABLE t(a), insert 2 into t, delete 1 from t",
        schemaChanges: ["CREATE TABLE t(a)"],
        tables: [{ table: "t", inserted: 2, updated: 0, deleted: 1 }],
        moreCount: 0,
      },
    ]);
  });
});
