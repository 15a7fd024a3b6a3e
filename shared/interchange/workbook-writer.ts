/**
 * A table as a workbook of one sheet, written as its rows come.
 *
 * Text is text there and never a formula, whatever it begins with; what looks like one is marked so
 * that it also stays text when somebody edits the cell. A workbook's numbers are doubles and it knows
 * no bytes: wide integers, infinities and minus zero become text, bytes base64.
 */
import { utf8Encode } from "../base/bytes.ts";
import type { JsonCell } from "../changes/values.ts";
import { writeZip, type ZipPart } from "./zip-writer.ts";

/** Rows of a sheet, the header included. */
export const SHEET_ROWS_MAX = 1_048_576;

/** Characters of a cell. */
export const SHEET_CELL_LENGTH_MAX = 32_767;

/** What becomes a sheet. */
export type SheetContent = {
  /** Of the sheet; what a sheet cannot be called is left out of it. */
  readonly title: string;
  readonly columns: readonly string[];
  /** Pages of rows. */
  readonly rows: AsyncIterable<readonly (readonly JsonCell[])[]>;
  /** What the file says of itself, once the rows are written. */
  readonly properties: () => readonly (readonly [name: string, value: string])[];
};

/** The workbook cannot hold this; the message is a sentence. */
export class SheetLimit extends Error {
  override readonly name = "SheetLimit";
}

/** The bytes of the workbook. @throws SheetLimit, ZipTooLarge */
export function writeWorkbook(content: SheetContent): AsyncGenerator<Uint8Array> {
  return writeZip(partsOf(content));
}

async function* partsOf(content: SheetContent): AsyncGenerator<ZipPart> {
  await Promise.resolve();
  yield part("[Content_Types].xml", CONTENT_TYPES);
  yield part("_rels/.rels", ROOT_RELATIONS);
  const name = escaped(sheetName(content.title));
  yield part(
    "xl/workbook.xml",
    `${WORKBOOK_HEAD}<sheet name="${name}" sheetId="1" r:id="rId1"/></sheets></workbook>`,
  );
  yield part("xl/_rels/workbook.xml.rels", WORKBOOK_RELATIONS);
  yield part("xl/styles.xml", STYLES);
  yield { name: "xl/worksheets/sheet1.xml", content: sheetXml(content) };
  // Last, because where the table stands is known when all of it was read.
  yield part("docProps/custom.xml", propertiesXml(content.properties()));
}

async function* sheetXml({ columns, rows }: SheetContent): AsyncGenerator<Uint8Array> {
  const letters = columns.map((_, place) => columnLetters(place));
  let line = 1;
  yield utf8Encode(SHEET_HEAD + rowXml(columns, letters, { line, style: HEADER }));
  for await (const page of rows) {
    let text = "";
    for (const row of page) {
      line += 1;
      if (line > SHEET_ROWS_MAX) throw tooManyRows();
      text += rowXml(row, letters, { line, style: "" });
    }
    yield utf8Encode(text);
  }
  yield utf8Encode("</sheetData></worksheet>");
}

/** A table that no sheet can hold. */
export function tooManyRows(): SheetLimit {
  const rows = (SHEET_ROWS_MAX - 1).toLocaleString("en-US");
  return new SheetLimit(`A sheet of a workbook holds at most ${rows} rows; export as CSV instead.`);
}

type RowPlace = { readonly line: number; readonly style: string };

function rowXml(
  row: readonly JsonCell[],
  letters: readonly string[],
  { line, style }: RowPlace,
): string {
  let xml = `<row r="${line}">`;
  for (let place = 0; place < row.length; place++) {
    const cell = row[place] ?? null;
    if (cell === null) continue;
    const at = `<c r="${letters[place]}${line}"`;
    const number = numberOf(cell);
    if (number !== null) xml += `${at}${style}><v>${String(number)}</v></c>`;
    else if (typeof cell !== "number") xml += textCell(at, textOf(cell), { line, style });
  }
  return `${xml}</row>`;
}

function textCell(at: string, text: string, { line, style }: RowPlace): string {
  if (text.length > SHEET_CELL_LENGTH_MAX) {
    const limit = SHEET_CELL_LENGTH_MAX.toLocaleString("en-US");
    throw new SheetLimit(
      `Row ${line} has a text of more than ${limit} characters, which no workbook holds; export as CSV instead.`,
    );
  }
  const look = style === "" && /^[=+\-@\t\r＝＋－＠]/.test(text) ? QUOTED : style;
  return `${at}${look} t="inlineStr"><is><t xml:space="preserve">${escaped(text)}</t></is></c>`;
}

/** null for what is no number there. */
function numberOf(cell: Exclude<JsonCell, null>): number | null {
  if (typeof cell === "number") return cell;
  if (typeof cell === "string" || !("$real" in cell)) return null;
  const real = Number(cell.$real);
  return Number.isFinite(real) && !Object.is(real, -0) ? real : null;
}

function textOf(cell: Exclude<JsonCell, null | number>): string {
  if (typeof cell === "string") return cell;
  if ("$int" in cell) return cell.$int;
  return "$real" in cell ? cell.$real : cell.$blob;
}

function propertiesXml(properties: readonly (readonly [name: string, value: string])[]): string {
  const each = properties.map(
    ([name, value], i) =>
      `<property fmtid="{D5CDD505-2E9C-101B-9397-08002B2CF9AE}" pid="${i + 2}" name="${escaped(name)}">` +
      `<vt:lpwstr>${escaped(value)}</vt:lpwstr></property>`,
  );
  return `${PROPERTIES_HEAD}${each.join("")}</Properties>`;
}

/** What XML cannot hold is written `_x0007_`, and what looks like that too. */
function escaped(text: string): string {
  if (!/[&<>"\u0000-\u001f\ufffe\uffff]|_x[0-9A-Fa-f]{4}_/.test(text)) return text;
  const hidden = text.replace(/_(?=x[0-9A-Fa-f]{4}_)/g, "_x005F_");
  return hidden.replace(/[&<>"\u0000-\u0008\u000b-\u001f\ufffe\uffff]/g, (character) => {
    const named = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" }[character];
    const code = character.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0");
    return named ?? `_x${code}_`;
  });
}

function sheetName(title: string): string {
  const bare = title.replace(/[[\]:*?/\\]/g, " ").replace(/^'+|'+$/g, "");
  // Half of a character is none.
  const short = [...bare]
    .join("")
    .slice(0, 31)
    .replace(/[\ud800-\udbff]$/, "")
    .trim();
  return short === "" ? "Sheet1" : short;
}

function columnLetters(place: number): string {
  let letters = "";
  for (let rest = place + 1; rest > 0; rest = Math.floor((rest - 1) / 26)) {
    letters = String.fromCharCode(65 + ((rest - 1) % 26)) + letters;
  }
  return letters;
}

function part(name: string, text: string): ZipPart {
  return { name, content: once(utf8Encode(text)) };
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  await Promise.resolve();
  yield bytes;
}

/** Styles by their place in `STYLES`. */
const HEADER = ' s="1"';
const QUOTED = ' s="2"';
const XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n';
const MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
const OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006";
const PACKAGE = "http://schemas.openxmlformats.org/package/2006";
const TYPES = "application/vnd.openxmlformats-officedocument";

const CONTENT_TYPES =
  `${XML}<Types xmlns="${PACKAGE}/content-types">` +
  '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>' +
  '<Default Extension="xml" ContentType="application/xml"/>' +
  `<Override PartName="/xl/workbook.xml" ContentType="${TYPES}.spreadsheetml.sheet.main+xml"/>` +
  `<Override PartName="/xl/worksheets/sheet1.xml" ContentType="${TYPES}.spreadsheetml.worksheet+xml"/>` +
  `<Override PartName="/xl/styles.xml" ContentType="${TYPES}.spreadsheetml.styles+xml"/>` +
  `<Override PartName="/docProps/custom.xml" ContentType="${TYPES}.custom-properties+xml"/></Types>`;
const ROOT_RELATIONS =
  `${XML}<Relationships xmlns="${PACKAGE}/relationships">` +
  `<Relationship Id="rId1" Type="${OFFICE}/relationships/officeDocument" Target="xl/workbook.xml"/>` +
  `<Relationship Id="rId2" Type="${OFFICE}/relationships/custom-properties" Target="docProps/custom.xml"/>` +
  "</Relationships>";
const WORKBOOK_HEAD = `${XML}<workbook xmlns="${MAIN}" xmlns:r="${OFFICE}/relationships"><sheets>`;
const WORKBOOK_RELATIONS =
  `${XML}<Relationships xmlns="${PACKAGE}/relationships">` +
  `<Relationship Id="rId1" Type="${OFFICE}/relationships/worksheet" Target="worksheets/sheet1.xml"/>` +
  `<Relationship Id="rId2" Type="${OFFICE}/relationships/styles" Target="styles.xml"/></Relationships>`;
const STYLES =
  `${XML}<styleSheet xmlns="${MAIN}"><fonts count="2"><font><sz val="11"/><name val="Calibri"/></font>` +
  '<font><b/><sz val="11"/><name val="Calibri"/></font></fonts>' +
  '<fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill></fills>' +
  '<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>' +
  '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>' +
  '<cellXfs count="3"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>' +
  '<xf numFmtId="0" fontId="1" fillId="0" borderId="0" xfId="0" applyFont="1"/>' +
  '<xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0" quotePrefix="1"/></cellXfs></styleSheet>';
const SHEET_HEAD =
  `${XML}<worksheet xmlns="${MAIN}"><sheetViews><sheetView workbookViewId="0">` +
  '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews><sheetData>';
const PROPERTIES_HEAD = `${XML}<Properties xmlns="${OFFICE}/custom-properties" xmlns:vt="${OFFICE}/docPropsVTypes">`;
