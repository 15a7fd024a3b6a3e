/**
 * The rows of one sheet of a workbook, in pieces: a sheet of a million rows is never in memory.
 *
 * Of a formula the value is taken that the spreadsheet computed last. Dates, which a workbook keeps
 * as numbers that look like dates, become text as SQLite's date functions write it. What the cells
 * look like otherwise is left behind.
 */
import type { JsonCell } from "../changes/values.ts";
import { serialText } from "./date-serial.ts";
import { FileDecoder } from "./text-decoder.ts";
import { TextCollector, textOf, unescaped, type Workbook } from "./workbook.ts";
import { attributeOf, XmlError, XmlScanner, type XmlListener } from "./xml-scanner.ts";
import { readEntry } from "./zip-reader.ts";

/** A row that has a value, with its number in the sheet. */
export type SheetRow = { readonly cells: readonly JsonCell[]; readonly line: number };

const COLUMN_COUNT_MAX = 16_384;

/** Rows of a sheet. @throws ZipError, XmlError */
export async function* readSheet(
  workbook: Workbook,
  part: string,
): AsyncGenerator<readonly SheetRow[]> {
  const entry = workbook.entries.get(part);
  if (entry === undefined) throw new XmlError("this sheet is missing in it");
  const rows = new SheetRows(workbook);
  const scanner = new XmlScanner(rows);
  const decoder = new FileDecoder("auto");
  for await (const chunk of readEntry(workbook.source, entry)) {
    scanner.push(textOf(decoder, chunk, false));
    yield rows.take();
  }
  scanner.push(textOf(decoder, new Uint8Array(0), true));
  scanner.finish();
  yield rows.take();
}

class SheetRows implements XmlListener {
  readonly #workbook: Workbook;
  #rows: SheetRow[] = [];
  #cells: JsonCell[] = [];
  #line = 0;
  #column = 0;
  #type = "n";
  #style = 0;
  #isInRow = false;
  #isInValue = false;
  #value = "";
  readonly #inline: TextCollector;

  constructor(workbook: Workbook) {
    this.#workbook = workbook;
    this.#inline = new TextCollector("is", (text) => this.#put(text));
  }

  take(): readonly SheetRow[] {
    const rows = this.#rows;
    this.#rows = [];
    return rows;
  }

  readonly open = (name: string, attributes: string): void => {
    if (name === "row") {
      this.#line = Number(attributeOf(attributes, "r") ?? this.#line + 1);
      this.#cells = [];
      this.#column = 0;
      this.#isInRow = true;
    } else if (name === "c") this.#beginCell(attributes);
    else if (name === "v") {
      this.#isInValue = true;
      this.#value = "";
    } else if (this.#type === "inlineStr") this.#inline.open(name);
  };

  readonly text = (text: string): void => {
    if (this.#isInValue) this.#value += text;
    else if (this.#type === "inlineStr") this.#inline.text(text);
  };

  readonly close = (name: string): void => {
    if (name === "v") {
      this.#isInValue = false;
      this.#put(this.#cellOf(this.#value));
    } else if (name === "c") {
      this.#column += 1;
      this.#type = "n";
    } else if (name === "row" && this.#isInRow) {
      this.#isInRow = false;
      const hasValue = this.#cells.some((cell) => cell !== null);
      if (hasValue) this.#rows.push({ cells: this.#cells, line: this.#line });
    } else if (this.#type === "inlineStr") this.#inline.close(name);
  };

  #beginCell(attributes: string): void {
    const place = attributeOf(attributes, "r");
    if (place !== null) this.#column = columnNumber(place) - 1;
    if (this.#column < 0 || this.#column >= COLUMN_COUNT_MAX) {
      throw new XmlError("it has a cell in no column");
    }
    this.#type = attributeOf(attributes, "t") ?? "n";
    this.#style = Number(attributeOf(attributes, "s") ?? 0);
  }

  #put(cell: JsonCell): void {
    while (this.#cells.length < this.#column) this.#cells.push(null);
    this.#cells[this.#column] = cell;
  }

  #cellOf(value: string): JsonCell {
    switch (this.#type) {
      case "s":
        return this.#workbook.texts[Number(value)] ?? "";
      case "b":
        return value === "1" || value === "true" ? 1 : 0;
      case "n":
        return this.#numberOf(value);
      default:
        // Results of formulas, error values such as #N/A, dates in ISO form.
        return unescaped(value);
    }
  }

  #numberOf(text: string): JsonCell {
    if (text.trim() === "") return null;
    const number = Number(text);
    if (!Number.isFinite(number)) return text;
    const kind = this.#workbook.kinds[this.#style] ?? "number";
    const date = kind === "number" ? null : serialText(number, kind, this.#workbook.isFrom1904);
    return date ?? number;
  }
}

/** `AB12` is in column 28. */
function columnNumber(place: string): number {
  let number = 0;
  for (let at = 0; at < place.length; at++) {
    const letter = place.charCodeAt(at) - 64;
    if (letter < 1 || letter > 26) break;
    number = number * 26 + letter;
  }
  return number;
}
