/**
 * `import`: survey the file, make the table when it is missing, send the rows, say what happened.
 * How batches survive a change of leader is in `import-lanes.ts`.
 */
import { randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { ok, type Result } from "../../../shared/base/result.ts";
import { describeProblem } from "../../agent/interchange/problem.ts";
import {
  readFileRows,
  surveyFile,
  type FileOptions,
  type FileSurvey,
} from "../../agent/interchange/table-file.ts";
import type { AgentClient } from "../agent-client.ts";
import { print, type CommandScope } from "../command.ts";
import { fail, failWith, type CliFailure, type CommandResult } from "../failure.ts";
import { ImportLanes, type ImportTotals } from "../import-lanes.ts";
import { LeaderFollower } from "../leader-follower.ts";
import { createProgress } from "../progress.ts";
import { quoteName } from "../sql-text.ts";
import { formatCount } from "../text-table.ts";

/** What `import` was asked for. */
export type ImportRequest = {
  readonly file: string;
  readonly table: string;
  readonly isNew: boolean;
  readonly options: FileOptions;
};

const CHUNK_BYTES = 256 * 1024;

/** Imports a file; nothing is changed when the file is not wholly readable. */
export async function importFile(
  client: AgentClient,
  scope: CommandScope,
  request: ImportRequest,
): Promise<CommandResult> {
  const { file, table, options } = request;
  const readable = await checkFile(file);
  if (!readable.ok) return readable;
  const survey = await surveyFile(chunksOf(file), options);
  if (!survey.ok) return fail(`${file}, ${describeProblem(survey.error)} Nothing was imported.`);
  const follower = new LeaderFollower(client, scope.dataFolder);
  const ready = await prepareTable(follower, request, survey.value);
  if (!ready.ok) return ready;
  const progress = createProgress(scope.terminal, survey.value.rowCount);
  const startedMs = performance.now();
  const lanes = new ImportLanes({
    follower,
    table,
    columns: survey.value.columns.map(({ name }) => name),
    onRows: (rowCount) => progress.update(rowCount),
  });
  const imported = await lanes.run(readFileRows(chunksOf(file), options, survey.value));
  progress.end();
  if (!imported.ok) return imported;
  summarise(scope, request, imported.value, performance.now() - startedMs);
  return ok(null);
}

function summarise(
  scope: CommandScope,
  { file, table }: ImportRequest,
  { rowCount, lastIndex }: ImportTotals,
  tookMs: number,
): void {
  const seconds = tookMs / 1_000;
  const rowsPerSecond = Math.round(rowCount / Math.max(seconds, 0.001));
  print(scope, { file, table, rowCount, lastIndex, seconds, rowsPerSecond }, () => {
    const speed = `${seconds.toFixed(1)} s, ${formatCount(rowsPerSecond)} rows/s`;
    return `${formatCount(rowCount)} rows imported into ${table} in ${speed}\n`;
  });
}

async function checkFile(file: string): Promise<Result<null, CliFailure>> {
  try {
    const found = await stat(file);
    return found.isFile() ? ok(null) : fail(`${file} is not a file.`);
  } catch (cause) {
    const isMissing = cause instanceof Error && "code" in cause && cause.code === "ENOENT";
    if (isMissing) return fail(`there is no file ${file}.`, 4);
    const reason = cause instanceof Error ? cause.message : String(cause);
    return fail(`${file} cannot be read: ${reason}`);
  }
}

function chunksOf(file: string): AsyncIterable<Uint8Array> {
  return createReadStream(file, { highWaterMark: CHUNK_BYTES });
}

/** Makes sure the table is there and has the file's columns. */
async function prepareTable(
  follower: LeaderFollower,
  { table, isNew }: ImportRequest,
  { columns }: FileSurvey,
): Promise<Result<null, CliFailure>> {
  const tables = await follower.client.call("tables", {});
  if (!tables.ok) return failWith(tables.error);
  const found = tables.value.tables.find(({ name }) => name.toLowerCase() === table.toLowerCase());
  if (found === undefined) return createTable(follower, table, columns);
  if (isNew) return fail(`the table ${found.name} exists already; nothing was imported.`);
  if (found.kind === "view") return fail(`${found.name} is a view; rows go into tables only.`);
  const known = new Set(found.columns.map(({ name }) => name.toLowerCase()));
  const missing = columns.filter(({ name }) => !known.has(name.toLowerCase()));
  if (missing.length === 0) return ok(null);
  const names = missing.map(({ name }) => name).join(", ");
  return fail(`the table ${found.name} has no column ${names}; nothing was imported.`);
}

async function createTable(
  follower: LeaderFollower,
  table: string,
  columns: FileSurvey["columns"],
): Promise<Result<null, CliFailure>> {
  const defined = columns.map(({ name, type }) => `${quoteName(name)} ${type}`.trimEnd());
  const sql = `CREATE TABLE ${quoteName(table)} (${defined.join(", ")})`;
  const params = { statements: [{ sql }], clientId: `import-${randomUUID()}`, sequence: 1 };
  const created = await follower.call("execute", params);
  return created.ok ? ok(null) : failWith(created.error);
}
