/**
 * Imports a CSV file from this window: read in pieces, sent in batches, each batch a transaction.
 * A batch is only sent when the one before is confirmed, so that stopping stops.
 */
import type { Agent, ClientError } from "../agent/client.ts";
import type { TableInfo } from "../../shared/api/methods.ts";
import type { JsonCell } from "../../shared/changes/values.ts";
import { describeFailure, type Failure } from "../parts/failure.ts";
import type { ColumnPlan } from "../parts/statements.ts";
import { text } from "../text/en.ts";
import { CsvReader } from "./csv.ts";
import { parseCell, planColumns } from "./columns.ts";

/** Rows of one transaction: large enough to be fast, small enough to stop between. */
const BATCH_ROW_COUNT = 2_000;

/** Where an import is. */
export type ImportState =
  | { readonly kind: "idle" }
  | {
      readonly kind: "running" | "stopped" | "done";
      readonly rowCount: number;
      readonly part: number;
    }
  | { readonly kind: "failed"; readonly rowCount: number; readonly failure: Failure };

/** What an import needs. */
export type ImportPorts = {
  readonly agent: Agent;
  readonly create: (name: string, columns: readonly ColumnPlan[]) => Promise<ClientError | null>;
};

type Target = {
  readonly name: string;
  readonly columns: readonly string[];
  readonly types: readonly string[];
};

/** Owns one import. */
export class ImportController {
  #state = $state.raw<ImportState>({ kind: "idle" });
  #isStopping = false;
  #rowCount = 0;
  #target: Target | null = null;
  #waiting: string[][] = [];
  readonly #ports: ImportPorts;

  constructor(ports: ImportPorts) {
    this.#ports = ports;
  }

  get state(): ImportState {
    return this.#state;
  }

  stop(): void {
    this.#isStopping = true;
  }

  /** @param into An existing table, or the name of a new one. */
  async run(file: File, into: TableInfo | string): Promise<void> {
    this.#isStopping = false;
    this.#rowCount = 0;
    this.#target = null;
    this.#waiting = [];
    this.#state = { kind: "running", rowCount: 0, part: 0 };
    const failure = await this.#readAll(file, into);
    if (failure !== null) {
      this.#state = { kind: "failed", rowCount: this.#rowCount, failure };
      return;
    }
    const kind = this.#isStopping ? "stopped" : "done";
    this.#state = { kind, rowCount: this.#rowCount, part: 1 };
  }

  async #readAll(file: File, into: TableInfo | string): Promise<Failure | null> {
    const reader = new CsvReader();
    const stream = file.stream().getReader();
    const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    let readBytes = 0;
    for (;;) {
      const { value, done } = await stream.read();
      readBytes += value?.length ?? 0;
      const piece = decode(decoder, value);
      if (piece === null) return problem(text.importing.notUtf8);
      this.#waiting.push(...reader.push(piece, done));
      if (reader.error !== null) {
        return problem(`Line ${reader.error.line}: ${reader.error.problem}.`);
      }
      const failure = await this.#sendBatches(into, done, readBytes / Math.max(1, file.size));
      if (failure !== null || done || this.#isStopping) return failure;
    }
  }

  async #sendBatches(
    into: TableInfo | string,
    isEnd: boolean,
    part: number,
  ): Promise<Failure | null> {
    if (this.#target === null) {
      if (!isEnd && this.#waiting.length < BATCH_ROW_COUNT) return null;
      const failure = await this.#findTarget(into);
      if (failure !== null) return failure;
    }
    while (this.#waiting.length >= (isEnd ? 1 : BATCH_ROW_COUNT) && !this.#isStopping) {
      const failure = await this.#sendBatch(this.#waiting.splice(0, BATCH_ROW_COUNT));
      if (failure !== null) return failure;
      this.#state = { kind: "running", rowCount: this.#rowCount, part };
    }
    return null;
  }

  /** The header names the columns; of a new table, the first rows tell the types. */
  async #findTarget(into: TableInfo | string): Promise<Failure | null> {
    const header = this.#waiting.shift();
    if (header === undefined) return problem(text.importing.empty);
    if (typeof into !== "string") {
      const typeOf = new Map(into.columns.map((column) => [column.name, column.type]));
      const types = header.map((name) => typeOf.get(name) ?? "");
      this.#target = { name: into.name, columns: header, types };
      return null;
    }
    const columns = planColumns(header, this.#waiting);
    const error = await this.#ports.create(into, columns);
    if (error !== null) return describeFailure(error);
    this.#target = {
      name: into,
      columns: columns.map((column) => column.name),
      types: columns.map((column) => column.type),
    };
    return null;
  }

  async #sendBatch(rows: readonly string[][]): Promise<Failure | null> {
    const target = this.#target;
    if (target === null) return null;
    const cells = rows.map((row): JsonCell[] =>
      row.map((cell, column) => parseCell(cell, target.types[column] ?? "")),
    );
    const { name, columns } = target;
    const params = { table: name, columns, rows: cells };
    const answer = await this.#ports.agent.write("insertRows", params);
    if (!answer.ok) return describeFailure(answer.error);
    this.#rowCount += answer.value.rowCount;
    return null;
  }
}

function problem(sentence: string): Failure {
  return {
    code: "import-row",
    what: sentence,
    verbatim: null,
    next: "Correct the file and import it again.",
  };
}

/** null when the bytes are not UTF-8. */
function decode(decoder: TextDecoder, bytes: Uint8Array | undefined): string | null {
  try {
    return decoder.decode(bytes, { stream: bytes !== undefined });
  } catch {
    return null;
  }
}
