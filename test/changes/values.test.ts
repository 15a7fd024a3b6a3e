/**
 * Values, row images and checksums in every form they take between JSON and SQLite: what goes
 * in comes out bit for bit, over generated values. Knows nothing of SQLite.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { base64Decode, base64Encode } from "../../shared/changes/base64.ts";
import {
  CHECKSUM_ZERO,
  formatChecksum,
  parseChecksum,
  RowSum,
} from "../../shared/changes/checksum.ts";
import { cellFromValue, valueFromCell } from "../../shared/changes/json-cell.ts";
import { ImageWriter, readRow, rowEnd, valueEnd } from "../../shared/changes/row-image.ts";
import type { Value } from "../../shared/changes/values.ts";

const values: fc.Arbitrary<Value> = fc.oneof(
  fc.constant(null),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.integer().map(BigInt),
  fc.maxSafeInteger().map(BigInt),
  fc.double({ noNaN: true }),
  fc.string({ unit: "binary" }),
  fc.string({ minLength: 60, maxLength: 70 }),
  fc.uint8Array({ maxLength: 100 }),
);

describe("a value", () => {
  test("survives JSON in both directions", () => {
    fc.assert(
      fc.property(values, (value) => {
        const cell = JSON.parse(JSON.stringify(cellFromValue(value))) as unknown;
        expect(valueFromCell(cell)).toEqual({ ok: true, value });
      }),
      { seed: 1, numRuns: 3000 },
    );
  });

  test("survives its row image, which has one form only", () => {
    fc.assert(
      fc.property(fc.array(values, { maxLength: 6 }), (row) => {
        const writer = new ImageWriter(4);
        for (const value of row) writer.value(value);
        const image = writer.finish();
        expect(rowEnd(image, 0, row.length)).toBe(image.length);
        expect(readRow(image, 0, row.length)).toEqual(row);
        const again = new ImageWriter();
        for (const value of readRow(image, 0, row.length)) {
          if (typeof value === "bigint" && Number.isSafeInteger(Number(value))) {
            again.integer(Number(value));
          } else again.value(value);
        }
        expect(again.finish()).toEqual(image);
      }),
      { seed: 2, numRuns: 3000 },
    );
  });

  test.each([
    [NaN],
    [undefined],
    [true],
    [[1]],
    ["\udc00x"],
    [{ $int: "1.5" }],
    [{ $int: "9223372036854775808" }],
    [{ $blob: "A" }],
    [{ $blob: "A*==" }],
    [{ $real: "nan" }],
    [{ $real: "0x10" }],
    [{ $int: "1", $real: "1" }],
    [{ other: "1" }],
    [{}],
  ])("is not %j", (cell) => {
    expect(valueFromCell(cell)).toMatchObject({ ok: false, error: { code: "bad-request" } });
  });

  test("in damaged bytes never reaches beyond them", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 40 }), (bytes) => {
        expect(valueEnd(bytes, 0)).toBeLessThanOrEqual(bytes.length);
        rowEnd(bytes, 0, 5);
      }),
      { seed: 3, numRuns: 3000 },
    );
  });

  test("as base64 is what everybody else's base64 is", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 4000 }), (bytes) => {
        expect(base64Encode(bytes)).toBe(Buffer.from(bytes).toString("base64"));
        expect(base64Decode(base64Encode(bytes))).toEqual(bytes);
      }),
      { seed: 4, numRuns: 300 },
    );
  });
});

describe("a rolling checksum", () => {
  const rowBytes = fc.uint8Array({ minLength: 1, maxLength: 30 });

  test("depends on the rows and not on their order or history", () => {
    fc.assert(
      fc.property(fc.array(rowBytes, { maxLength: 10 }), rowBytes, (rows, extra) => {
        const forward = new RowSum("t", CHECKSUM_ZERO);
        const backward = new RowSum("t", CHECKSUM_ZERO);
        backward.add(extra, 0, extra.length);
        for (const row of rows) forward.add(row, 0, row.length);
        for (const row of rows.toReversed()) backward.add(row, 0, row.length);
        expect(backward.value).not.toEqual(forward.value);
        backward.subtract(extra, 0, extra.length);
        expect(backward.value).toEqual(forward.value);
        expect(parseChecksum(formatChecksum(forward.value))).toEqual(forward.value);
      }),
      { seed: 5, numRuns: 1000 },
    );
  });

  test("tells tables, neighbours and lengths apart, in both lanes", () => {
    const high = new Set<number>();
    const low = new Set<number>();
    let count = 0;
    for (const table of ["a", "b"]) {
      for (let i = 0; i < 5000; i++) {
        const sum = new RowSum(table, CHECKSUM_ZERO);
        const row = new Uint8Array(2 + (i % 7)).fill(i >> 8);
        row[0] = i;
        sum.add(row, 0, row.length);
        high.add(sum.value.high);
        low.add(sum.value.low);
        count++;
      }
    }
    // 10,000 hashes of 32 bits: about 0.01 collisions are to be expected.
    expect(high.size).toBeGreaterThan(count - 4);
    expect(low.size).toBeGreaterThan(count - 4);
  });
});
