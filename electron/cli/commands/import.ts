/**
 * `import`: survey the file, make the table when it is missing, send the rows, say what happened and
 * how to take it back. The work is `shared/interchange`'s; how batches survive a change of leader is
 * in `leader-follower.ts`.
 */
import { randomUUID } from "node:crypto";
import type { TableInfo } from "../../../shared/api/methods.ts";
import { ok, type Result } from "../../../shared/base/result.ts";
import { FIRST_PART, importClientId } from "../../../shared/changes/import-id.ts";
import {
  createTableFor,
  planOf,
  proposeColumns,
  type ColumnChoice,
} from "../../../shared/interchange/import-plan.ts";
import { readFileRows, type ColumnPlan } from "../../../shared/interchange/file-rows.ts";
import type { FileSource } from "../../../shared/interchange/file-source.ts";
import { ImportRun, type ImportTotals } from "../../../shared/interchange/import-run.ts";
import { describeProblem } from "../../../shared/interchange/problem.ts";
import {
  surveyFile,
  type FileSurvey,
  type SurveyRequest,
} from "../../../shared/interchange/survey.ts";
import type { AgentClient } from "../agent-client.ts";
import { BadRowFile } from "../bad-row-file.ts";
import { print, type CommandScope } from "../command.ts";
import { fail, failWith, type CliFailure, type CommandResult } from "../failure.ts";
import { describeImportFailure, sendBatch } from "../import-sender.ts";
import { LeaderFollower } from "../leader-follower.ts";
import { createProgress } from "../progress.ts";
import { formatCount } from "../text-table.ts";
import { printPreview } from "./import-preview.ts";

/** What `import` was asked for. */
export type ImportRequest = {
  readonly file: string;
  readonly table: string;
  readonly isNew: boolean;
  readonly isPreview: boolean;
  /** Where bad rows are saved; null refuses a file that has some. */
  readonly errorsFile: string | null;
  readonly settings: SurveyRequest;
};

/** A file that was read once, and what becomes of its columns. */
type Prepared = {
  readonly survey: FileSurvey;
  readonly choices: readonly ColumnChoice[];
  readonly plan: readonly ColumnPlan[];
  /** The table when it is there already. */
  readonly table: TableInfo | null;
};

/** An id that no other import has. */
export function newImportId(): string {
  return randomUUID().replaceAll("-", "").slice(0, 12);
}

/** Imports a file of one table; nothing is changed when it is not wholly readable. */
export async function importFile(
  client: AgentClient,
  scope: CommandScope,
  source: FileSource,
  request: ImportRequest,
): Promise<CommandResult> {
  const survey = await surveyFile(source, request.settings, {
    progress: () => undefined,
    isStopped: () => false,
  });
  if (!survey.ok) {
    return fail(`${request.file}, ${describeProblem(survey.error)} Nothing was imported.`);
  }
  sayWhatWasFound(scope, request, survey.value);
  const follower = new LeaderFollower(client, scope.dataFolder);
  const prepared = await prepare(follower, request, survey.value);
  if (!prepared.ok) return prepared;
  if (request.isPreview) return printPreview(scope, request, prepared.value);
  if (survey.value.badRowCount > 0 && request.errorsFile === null) {
    return fail(refusalOf(request.file, survey.value));
  }
  return send(follower, scope, source, { request, ...prepared.value });
}

/** What was guessed is said: a guess may be wrong. */
function sayWhatWasFound(
  { terminal }: CommandScope,
  { settings }: ImportRequest,
  survey: FileSurvey,
): void {
  const { encoding, hasHeader, format } = survey.settings;
  const isGuessed = settings.encoding === "auto" && encoding === "windows-1252";
  if (format !== "xlsx" && isGuessed) {
    terminal.error("read as windows-1252, because it is not UTF-8 (--encoding says it)\n");
  }
  if (settings.hasHeader === null && !hasHeader && format !== "json") {
    terminal.error("the first line is taken for data, not for names (--header yes|no says it)\n");
  }
}

function refusalOf(file: string, { badRowCount, badRows }: FileSurvey): string {
  const shown = badRows.slice(0, 10).map((bad) => `  ${describeProblem(bad)}`);
  const more = badRowCount - shown.length;
  const rest = more > 0 ? `\n  and ${formatCount(more)} more` : "";
  const rows = badRowCount === 1 ? "1 row does" : `${formatCount(badRowCount)} rows do`;
  return (
    `${file}: ${rows} not fit. Nothing was imported.\n${shown.join("\n")}${rest}\n` +
    "  --errors FILE imports the others and saves these in a file of their own."
  );
}

/** Finds out where the columns go; changes nothing. */
async function prepare(
  follower: LeaderFollower,
  { table, isNew }: ImportRequest,
  survey: FileSurvey,
): Promise<Result<Prepared, CliFailure>> {
  const tables = await follower.client.call("tables", {});
  if (!tables.ok) return failWith(tables.error);
  const lower = table.toLowerCase();
  const found = tables.value.tables.find(({ name }) => name.toLowerCase() === lower) ?? null;
  if (isNew && found !== null) {
    return fail(`the table ${found.name} exists already; nothing was imported.`);
  }
  if (found?.kind === "view") return fail(`${found.name} is a view; rows go into tables only.`);
  const choices = proposeColumns(survey, found);
  const plan = planOf(choices, found);
  if (!plan.ok) return fail(`${plan.error.slice(0, -1)}; nothing was imported.`);
  return ok({ survey, choices, plan: plan.value, table: found });
}

type Sending = Prepared & { readonly request: ImportRequest };

async function send(
  follower: LeaderFollower,
  scope: CommandScope,
  source: FileSource,
  sending: Sending,
): Promise<CommandResult> {
  const { request, survey } = sending;
  const importId = newImportId();
  const names = survey.columns.map(({ name }) => name);
  const errors = await BadRowFile.create(request.errorsFile, names);
  if (!errors.ok) return errors;
  const startedMs = performance.now();
  try {
    const made = await makeTable(follower, importId, sending);
    if (!made.ok) return made;
    const imported = await run(follower, scope, {
      ...sending,
      source,
      importId,
      errors: errors.value,
    });
    if (!imported.ok) return imported;
    summarise(scope, request, { importId, ...imported.value }, performance.now() - startedMs);
    return ok(null);
  } finally {
    await errors.value.close();
  }
}

async function makeTable(
  follower: LeaderFollower,
  importId: string,
  { request, choices, table }: Sending,
): Promise<Result<null, CliFailure>> {
  await follower.prepare();
  if (table !== null) return ok(null);
  const created = await follower.call("execute", {
    statements: [createTableFor(request.table, choices)],
    clientId: importClientId(importId, FIRST_PART),
    sequence: 1,
  });
  return created.ok ? ok(null) : failWith(created.error);
}

async function run(
  follower: LeaderFollower,
  scope: CommandScope,
  sending: Sending & {
    readonly source: FileSource;
    readonly importId: string;
    readonly errors: BadRowFile;
  },
): Promise<Result<ImportTotals, CliFailure>> {
  const { request, survey, plan, source, importId, table, errors } = sending;
  const progress = createProgress(scope.terminal, survey.rowCount + survey.badRowCount);
  const work = new ImportRun({
    importId,
    place: table === null ? 0 : null,
    table: table === null ? request.table : table.name,
    columns: plan.map(({ name }) => name),
    isLenient: request.errorsFile !== null,
    rows: readFileRows(source, survey, plan),
    insert: sendBatch(follower),
    onBadRow: (bad) => errors.add(bad),
    onProgress: ({ rowCount, badRowCount }) => progress.update(rowCount + badRowCount),
  });
  void scope.terminal.waitForStop().then(() => work.stop());
  const imported = await work.run();
  progress.end();
  if (imported.ok) return imported;
  return describeImportFailure(imported.error, { importId, totals: work.totals });
}

function summarise(
  scope: CommandScope,
  { file, table, errorsFile }: ImportRequest,
  { importId, rowCount, badRowCount, lastIndex }: ImportTotals & { readonly importId: string },
  tookMs: number,
): void {
  const seconds = tookMs / 1_000;
  const rowsPerSecond = Math.round(rowCount / Math.max(seconds, 0.001));
  const result = {
    file,
    table,
    importId,
    rowCount,
    badRowCount,
    lastIndex,
    seconds,
    rowsPerSecond,
  };
  print(scope, result, () => {
    const speed = `${seconds.toFixed(1)} s, ${formatCount(rowsPerSecond)} rows/s`;
    return `${formatCount(rowCount)} rows imported into ${table} in ${speed}\n`;
  });
  if (scope.isJson) return;
  if (badRowCount > 0) {
    scope.terminal.error(`${formatCount(badRowCount)} rows were left out: ${errorsFile}\n`);
  }
  scope.terminal.error(`to take it back: tidemark undo --import ${importId}\n`);
}
