/**
 * CSV text into rows, as the files are that people have: any of four delimiters, quotes, line
 * ends of three kinds, cells with NULs or ten megabytes of text. What is ambiguous is refused
 * with its place; what is kept is kept to the character.
 *
 * Written here rather than taken from a library because two facts must survive that libraries
 * drop: whether a cell was quoted (an empty cell is NULL, `""` is the empty text, as in
 * PostgreSQL's COPY), and the line a row began on, also after cells with line ends.
 */
import { err, ok, type Result } from "../base/result.ts";
import { placeAfter, type BadRow, type FileProblem } from "./problem.ts";

/** A cell; null for one that was empty and not quoted. */
export type CsvCell = string | null;

/** One record with the line it began on, from 1. */
export type CsvRecord = { readonly cells: readonly CsvCell[]; readonly line: number };

/** Longest cell in characters; one value of the database may not be longer either. */
export const CSV_CELL_LENGTH_MAX = 16 * 1024 * 1024;

const COMMA = ",";
const QUOTE = 0x22;
const LF = 0x0a;
const CR = 0x0d;

/** What reading a record ended with: `incomplete` asks for more text. */
type Outcome = CsvRecord | BadRow | "incomplete" | FileProblem;

/** Takes CSV text apart, chunk by chunk. */
export class CsvReader {
  #delimiter: string | null;
  #isStarted = false;
  #text = "";
  #at = 0;
  #line = 1;
  /** While a record is cut off, scanning waits until the text has doubled: linear in its size. */
  #lengthNeeded = 0;

  /** @param delimiter One character, or null to find it out from the first line. */
  constructor(delimiter: string | null) {
    this.#delimiter = delimiter;
  }

  /** null until the first line was seen. */
  get delimiter(): string | null {
    return this.#delimiter;
  }

  /** The records that are complete now. @param isLast Whether the file ends with this text. */
  push(text: string, isLast: boolean): Result<readonly (CsvRecord | BadRow)[], FileProblem> {
    this.#text += text;
    if (!isLast && this.#text.length < this.#lengthNeeded) return ok([]);
    if (!this.#isStarted && !this.#start(isLast)) return ok([]);
    const records: (CsvRecord | BadRow)[] = [];
    while (this.#at < this.#text.length) {
      const outcome = this.#record(isLast);
      if (outcome === "incomplete") break;
      if ("code" in outcome) return err(outcome);
      records.push(outcome);
    }
    this.#text = this.#text.slice(this.#at);
    this.#at = 0;
    this.#lengthNeeded = this.#text.length * 2;
    if (this.#text.length > CSV_CELL_LENGTH_MAX * 4) return err(this.#tooLarge(0));
    return ok(records);
  }

  /** Looks at the first line for the delimiter. @returns whether that line is complete. */
  #start(isLast: boolean): boolean {
    const declared = /^sep=([,;\t|])(\r\n|\n|\r(?!$))/.exec(this.#text);
    if (declared !== null) {
      this.#delimiter ??= declared[1] ?? COMMA;
      this.#at = declared[0].length;
      this.#line = 2;
      this.#isStarted = true;
      return true;
    }
    const unquoted = this.#text.replace(/"(?:[^"]|"")*"/g, "");
    const end = unquoted.search(/[\r\n]/);
    // A line end at the very end may be half a CRLF; one more chunk tells.
    if ((end < 0 || end === unquoted.length - 1) && !isLast) return false;
    const head = end < 0 ? unquoted : unquoted.slice(0, end);
    const count = (delimiter: string) => head.split(delimiter).length - 1;
    const best = [COMMA, ";", "\t", "|"].reduce((a, b) => (count(b) > count(a) ? b : a));
    this.#delimiter ??= best;
    this.#isStarted = true;
    return true;
  }

  /** Reads one record from `#at` and moves there only when it is complete. */
  #record(isLast: boolean): Outcome {
    const text = this.#text;
    const delimiter = (this.#delimiter ?? COMMA).charCodeAt(0);
    const cells: CsvCell[] = [];
    let at = this.#at;
    let lineCount = 0;
    for (;;) {
      let cell: CsvCell;
      if (text.charCodeAt(at) === QUOTE) {
        const end = closingQuote(text, at + 1);
        if (end < 0 || (end + 1 === text.length && !isLast)) {
          if (!isLast) return "incomplete";
          return this.#problemAt(at, "bad-quote", "this quote is never closed.");
        }
        cell = text.slice(at + 1, end);
        lineCount += countLines(cell);
        if (cell.includes('"')) cell = cell.replaceAll('""', '"');
        at = end + 1;
        if (!isCellEnd(text.charCodeAt(at), delimiter)) return this.#brokenRow(at, isLast);
      } else {
        const start = at;
        while (at < text.length && !isCellEnd(text.charCodeAt(at), delimiter)) at += 1;
        cell = at === start ? null : text.slice(start, at);
      }
      if (cell !== null && cell.length > CSV_CELL_LENGTH_MAX) return this.#tooLarge(at);
      cells.push(cell);
      if (at >= text.length) {
        if (!isLast) return "incomplete";
        break;
      }
      const ending = text.charCodeAt(at);
      // Whether an LF follows this CR is not known before the next chunk.
      if (ending === CR && at + 1 === text.length && !isLast) return "incomplete";
      at += ending === CR && text.charCodeAt(at + 1) === LF ? 2 : 1;
      if (ending !== delimiter) break;
    }
    const { record, next } = { record: { cells, line: this.#line }, next: at };
    this.#line += lineCount + 1;
    this.#at = next;
    return record;
  }

  /** Where the row ends is not known for certain: the next line end is taken, and the row put aside. */
  #brokenRow(at: number, isLast: boolean): BadRow | "incomplete" {
    const text = this.#text;
    let end = at;
    while (end < text.length && !isCellEnd(text.charCodeAt(end), LF)) end += 1;
    const isCut = end >= text.length - 1 && text.charCodeAt(end) !== LF;
    if (isCut && !isLast) return "incomplete";
    const raw = text.slice(this.#at, end);
    const { line, column } = placeAfter(text.slice(this.#at, at), { line: this.#line, column: 1 });
    this.#line += countLines(raw) + 1;
    this.#at = end + (text.charCodeAt(end) === CR && text.charCodeAt(end + 1) === LF ? 2 : 1);
    const message = "a closing quote is followed by text; write quotes in cells twice.";
    return { line, column, message, cells: [], text: raw };
  }

  #tooLarge(at: number): FileProblem {
    const message = `a cell is longer than ${CSV_CELL_LENGTH_MAX} characters.`;
    return this.#problemAt(at, "cell-too-large", message);
  }

  #problemAt(at: number, code: FileProblem["code"], message: string): FileProblem {
    const start = { line: this.#line, column: 1 };
    return { code, ...placeAfter(this.#text.slice(this.#at, at), start), message };
  }
}

/** Index of the quote that ends the cell, or -1. Two in a row stand for one inside it. */
function closingQuote(text: string, from: number): number {
  let end = text.indexOf('"', from);
  while (end >= 0 && text.charCodeAt(end + 1) === QUOTE) end = text.indexOf('"', end + 2);
  return end;
}

/** NaN is the end of the text. */
function isCellEnd(code: number, delimiter: number): boolean {
  return code === delimiter || code === LF || code === CR || Number.isNaN(code);
}

function countLines(cell: string): number {
  return cell.includes("\n") || cell.includes("\r") ? cell.split(/\r\n|\n|\r/).length - 1 : 0;
}
