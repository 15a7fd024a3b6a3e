import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { SqliteModule } from "../../electron/store-worker/sqlite-module.ts";
import { loadTestSqlite } from "../support/sqlite.ts";
import { request, StoreGroup } from "./store-fixture.ts";

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

describe("a captured transaction", () => {
  test("shows on the leader only once it is applied", () => {
    group.execute("CREATE TABLE t(a)");
    const [outcome] = group.capture(request(["INSERT INTO t VALUES (1)"]));
    expect(outcome).toMatchObject({ ok: true, value: { type: "captured" } });
    expect(group.query("SELECT * FROM t")).toEqual([]);
  });

  test("brings every value to the other members bit for bit", () => {
    group.execute("CREATE TABLE t(a, b INTEGER, c REAL, d TEXT, e BLOB)");
    const values = [
      null,
      0,
      -1,
      127,
      128,
      -32769,
      2147483648,
      2251799813685248,
      9007199254740991,
      { $int: "9007199254740993" },
      { $int: "-9223372036854775808" },
      { $real: "-0" },
      { $real: "inf" },
      { $real: "-inf" },
      { $real: "1" },
      0.1,
      1e300,
      "a\u0000b",
      "\u{1F9EA}\ufeffé",
      "x".repeat(200),
      "",
      { $blob: "" },
      { $blob: "AAEC/w==" },
    ];
    for (const value of values) {
      group.execute({ sql: "INSERT INTO t VALUES (?1, ?1, ?1, ?1, ?1)", params: [value] });
    }
    const sql = "SELECT a, typeof(a), typeof(b), typeof(c), typeof(d), typeof(e) FROM t";
    const found = group.query(`${sql} ORDER BY rowid`);
    expect(found.map((row) => row[0])).toEqual(values);
    group.execute({
      sql: "UPDATE t SET b = b WHERE a IS ?",
      params: [{ $int: "9007199254740993" }],
    });
    group.execute("DELETE FROM t WHERE typeof(a) = 'integer'");
    expect(group.query("SELECT count(*) FROM t")).toEqual([[13]]);
  });
});
