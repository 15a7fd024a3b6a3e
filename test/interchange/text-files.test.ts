/** Files as people have them: imported to the character, or refused with line and column. */
import { describe, expect, it } from "vitest";
import { badRowLine, badRowsHead } from "../../shared/interchange/bad-rows.ts";
import { CSV_CELL_LENGTH_MAX } from "../../shared/interchange/csv-reader.ts";
import { readFileRows, type ColumnPlan } from "../../shared/interchange/file-rows.ts";
import { surveyFile } from "../../shared/interchange/survey.ts";
import { proposeColumns } from "../../shared/interchange/import-plan.ts";
import { memorySource, NOBODY } from "./memory-source.ts";
import { CSV, JSON_FILE, planAll, read, rowsOf, type Read } from "./read-file.ts";

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
    ["a short row", "a,b,c\n1,2,3\n1,2\n", "line 3, column 4: 2 cells where there are 3 columns."],
    ["a long row", "a,b\n1,2,3\n", "line 2, column 5: 3 cells where there are 2 columns."],
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
    const before = await surveyFile(memorySource(Buffer.from("a\n1\n2\n")), CSV, NOBODY);
    if (!before.ok) throw new Error("the survey failed");
    for (const now of ["a\n1\n", "a\n1\n2\n3\n"]) {
      const parts = [];
      const source = memorySource(Buffer.from(now));
      for await (const part of readFileRows(source, before.value, planAll(before.value))) {
        parts.push(part);
      }
      expect(parts.at(-1)).toMatchObject({ ok: false, error: { code: "file-changed" } });
    }
  });
});

describe("what is found out about a text file", () => {
  it("its encoding: UTF-16 without a mark, Windows-1252 where the first odd byte is no UTF-8", async () => {
    const text = `name,ort\n${"Ada,Wien\n".repeat(100)}Gödel,Brünn\n`;
    const utf16 = Buffer.from(text, "utf16le");
    for (const bytes of [utf16, Buffer.from(utf16).swap16(), Buffer.from(text, "latin1")]) {
      for (const size of [1, 700, 1 << 16]) {
        const rows = await rowsOf(bytes, CSV, size);
        expect(rows.at(-1)).toEqual(["Gödel", "Brünn"]);
      }
    }
  });

  it("its header: not there where numbers stand above numbers, and told by whoever knows better", async () => {
    const headless = "1,Ada\n2,Bob\n";
    expect(await read(headless)).toMatchObject({
      columns: ["column 1 INTEGER", "column 2 TEXT"],
      rows: [
        ["1", "Ada"],
        ["2", "Bob"],
      ],
    });
    expect(await rowsOf(headless, { ...CSV, hasHeader: true })).toEqual([["2", "Bob"]]);
    expect(await rowsOf("a,b\n1,2\n", { ...CSV, hasHeader: false })).toHaveLength(2);
    for (const header of ["id,name", "land,2019", "1,2019"]) {
      expect([header, await rowsOf(`${header}\nx,5\ny,6\n`)]).toEqual([
        header,
        [
          ["x", "5"],
          ["y", "6"],
        ],
      ]);
    }
  });

  it("names for columns that have none or share one", async () => {
    const result = await read("a,,A,a 2\nx,x,x,x\n");
    expect(result).toMatchObject({
      columns: ["a TEXT", "column 2 TEXT", "A 2 TEXT", "a 2 2 TEXT"],
    });
  });
});

describe("rows that do not fit", () => {
  const content = 'a,b\n1,2\n3\n4,5,6\n"7"x,8\n9,"1""0"\n';

  it("are told with line and column, and the others are read", async () => {
    for (const size of [1, 2, 3, 5, 1 << 16]) {
      const source = memorySource(Buffer.from(content), size);
      const survey = await surveyFile(source, CSV, NOBODY);
      if (!survey.ok) throw new Error(survey.error.message);
      expect(survey.value).toMatchObject({ rowCount: 2, badRowCount: 3 });
      expect(survey.value.badRows.map(({ line, column }) => [line, column])).toEqual([
        [3, 2],
        [4, 5],
        [5, 4],
      ]);
      const rows = [];
      for await (const part of readFileRows(source, survey.value, planAll(survey.value))) {
        if (part.ok) rows.push(...part.value.rows);
      }
      expect(rows).toEqual([
        ["1", "2"],
        ["9", '1"0'],
      ]);
    }
  });

  it("are saved as a CSV that can be corrected and imported again", async () => {
    const survey = await surveyFile(memorySource(Buffer.from(content)), CSV, NOBODY);
    if (!survey.ok) throw new Error(survey.error.message);
    const lines = survey.value.badRows.map((bad) => badRowLine(bad, 2)).join("");
    const saved = await read(badRowsHead(["a", "b"]) + lines);
    expect(saved).toMatchObject({
      rows: [
        ["3", null, "3", "2", "1 cells where there are 2 columns.", "3"],
        ["4", "5", "4", "5", "3 cells where there are 2 columns.", "4,5,6"],
        [null, null, "5", "4", expect.stringContaining("closing quote"), '"7"x,8'],
      ],
    });
    const again = await surveyFile(
      memorySource(Buffer.from(badRowsHead(["a", "b"]) + lines)),
      CSV,
      NOBODY,
    );
    if (!again.ok) throw new Error(again.error.message);
    const names = proposeColumns(again.value, null).map(({ name }) => name);
    expect(names).toEqual(["a", "b", null, null, null, null]);
  });

  it("are also those that are not what a person said they are", async () => {
    const source = memorySource(Buffer.from("a,b\n1,1.5\nx,2\n3,y\n"));
    const survey = await surveyFile(source, CSV, NOBODY);
    if (!survey.ok) throw new Error(survey.error.message);
    const plan: ColumnPlan[] = [
      { place: 0, name: "a", type: "INTEGER" },
      { place: 1, name: "b", type: "REAL" },
    ];
    const parts = [];
    for await (const part of readFileRows(source, survey.value, plan)) {
      if (part.ok) parts.push(part.value);
    }
    expect(parts.flatMap(({ rows }) => rows)).toEqual([["1", "1.5"]]);
    expect(parts.flatMap(({ badRows }) => badRows.map(({ message }) => message))).toEqual([
      '"x" in column a is no whole number.',
      '"y" in column b is no number.',
    ]);
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
