/** The second of two passes over a file: its rows, as they go into the table. */
import { err, ok, type Result } from "../base/result.ts";
import type { JsonCell } from "../changes/values.ts";
import type { ColumnType } from "./column-kind.ts";
import type { FileSource } from "./file-source.ts";
import type { BadRow, FileProblem } from "./problem.ts";
import { raggedRow } from "./ragged.ts";
import { readRecords, type FileRecord } from "./records.ts";
import { isBlank, isEmptyRow, placedCells, placesOf, type FileSurvey } from "./survey.ts";

/** A column of the file on its way into a table. */
export type ColumnPlan = {
  /** Its place in the survey's columns. */
  readonly place: number;
  /** Where it goes. */
  readonly name: string;
  /** What a person said it holds; null keeps what comes. */
  readonly type: ColumnType | null;
};

/** Some rows with the line each began on; `cells` are all of the file, `rows` what is imported of them. */
export type FileRows = {
  readonly rows: readonly (readonly JsonCell[])[];
  readonly originals: readonly (readonly JsonCell[])[];
  readonly lines: readonly number[];
  readonly badRows: readonly BadRow[];
};

/** A file that no longer fits its survey ends with `file-changed`. */
export async function* readFileRows(
  source: FileSource,
  survey: FileSurvey,
  plan: readonly ColumnPlan[],
): AsyncGenerator<Result<FileRows, FileProblem>> {
  const rows = new PlannedRows(survey, plan);
  let count = 0;
  let line = 1;
  for await (const batch of readRecords(source, survey.settings)) {
    if (!batch.ok) return yield batch;
    for (const record of batch.value.records) {
      line = record.line;
      const problem = rows.add(record);
      if (problem !== null) return yield err(problem);
    }
    const part = rows.take();
    count += part.rows.length + part.badRows.length;
    if (count > survey.rowCount + survey.badRowCount) return yield err(fileChanged(line));
    if (part.rows.length > 0 || part.badRows.length > 0) yield ok(part);
  }
  if (count !== survey.rowCount + survey.badRowCount) yield err(fileChanged(line));
}

type Building = { -readonly [K in keyof FileRows]: FileRows[K][number][] };

class PlannedRows {
  readonly #survey: FileSurvey;
  readonly #plan: readonly ColumnPlan[];
  /** All columns in their order, as they are: nothing to be done for each row. */
  readonly #isPlain: boolean;
  readonly #places: ReadonlyMap<string, number>;
  #isBegun = false;
  #isHeader: boolean;
  #part: Building = { rows: [], originals: [], lines: [], badRows: [] };

  constructor(survey: FileSurvey, plan: readonly ColumnPlan[]) {
    this.#survey = survey;
    this.#plan = plan;
    this.#places = placesOf(survey.columns);
    const isAll = plan.length === survey.columns.length;
    this.#isPlain = isAll && plan.every(({ place, type }, i) => place === i && type === null);
    this.#isHeader = survey.settings.format !== "json" && survey.settings.hasHeader;
  }

  take(): FileRows {
    const part = this.#part;
    this.#part = { rows: [], originals: [], lines: [], badRows: [] };
    return part;
  }

  add(record: FileRecord): FileProblem | null {
    if ("message" in record) {
      this.#part.badRows.push(record);
      return null;
    }
    const { columns, settings } = this.#survey;
    if ("fields" in record) {
      const cells = placedCells(record, this.#places);
      if (cells === null) return fileChanged(record.line);
      this.#put(cells, record.line);
      return null;
    }
    if (!this.#isBegun && isEmptyRow(record)) return null;
    this.#isBegun = true;
    if (isBlank(record, columns.length)) return null;
    if (this.#isHeader) {
      this.#isHeader = false;
      return null;
    }
    const bad = raggedRow(record, columns.length, settings.format);
    if (bad !== null) this.#part.badRows.push(bad);
    else this.#put(record.cells, record.line);
    return null;
  }

  #put(original: readonly JsonCell[], line: number): void {
    const row =
      this.#isPlain && original.length === this.#plan.length ? original : this.#row(original);
    const wrong = row === original ? -1 : this.#misfit(row);
    const part = this.#part;
    if (wrong >= 0) {
      const { type, name } = this.#plan[wrong] ?? {};
      const message = `${shown(row[wrong] ?? null)} in column ${name} is no ${WORDS[type ?? ""]}.`;
      part.badRows.push({ line, column: null, message, cells: original, text: null });
      return;
    }
    part.rows.push(row);
    part.originals.push(original);
    part.lines.push(line);
  }

  #row(original: readonly JsonCell[]): JsonCell[] {
    return this.#plan.map(({ place }) => original[place] ?? null);
  }

  /** Place of the first cell that is not what a person said it is; -1 when all are. */
  #misfit(row: readonly JsonCell[]): number {
    return this.#plan.findIndex(({ type }, i) => {
      const cell = row[i];
      if (typeof cell !== "string" || type === null) return false;
      if (type === "INTEGER") return !/^\s*[-+]?\d+\s*$/.test(cell);
      return type === "REAL" && !/^\s*[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?\s*$/i.test(cell);
    });
  }
}

const WORDS: Readonly<Record<ColumnType, string>> = {
  INTEGER: "whole number",
  REAL: "number",
  TEXT: "text",
  BLOB: "bytes",
  "": "value",
};

function shown(cell: JsonCell): string {
  const text = String(cell);
  return text.length > 40 ? `"${text.slice(0, 40)}…"` : `"${text}"`;
}

function fileChanged(line: number): FileProblem {
  const message = "the file changed while it was being imported.";
  return { code: "file-changed", line, column: 1, message };
}
