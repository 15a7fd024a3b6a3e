/** Workbooks: written and read back value by value, and refused where they are hostile. */
import { deflateRawSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import type { JsonCell } from "../../shared/changes/values.ts";
import { Crc32 } from "../../shared/interchange/crc32.ts";
import { serialText } from "../../shared/interchange/date-serial.ts";
import { describeProblem } from "../../shared/interchange/problem.ts";
import { sheetNames } from "../../shared/interchange/records.ts";
import { surveyFile } from "../../shared/interchange/survey.ts";
import { SHEET_CELL_LENGTH_MAX, writeWorkbook } from "../../shared/interchange/workbook-writer.ts";
import { memorySource, NOBODY } from "./memory-source.ts";
import { CSV, read } from "./read-file.ts";

const XLSX = { ...CSV, format: "xlsx" } as const;

async function written(
  columns: readonly string[],
  rows: readonly (readonly JsonCell[])[],
): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  const content = { title: "a/b: x", columns, rows: pages(rows), properties: () => [] };
  for await (const chunk of writeWorkbook(content)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function* pages(rows: readonly (readonly JsonCell[])[]) {
  await Promise.resolve();
  yield rows;
}

/** An archive made by hand: what a writer of our own would never write. */
function archive(
  parts: Readonly<Record<string, string | Buffer>>,
  lie: number | null = null,
): Buffer {
  const files: Buffer[] = [];
  const directory: Buffer[] = [];
  let at = 0;
  for (const [name, content] of Object.entries(parts)) {
    const bytes = Buffer.from(content);
    const packed = deflateRawSync(bytes);
    const crc = new Crc32();
    crc.add(bytes);
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(8, 4);
    common.writeUInt32LE(crc.value, 10);
    common.writeUInt32LE(packed.length, 14);
    common.writeUInt32LE(lie ?? bytes.length, 18);
    common.writeUInt16LE(name.length, 22);
    const local = Buffer.concat([Buffer.from("PK\x03\x04"), common, Buffer.from(name), packed]);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE(at, 10);
    const head = Buffer.from("PK\x01\x02\x14\x00", "latin1");
    directory.push(Buffer.concat([head, common, tail, Buffer.from(name)]));
    files.push(local);
    at += local.length;
  }
  const list = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.write("PK\x05\x06", 0, "latin1");
  end.writeUInt16LE(directory.length, 8);
  end.writeUInt16LE(directory.length, 10);
  end.writeUInt32LE(list.length, 12);
  end.writeUInt32LE(at, 16);
  return Buffer.concat([...files, list, end]);
}

/** As a spreadsheet program writes it: shared texts, styles, a formula with its last value. */
function handmade(sheet: string, more: Readonly<Record<string, string>> = {}): Buffer {
  const office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
  const relation = (id: string, type: string, target: string) =>
    `<Relationship Id="${id}" Type="${office}/${type}" Target="${target}"/>`;
  return archive({
    "_rels/.rels": `<Relationships>${relation("r", "officeDocument", "xl/workbook.xml")}</Relationships>`,
    "xl/workbook.xml":
      '<workbook xmlns:r="x"><sheets><sheet name="Hidden" state="hidden" r:id="b"/>' +
      '<sheet name="Zahlen &amp; mehr" r:id="a"/></sheets></workbook>',
    "xl/_rels/workbook.xml.rels": `<Relationships>${relation("a", "worksheet", "/xl/worksheets/sheet1.xml")}${relation("b", "worksheet", "worksheets/sheet2.xml")}${relation("c", "sharedStrings", "sharedStrings.xml")}${relation("d", "styles", "styles.xml")}</Relationships>`,
    "xl/sharedStrings.xml":
      "<x:sst xmlns:x='s'><x:si><x:t>name</x:t></x:si><x:si><x:r><x:t>A</x:t></x:r><x:r><x:t>da</x:t></x:r>" +
      "<x:rPh><x:t>no</x:t></x:rPh></x:si><x:si><x:t>a_x0007_&#x1F600;&lt;</x:t></x:si></x:sst>",
    "xl/styles.xml":
      '<styleSheet><numFmts><numFmt numFmtId="170" formatCode="dd\\.mm\\.yyyy"/></numFmts><cellXfs><xf numFmtId="0"/>' +
      '<xf numFmtId="14"/><xf numFmtId="170"/><xf numFmtId="46"/><xf numFmtId="4"/></cellXfs></styleSheet>',
    "xl/worksheets/sheet1.xml": sheet,
    "xl/worksheets/sheet2.xml": "<worksheet><sheetData/></worksheet>",
    ...more,
  });
}

const SHEET =
  '<worksheet><!-- c --><sheetData><row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" t="inlineStr"><is><t>day</t></is></c>' +
  '<c r="C1" t="str"><f>"x"&amp;"y"</f><v>xy</v></c><c r="E1" t="inlineStr"><is><t>e</t></is></c></row>' +
  '<row r="2"><c r="A2" t="s"><v>1</v></c><c r="B2" s="1"><v>45000</v></c><c r="C2"><f>A1+1</f><v>2.5</v></c>' +
  '<c r="E2" t="b"><v>1</v></c></row><row r="3"/>' +
  '<row r="7"><c r="A7" t="s"><v>2</v></c><c r="B7" s="2"><v>45000.75</v></c><c r="C7" s="4"><v>1e3</v></c>' +
  '<c r="D7" t="e"><v>#N/A</v></c><c r="E7" s="3"><v>1.5</v></c></row></sheetData></worksheet>';

describe("a workbook of a spreadsheet program", () => {
  it("gives texts, last values of formulas, and dates as text", async () => {
    for (const size of [100, 4096, Infinity]) {
      expect(await read(handmade(SHEET), XLSX, size)).toMatchObject({
        columns: ["name TEXT", "day TEXT", "xy REAL", "column 4 TEXT", "e "],
        rows: [
          ["Ada", "2023-03-15", 2.5, null, 1],
          ["a\u0007😀<", "2023-03-15 18:00:00", 1000, "#N/A", "36:00:00"],
        ],
        lines: [2, 7],
      });
    }
  });

  it("names its sheets, the shown ones first, and reads the one that is asked for", async () => {
    const source = memorySource(handmade(SHEET));
    expect(await sheetNames(source)).toEqual({ ok: true, value: ["Zahlen & mehr", "Hidden"] });
    expect(await read(handmade(SHEET), { ...XLSX, sheet: "Hidden" })).toContain("no columns");
    expect(await read(handmade(SHEET), { ...XLSX, sheet: "x" })).toContain("it has no sheet x");
  });

  it("counts days as spreadsheets do, also before March 1900 and from 1904", () => {
    expect(serialText(1, "date", false)).toBe("1900-01-01");
    expect(serialText(59, "date", false)).toBe("1900-02-28");
    expect(serialText(60, "date", false)).toBe("1900-02-29");
    expect(serialText(61, "date", false)).toBe("1900-03-01");
    expect(serialText(0, "date", true)).toBe("1904-01-01");
    expect(serialText(0.5, "date", false)).toBe("12:00:00");
    expect(serialText(45000.123456, "date", false)).toBe("2023-03-15 02:57:46.598");
    expect(serialText(-1, "date", false)).toBeNull();
  });
});

describe("a hostile file", () => {
  const problemOf = async (bytes: Buffer) => {
    const survey = await surveyFile(memorySource(bytes), XLSX, NOBODY);
    return survey.ok ? "no problem" : describeProblem(survey.error);
  };

  it("that unpacks to far more than its size is refused before it does", async () => {
    const bomb = `<worksheet><sheetData>${" ".repeat(80 * 1024 * 1024)}</sheetData></worksheet>`;
    expect(await problemOf(handmade(bomb))).toContain("unpacks to far more");
  });

  it("that lies about its size is refused", async () => {
    const parts = { "xl/workbook.xml": "<workbook/>" };
    expect(await problemOf(archive(parts, 3))).toContain("longer than it says");
    expect(await problemOf(archive(parts, 999))).toContain("cut off");
  });

  it("with a document type is refused: its entities could grow without end", async () => {
    const doctype = '<!DOCTYPE x [<!ENTITY a "aaaa">]><worksheet/>';
    expect(await problemOf(handmade(doctype))).toContain("document type");
  });

  it("that is cut or changed anywhere gives an answer, never an exception", async () => {
    const whole = handmade(SHEET);
    for (let length = 0; length < whole.length; length += 97) {
      expect(typeof (await problemOf(whole.subarray(0, length)))).toBe("string");
    }
    for (let at = 0; at < whole.length; at += 13) {
      const changed = Buffer.from(whole);
      changed[at] = (changed[at] ?? 0) ^ 0xff;
      expect(typeof (await problemOf(changed))).toBe("string");
    }
  });
});

describe("a workbook that is written", () => {
  it("comes back with every value it can hold, and none becomes a formula", async () => {
    const rows: JsonCell[][] = [
      [1, "=1+1", "x"],
      [-2.5e-7, "", " blank "],
      [null, "a\u0000\u0007\n\t_x0041_&<>\"'", "😀é"],
      [9007199254740991, "@x", "-1"],
    ];
    const bytes = await written(["n", "=t", "u"], rows);
    expect(await read(bytes, XLSX)).toMatchObject({
      columns: ["n REAL", "=t TEXT", "u TEXT"],
      rows,
    });
    expect(await sheetNames(memorySource(bytes))).toEqual({ ok: true, value: ["a b  x"] });
  });

  it("holds as text what a spreadsheet's numbers cannot hold", async () => {
    const rows: JsonCell[][] = [
      [{ $int: "9007199254740993" }, { $real: "inf" }, { $blob: "AAEC" }, { $real: "-0" }],
    ];
    const read1 = await read(await written(["i", "r", "b", "z"], rows), XLSX);
    expect(read1).toMatchObject({ rows: [["9007199254740993", "inf", "AAEC", "-0"]] });
  });

  it("is refused with its row where a text is too long", async () => {
    const long = "x".repeat(SHEET_CELL_LENGTH_MAX + 1);
    await expect(written(["a"], [["y"], [long]])).rejects.toThrow(
      "Row 3 has a text of more than 32,767",
    );
  });
});
