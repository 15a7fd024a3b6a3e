/** CSV as it is written: read back by us and by another program, and harmless in a spreadsheet. */
import { parse } from "csv-parse/sync";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { JsonCell } from "../../shared/changes/values.ts";
import { csvRecord } from "../../shared/interchange/csv-writer.ts";
import { CSV, rowsOf } from "./read-file.ts";

describe("CSV that is written", () => {
  const cell = fc.oneof(
    fc.constant(null),
    fc.string({ unit: fc.constantFrom(..."ab,;\"'\n\r\t\0= é😀") }),
  );
  const table = fc
    .integer({ min: 2, max: 4 })
    .chain((width) =>
      fc.array(fc.array(cell, { minLength: width, maxLength: width }), { minLength: 1 }),
    )
    .filter((rows) => rows.every((row) => row.some((value) => value !== null)));

  it("comes back as it was, NULLs and empty texts included", async () => {
    const told = { ...CSV, delimiter: ",", hasHeader: true };
    const options = { delimiter: ",", isFormulaGuarded: false };
    await fc.assert(
      fc.asyncProperty(table, fc.integer({ min: 1, max: 40 }), async (rows, chunkBytes) => {
        const header = (rows[0] ?? []).map((_, place) => `column ${place}`);
        const text = [header, ...rows].map((row) => csvRecord(row, options)).join("");
        expect(await rowsOf(text, told, chunkBytes)).toEqual(rows);
      }),
      { numRuns: 200 },
    );
  });

  it("is read by another program the same way", () => {
    const options = { delimiter: ",", isFormulaGuarded: false };
    fc.assert(
      fc.property(table, (rows) => {
        const text = rows.map((row) => csvRecord(row, options)).join("");
        const parsed = parse(text, { skip_empty_lines: false, record_delimiter: "\r\n" });
        expect(parsed).toEqual(rows.map((row) => row.map((value) => value ?? "")));
      }),
      { numRuns: 200 },
    );
  });

  it("does not become a formula in a spreadsheet, and leaves numbers alone", () => {
    const cells: JsonCell[] = ["=1+1", "+1", "-1", "@x", "\tx", "＝1", "a=1", -5, { $int: "-9" }];
    const guarded = csvRecord(cells, { delimiter: ";", isFormulaGuarded: true });
    expect(guarded).toBe("'=1+1;'+1;'-1;'@x;'\tx;'＝1;a=1;-5;-9\r\n");
    const raw = csvRecord(["=1+1"], { delimiter: ";", isFormulaGuarded: false });
    expect(raw).toBe("=1+1\r\n");
  });
});
