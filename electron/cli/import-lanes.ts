/**
 * Sends an import's batches, several at a time, each exactly once.
 *
 * Each lane is a client of its own for the exactly-once table, because that table remembers the
 * last sequence of a client: a lane has one batch on its way, so a batch that must be sent again
 * is always its client's last. While one batch is captured, the leader already reads the next ones.
 */
import { randomUUID } from "node:crypto";
import { ok, type Result } from "../../shared/base/result.ts";
import type { JsonCell } from "../../shared/changes/values.ts";
import { describeProblem, type FileProblem } from "../agent/interchange/problem.ts";
import type { FileRows } from "../agent/interchange/table-file.ts";
import { fail, failWith, type CliFailure } from "./failure.ts";
import type { LeaderFollower } from "./leader-follower.ts";
import { formatCount } from "./text-table.ts";

/** What an import has done. */
export type ImportTotals = { readonly rowCount: number; readonly lastIndex: number };

type Batch = { readonly rows: readonly (readonly JsonCell[])[]; readonly lines: readonly number[] };
type Outcome<T> = Result<T, CliFailure>;

const LANE_COUNT = 4;
const BATCH_ROWS_MAX = 5_000;
/** In characters of JSON, roughly: an entry of the log is at most 1 MiB. */
const BATCH_SIZE_MAX = 700_000;

/** One import. */
export class ImportLanes {
  readonly #follower: LeaderFollower;
  readonly #table: string;
  readonly #columns: readonly string[];
  readonly #onRows: (rowCount: number) => void;
  #failure: Outcome<never> | null = null;
  #rowCount = 0;
  #lastIndex = 0;

  constructor(options: {
    readonly follower: LeaderFollower;
    readonly table: string;
    readonly columns: readonly string[];
    /** Called with the number of rows that are committed so far. */
    readonly onRows: (rowCount: number) => void;
  }) {
    this.#follower = options.follower;
    this.#table = options.table;
    this.#columns = options.columns;
    this.#onRows = options.onRows;
  }

  /** Runs until all is committed, or until the first failure; then says how far it came. */
  async run(source: AsyncGenerator<Result<FileRows, FileProblem>>): Promise<Outcome<ImportTotals>> {
    await this.#follower.prepare();
    const batches = batchesOf(source);
    await Promise.all(Array.from({ length: LANE_COUNT }, () => this.#lane(batches)));
    await batches.return(undefined);
    if (this.#failure !== null) return this.#failure;
    return ok({ rowCount: this.#rowCount, lastIndex: this.#lastIndex });
  }

  async #lane(batches: AsyncGenerator<Result<Batch, FileProblem>>): Promise<void> {
    const clientId = `import-${randomUUID()}`;
    for (let sequence = 1; this.#failure === null; sequence++) {
      const batch = await batches.next();
      if (batch.done === true) return;
      if (!batch.value.ok) {
        this.#stop(fail(describeProblem(batch.value.error)));
        return;
      }
      await this.#send(batch.value.value, { clientId, sequence });
    }
  }

  async #send(batch: Batch, key: { clientId: string; sequence: number }): Promise<void> {
    const inserted = await this.#follower.call("insertRows", {
      table: this.#table,
      columns: this.#columns,
      rows: batch.rows,
      ...key,
    });
    if (inserted.ok) {
      this.#rowCount += batch.rows.length;
      this.#lastIndex = Math.max(this.#lastIndex, inserted.value.index);
      this.#onRows(this.#rowCount);
      return;
    }
    const { statement } = inserted.error;
    const line = statement === undefined ? undefined : batch.lines[statement];
    const place = line === undefined ? "" : `line ${line}: `;
    const message = `${place}${inserted.error.message}`;
    this.#stop(failWith({ ...inserted.error, message }));
  }

  #stop(failure: { readonly ok: false; readonly error: CliFailure }): void {
    if (this.#failure !== null) return;
    const { exitCode, message } = failure.error;
    const imported = this.#rowCount === 0 ? "No row" : `${formatCount(this.#rowCount)} rows`;
    this.#failure = fail(`${message} ${imported} had been imported by then.`, exitCode);
  }
}

/** Cuts the file's rows into batches, in the order of the file. */
async function* batchesOf(
  source: AsyncGenerator<Result<FileRows, FileProblem>>,
): AsyncGenerator<Result<Batch, FileProblem>> {
  let rows: (readonly JsonCell[])[] = [];
  let lines: number[] = [];
  let size = 0;
  for await (const part of source) {
    if (!part.ok) return yield part;
    for (const [place, row] of part.value.rows.entries()) {
      const rowSize = sizeOf(row);
      if (rows.length === BATCH_ROWS_MAX || (rows.length > 0 && size + rowSize > BATCH_SIZE_MAX)) {
        yield ok({ rows, lines });
        rows = [];
        lines = [];
        size = 0;
      }
      rows.push(row);
      lines.push(part.value.lines[place] ?? 0);
      size += rowSize;
    }
  }
  if (rows.length > 0) yield ok({ rows, lines });
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
