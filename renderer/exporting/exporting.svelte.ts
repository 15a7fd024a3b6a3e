/** One table as a file, from this window. The writing is `shared/interchange`'s, as the command line's. */
import type { Agent, ClientError } from "../agent/client.ts";
import type { TableInfo } from "../../shared/api/methods.ts";
import { base64Decode } from "../../shared/changes/base64.ts";
import type { AsOf } from "../../shared/cluster/status.ts";
import { PageFailure, TablePages } from "../../shared/interchange/table-pages.ts";
import {
  fileNameFor,
  writeTable,
  type TableFormat,
} from "../../shared/interchange/table-writer.ts";
import { SheetLimit } from "../../shared/interchange/workbook-writer.ts";
import { ZipTooLarge } from "../../shared/interchange/zip-writer.ts";
import { describeFailure, type Failure } from "../parts/failure.ts";
import { saveFile } from "../parts/save-file.ts";
import { text } from "../text/en.ts";

/** Where an export is. */
export type ExportState =
  | { readonly kind: "idle" }
  | { readonly kind: "running"; readonly rowCount: number }
  | {
      readonly kind: "done";
      readonly name: string;
      readonly rowCount: number;
      readonly asOf: AsOf | null;
      readonly hasMoved: boolean;
    }
  | { readonly kind: "failed"; readonly failure: Failure };

/** What a table is exported as. */
export type ExportFormat = TableFormat | "sqlite";

/** Kept together until the file is whole; the browser holds what it was given beside the page. */
const PART_BYTES = 4 * 1024 * 1024;

/** Owns one export. */
export class ExportController {
  #state = $state.raw<ExportState>({ kind: "idle" });
  #isStopped = false;
  readonly #agent: Agent;
  readonly #table: TableInfo;

  constructor(agent: Agent, table: TableInfo) {
    this.#agent = agent;
    this.#table = table;
  }

  get state(): ExportState {
    return this.#state;
  }

  stop(): void {
    this.#isStopped = true;
  }

  async run(format: ExportFormat, isFormulaGuarded: boolean): Promise<void> {
    this.#isStopped = false;
    this.#state = { kind: "running", rowCount: 0 };
    if (format === "sqlite") await this.#saveImage();
    else await this.#saveTable(format, isFormulaGuarded);
    if (this.#isStopped) this.#state = { kind: "idle" };
  }

  async #saveTable(format: TableFormat, isFormulaGuarded: boolean): Promise<void> {
    const pages = new TablePages<ClientError>(this.#table, (params) =>
      this.#agent.call("query", params),
    );
    const bytes = writeTable(format, {
      name: this.#table.name,
      columns: pages.columns,
      pages: this.#told(pages),
      asOf: () => pages.asOf,
      isFormulaGuarded,
    });
    const parts = await this.#gather(bytes);
    if (parts === null) return;
    const { asOf, rowCount, movedFrom } = pages;
    const name = fileNameFor(this.#table.name, format, asOf);
    saveFile(name, parts, "application/octet-stream");
    this.#state = { kind: "done", name, rowCount, asOf, hasMoved: movedFrom !== null };
  }

  async *#told(pages: TablePages<ClientError>): ReturnType<TablePages<ClientError>["read"]> {
    for await (const page of pages.read()) {
      if (this.#isStopped) return;
      yield page;
      this.#state = { kind: "running", rowCount: pages.rowCount };
    }
  }

  /** null when it failed or was stopped. */
  async #gather(bytes: AsyncGenerator<Uint8Array>): Promise<Blob[] | null> {
    const parts: Blob[] = [];
    let waiting: BlobPart[] = [];
    let length = 0;
    try {
      for await (const chunk of bytes) {
        waiting.push(Uint8Array.from(chunk));
        length += chunk.length;
        if (length < PART_BYTES) continue;
        parts.push(new Blob(waiting));
        waiting = [];
        length = 0;
      }
    } catch (cause) {
      this.#state = { kind: "failed", failure: failureOf(cause) };
      return null;
    }
    return this.#isStopped ? null : [...parts, new Blob(waiting)];
  }

  async #saveImage(): Promise<void> {
    const { name: table, rowCount, kind } = this.#table;
    const wanted = kind === "table" ? { tables: [table] } : {};
    const answer = await this.#agent.call("backup", { ...wanted, isMarked: true });
    if (this.#isStopped) return;
    if (!answer.ok) {
      this.#state = { kind: "failed", failure: describeFailure(answer.error) };
      return;
    }
    const { image, asOf } = answer.value;
    const bytes = base64Decode(image.$blob) ?? new Uint8Array(0);
    const name = fileNameFor(table, "sqlite", asOf);
    saveFile(name, [Uint8Array.from(bytes)], "application/vnd.sqlite3");
    this.#state = { kind: "done", name, rowCount: rowCount ?? 0, asOf, hasMoved: false };
  }
}

function failureOf(cause: unknown): Failure {
  if (cause instanceof PageFailure) return describeFailure(cause.error as ClientError);
  if (!(cause instanceof SheetLimit || cause instanceof ZipTooLarge)) throw cause;
  return {
    code: "too-large",
    what: cause.message,
    verbatim: null,
    next: text.exporting.otherFormat,
  };
}
