/** Files as people have them: imported to the character, or refused with line and column. */
import { parse } from "csv-parse/sync";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { csvRecord } from "../../electron/agent/interchange/csv-writer.ts";
import { CSV_CELL_LENGTH_MAX } from "../../electron/agent/interchange/csv-reader.ts";
import { describeProblem } from "../../electron/agent/interchange/problem.ts";
import {
  readFileRows,
  surveyFile,
  type FileOptions,
} from "../../electron/agent/interchange/table-file.ts";
import type { JsonCell } from "../../shared/changes/values.ts";

const CSV: FileOptions = { format: "csv", encoding: "auto", delimiter: null };
const JSON_FILE: FileOptions = { ...CSV, format: "json" };

type Read = {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly JsonCell[])[];
  readonly lines: readonly number[];
};

/** Reads a whole file; a problem becomes its text. Chunks of every size must give the same. */
async function read(
  content: string | Uint8Array,
  options: FileOptions = CSV,
  chunkBytes = 1 << 16,
): Promise<Read | string> {
  const bytes = typeof content === "string" ? Buffer.from(content) : content;
  const survey = await surveyFile(chunks(bytes, chunkBytes), options);
  if (!survey.ok) return describeProblem(survey.error);
  const rows: (readonly JsonCell[])[] = [];
  const lines: number[] = [];
  for await (const part of readFileRows(chunks(bytes, chunkBytes), options, survey.value)) {
    if (!part.ok) return describeProblem(part.error);
    rows.push(...part.value.rows);
    lines.push(...part.value.lines);
  }
  expect(rows.length).toBe(survey.value.rowCount);
  return { columns: survey.value.columns.map(({ name, type }) => `${name} ${type}`), rows, lines };
}

async function* chunks(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  await Promise.resolve();
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function rowsOf(content: string | Uint8Array, options = CSV, chunkBytes?: number) {
  const result = await read(content, options, chunkBytes);
  return typeof result === "string" ? result : result.rows;
}

describe("CSV that is imported", () => {
  it.each([
    ["commas", "a,b\n1,2\n"],
    ["semicolons", "a;b\n1;2\n"],
    ["tabs", "a\tb\n1\t2\n"],
    ["bars", "a|b\n1|2\n"],
    ["CRLF", "a,b\r\n1,2\r\n"],
    ["CR", "a,b\r1,2\r"],
    ["no last line end", "a,b\n1,2"],
    ["a byte order mark", "\ufeffa,b\n1,2\n"],
    ["blank lines", "a,b\n\n1,2\n\n"],
    ["Excel's sep line", "sep=;\r\na;b\r\n1;2\r\n"],
    ["a delimiter inside of quotes only", '"a";"b"\n"1";"2"\n'],
  ])("%s", async (_name, content) => {
    for (const chunkBytes of [1, 3, 1 << 16]) {
      const result = await read(content, CSV, chunkBytes);
      expect(result).toMatchObject({ rows: [["1", "2"]] });
      expect((result as Read).columns.map((column) => column[0])).toEqual(["a", "b"]);
    }
  });

  it("keeps quotes, delimiters and line ends inside of cells, and knows the lines after them", async () => {
    const content = 'a,b\n"x ""y"", z","1\r\n2\n3"\nlast,4\n';
    for (const chunkBytes of [1, 2, 7, 1 << 16]) {
      expect(await read(content, CSV, chunkBytes)).toMatchObject({
        rows: [
          ['x "y", z', "1\r\n2\n3"],
          ["last", "4"],
        ],
        lines: [2, 5],
      });
    }
  });

  it("tells NULL from the empty text", async () => {
    expect(await rowsOf('a,b,c\n,"",x\n')).toEqual([[null, "", "x"]]);
    expect(await rowsOf("a\n1\n\n2\n")).toEqual([["1"], [null], ["2"]]);
  });

  it("keeps NULs, blanks, quotes within text and characters beyond the BMP", async () => {
    expect(await rowsOf('a,b\nx\0y, z \n5" disk,😀\n', CSV, 1)).toEqual([
      ["x\0y", " z "],
      ['5" disk', "😀"],
    ]);
  });

  it("takes a cell of ten megabytes", async () => {
    const large = "ä".repeat(5 * 1024 * 1024);
    const rows = await rowsOf(`a,b\n"${large}",2\n`);
    expect(rows).toEqual([[large, "2"]]);
  });

  it("decodes UTF-16 by its mark and Windows-1252 when told", async () => {
    const text = "näme,ort\nGödel,Brünn😀\n";
    const utf16 = Buffer.from(`\ufeff${text}`, "utf16le");
    const swapped = Buffer.from(utf16).swap16();
    for (const bytes of [utf16, swapped]) {
      for (const size of [1, 3, 1 << 16]) {
        expect(await rowsOf(bytes, CSV, size)).toEqual([["Gödel", "Brünn😀"]]);
      }
    }
    const latin = Buffer.from("näme;ort\nGödel;\x80\n", "latin1");
    expect(await rowsOf(latin, { ...CSV, encoding: "windows-1252" })).toEqual([["Gödel", "€"]]);
  });
});

describe("CSV that is refused, with its place", () => {
  it.each([
    [
      "a short row",
      "a,b,c\n1,2,3\n1,2\n",
      "line 3, column 4: 2 cells where the header names 3 columns.",
    ],
    ["a long row", "a,b\n1,2,3\n", "line 2, column 5: 3 cells where the header names 2 columns."],
    [
      "a quote that never closes",
      'a,b\n1,"2\n3,4\n',
      "line 2, column 3: this quote is never closed.",
    ],
    [
      "text after a quote",
      'a,b\n"1"x,2\n',
      "line 2, column 4: a closing quote is followed by text; write quotes in cells twice.",
    ],
    ["two columns of one name", "a,A\n1,2\n", "line 1, column 3: the column A is named twice."],
    ["a column without a name", "a,,c\n1,2,3\n", "line 1, column 3: a column has no name."],
    ["an empty file", "", "line 1, column 1: the file has no columns."],
  ])("%s", async (_name, content, problem) => {
    for (const chunkBytes of [1, 1 << 16])
      expect(await read(content, CSV, chunkBytes)).toBe(problem);
  });

  it("bytes that are not UTF-8, wherever the chunks end", async () => {
    const content = Buffer.concat([
      Buffer.from("a,b\r\nä,1\r\nxä"),
      Buffer.from([0xe4]),
      Buffer.from(",2\r\n"),
    ]);
    for (const chunkBytes of [1, 2, 5, 12, 1 << 16]) {
      expect(await read(content, CSV, chunkBytes)).toBe(
        "line 3, column 3: the byte 0xe4 is not utf-8. Is it Windows-1252? Then say so.",
      );
    }
    const cut = Buffer.from("a,b\n1,😀").subarray(0, -1);
    expect(await read(cut)).toContain("line 2, column 3: the byte 0xf0 is not utf-8.");
  });

  it("a cell above the bound", async () => {
    const content = `a\n${"x".repeat(CSV_CELL_LENGTH_MAX + 1)}\n`;
    expect(await read(content)).toContain("a cell is longer than");
  });

  it("a file that changed between survey and import", async () => {
    const before = await surveyFile(chunks(Buffer.from("a\n1\n2\n"), 99), CSV);
    if (!before.ok) throw new Error("the survey failed");
    for (const now of ["a\n1\n", "a\n1\n2\n3\n", "a\n1,2\n2\n"]) {
      const parts = [];
      for await (const part of readFileRows(chunks(Buffer.from(now), 99), CSV, before.value)) {
        parts.push(part);
      }
      expect(parts.at(-1)).toMatchObject({ ok: false, error: { code: "file-changed" } });
    }
  });
});

describe("column types", () => {
  const typeOf = async (values: string[]) => {
    const result = await read(`a,z\n${values.map((value) => `${value},z\n`).join("")}`);
    return typeof result === "string" ? result : result.columns[0];
  };

  it("are chosen only where the database keeps every value as it is", async () => {
    expect(await typeOf(["1", "-20", ""])).toBe("a INTEGER");
    expect(await typeOf(["1", "9223372036854775807"])).toBe("a INTEGER");
    expect(await typeOf(["1.5", "2", "-0.25", "12.530000000000001"])).toBe("a REAL");
    const texts = ["007", "1E5", "+1", "-0", "1.", ".5", "9223372036854775808", " 1", "0x10"];
    for (const text of [...texts, "0.1234567890123456789", "1,5".replace(",", " ")]) {
      expect([text, await typeOf(["1", text])]).toEqual([text, "a TEXT"]);
    }
    expect(await typeOf(["1.5", "9007199254740993"])).toBe("a TEXT");
    expect(await typeOf(["", ""])).toBe("a TEXT");
  });

  it("of JSON follow its values, and a mixed column gets none", async () => {
    const rows = [
      { i: 1, r: 1, t: "1", m: "x", n: null, b: true, d: { x: [1] } },
      { i: 2, r: 1.5, t: "2", m: 1, n: null, b: false, d: [] },
    ];
    expect(await read(JSON.stringify(rows), JSON_FILE)).toMatchObject({
      columns: ["i INTEGER", "r REAL", "t TEXT", "m ", "n TEXT", "b INTEGER", "d TEXT"],
      rows: [
        [1, 1, "1", "x", null, 1, '{"x":[1]}'],
        [2, 1.5, "2", 1, null, 0, "[]"],
      ],
    });
  });
});

describe("JSON", () => {
  it("is read as an array or as lines, in chunks of any size", async () => {
    const rows = [
      { a: 'x"]}', b: "\\" },
      { a: "{[", c: "😀\n" },
    ];
    const expected = {
      rows: [
        ['x"]}', "\\", null],
        ["{[", null, "😀\n"],
      ],
    };
    const texts = [
      JSON.stringify(rows),
      JSON.stringify(rows, null, 2),
      rows.map((r) => JSON.stringify(r)).join("\n"),
    ];
    for (const text of texts) {
      for (const size of [1, 2, 3, 1 << 16]) {
        expect(await read(`\ufeff${text}\n`, JSON_FILE, size)).toMatchObject(expected);
      }
    }
    const ndjson = '{"a":1}\r\n\r\n{"a":2}\r\n';
    expect(await read(ndjson, JSON_FILE, 4)).toMatchObject({ rows: [[1], [2]], lines: [1, 3] });
  });

  it("keeps whole numbers that a double would round", async () => {
    const text = '[{"a":9007199254740993,"b":"9007199254740993","c":[9007199254740993],"d":1.25}]';
    expect(await rowsOf(text, JSON_FILE)).toEqual([
      [{ $int: "9007199254740993" }, "9007199254740993", "[9007199254740993]", 1.25],
    ]);
  });

  it.each([
    [
      "numbers instead of objects",
      "[1,2]",
      'line 1, column 2: expected an object for each row, found "1".',
    ],
    ["a file cut short", '[\n{"a":1},\n{"a":', "line 3, column 1: the file ends inside this."],
    ["an array cut short", '[{"a":1}', "line 1, column 9: the file ends inside this."],
    [
      "text after the array",
      '[{"a":1}] x',
      'line 1, column 11: expected an object for each row, found "x".',
    ],
    ["no rows", "[]", "line 1, column 1: the file has no columns."],
  ])("refuses %s", async (_name, content, problem) => {
    expect(await read(content, JSON_FILE)).toBe(problem);
  });

  it("names the line of an object that is not JSON", async () => {
    const content = '{"a":1}\n{"a":tru}\n';
    expect(await read(content, JSON_FILE)).toMatch(/^line 2, column 1: this object is not JSON: /);
  });
});

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
    const options = { delimiter: ",", isFormulaGuarded: false };
    await fc.assert(
      fc.asyncProperty(table, fc.integer({ min: 1, max: 40 }), async (rows, chunkBytes) => {
        const header = (rows[0] ?? []).map((_, place) => `column ${place}`);
        const text = [header, ...rows].map((row) => csvRecord(row, options)).join("");
        expect(await rowsOf(text, { ...CSV, delimiter: "," }, chunkBytes)).toEqual(rows);
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
