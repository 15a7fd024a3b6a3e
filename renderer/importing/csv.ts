/**
 * Reads CSV in pieces as they come, strictly: RFC 4180 quotes, any line ending, a byte order
 * mark, and `,` `;` or tab, whichever the header line has most of. Ragged rows are refused
 * with their line. Pure: it knows neither files nor tables.
 */

/** What is wrong with the text, and where; lines count from 1. */
export type CsvError = { readonly line: number; readonly problem: string };

/** Takes text in pieces and gives whole rows. */
export class CsvReader {
  #separator: string | null = null;
  #rest = "";
  #line = 1;
  #width: number | null = null;
  #error: CsvError | null = null;

  /** Set once something is wrong; nothing more is read then. */
  get error(): CsvError | null {
    return this.#error;
  }

  /** The rows that are complete after this piece. @param isEnd No piece will follow. */
  push(piece: string, isEnd: boolean): string[][] {
    if (this.#error !== null) return [];
    this.#rest += piece;
    if (this.#width === null) this.#rest = this.#rest.replace(/^\uFEFF/, "");
    if (this.#separator === null) {
      if (!isEnd && !/[\r\n]./s.test(this.#rest)) return [];
      this.#separator = separatorOf(this.#rest);
    }
    return this.#readRows(this.#separator, isEnd);
  }

  #readRows(separator: string, isEnd: boolean): string[][] {
    const rows: string[][] = [];
    let at = 0;
    while (at < this.#rest.length) {
      const row = readRow(this.#rest, at, separator, isEnd);
      if (row === null) break;
      if (row.problem !== null) {
        this.#error = { line: this.#line, problem: row.problem };
        return rows;
      }
      const isBlank = row.cells.length === 1 && row.cells[0] === "";
      if (!isBlank && !this.#fits(row.cells.length)) return rows;
      if (!isBlank) rows.push(row.cells);
      this.#line += row.lineCount;
      at = row.end;
    }
    this.#rest = this.#rest.slice(at);
    if (isEnd && this.#rest !== "") {
      this.#error = { line: this.#line, problem: "a quote that never closes" };
    }
    return rows;
  }

  #fits(width: number): boolean {
    this.#width ??= width;
    if (width === this.#width) return true;
    this.#error = {
      line: this.#line,
      problem: `${width} cells where the header has ${this.#width}`,
    };
    return false;
  }
}

type RowRead = {
  readonly cells: string[];
  readonly end: number;
  readonly lineCount: number;
  readonly problem: string | null;
};

/** One row from `start`, or null when its end has not come yet. */
function readRow(text: string, start: number, separator: string, isEnd: boolean): RowRead | null {
  const cells: string[] = [];
  let at = start;
  let lineCount = 1;
  for (;;) {
    const cell = text[at] === '"' ? readQuoted(text, at) : readPlain(text, at, separator);
    if (cell === null) return null;
    cells.push(cell.value);
    lineCount += cell.value.split("\n").length - 1;
    at = cell.end;
    const next = text[at];
    if (next === separator) {
      at += 1;
      continue;
    }
    if (next === undefined) return isEnd ? { cells, end: at, lineCount, problem: null } : null;
    if (next === "\n") return { cells, end: at + 1, lineCount, problem: null };
    if (next !== "\r") return { cells, end: at, lineCount, problem: "text after a closing quote" };
    if (text[at + 1] === undefined && !isEnd) return null;
    return { cells, end: at + (text[at + 1] === "\n" ? 2 : 1), lineCount, problem: null };
  }
}

function readPlain(text: string, start: number, separator: string) {
  let end = start;
  while (end < text.length) {
    const character = text[end];
    if (character === separator || character === "\n" || character === "\r") break;
    end += 1;
  }
  return { value: text.slice(start, end), end };
}

/** null when the quote does not close in the text so far. */
function readQuoted(text: string, start: number): { value: string; end: number } | null {
  let value = "";
  let from = start + 1;
  for (;;) {
    const quote = text.indexOf('"', from);
    if (quote < 0) return null;
    value += text.slice(from, quote);
    if (text[quote + 1] !== '"') return { value, end: quote + 1 };
    value += '"';
    from = quote + 2;
  }
}

function separatorOf(text: string): string {
  const header = text.split(/[\r\n]/, 1)[0] ?? "";
  const counts = [",", ";", "\t"].map((separator) => ({
    separator,
    count: header.split(separator).length,
  }));
  return counts.toSorted((a, b) => b.count - a.count)[0]?.separator ?? ",";
}
