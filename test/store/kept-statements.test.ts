/** Statements are kept for the next time, and never freed while somebody runs one. */
import { beforeAll, expect, test } from "vitest";
import { Connection } from "../../electron/store-worker/connection.ts";
import type { SqliteModule } from "../../electron/store-worker/sqlite-module.ts";
import { loadTestSqlite } from "../support/sqlite.ts";

let sqlite: SqliteModule;

beforeAll(async () => {
  sqlite = await loadTestSqlite();
});

test("one that runs while many others are asked for runs to its end", () => {
  const connection = new Connection(sqlite, null);
  const counting = connection.cached("SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3");
  const seen: unknown[] = [];
  for (let round = 0; counting.step(); round++) {
    seen.push(counting.cells()[0]);
    for (let i = 0; i < 500; i++) connection.cached(`SELECT ${round * 500 + i}`).first();
  }
  counting.reset();
  expect(seen).toEqual([1, 2, 3]);
  connection.sweep();
  expect(connection.cached("SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3").all().length).toBe(3);
  connection.close();
});

test("one that is asked for again and again stays, whatever else is asked for in between", () => {
  const connection = new Connection(sqlite, null);
  const often = connection.cached("SELECT 'often'");
  for (let i = 0; i < 1_000; i++) {
    connection.cached(`SELECT ${i}`).first();
    expect(connection.cached("SELECT 'often'")).toBe(often);
    connection.sweep();
  }
  connection.close();
});
