/**
 * Sends an import's batches, several at a time, each exactly once.
 *
 * Each lane is a client of its own for the exactly-once table, because that table remembers the last
 * sequence of a client: a lane has one batch on its way, so a batch that must be sent again is always
 * its client's last. While one batch is captured, the leader already reads the next ones. The clients
 * bear the import's name, so that all its transactions are found again (`shared/changes/import-id.ts`).
 *
 * It knows neither who sends nor what reads: the command line and the window both use it.
 */
import { FIRST_PART, importClientId } from "../changes/import-id.ts";
import type { ApiError, ApiParams, ApiResult } from "../api/methods.ts";
import { err, ok, type Result } from "../base/result.ts";
import type { JsonCell } from "../changes/values.ts";
import { BAD_ROWS_MAX } from "./bad-rows.ts";
import type { FileRows } from "./file-rows.ts";
import type { BadRow, FileProblem } from "./problem.ts";
import { stopped } from "./survey.ts";

/** What an import has done so far. */
export type ImportTotals = {
  readonly rowCount: number;
  readonly badRowCount: number;
  /** Of its newest transaction; 0 when there is none. */
  readonly lastIndex: number;
};

/** Why an import ended before its end: the file's fault, a row's, or the sender's own failure. */
export type ImportFailure<E> =
  | { readonly type: "file"; readonly problem: FileProblem }
  | { readonly type: "row"; readonly bad: BadRow; readonly error: E | null }
  | { readonly type: "refused"; readonly error: E };

/** One import. */
export type ImportRequest<E> = {
  readonly importId: string;
  /** Of several tables in one import, which this is; null when it is the only one and begins the import. */
  readonly place: number | null;
  readonly table: string;
  readonly columns: readonly string[];
  /** Whether bad rows are left out; else the first one ends the import. */
  readonly isLenient: boolean;
  readonly rows: AsyncGenerator<Result<FileRows, FileProblem>>;
  /** Sends a batch; again after an unknown outcome, with the same key. */
  readonly insert: (
    params: ApiParams<"insertRows"> & { readonly clientId: string; readonly sequence: number },
  ) => Promise<Result<ApiResult<"insertRows">, InsertError<E>>>;
  readonly onBadRow: (bad: BadRow) => void;
  readonly onProgress: (totals: ImportTotals) => void;
};

/** A failure of a batch; `row` is the first bad one of it, from 0, where it was one. */
export type InsertError<E> = {
  readonly error: E;
  readonly row: number | null;
  readonly message: string;
};

type Batch = {
  readonly rows: (readonly JsonCell[])[];
  readonly originals: (readonly JsonCell[])[];
  readonly lines: number[];
};

const LANE_COUNT = 4;
const BATCH_ROWS_MAX = 5_000;
/** In characters of JSON, roughly: an entry of the log is at most 1 MiB. */
const BATCH_SIZE_MAX = 700_000;

/** One import; the first failure ends it. */
export class ImportRun<E> {
  readonly #request: ImportRequest<E>;
  #failure: ImportFailure<E> | null = null;
  #rowCount = 0;
  #badRowCount = 0;
  #lastIndex = 0;

  constructor(request: ImportRequest<E>) {
    this.#request = request;
  }

  get totals(): ImportTotals {
    return {
      rowCount: this.#rowCount,
      badRowCount: this.#badRowCount,
      lastIndex: this.#lastIndex,
    };
  }

  /** Ends it after the batches that are on their way. */
  stop(): void {
    this.#fail({ type: "file", problem: stopped() });
  }

  /** Runs until all is committed, or until the first failure; `totals` then says how far it came. */
  async run(): Promise<Result<ImportTotals, ImportFailure<E>>> {
    const batches = this.#batches();
    if (this.#request.place === null) await this.#first(batches);
    const lanes = Array.from({ length: LANE_COUNT }, (_, lane) => this.#lane(batches, lane));
    await Promise.all(lanes);
    await batches.return(undefined);
    return this.#failure === null ? ok(this.totals) : err(this.#failure);
  }

  /** Alone, so that the import's beginning is the oldest of it in the log. */
  async #first(batches: AsyncGenerator<Batch>): Promise<void> {
    const batch = await batches.next();
    if (batch.done === true || this.#failure !== null) return;
    const clientId = importClientId(this.#request.importId, FIRST_PART);
    await this.#send(batch.value, { clientId, sequence: 1 });
  }

  async #lane(batches: AsyncGenerator<Batch>, lane: number): Promise<void> {
    const part = `${this.#request.place ?? 0}-${lane}`;
    const clientId = importClientId(this.#request.importId, part);
    for (let sequence = 1; this.#failure === null; sequence++) {
      const batch = await batches.next();
      // It may have ended while this lane waited for its batch.
      if (batch.done === true || this.#failure !== null) return;
      await this.#send(batch.value, { clientId, sequence });
    }
  }

  async #send(batch: Batch, key: { clientId: string; sequence: number }): Promise<void> {
    const { table, columns, isLenient, insert, onProgress } = this.#request;
    const lenient = isLenient ? { skipsBadRows: true } : {};
    const inserted = await insert({ table, columns, rows: batch.rows, ...lenient, ...key });
    if (!inserted.ok) return this.#refused(batch, inserted.error);
    for (const { row, message } of inserted.value.badRows ?? []) {
      this.#addBad(badRow(batch, row, message));
    }
    this.#rowCount += inserted.value.rowCount;
    this.#lastIndex = Math.max(this.#lastIndex, inserted.value.index);
    onProgress(this.totals);
  }

  #refused(batch: Batch, { row, message, error }: InsertError<E>): void {
    if (row === null) this.#fail({ type: "refused", error });
    else this.#fail({ type: "row", bad: badRow(batch, row, message), error });
  }

  #addBad(bad: BadRow): void {
    if (!this.#request.isLenient) return this.#fail({ type: "row", bad, error: null });
    this.#badRowCount += 1;
    this.#request.onBadRow(bad);
    if (this.#badRowCount <= BAD_ROWS_MAX) return;
    const message = `more than ${BAD_ROWS_MAX} rows do not fit.`;
    const { line, column } = bad;
    const problem = { code: "too-many-bad-rows" as const, line, column: column ?? 1, message };
    this.#fail({ type: "file", problem });
  }

  #fail(failure: ImportFailure<E>): void {
    this.#failure ??= failure;
  }

  /** The rows in batches, in the order of the file; ends where the file does. */
  async *#batches(): AsyncGenerator<Batch> {
    let batch: Batch = { rows: [], originals: [], lines: [] };
    let size = 0;
    for await (const part of this.#request.rows) {
      if (!part.ok) return this.#fail({ type: "file", problem: part.error });
      for (const bad of part.value.badRows) this.#addBad(bad);
      const { rows, originals, lines } = part.value;
      for (const [place, row] of rows.entries()) {
        const rowSize = sizeOf(row);
        const isFull = batch.rows.length === BATCH_ROWS_MAX || size + rowSize > BATCH_SIZE_MAX;
        if (isFull && batch.rows.length > 0) {
          yield batch;
          batch = { rows: [], originals: [], lines: [] };
          size = 0;
        }
        batch.rows.push(row);
        batch.originals.push(originals[place] ?? row);
        batch.lines.push(lines[place] ?? 0);
        size += rowSize;
      }
    }
    if (batch.rows.length > 0) yield batch;
  }
}

/** Which row an error of `insertRows` is about, and what SQLite says of it. */
export function refusedRow({ statement, message }: Pick<ApiError, "statement" | "message">): {
  readonly row: number | null;
  readonly message: string;
} {
  const reason = message.replace(/^Row \d+ cannot be inserted: /, "");
  return { row: statement ?? null, message: reason };
}

function badRow({ originals, lines }: Batch, row: number, message: string): BadRow {
  return {
    line: lines[row] ?? 1,
    column: null,
    message,
    cells: originals[row] ?? [],
    text: null,
  };
}

function sizeOf(row: readonly JsonCell[]): number {
  let size = 2;
  for (const cell of row) {
    if (typeof cell === "string") size += cell.length + 3;
    else if (cell !== null && typeof cell === "object") size += JSON.stringify(cell).length + 1;
    else size += 8;
  }
  return size;
}
