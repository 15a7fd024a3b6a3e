/** A transaction that comes with the rows its asker saw is carried out only while they are so. */
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { SqliteModule } from "../../electron/store-worker/sqlite-module.ts";
import type { StoreError } from "../../electron/store-worker/messages.ts";
import type { ExpectedRow } from "../../shared/changes/expected-row.ts";
import type { JsonCell } from "../../shared/changes/values.ts";
import { loadTestSqlite } from "../support/sqlite.ts";
import { StoreGroup, request } from "./store-fixture.ts";

let sqlite: SqliteModule;
let group: StoreGroup;

beforeAll(async () => {
  sqlite = await loadTestSqlite();
});

beforeEach(() => {
  group = new StoreGroup(sqlite, 2);
  group.execute("CREATE TABLE people (id INTEGER PRIMARY KEY, name, age, twice AS (age * 2))");
  group.execute("CREATE TABLE notes (text)");
  group.execute("CREATE TABLE pairs (a, b, c, PRIMARY KEY (a, b)) WITHOUT ROWID");
  group.execute("INSERT INTO people (id, name, age) VALUES (1, 'Ada', 36), (2, 'Grace', 85.0)");
  group.execute("INSERT INTO notes VALUES ('first'), ('second')");
  group.execute("INSERT INTO pairs VALUES (1, x'01', NULL), (9007199254740993, 'k', -0.0)");
});

afterEach(() => group.dispose());

function tryWith(...expected: ExpectedRow[]): StoreError | null {
  const statements = [{ sql: "UPDATE people SET name = 'new' WHERE id = 1" }];
  const asked = request([], { work: { type: "statements", statements, expected } });
  const [outcome] = group.capture(asked);
  return outcome?.ok === true ? null : (outcome?.error ?? null);
}

function people(id: number, row: ExpectedRow["row"]): ExpectedRow {
  return { table: "people", key: { id }, row };
}

describe("a transaction with expected rows", () => {
  it("is carried out when all of them are so, of all or of some columns", () => {
    expect(tryWith(people(1, { id: 1, name: "Ada", age: 36, twice: 72 }))).toBeNull();
    expect(tryWith(people(1, { name: "Ada" }), people(2, {}), people(3, null))).toBeNull();
    expect(tryWith({ table: "NOTES", key: { rowid: 2 }, row: { text: "second" } })).toBeNull();
    const key = { a: { $int: "9007199254740993" }, b: "k" };
    expect(tryWith({ table: "pairs", key, row: { c: { $real: "-0" } } })).toBeNull();
    const blob = { a: 1, b: { $blob: "AQ==" } };
    expect(tryWith({ table: "pairs", key: blob, row: { c: null } })).toBeNull();
  });

  it("is refused whole when one is another, with what is there now", () => {
    const error = tryWith(people(2, { name: "Grace" }), people(1, { name: "Eve", age: 36 }));
    expect(error).toMatchObject({
      code: "row-conflict",
      conflicts: [{ table: "people", reason: "row-changed", columns: ["name", "age"] }],
    });
    expect(error?.conflicts?.[0]).toMatchObject({ left: ["Eve", 36], now: ["Ada", 36] });
    expect(group.query("SELECT name FROM people WHERE id = 1")).toEqual([["Ada"]]);
  });

  it("is refused when a row is gone, or is there unexpectedly", () => {
    const gone = tryWith(people(3, { name: "Ada" }));
    expect(gone?.conflicts?.[0]).toMatchObject({ reason: "row-gone", left: ["Ada"], now: null });
    const there = tryWith(people(2, null));
    expect(there?.conflicts?.[0]).toMatchObject({ reason: "row-exists", left: null, now: [2] });
  });

  it("tells 85 from 85.0 and text from a number, as they are stored", () => {
    expect(tryWith(people(2, { age: { $real: "85" } }))).toBeNull();
    expect(tryWith(people(2, { age: 85 }))?.code).toBe("row-conflict");
    expect(tryWith(people(1, { age: "36" }))?.code).toBe("row-conflict");
  });

  it("sees what was captured just before it: of two who saw the same, the later is told", () => {
    const take = (name: JsonCell) =>
      request([], {
        work: {
          type: "statements",
          statements: [{ sql: "UPDATE people SET name = ? WHERE id = 1", params: [name] }],
          expected: [people(1, { name: "Ada" })],
        },
      });
    const [first, second] = group.capture(take("by one"), take("by another"));
    expect(first?.ok).toBe(true);
    expect(second).toMatchObject({ ok: false, error: { code: "row-conflict" } });
  });

  it("lists at most 100 of many and says how many there are", () => {
    const all = Array.from({ length: 250 }, (_, i) => people(100 + i, {}));
    const error = tryWith(...all);
    expect(error?.conflicts).toHaveLength(100);
    expect(error?.message).toContain("250 rows");
  });

  it("is refused as wrong when a name names nothing, or several rows", () => {
    expect(tryWith({ table: "nobody", key: { id: 1 }, row: null })?.code).toBe("not-found");
    expect(tryWith({ table: "_tidemark_meta", key: { id: 1 }, row: null })?.code).toBe("not-found");
    expect(tryWith({ table: "people", key: {}, row: {} })?.code).toBe("bad-request");
    expect(tryWith({ table: "pairs", key: { c: null }, row: {} })).toBeNull();
    const many = { table: "people", key: { twice: 72 }, row: {} };
    expect(tryWith(many)).toBeNull();
    group.execute("INSERT INTO people (id, name, age) VALUES (4, 'Eve', 36)");
    expect(tryWith(many)?.code).toBe("bad-request");
    expect(tryWith(people(1, { nobody: "nobody" }))?.code).toBe("sql-error");
    expect(tryWith({ table: "people", key: { nobody: "nobody" }, row: null })?.code).toBe(
      "sql-error",
    );
  });
});
