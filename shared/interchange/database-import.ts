/**
 * Imports tables of a SQLite file: first all tables as they were made, then their rows, then indexes
 * and views, which would only slow the rows down. All of it is one import that can be taken back.
 *
 * Triggers are not made: what they did is in the rows, and what they would do is for a person to say.
 */
import type { ForeignContents, ForeignTable } from "../api/interchange.ts";
import type { ApiParams, ApiResult } from "../api/methods.ts";
import { err, ok, type Result } from "../base/result.ts";
import { FIRST_PART, importClientId } from "../changes/import-id.ts";
import type { JsonCell } from "../changes/values.ts";
import type { FileRows } from "./file-rows.ts";
import {
  ImportRun,
  type ImportFailure,
  type ImportRequest,
  type ImportTotals,
} from "./import-run.ts";
import type { FileProblem } from "./problem.ts";

/** What such an import needs of whoever runs it. */
export type DatabasePorts<E> = {
  readonly execute: (
    params: ApiParams<"execute"> & { readonly clientId: string; readonly sequence: number },
  ) => Promise<Result<ApiResult<"execute">, E>>;
  readonly insert: ImportRequest<E>["insert"];
  readonly rows: (
    table: ForeignTable,
    from: number,
  ) => Promise<Result<ApiResult<"fileRows">, FileProblem>>;
  readonly onProgress: (totals: ImportTotals) => void;
};

/** What is imported of a file. */
export type DatabaseRequest = {
  readonly importId: string;
  readonly contents: ForeignContents;
  /** Those that are wanted, in the order of the contents. */
  readonly tables: readonly ForeignTable[];
  /** Whether views come too: they may read tables that are not wanted. */
  readonly hasViews: boolean;
};

/** One such import. */
export class DatabaseImport<E> {
  readonly #request: DatabaseRequest;
  readonly #ports: DatabasePorts<E>;
  #run: ImportRun<E> | null = null;
  #isStopped = false;
  #rowCount = 0;
  #lastIndex = 0;

  constructor(request: DatabaseRequest, ports: DatabasePorts<E>) {
    this.#request = request;
    this.#ports = ports;
  }

  /** What is committed so far. */
  get totals(): ImportTotals {
    const running = this.#run?.totals;
    return {
      rowCount: this.#rowCount + (running?.rowCount ?? 0),
      badRowCount: 0,
      lastIndex: Math.max(this.#lastIndex, running?.lastIndex ?? 0),
    };
  }

  /** Ends it after the batches that are on their way. */
  stop(): void {
    this.#isStopped = true;
    this.#run?.stop();
  }

  /** Runs until all is committed, or until the first failure; `totals` then says how far it came. */
  async run(): Promise<Result<ImportTotals, ImportFailure<E>>> {
    const { tables, contents, hasViews } = this.#request;
    const names = new Set(tables.map(({ name }) => name));
    const made = await this.#make(FIRST_PART, tables);
    if (!made.ok) return made;
    for (const [place, table] of tables.entries()) {
      const done = await this.#importTable(table, place);
      if (!done.ok) return done;
    }
    const indexes = contents.indexes.filter(({ table }) => names.has(table));
    const rest = await this.#make("last", [...indexes, ...(hasViews ? contents.views : [])]);
    return rest.ok ? ok(this.totals) : rest;
  }

  async #make(
    part: string,
    objects: readonly { readonly sql: string }[],
  ): Promise<Result<null, ImportFailure<E>>> {
    if (objects.length === 0) return ok(null);
    const done = await this.#ports.execute({
      statements: objects.map(({ sql }) => ({ sql })),
      clientId: importClientId(this.#request.importId, part),
      sequence: 1,
    });
    if (!done.ok) return err({ type: "refused", error: done.error });
    this.#lastIndex = Math.max(this.#lastIndex, done.value.index);
    return ok(null);
  }

  async #importTable(table: ForeignTable, place: number): Promise<Result<null, ImportFailure<E>>> {
    const run = new ImportRun<E>({
      importId: this.#request.importId,
      place,
      table: table.name,
      columns: table.columns,
      isLenient: false,
      rows: this.#rowsOf(table),
      insert: this.#ports.insert,
      onBadRow: () => undefined,
      onProgress: () => this.#ports.onProgress(this.totals),
    });
    this.#run = run;
    if (this.#isStopped) run.stop();
    const done = await run.run();
    this.#rowCount += run.totals.rowCount;
    this.#lastIndex = Math.max(this.#lastIndex, run.totals.lastIndex);
    this.#run = null;
    return done.ok ? ok(null) : done;
  }

  async *#rowsOf(table: ForeignTable): AsyncGenerator<Result<FileRows, FileProblem>> {
    for (let from = 0; ;) {
      const answer = await this.#ports.rows(table, from);
      if (!answer.ok) return yield answer;
      const { rows, isLast } = answer.value;
      yield ok(numbered(rows, from));
      if (isLast) return;
      from += rows.length;
    }
  }
}

/** Rows of a table have no lines; their place in it is told instead. */
function numbered(rows: readonly (readonly JsonCell[])[], from: number): FileRows {
  return { rows, originals: rows, lines: rows.map((_, i) => from + i + 1), badRows: [] };
}
