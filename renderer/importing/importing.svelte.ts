/**
 * One import from this window: a file is read through, shown as it would come in, imported, and taken
 * back when a person wants so. The work is `shared/interchange`'s, the same as the command line's.
 */
import type { Agent, ClientError } from "../agent/client.ts";
import type { ForeignContents } from "../../shared/api/interchange.ts";
import type { TableInfo } from "../../shared/api/methods.ts";
import { ok } from "../../shared/base/result.ts";
import { FIRST_PART, importClientId } from "../../shared/changes/import-id.ts";
import { badRowLine, badRowsHead } from "../../shared/interchange/bad-rows.ts";
import { DatabaseImport } from "../../shared/interchange/database-import.ts";
import { readFileRows, type ColumnPlan } from "../../shared/interchange/file-rows.ts";
import {
  createTableFor,
  planOf,
  proposeColumns,
  type ColumnChoice,
} from "../../shared/interchange/import-plan.ts";
import type { ImportFailure, ImportTotals } from "../../shared/interchange/import-run.ts";
import { ImportRun } from "../../shared/interchange/import-run.ts";
import { describeProblem, type FileProblem } from "../../shared/interchange/problem.ts";
import { formatOfFile, sheetNames } from "../../shared/interchange/records.ts";
import { sendFile } from "../../shared/interchange/send-file.ts";
import {
  surveyFile,
  type FileSurvey,
  type SurveyRequest,
} from "../../shared/interchange/survey.ts";
import { describeFailure, type Failure } from "../parts/failure.ts";
import { saveFile } from "../parts/save-file.ts";
import { text } from "../text/en.ts";
import { browserSource } from "./browser-source.ts";
import { ImportSender } from "./import-sender.ts";

/** Where an import is. */
export type ImportState =
  | { readonly kind: "idle" }
  | { readonly kind: "reading"; readonly part: number }
  | { readonly kind: "table"; readonly survey: FileSurvey; readonly sheets: readonly string[] }
  | { readonly kind: "database"; readonly contents: ForeignContents; readonly file: string }
  | Running
  | Ended;

/** Rows are on their way. */
export type Running = {
  readonly kind: "running";
  readonly totals: ImportTotals;
  readonly total: number;
  readonly rowsPerSecond: number;
};

/** It is over, one way or another. */
export type Ended = {
  readonly kind: "done" | "stopped" | "failed";
  readonly importId: string;
  readonly totals: ImportTotals;
  readonly failure: Failure | null;
};

const NOTHING: ImportTotals = { rowCount: 0, badRowCount: 0, lastIndex: 0 };
const AS_FOUND: SurveyRequest = {
  format: "csv",
  encoding: "auto",
  delimiter: null,
  sheet: null,
  hasHeader: null,
};

/** Owns one import. */
export class ImportController {
  #state = $state.raw<ImportState>({ kind: "idle" });
  #failure = $state.raw<Failure | null>(null);
  #request = $state.raw<SurveyRequest>(AS_FOUND);
  #choices = $state.raw<readonly ColumnChoice[]>([]);
  #file: File | null = null;
  #table: TableInfo | null = null;
  /** Raised by each reading: an older one that still runs is not wanted any more. */
  #reading = 0;
  #running: { stop(): void } | null = null;
  #badLines: string[] = [];
  #tell: (totals: ImportTotals) => void = () => undefined;
  readonly #agent: Agent;
  readonly #sender: ImportSender;

  constructor(agent: Agent) {
    this.#agent = agent;
    this.#sender = new ImportSender(agent);
  }

  get state(): ImportState {
    return this.#state;
  }

  /** What is wrong with the file or the choices; null when nothing is. */
  get failure(): Failure | null {
    return this.#failure;
  }

  /** How the file was asked to be read. */
  get request(): SurveyRequest {
    return this.#request;
  }

  get choices(): readonly ColumnChoice[] {
    return this.#choices;
  }

  get hasBadRows(): boolean {
    return this.#badLines.length > 0;
  }

  /** Stops whatever is under way; what is confirmed by then stays. */
  stop(): void {
    this.#reading += 1;
    this.#running?.stop();
    if (this.#state.kind === "database") void this.#agent.call("closeFile", this.#state);
    if (this.#state.kind === "reading") this.#state = { kind: "idle" };
  }

  /** Reads a file through. @param into Where its rows go; null for a new table. */
  async choose(file: File, into: TableInfo | null): Promise<void> {
    this.stop();
    this.#file = file;
    this.#table = into;
    const format = await formatOfFile(browserSource(file));
    if (format === "sqlite") return this.#readDatabase(file);
    await this.read({ ...AS_FOUND, format });
  }

  /** Reads the file again, otherwise. */
  async read(request: SurveyRequest): Promise<void> {
    const file = this.#file;
    if (file === null) return;
    this.#request = request;
    const watcher = this.#watch(file.size);
    const source = browserSource(file);
    const sheets = request.format === "xlsx" ? await sheetNames(source) : ok([]);
    const survey = sheets.ok ? await surveyFile(source, request, watcher) : sheets;
    if (watcher.isStopped()) return;
    if (!survey.ok || !sheets.ok) {
      if (!survey.ok) this.#refuse(problemOf(survey.error));
      return;
    }
    this.#choices = proposeColumns(survey.value, this.#table);
    this.#state = { kind: "table", survey: survey.value, sheets: sheets.value };
  }

  /** Another target for the rows. */
  retarget(into: TableInfo | null): void {
    this.#table = into;
    if (this.#state.kind === "table") this.#choices = proposeColumns(this.#state.survey, into);
  }

  /** Another name or type for a column; a name of null leaves it out. */
  change(place: number, change: Partial<Pick<ColumnChoice, "name" | "type">>): void {
    this.#choices = this.#choices.map((choice) =>
      choice.place === place ? { ...choice, ...change } : choice,
    );
  }

  /** Imports the rows that fit. @param name Of the new table, when it is one. */
  async importTable(name: string, importId: string): Promise<void> {
    if (this.#state.kind !== "table" || this.#file === null) return;
    const { survey } = this.#state;
    const plan = planOf(this.#choices, this.#table);
    this.#failure = plan.ok ? null : sentence(plan.error);
    if (!plan.ok) return;
    this.#begin(survey.rowCount);
    const isMade = this.#table === null;
    const made = isMade ? await this.#make(name, importId) : null;
    if (made !== null) return this.#end(importId, { type: "refused", error: made }, NOTHING);
    const target = { importId, table: this.#table?.name ?? name, place: isMade ? 0 : null };
    const run = this.#runOf(survey, plan.value, target);
    this.#running = run;
    const outcome = await run.run();
    this.#end(importId, outcome.ok ? null : outcome.error, run.totals);
  }

  /** Imports tables of a SQLite file. */
  async importDatabase(names: ReadonlySet<string>, importId: string): Promise<void> {
    if (this.#state.kind !== "database") return;
    const { contents, file } = this.#state;
    const tables = contents.tables.filter((table) => names.has(table.name));
    const total = tables.reduce((sum, table) => sum + table.rowCount, 0);
    const hasViews = tables.length === contents.tables.filter((t) => t.refusal === null).length;
    const progress = this.#begin(total);
    const run = new DatabaseImport<ClientError>(
      { importId, contents, tables, hasViews },
      {
        execute: (params) => this.#sender.send("execute", params),
        insert: this.#sender.insert,
        rows: async ({ name, columns }, from) => {
          const params = { file, table: name, columns, from };
          const answer = await this.#agent.call("fileRows", params);
          return answer.ok ? answer : { ok: false, error: unreadable(answer.error) };
        },
        onProgress: progress,
      },
    );
    this.#running = run;
    const outcome = await run.run();
    await this.#agent.call("closeFile", { file });
    this.#end(importId, outcome.ok ? null : outcome.error, run.totals);
  }

  /** Gives the rows that were left out as a file. */
  saveBadRows(): void {
    const name = (this.#file?.name ?? "import").replace(/\.[^.]*$/, "");
    saveFile(`${name} - ${text.importing.badFile}.csv`, this.#badLines, "text/csv");
  }

  async #readDatabase(file: File): Promise<void> {
    const watcher = this.#watch(file.size);
    const ask: Agent["call"] = (method, params) => this.#agent.call(method, params);
    const sent = await sendFile<ClientError>(browserSource(file), ask, watcher);
    const id = sent.ok ? sent.value : null;
    if (id === null || !sent.ok) {
      if (!sent.ok && !watcher.isStopped()) this.#refuse(describeFailure(sent.error));
      return;
    }
    const contents = await this.#agent.call("fileContents", { file: id });
    if (watcher.isStopped()) return;
    if (contents.ok) this.#state = { kind: "database", contents: contents.value, file: id };
    else this.#refuse(describeFailure(contents.error));
  }

  #refuse(failure: Failure): void {
    this.#state = { kind: "idle" };
    this.#failure = failure;
  }

  #watch(sizeBytes: number): { progress: (readBytes: number) => void; isStopped: () => boolean } {
    this.#reading += 1;
    const own = this.#reading;
    this.#failure = null;
    this.#state = { kind: "reading", part: 0 };
    const isStopped = (): boolean => this.#reading !== own;
    const progress = (readBytes: number): void => {
      if (isStopped()) return;
      this.#state = { kind: "reading", part: readBytes / Math.max(1, sizeBytes) };
    };
    return { progress, isStopped };
  }

  #begin(total: number): (totals: ImportTotals) => void {
    const startedMs = performance.now();
    const tell = (totals: ImportTotals): void => {
      const seconds = Math.max(0.001, (performance.now() - startedMs) / 1000);
      const rowsPerSecond = Math.round(totals.rowCount / seconds);
      this.#state = { kind: "running", totals, total, rowsPerSecond };
    };
    this.#badLines = [];
    tell(NOTHING);
    this.#tell = tell;
    return tell;
  }

  async #make(name: string, importId: string): Promise<ClientError | null> {
    const made = await this.#sender.send("execute", {
      statements: [createTableFor(name, this.#choices)],
      clientId: importClientId(importId, FIRST_PART),
      sequence: 1,
    });
    return made.ok ? null : made.error;
  }

  #runOf(
    survey: FileSurvey,
    plan: readonly ColumnPlan[],
    target: { readonly importId: string; readonly table: string; readonly place: number | null },
  ): ImportRun<ClientError> {
    const names = survey.columns.map((column) => column.name);
    const file = this.#file ?? new File([], "");
    return new ImportRun<ClientError>({
      ...target,
      columns: plan.map((column) => column.name),
      isLenient: true,
      rows: readFileRows(browserSource(file), survey, plan),
      insert: this.#sender.insert,
      onBadRow: (bad) => {
        if (this.#badLines.length === 0) this.#badLines.push(badRowsHead(names));
        this.#badLines.push(badRowLine(bad, names.length));
      },
      onProgress: (totals) => this.#tell(totals),
    });
  }

  #end(importId: string, failure: ImportFailure<ClientError> | null, totals: ImportTotals): void {
    this.#running = null;
    const isStopped = failure?.type === "file" && failure.problem.code === "stopped";
    const kind = failure === null ? "done" : isStopped ? "stopped" : "failed";
    const told = failure === null || isStopped ? null : failureOf(failure);
    this.#state = { kind, importId, totals, failure: told };
  }
}

function failureOf(failure: ImportFailure<ClientError>): Failure {
  switch (failure.type) {
    case "file":
      return problemOf(failure.problem);
    case "row":
      return sentence(describeProblem(failure.bad));
    case "refused":
      return describeFailure(failure.error);
  }
}

function problemOf(problem: FileProblem): Failure {
  return sentence(describeProblem(problem));
}

function sentence(said: string): Failure {
  const { what, next } = text.importing.wrong;
  return { code: "import-row", what, verbatim: said, next };
}

function unreadable({ message }: ClientError): FileProblem {
  return { code: "bad-database", line: 1, column: 1, message };
}
