/**
 * The grid's pure parts: typed values, clipboard, cursor, keys. Nothing here has a browser.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cellText, kindOf } from "../../renderer/parts/cell-text.ts";
import { clearedValue, parseTyped } from "../../renderer/grid/cell-value.ts";
import { commandOf, type Key } from "../../renderer/grid/keymap.ts";
import { blockOf, movePlace } from "../../renderer/grid/selection.ts";
import { formatTsv, parseTsv } from "../../renderer/grid/tsv.ts";

const column = (type: string, isNullable = true) => ({
  name: "c",
  type,
  isNullable,
  keyPlace: 0,
  isGenerated: false,
  defaultSql: null,
});

describe("typed values", () => {
  it("become what the column's affinity says", () => {
    expect(parseTyped("42", column("INTEGER"))).toBe(42);
    expect(parseTyped("42", column("VARCHAR(9)"))).toBe("42");
    expect(parseTyped(" 1.5 ", column("REAL"))).toBe(1.5);
    expect(parseTyped("1e3", column("NUMERIC"))).toBe(1_000);
    expect(parseTyped("soon", column("INTEGER"))).toBe("soon");
  });

  it("keep whole numbers beyond 2^53 exact, and those beyond 64 bits as text", () => {
    expect(parseTyped("9007199254740993", column("BIGINT"))).toEqual({ $int: "9007199254740993" });
    expect(parseTyped("-9223372036854775808", column("INT"))).toEqual({
      $int: "-9223372036854775808",
    });
    expect(parseTyped("9223372036854775808", column("INT"))).toBe("9223372036854775808");
  });

  it("come back unchanged when a cell is opened and closed, in a column of their type", () => {
    const values = [
      [
        "INTEGER",
        0,
        -129,
        2147483648,
        { $int: "9007199254740993" },
        { $int: "-9223372036854775808" },
      ],
      ["REAL", 0.1, 1e300, -2.5],
      ["TEXT", "", "a\u0000b", "\u{1F9EA} é", "12", '"q"'],
    ] as const;
    for (const [type, ...cells] of values) {
      for (const cell of cells) expect(parseTyped(cellText(cell), column(type))).toEqual(cell);
    }
  });

  it("tell empty text from NULL", () => {
    expect(parseTyped("", column("TEXT"))).toBe("");
    expect(parseTyped("", column("INTEGER"))).toBeNull();
    expect(kindOf("")).toBe("empty");
    expect(kindOf(null)).toBe("null");
  });

  it("clear to NULL where the column allows it, else to its empty value", () => {
    expect(clearedValue(column("TEXT"))).toBeNull();
    expect(clearedValue(column("TEXT", false))).toBe("");
    expect(clearedValue(column("INTEGER", false))).toBe(0);
  });

  it("show bytes by their count and reals as written", () => {
    expect(cellText({ $blob: "AAEC" })).toBe("3 bytes");
    expect(cellText({ $real: "2.0" })).toBe("2.0");
  });
});

describe("blocks on the clipboard", () => {
  it("come back as they were, whatever the cells hold", () => {
    const cell = fc.string({ unit: fc.constantFrom("a", '"', "\t", "\n", "\r", "é", " ") });
    const block = fc.integer({ min: 1, max: 4 }).chain((width) =>
      fc.array(fc.array(cell, { minLength: width, maxLength: width }), {
        minLength: 1,
        maxLength: 4,
      }),
    );
    fc.assert(
      fc.property(block, (rows) => {
        // A last row of one empty cell is a line break to every spreadsheet.
        const last = rows[rows.length - 1] ?? [];
        fc.pre(rows.length === 1 || last.length > 1 || last[0] !== "");
        expect(parseTsv(formatTsv(rows))).toEqual(rows);
      }),
    );
  });

  it("read what Excel writes: a last line break is not a row, a quote inside a word is a quote", () => {
    expect(parseTsv('a\t"b\nc"\r\n5" pipe\t\r\n')).toEqual([
      ["a", "b\nc"],
      ['5" pipe', ""],
    ]);
  });
});

describe("the cursor", () => {
  const extent = { rowCount: 3, columnCount: 2, pageRowCount: 10 };

  it("stays inside the table", () => {
    expect(movePlace({ row: 0, column: 0 }, "up", extent)).toEqual({ row: 0, column: 0 });
    expect(movePlace({ row: 1, column: 1 }, "page-down", extent)).toEqual({ row: 2, column: 1 });
  });

  it("goes on to the next row with Tab at the end of one", () => {
    expect(movePlace({ row: 0, column: 1 }, "next", extent)).toEqual({ row: 1, column: 0 });
    expect(movePlace({ row: 1, column: 0 }, "previous", extent)).toEqual({ row: 0, column: 1 });
  });

  it("spans a block from any corner", () => {
    const block = blockOf({ anchor: { row: 5, column: 1 }, active: { row: 2, column: 3 } });
    expect(block).toEqual({ top: 2, bottom: 5, left: 1, right: 3 });
  });
});

describe("keys", () => {
  const key = (name: string, held: Partial<Key> = {}): Key => ({
    key: name,
    code: "",
    isControl: false,
    isShift: false,
    isAlt: false,
    ...held,
  });

  it("write over a cell, but leave the shortcuts of the browser and of the window alone", () => {
    expect(commandOf(key("é"))).toEqual({ type: "type", text: "é" });
    expect(commandOf(key("r", { isControl: true }))).toBeNull();
    expect(commandOf(key("?", { isShift: true }))).toBeNull();
    expect(commandOf(key("F5"))).toBeNull();
  });

  it("extend the selection while Shift is held", () => {
    const command = commandOf(key("End", { isControl: true, isShift: true }));
    expect(command).toEqual({ type: "move", move: "table-end", isExtending: true });
  });

  it("clear cells with Delete, and never delete rows without a question", () => {
    expect(commandOf(key("Delete"))).toEqual({ type: "clear" });
    expect(commandOf(key("-", { isControl: true }))).toEqual({ type: "delete-rows" });
  });
});
