/**
 * Importing a file in two passes: a survey that reads all of it and changes nothing, then the
 * rows. So a file with a bad last line is refused before its first row is in the database, column
 * types are known instead of guessed, and progress has a total.
 *
 * It knows no paths: bytes come in as chunks, so a browser's file works as well as a disk's.
 */
import { err, ok, type Result } from "../../../shared/base/result.ts";
import type { JsonCell } from "../../../shared/changes/values.ts";
import { ColumnKind, type ColumnType } from "./column-kind.ts";
import { CsvReader, type CsvRecord } from "./csv-reader.ts";
import { JsonReader, type JsonRecord } from "./json-reader.ts";
import type { FileProblem } from "./problem.ts";
import { FileDecoder, type FileEncoding } from "./text-decoder.ts";

/** How to read a file. */
export type FileOptions = {
  readonly format: "csv" | "json";
  readonly encoding: FileEncoding;
  /** null: found out from the first line. Without meaning for JSON. */
  readonly delimiter: string | null;
};

/** A column of the file. */
export type FileColumn = { readonly name: string; readonly type: ColumnType };

/** What the first pass found. */
export type FileSurvey = {
  readonly columns: readonly FileColumn[];
  readonly rowCount: number;
  readonly delimiter: string | null;
};

/** Rows in the order of the survey's columns, with the line each began on. */
export type FileRows = {
  readonly rows: readonly (readonly JsonCell[])[];
  readonly lines: readonly number[];
};

type Chunks = AsyncIterable<Uint8Array>;
type Reader = {
  push(text: string, isLast: boolean): Result<readonly (CsvRecord | JsonRecord)[], FileProblem>;
};

const COLUMN_NAME_LENGTH_MAX = 200;

/** First pass: every byte is decoded, every record checked. */
export async function surveyFile(
  chunks: Chunks,
  options: FileOptions,
): Promise<Result<FileSurvey, FileProblem>> {
  const reader = options.format === "csv" ? new CsvReader(options.delimiter) : new JsonReader();
  const shape = new FileShape(options.format);
  for await (const records of readRecords(chunks, options.encoding, reader)) {
    if (!records.ok) return records;
    for (const record of records.value) {
      const problem = "cells" in record ? shape.addCsv(record) : shape.addJson(record);
      if (problem !== null) return err(problem);
    }
  }
  const delimiter = reader instanceof CsvReader ? reader.delimiter : null;
  return shape.finish(delimiter);
}

/** Second pass. A file that no longer fits its survey ends with `file-changed`. */
export async function* readFileRows(
  chunks: Chunks,
  options: FileOptions,
  survey: FileSurvey,
): AsyncGenerator<Result<FileRows, FileProblem>> {
  const reader = options.format === "csv" ? new CsvReader(survey.delimiter) : new JsonReader();
  const placeOf = new Map(survey.columns.map((column, place) => [column.name, place]));
  const width = survey.columns.length;
  let isHeader = options.format === "csv";
  let rowCount = 0;
  for await (const records of readRecords(chunks, options.encoding, reader)) {
    if (!records.ok) return yield records;
    const rows: (readonly JsonCell[])[] = [];
    const lines: number[] = [];
    for (const record of records.value) {
      if (isHeader || isBlank(record, width)) {
        isHeader = false;
        continue;
      }
      const row = "cells" in record ? record.cells : placed(record, placeOf);
      if (row === null || row.length !== width) return yield fileChanged(record.line);
      rows.push(row);
      lines.push(record.line);
    }
    rowCount += rows.length;
    if (rowCount > survey.rowCount) return yield fileChanged(lines.at(-1) ?? 1);
    if (rows.length > 0) yield ok({ rows, lines });
  }
  if (rowCount !== survey.rowCount) yield fileChanged(1);
}

async function* readRecords(
  chunks: Chunks,
  encoding: FileEncoding,
  reader: Reader,
): AsyncGenerator<Result<readonly (CsvRecord | JsonRecord)[], FileProblem>> {
  const decoder = new FileDecoder(encoding);
  const read = (bytes: Uint8Array, isLast: boolean) => {
    const text = decoder.push(bytes, isLast);
    return text.ok ? reader.push(text.value, isLast) : text;
  };
  for await (const chunk of chunks) {
    const records = read(chunk, false);
    yield records;
    if (!records.ok) return;
  }
  yield read(new Uint8Array(0), true);
}

/** An empty line between records; a file of one column has rows that look like that. */
function isBlank(record: CsvRecord | JsonRecord, width: number): boolean {
  if (!("cells" in record)) return false;
  return width > 1 && record.cells.length === 1 && record.cells[0] === null;
}

function placed(
  record: JsonRecord,
  placeOf: ReadonlyMap<string, number>,
): readonly JsonCell[] | null {
  const row = new Array<JsonCell>(placeOf.size).fill(null);
  for (const [name, cell] of record.fields) {
    const place = placeOf.get(name);
    if (place === undefined) return null;
    row[place] = cell;
  }
  return row;
}

function fileChanged(line: number): Result<never, FileProblem> {
  const message = "the file changed while it was being imported.";
  return err({ code: "file-changed", line, column: 1, message });
}

/** What is known of a file's columns so far. */
class FileShape {
  readonly #format: FileOptions["format"];
  readonly #kinds = new Map<string, ColumnKind>();
  #ordered: ColumnKind[] = [];
  #hasHeader = false;
  #rowCount = 0;

  constructor(format: FileOptions["format"]) {
    this.#format = format;
  }

  addCsv(record: CsvRecord): FileProblem | null {
    if (!this.#hasHeader) return this.#addHeader(record);
    if (isBlank(record, this.#ordered.length)) return null;
    const { cells, line } = record;
    if (cells.length !== this.#ordered.length) {
      const message = `${cells.length} cells where the header names ${this.#ordered.length} columns.`;
      const column = raggedColumn(cells, this.#ordered.length);
      return { code: "ragged-row", line, column, message };
    }
    for (let place = 0; place < cells.length; place++) {
      const cell = cells[place];
      if (cell !== null && cell !== undefined) this.#ordered[place]?.addText(cell);
    }
    this.#rowCount += 1;
    return null;
  }

  addJson(record: JsonRecord): FileProblem | null {
    for (const [name, cell] of record.fields) {
      const kind = this.#kinds.get(name) ?? new ColumnKind();
      if (!this.#kinds.has(name)) {
        const message = nameProblem(name);
        if (message !== null) return { code: "bad-header", line: record.line, column: 1, message };
        this.#kinds.set(name, kind);
      }
      kind.addCell(cell);
    }
    this.#rowCount += 1;
    return null;
  }

  finish(delimiter: string | null): Result<FileSurvey, FileProblem> {
    if (this.#kinds.size === 0) {
      const message = "the file has no columns.";
      return err({ code: "empty-file", line: 1, column: 1, message });
    }
    const isCsv = this.#format === "csv";
    const columns = [...this.#kinds].map(([name, kind]) => ({
      name,
      type: isCsv ? kind.typeOfText() : kind.typeOfCells(),
    }));
    return ok({ columns, rowCount: this.#rowCount, delimiter });
  }

  #addHeader({ cells, line }: CsvRecord): FileProblem | null {
    const folded = new Set<string>();
    for (const [place, cell] of cells.entries()) {
      const column = raggedColumn(cells, place);
      const message =
        nameProblem(cell ?? "") ??
        (folded.has((cell ?? "").toLowerCase()) ? `the column ${cell} is named twice.` : null);
      if (message !== null) return { code: "bad-header", line, column, message };
      folded.add((cell ?? "").toLowerCase()); // SQLite's names do not tell a from A.
      this.#kinds.set(cell ?? "", new ColumnKind());
    }
    this.#ordered = [...this.#kinds.values()];
    this.#hasHeader = true;
    return null;
  }
}

function nameProblem(name: string): string | null {
  if (name.trim() === "") return "a column has no name.";
  if (name.includes("\0")) return "a column's name contains a NUL.";
  if (name.length > COLUMN_NAME_LENGTH_MAX) return "a column's name is longer than 200 characters.";
  return null;
}

/**
 * Where the first cell too many begins, or where the row ends too early. Exact for rows without
 * quoted cells; with them, the quotes are not counted.
 */
function raggedColumn(cells: CsvRecord["cells"], width: number): number {
  const before = cells.slice(0, width);
  const isShort = cells.length <= width;
  const separators = isShort ? before.length - 1 : before.length;
  return before.reduce((sum, cell) => sum + (cell ?? "").length, 0) + separators + 1;
}
