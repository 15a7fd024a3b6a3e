/** A store with its log in memory, as the leader's: what imports, exports and their undoing need. */
import type { Store } from "../../electron/agent/ports.ts";
import { PastImports } from "../../electron/agent/replica/past-imports.ts";
import { Past } from "../../electron/agent/replica/past.ts";
import type { WriteOutcome } from "../../electron/agent/replica/write-queue.ts";
import { ForeignFile } from "../../electron/store-worker/foreign-file.ts";
import type { CaptureRequest } from "../../electron/store-worker/messages.ts";
import type { SqliteModule } from "../../electron/store-worker/sqlite-module.ts";
import type { ApiError, ApiParams, ApiResult, TableInfo } from "../../shared/api/methods.ts";
import { logIndex, term } from "../../shared/base/ids.ts";
import { err, ok, type Result } from "../../shared/base/result.ts";
import type { JsonCell } from "../../shared/changes/values.ts";
import type { AsOf } from "../../shared/cluster/status.ts";
import { refusedRow, type InsertError } from "../../shared/interchange/import-run.ts";
import { TablePages } from "../../shared/interchange/table-pages.ts";
import { writeTable, type TableFormat } from "../../shared/interchange/table-writer.ts";
import type { LogEntry, LogView } from "../../shared/raft/types.ts";
import { request, rows, StoreGroup } from "../store/store-fixture.ts";
import { VirtualClock } from "../support/virtual-clock.ts";

type Keyed = { readonly clientId?: string; readonly sequence?: number };

/** See the head of this file. */
export class StoreWorld {
  readonly group: StoreGroup;
  readonly imports: PastImports;
  firstIndex = 1;
  readonly #sqlite: SqliteModule;
  readonly #entries: LogEntry[] = [];
  readonly #clock = new VirtualClock();

  constructor(sqlite: SqliteModule) {
    this.#sqlite = sqlite;
    this.group = new StoreGroup(sqlite, 2);
    const store = {
      call: (method: never, params: never) =>
        Promise.resolve(this.group.leader.handle(method, params)),
    } as unknown as Store;
    const appliedIndex = () => logIndex(this.#entries.length);
    this.imports = new PastImports({
      past: new Past({ log: this.#log(), store, clock: this.#clock, appliedIndex }),
      store,
      readRefusal: () => Promise.resolve(null),
      writeRefusal: () => null,
      write: (work, key) => Promise.resolve(this.write(work, key)),
      preview: (work) => Promise.resolve(this.#preview(work)),
    });
  }

  write(work: CaptureRequest["work"], { clientId, sequence }: Keyed): WriteOutcome {
    const client = clientId === undefined ? null : { id: clientId, sequence: sequence ?? 0 };
    const [outcome] = this.group.capture(request([], { work, client }));
    if (outcome === undefined || !outcome.ok) return err(outcome?.error ?? NO_ANSWER);
    if (outcome.value.type !== "captured") return err(NO_ANSWER);
    const { payloads, results } = outcome.value;
    this.group.apply(this.group.entries(payloads));
    for (const payload of payloads) {
      const index = logIndex(this.#entries.length + 1);
      this.#entries.push({ term: term(1), index, kind: "data", payload });
    }
    const index = logIndex(this.#entries.length);
    return ok({ position: { term: term(1), index }, results });
  }

  readonly execute = (
    params: ApiParams<"execute">,
  ): Promise<Result<ApiResult<"execute">, ApiError>> => {
    const done = this.write({ type: "statements", statements: params.statements }, params);
    if (!done.ok) return Promise.resolve(done);
    return Promise.resolve(ok({ ...done.value.position, results: done.value.results }));
  };

  readonly insert = (
    params: ApiParams<"insertRows">,
  ): Promise<Result<ApiResult<"insertRows">, InsertError<ApiError>>> => {
    const done = this.write({ type: "insert-rows", ...params }, params);
    if (!done.ok) return Promise.resolve(err({ error: done.error, ...refusedRow(done.error) }));
    const { changes = 0, badRows = [] } = done.value.results[0] ?? {};
    return Promise.resolve(ok({ ...done.value.position, rowCount: changes, badRows }));
  };

  sql(...statements: string[]): void {
    const done = this.write(
      { type: "statements", statements: statements.map((sql) => ({ sql })) },
      {},
    );
    if (!done.ok) throw new Error(done.error.message);
  }

  query(sql: string): readonly (readonly JsonCell[])[] {
    return rows(this.group.leader, sql);
  }

  table(name: string): TableInfo {
    const found = this.group.leader.handle("tables", {}).tables.find((each) => each.name === name);
    if (found === undefined) throw new Error(`there is no table ${name}`);
    return found;
  }

  /** The table as a file. */
  async exported(name: string, format: TableFormat): Promise<Buffer> {
    const pages = new TablePages<ApiError>(
      this.table(name),
      ({ sql, params = [], rowsMax = 1 }) => {
        const answer = this.group.leader.handle("query", { sql, params, rowsMax });
        return Promise.resolve(answer.ok ? ok({ ...answer.value, asOf: AS_OF }) : answer);
      },
    );
    const chunks: Uint8Array[] = [];
    const content = { name, columns: pages.columns, pages: pages.read(), asOf: () => pages.asOf };
    for await (const chunk of writeTable(format, { ...content, isFormulaGuarded: false })) {
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  }

  /** The database as a SQLite file that says where it stands. */
  image(tables: readonly string[] | null = null): Uint8Array {
    return this.group.leader.handle("plainImage", { tables, marks: [["at", "now"]] }).image;
  }

  /** Another program's file, opened. */
  openFile(): ForeignFile {
    return new ForeignFile(this.#sqlite);
  }

  /** Pauses end only when somebody lets time go on. */
  async answered<T>(asked: Promise<T>): Promise<T> {
    let isOver = false;
    void asked.finally(() => (isOver = true));
    while (!isOver) {
      await Promise.resolve();
      if (this.#clock.pendingCount > 0) this.#clock.runNext();
    }
    return asked;
  }

  dispose(): void {
    this.group.verify();
    this.group.dispose();
  }

  #preview(work: CaptureRequest["work"]): Result<ApiResult<"undoPreview">, ApiError> {
    const answer = this.group.leader.handle("preview", { work, rowsMax: 100 });
    if (answer.ok) return ok({ ...answer.value, conflicts: [], leftOut: [] });
    if (answer.error.code !== "undo-conflict") return answer;
    const { conflicts = [] } = answer.error;
    return ok({ rowCount: 0, changes: [], conflicts, schemaChanges: [], leftOut: [] });
  }

  #log(): LogView {
    const world = { entries: this.#entries, first: () => logIndex(this.firstIndex) };
    return {
      get firstIndex() {
        return world.first();
      },
      get lastIndex() {
        return logIndex(world.entries.length);
      },
      termAt: (index) => world.entries[index - 1]?.term ?? null,
      entriesFrom: (from, bytesMax) => {
        const found: LogEntry[] = [];
        let left = bytesMax;
        for (let at = from - 1; at < world.entries.length; at++) {
          const entry = world.entries[at] as LogEntry;
          left -= entry.payload.length;
          if (left < 0 && found.length > 0) break;
          found.push(entry);
        }
        return found;
      },
    };
  }
}

const NO_ANSWER: ApiError = { code: "internal", message: "no answer" };
const AS_OF: AsOf = {
  term: term(1),
  index: logIndex(1),
  at: null,
  lagMs: 0,
  lagEntries: 0,
  leaderReachable: true,
};
