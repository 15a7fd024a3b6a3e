/** `import` of a SQLite file: what is in it, and its tables with their rows, indexes and views. */
import { stat } from "node:fs/promises";
import type { ForeignContents, ForeignTable } from "../../../shared/api/interchange.ts";
import { FOREIGN_FILE_BYTES_MAX } from "../../../shared/api/interchange.ts";
import type { ApiError } from "../../../shared/api/methods.ts";
import { err, ok, type Result } from "../../../shared/base/result.ts";
import { DatabaseImport } from "../../../shared/interchange/database-import.ts";
import type { FileSource } from "../../../shared/interchange/file-source.ts";
import type { FileProblem } from "../../../shared/interchange/problem.ts";
import { sendFile } from "../../../shared/interchange/send-file.ts";
import type { AgentClient } from "../agent-client.ts";
import { print, type CommandScope } from "../command.ts";
import { fail, failWith, type CliFailure, type CommandResult } from "../failure.ts";
import { describeImportFailure, sendBatch } from "../import-sender.ts";
import { LeaderFollower } from "../leader-follower.ts";
import { createProgress } from "../progress.ts";
import { formatBytes, formatCount, textTable } from "../text-table.ts";
import { newImportId } from "./import.ts";

/** What was asked for. */
export type SqliteRequest = {
  readonly file: string;
  /** Only this table; null for all of them, with views. */
  readonly table: string | null;
  readonly isPreview: boolean;
};

/** Imports it; nothing is changed when a table of it is there already. */
export async function importSqlite(
  client: AgentClient,
  scope: CommandScope,
  source: FileSource,
  request: SqliteRequest,
): Promise<CommandResult> {
  const unread = await unreadProblem(source, request.file);
  if (unread !== null) return fail(unread);
  const sent = await sendFile(source, (method, params) => client.call(method, params), {
    progress: () => undefined,
    isStopped: () => false,
  });
  if (!sent.ok) return failWith(sent.error);
  const file = sent.value ?? "";
  try {
    const contents = await client.call("fileContents", { file });
    if (!contents.ok) return fail(`${request.file}: ${contents.error.message}`);
    if (request.isPreview) return preview(scope, contents.value);
    return await importTables(client, scope, { request, file, contents: contents.value });
  } finally {
    await client.call("closeFile", { file });
  }
}

/** What would be missing without anybody noticing, or cannot be read at all. */
async function unreadProblem(source: FileSource, file: string): Promise<string | null> {
  if (source.sizeBytes > FOREIGN_FILE_BYTES_MAX) {
    const limit = formatBytes(FOREIGN_FILE_BYTES_MAX);
    return `${file} has ${formatBytes(source.sizeBytes)}, and at most ${limit} are read.`;
  }
  const log = await stat(`${file}-wal`).catch(() => null);
  if (log === null || log.size === 0) return null;
  return `${file}-wal holds changes that are not in ${file} yet: close the program that uses it.`;
}

function preview(scope: CommandScope, contents: ForeignContents): CommandResult {
  const { tables, indexes, views, triggers, notes } = contents;
  print(scope, contents, () => {
    const list = textTable(
      [{ title: "TABLE" }, { title: "ROWS", isNumber: true }, { title: "INDEXES" }, { title: "" }],
      tables.map(({ name, rowCount, refusal }) => [
        name,
        formatCount(rowCount),
        indexes
          .filter(({ table }) => table === name)
          .map((index) => index.name)
          .join(", "),
        refusal ?? "",
      ]),
    );
    const viewed = views.map(({ name }) => `view ${name}\n`).join("");
    const left = triggers.map(({ sql }) => `not taken over: ${sql}\n`).join("");
    return `${list}${viewed}${left}${notes.map((note) => `${note}\n`).join("")}`;
  });
  return ok(null);
}

type Opened = {
  readonly request: SqliteRequest;
  readonly file: string;
  readonly contents: ForeignContents;
};

async function importTables(
  client: AgentClient,
  scope: CommandScope,
  opened: Opened,
): Promise<CommandResult> {
  const { request, file, contents } = opened;
  const chosen = await chooseTables(client, opened);
  if (!chosen.ok) return chosen;
  sayWhatIsLeftOut(scope, contents, chosen.value);
  const follower = new LeaderFollower(client, scope.dataFolder);
  await follower.prepare();
  const importId = newImportId();
  const rowCount = chosen.value.reduce((sum, table) => sum + table.rowCount, 0);
  const progress = createProgress(scope.terminal, rowCount);
  const startedMs = performance.now();
  const hasViews = request.table === null;
  const work = new DatabaseImport<ApiError>(
    { importId, contents, tables: chosen.value, hasViews },
    {
      execute: (params) => follower.call("execute", params),
      insert: sendBatch(follower),
      rows: async ({ name, columns }, from) => {
        const answer = await client.call("fileRows", { file, table: name, columns, from });
        return answer.ok ? answer : err(readingProblem(answer.error));
      },
      onProgress: (totals) => progress.update(totals.rowCount),
    },
  );
  void scope.terminal.waitForStop().then(() => work.stop());
  const done = await work.run();
  progress.end();
  if (!done.ok) return describeImportFailure(done.error, { importId, totals: work.totals });
  const seconds = (performance.now() - startedMs) / 1_000;
  const tables = chosen.value.map(({ name }) => name);
  print(scope, { file: request.file, tables, importId, ...done.value, seconds }, () => {
    const what = tables.length === 1 ? tables[0] : `${tables.length} tables`;
    return `${formatCount(done.value.rowCount)} rows imported into ${what} in ${seconds.toFixed(1)} s\n`;
  });
  if (!scope.isJson) {
    scope.terminal.error(`to take it back: tidemark undo --import ${importId}\n`);
  }
  return ok(null);
}

async function chooseTables(
  client: AgentClient,
  { request, contents }: Opened,
): Promise<Result<readonly ForeignTable[], CliFailure>> {
  const lower = request.table?.toLowerCase() ?? null;
  const wanted = contents.tables.filter(({ name, refusal }) =>
    lower === null ? refusal === null : name.toLowerCase() === lower,
  );
  const refused = wanted.find(({ refusal }) => refusal !== null);
  if (refused !== undefined) return fail(`${refused.name}: ${refused.refusal}`);
  if (wanted.length === 0) {
    const names = contents.tables.map(({ name }) => name).join(", ");
    return fail(`${request.file} has no such table; it has ${names === "" ? "none" : names}.`, 4);
  }
  const known = await client.call("tables", {});
  if (!known.ok) return failWith(known.error);
  const views = lower === null ? contents.views : [];
  const taken = [...wanted, ...views].filter(({ name }) =>
    known.value.tables.some((table) => table.name.toLowerCase() === name.toLowerCase()),
  );
  if (taken.length === 0) return ok(wanted);
  const names = taken.map(({ name }) => name).join(", ");
  return fail(`there is ${names} already; nothing was imported. --table NAME imports one table.`);
}

function sayWhatIsLeftOut(
  { terminal }: CommandScope,
  { tables, triggers, notes }: ForeignContents,
  chosen: readonly ForeignTable[],
): void {
  for (const { name, refusal } of tables) {
    if (refusal !== null) terminal.error(`not taken over: ${name}. ${refusal}\n`);
  }
  const names = new Set(chosen.map(({ name }) => name));
  for (const { name, table } of triggers) {
    if (names.has(table)) terminal.error(`not taken over: trigger ${name} (--preview shows it)\n`);
  }
  for (const note of notes) terminal.error(`${note}\n`);
}

function readingProblem({ message }: ApiError): FileProblem {
  return { code: "bad-database", line: 1, column: 1, message };
}
