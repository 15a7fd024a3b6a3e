/**
 * The first of two passes over a file: all of it is read and nothing is changed. So a person sees
 * before the import how many rows there are, which do not fit and why; column types are known
 * instead of guessed, and progress has a total.
 */
import { err, ok, type Result } from "../base/result.ts";
import type { JsonCell } from "../changes/values.ts";
import { ColumnKind, type ColumnType } from "./column-kind.ts";
import type { FileSource } from "./file-source.ts";
import { columnNames, hasHeader } from "./header.ts";
import type { JsonRecord } from "./json-reader.ts";
import type { BadRow, FileProblem } from "./problem.ts";
import { readRecords, type CellRecord, type FileRecord, type ReadSettings } from "./records.ts";
import { raggedRow } from "./ragged.ts";

/** How a file is asked to be read. */
export type SurveyRequest = ReadSettings & {
  /** Whether the first row names the columns; null: found out. Without meaning for JSON. */
  readonly hasHeader: boolean | null;
};

/** A column of the file. */
export type FileColumn = { readonly name: string; readonly type: ColumnType };

/** What the first pass found. */
export type FileSurvey = {
  /** As it was asked, with what was found out. */
  readonly settings: ReadSettings & { readonly hasHeader: boolean };
  readonly columns: readonly FileColumn[];
  readonly rowCount: number;
  readonly badRowCount: number;
  /** The first of them. */
  readonly badRows: readonly BadRow[];
  /** The first rows, in the order of the columns. */
  readonly sample: readonly (readonly JsonCell[])[];
};

/** Whoever waits for a long reading. */
export type Watcher = {
  readonly progress: (readBytes: number) => void;
  readonly isStopped: () => boolean;
};

const SAMPLE_ROWS = 20;
const BAD_ROWS_SHOWN = 100;
/** Looked at before it is decided whether there is a header. */
const HEAD_ROWS = 50;
const COLUMN_COUNT_MAX = 2_000;

/** Reads it. `stopped` when the watcher wanted so. */
export async function surveyFile(
  source: FileSource,
  request: SurveyRequest,
  watcher: Watcher,
): Promise<Result<FileSurvey, FileProblem>> {
  const shape = new FileShape(request);
  let settings: ReadSettings = request;
  for await (const batch of readRecords(source, request)) {
    if (!batch.ok) return batch;
    settings = batch.value.settings;
    for (const record of batch.value.records) {
      const problem = shape.add(record);
      if (problem !== null) return err(problem);
    }
    watcher.progress(batch.value.readBytes);
    if (watcher.isStopped()) return err(stopped());
  }
  return shape.finish(settings);
}

/** The person did not want to wait. */
export function stopped(): FileProblem {
  return { code: "stopped", line: 1, column: 1, message: "it was stopped." };
}

/** Nothing between two line ends. A file of one column may have rows that look like that. */
export function isBlank({ cells }: CellRecord, width: number): boolean {
  return width > 1 && cells.length === 1 && cells[0] === null;
}

/** Whether all cells are empty: such rows before the first other one are not part of the table. */
export function isEmptyRow({ cells }: CellRecord): boolean {
  return cells.every((cell) => cell === null);
}

/** What is known of a file's columns so far. */
class FileShape {
  readonly #request: SurveyRequest;
  readonly #kinds = new Map<string, ColumnKind>();
  readonly #badRows: BadRow[] = [];
  readonly #sample: (readonly JsonCell[] | JsonRecord)[] = [];
  /** The first rows, until it is known what they are. */
  #head: (CellRecord | BadRow)[] | null;
  #ordered: ColumnKind[] = [];
  #hasHeader = true;
  #rowCount = 0;
  #badRowCount = 0;

  constructor(request: SurveyRequest) {
    this.#request = request;
    this.#head = request.format === "json" ? null : [];
  }

  add(record: FileRecord): FileProblem | null {
    if ("fields" in record) return this.#addObject(record);
    if (this.#head === null) this.#addRow(record);
    else if (this.#head.length > 0 || "message" in record || !isEmptyRow(record)) {
      this.#head.push(record);
      if (this.#head.length >= HEAD_ROWS) return this.#decide();
    }
    return null;
  }

  finish(settings: ReadSettings): Result<FileSurvey, FileProblem> {
    const problem = this.#decide();
    if (problem !== null) return err(problem);
    if (this.#kinds.size === 0) return err(emptyFile());
    const isText = settings.format === "csv";
    const columns = [...this.#kinds].map(([name, kind]) => ({
      name,
      type: isText ? kind.typeOfText() : kind.typeOfCells(),
    }));
    const places = placesOf(columns);
    const sample = this.#sample.map((row) =>
      "fields" in row
        ? (placedCells(row, places) ?? [])
        : columns.map((_, place) => row[place] ?? null),
    );
    return ok({
      settings: { ...settings, hasHeader: this.#hasHeader },
      columns,
      rowCount: this.#rowCount,
      badRowCount: this.#badRowCount,
      badRows: this.#badRows,
      sample,
    });
  }

  #decide(): FileProblem | null {
    const head = this.#head;
    this.#head = null;
    const rows = (head ?? []).filter((record) => !("message" in record));
    const first = rows[0];
    if (head === null || first === undefined) return null;
    const told = this.#request.hasHeader;
    this.#hasHeader = told ?? hasHeader(rows.map(({ cells }) => cells));
    // Without a header the first row tells how many there are.
    const names = columnNames(this.#hasHeader ? first.cells : first.cells.map(() => null));
    if (names.length > COLUMN_COUNT_MAX) {
      const message = `${names.length} columns, and a table has at most ${COLUMN_COUNT_MAX}.`;
      return { code: "bad-header", line: first.line, column: 1, message };
    }
    for (const name of names) this.#kinds.set(name, new ColumnKind());
    this.#ordered = [...this.#kinds.values()];
    for (const record of head) {
      if (!this.#hasHeader || record !== first) this.#addRow(record);
    }
    return null;
  }

  #addRow(record: CellRecord | BadRow): void {
    if ("message" in record) {
      this.#addBad(record);
      return;
    }
    const width = this.#ordered.length;
    if (isBlank(record, width)) return;
    const bad = raggedRow(record, width, this.#request.format);
    if (bad !== null) {
      this.#addBad(bad);
      return;
    }
    const isText = this.#request.format === "csv";
    const { cells } = record;
    for (let place = 0; place < cells.length; place++) {
      const cell = cells[place] ?? null;
      if (cell === null) continue;
      if (isText && typeof cell === "string") this.#ordered[place]?.addText(cell);
      else this.#ordered[place]?.addCell(cell);
    }
    this.#countRow(cells);
  }

  #addObject(record: JsonRecord): FileProblem | null {
    for (const [name, cell] of record.fields) {
      const kind = this.#kinds.get(name) ?? new ColumnKind();
      if (!this.#kinds.has(name)) {
        const message = nameProblem(name, this.#kinds.size);
        if (message !== null) return { code: "bad-header", line: record.line, column: 1, message };
        this.#kinds.set(name, kind);
      }
      kind.addCell(cell);
    }
    this.#countRow(record);
    return null;
  }

  #countRow(row: readonly JsonCell[] | JsonRecord): void {
    if (this.#sample.length < SAMPLE_ROWS) this.#sample.push(row);
    this.#rowCount += 1;
  }

  #addBad(bad: BadRow): void {
    if (this.#badRows.length < BAD_ROWS_SHOWN) this.#badRows.push(bad);
    this.#badRowCount += 1;
  }
}

/** Where each column stands. */
export function placesOf(
  columns: readonly Pick<FileColumn, "name">[],
): ReadonlyMap<string, number> {
  return new Map(columns.map(({ name }, place) => [name, place]));
}

/** The cells of an object in the order of the columns; null when it has others. */
export function placedCells(
  { fields }: JsonRecord,
  places: ReadonlyMap<string, number>,
): readonly JsonCell[] | null {
  const cells = new Array<JsonCell>(places.size).fill(null);
  for (const [name, cell] of fields) {
    const place = places.get(name);
    if (place === undefined) return null;
    cells[place] = cell;
  }
  return cells;
}

function nameProblem(name: string, columnCount: number): string | null {
  if (name.trim() === "") return "a column has no name.";
  if (name.includes("\0")) return "a column's name contains a NUL.";
  if (name.length > 200) return "a column's name is longer than 200 characters.";
  return columnCount >= COLUMN_COUNT_MAX ? `more than ${COLUMN_COUNT_MAX} columns.` : null;
}

function emptyFile(): FileProblem {
  return { code: "empty-file", line: 1, column: 1, message: "the file has no columns." };
}
