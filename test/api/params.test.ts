import { expect, test } from "vitest";
import { parseParams } from "../../electron/agent/api/params.ts";

test("tables and columns may have names of 10 KB, none at all, and 2,000 of them", () => {
  const columns = Array.from({ length: 2_000 }, (_, i) => `c${i}`);
  for (const table of ["n".repeat(10_240), "é".repeat(5_120), ""]) {
    const insert = { table, columns: [table], rows: [[1]] };
    expect(parseParams("insertRows", insert)).toEqual({ ok: true, value: insert });
    expect(parseParams("rowHistory", { table, key: { [table]: 1 } }).ok).toBe(true);
  }
  expect(parseParams("insertRows", { table: "t", columns, rows: [] }).ok).toBe(true);
  const tooMany = { table: "t", columns: [...columns, "one"], rows: [] };
  expect(parseParams("insertRows", tooMany).ok).toBe(false);
  expect(parseParams("insertRows", { table: "n".repeat(20_000), columns, rows: [] }).ok).toBe(
    false,
  );
});
