/**
 * A payload's bytes outlive the program that wrote them: golden bytes hold version 1 fast, and
 * the reader must survive anything a disk or a network makes of them. Knows nothing of SQLite.
 */
import { existsSync, readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { concatBytes, hexDecode, hexEncode } from "../../shared/base/bytes.ts";
import { readPart, splitPayload } from "../../shared/changes/parts.ts";
import {
  PayloadBuilder,
  PayloadReader,
  type ChangeRecord,
  type TableShape,
} from "../../shared/changes/payload.ts";
import { readRow, rowEnd } from "../../shared/changes/row-image.ts";

const PEOPLE: TableShape = {
  name: "people",
  hasLeadingRowid: true,
  columns: ["name", "age"],
  keyPlaces: [],
};
const VISITS: TableShape = {
  name: "visits",
  hasLeadingRowid: false,
  columns: ["id", "at", "note"],
  keyPlaces: [0],
};

function goldenPayload(): Uint8Array {
  const builder = new PayloadBuilder();
  const row = (...values: readonly (null | bigint | number | string | Uint8Array)[]): void => {
    for (const value of values) builder.images.value(value);
  };
  builder.beginRow(PEOPLE, "insert");
  row(1n, "Ada", 36n);
  builder.beginRow(PEOPLE, "insert");
  row(-9223372036854775808n, "\u{1F9EA}\u0000", -0);
  builder.beginRow(VISITS, "update");
  row(300n, 0.5, null);
  row(70000n, Infinity, new Uint8Array([0, 255]));
  builder.schema("ALTER TABLE visits ADD COLUMN x");
  builder.beginRow(PEOPLE, "delete");
  row(1700000000000n, "x".repeat(70), 9007199254740993n);
  builder.counters([{ table: "people", value: 12n }]);
  const client = { id: "client-1", sequence: 300 };
  return builder.finish({
    client,
    author: "Grace",
    atMs: 1.7e12,
    results: new Uint8Array([91, 93]),
  });
}

function readAll(reader: PayloadReader): ChangeRecord[] {
  const records: ChangeRecord[] = [];
  for (let record = reader.next(); record !== null; record = reader.next()) records.push(record);
  return records;
}

describe("the payload of a transaction", () => {
  test("keeps its bytes of version 1 for ever", () => {
    const path = new URL("../golden/changes/payload-v1.hex", import.meta.url);
    expect(existsSync(path)).toBe(true);
    const golden = readFileSync(path, "utf8").replaceAll(/\s/g, "");
    expect(hexEncode(goldenPayload())).toBe(golden);
    expect(PayloadReader.open(hexDecode(golden) ?? new Uint8Array()).ok).toBe(true);
  });

  test("gives back what was put in", () => {
    const opened = PayloadReader.open(goldenPayload());
    if (!opened.ok) throw new Error(opened.error.detail);
    const reader = opened.value;
    const records = readAll(reader);
    expect(reader.failed).toBe(false);
    expect(reader.header).toMatchObject({ author: "Grace", atMs: 1.7e12 });
    expect(records.map((record) => record.type)).toEqual([
      "rows",
      "rows",
      "schema",
      "rows",
      "counters",
    ]);
    const [people, visits] = records;
    if (people?.type !== "rows" || visits?.type !== "rows") throw new Error("two runs");
    expect(people).toMatchObject({ operation: "insert", rowCount: 2, table: PEOPLE });
    const second = rowEnd(reader.bytes, people.start, 3);
    expect(readRow(reader.bytes, second, 3)).toEqual([-(2n ** 63n), "\u{1F9EA}\u0000", -0]);
    expect(readRow(reader.bytes, visits.start, 6)).toEqual([
      300n,
      0.5,
      null,
      70000n,
      Infinity,
      new Uint8Array([0, 255]),
    ]);
  });

  test("forgets what was written since a mark, and goes on from there", () => {
    const header = { client: null, author: "", atMs: 0, results: new Uint8Array(0) };
    const write = (builder: PayloadBuilder, value: string): void => {
      builder.beginRow(PEOPLE, "insert");
      for (const each of [1n, value, 0.5]) builder.images.value(each);
    };
    const [once, again] = [new PayloadBuilder(), new PayloadBuilder()];
    for (const builder of [once, again]) {
      write(builder, "kept");
      const mark = builder.mark();
      if (builder === again) {
        for (let i = 0; i < 1000; i++) write(builder, "forgotten");
        builder.schema("DROP TABLE people");
        builder.rewind(mark);
      }
      write(builder, "new");
    }
    expect(again.rowCount).toBe(2);
    expect(again.finish(header)).toEqual(once.finish(header));
    const empty = new PayloadBuilder();
    const start = empty.mark();
    write(empty, "forgotten");
    empty.rewind(start);
    expect([empty.isEmpty, empty.hasTable(PEOPLE)]).toEqual([true, false]);
  });

  test("of another version is refused by name", () => {
    const payload = goldenPayload().slice();
    payload[4] = 9;
    expect(PayloadReader.open(payload)).toMatchObject({ error: { code: "payload-version" } });
  });

  test("cut or damaged anywhere never throws, and a cut one is noticed", () => {
    const payload = goldenPayload();
    for (let length = 0; length < payload.length; length++) {
      const opened = PayloadReader.open(payload.slice(0, length));
      if (opened.ok) readAll(opened.value);
    }
    fc.assert(
      fc.property(fc.nat(payload.length - 1), fc.nat(255), (at, byte) => {
        const damaged = payload.slice();
        damaged[at] = byte;
        const opened = PayloadReader.open(damaged);
        if (!opened.ok) return;
        for (const record of readAll(opened.value)) {
          if (record.type !== "rows") continue;
          expect(record.end).toBeLessThanOrEqual(damaged.length);
          rowEnd(damaged, record.start, record.table.columns.length);
        }
      }),
      { seed: 7, numRuns: 3000 },
    );
  });

  test("made of random bytes never throws", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (noise) => {
        const payload = concatBytes([goldenPayload().subarray(0, 6), noise]);
        const opened = PayloadReader.open(payload);
        if (opened.ok) readAll(opened.value);
        readPart(payload);
        readPart(noise);
      }),
      { seed: 8, numRuns: 2000 },
    );
  });
});

describe("parts", () => {
  test("of a transaction join to the same bytes, each within the entry's size", () => {
    const payload = goldenPayload();
    const parts = splitPayload(payload, 64);
    expect(parts.every((part) => part.length <= 64)).toBe(true);
    const read = parts.map((part) => readPart(part));
    expect(read.map((part) => part?.place)).toEqual(parts.map((_, i) => i));
    expect(concatBytes(read.map((part) => part?.bytes ?? new Uint8Array()))).toEqual(payload);
    expect(PayloadReader.open(parts[0] ?? payload).ok).toBe(false);
  });

  test("are not made for what fits into one entry", () => {
    const payload = goldenPayload();
    expect(splitPayload(payload)).toEqual([payload]);
    expect(readPart(payload)).toBeNull();
  });
});
