/** `history`, `undo`, `restore`: what was changed, by whom, and how to take it back. */
import { randomUUID } from "node:crypto";
import { resolve } from "node:path";
import type { ApiError, ApiResult, TableInfo } from "../../../shared/api/methods.ts";
import type { RowVersion } from "../../../shared/api/past.ts";
import { formatPosition } from "../../../shared/base/ids.ts";
import { err, ok, type Result } from "../../../shared/base/result.ts";
import type { RowChange } from "../../../shared/changes/row-change.ts";
import { ROWID_NAME } from "../../../shared/changes/row-name.ts";
import type { UndoConflict } from "../../../shared/changes/undo.ts";
import type { JsonCell } from "../../../shared/changes/values.ts";
import type { AgentClient } from "../agent-client.ts";
import { quotedCell } from "../cell-text.ts";
import {
  addCommand,
  print,
  withAgent,
  type CliContext,
  type CommandScope,
  type CommonOptions,
} from "../command.ts";
import { LeaderFollower } from "../leader-follower.ts";
import { fail, failWith, type CliFailure, type CommandResult } from "../failure.ts";
import { formatCount, textTable } from "../text-table.ts";
import { whileWaiting } from "../waiting.ts";
import { undoImport } from "./undo-import.ts";

type RowKey = Readonly<Record<string, JsonCell>>;
type HistoryOptions = CommonOptions & { readonly count: string; readonly before?: string };
type UndoOptions = CommonOptions & { readonly preview?: true; readonly import?: string };

type RestoreOptions = CommonOptions & {
  readonly to?: string;
  readonly at?: string;
  readonly table?: string;
  readonly key?: string;
  readonly preview?: true;
};

/** Changes listed of one transaction. */
const CHANGES_SHOWN = 1_000;

/** Registers them. */
export function registerPastCommands(context: CliContext): void {
  addCommand(context, "history <table> [key]", "what became of a row, or of a table's rows")
    .option("--count <n>", "about how many changes, 1 to 1000", "50")
    .option("--before <index>", "only changes older than this log index")
    .action((table: string, key: string | undefined, options: HistoryOptions) =>
      withAgent(context, options, (client, scope) =>
        history(client, scope, { table, key: key ?? null, options }),
      ),
    );
  addCommand(context, "show <position>", "what one transaction changed, row by row").action(
    (position: string, options: CommonOptions) =>
      withAgent(context, options, (client, scope) => show(client, scope, position)),
  );
  addCommand(context, "undo [position]", "take a transaction or an import back, by a new one")
    .option("--import <id>", "a whole import, by the id that it printed")
    .option("--preview", "only say what would change, and what stands in the way")
    .action((position: string | undefined, options: UndoOptions) =>
      withAgent(context, options, (client, scope) => undo(client, scope, { position, options })),
    );
  addCommand(
    context,
    "restore [file]",
    "bring a former state or a backup back, by a new transaction",
  )
    .option("--to <position>", "what was after this transaction")
    .option("--at <time>", "what was at this time, e.g. 2026-11-03T18:00, by the leaders' clocks")
    .option("--table <name>", "only this table")
    .option("--key <key>", "only this row of the table, as for history")
    .option("--preview", "only say what would change")
    .action((file: string | undefined, options: RestoreOptions) =>
      withAgent(context, options, (client, scope) => restore(client, scope, { file, ...options })),
    );
}

async function history(
  client: AgentClient,
  scope: CommandScope,
  asked: { readonly table: string; readonly key: string | null; readonly options: HistoryOptions },
): Promise<CommandResult> {
  const count = Number(asked.options.count);
  if (!Number.isSafeInteger(count) || count < 1 || count > 1_000) {
    return fail("--count is 1 to 1000.", 2);
  }
  const before =
    asked.options.before === undefined ? {} : { beforeIndex: Number(asked.options.before) };
  if (before.beforeIndex !== undefined && !Number.isSafeInteger(before.beforeIndex)) {
    return fail("--before is a log index.", 2);
  }
  const named = await nameRow(client, asked.table, asked.key);
  if (!named.ok) return named;
  const answer = await client.call("rowHistory", { ...named.value, ...before, count });
  if (!answer.ok) return failWith(answer.error);
  const { versions, next, firstIndex } = answer.value;
  print(scope, answer.value, () => versionsTable(versions));
  if (scope.isJson) return ok(null);
  const end =
    next === null
      ? `The kept log begins at ${firstIndex}; nothing older is known here.`
      : `There may be older ones: --before ${next.beforeIndex}.`;
  scope.terminal.error(`${formatCount(versions.length)} changes. ${end}\n`);
  return ok(null);
}

/** The row that a person means: by the table's key, or by a JSON object of columns and values. */
async function nameRow(
  client: AgentClient,
  table: string,
  key: string | null,
): Promise<Result<{ readonly table: string; readonly key?: RowKey }, CliFailure>> {
  const answer = await client.call("tables", {});
  if (!answer.ok) return failWith(answer.error);
  const lower = table.toLowerCase();
  const info = answer.value.tables.find(({ name }) => name.toLowerCase() === lower);
  const name = info?.name ?? table;
  if (key === null) return ok({ table: name });
  if (key.startsWith("{")) {
    const parsed = parseKey(key);
    return parsed === null
      ? fail(`KEY is a value, or a JSON object, not ${JSON.stringify(key)}.`, 2)
      : ok({ table: name, key: parsed });
  }
  if (info === undefined) {
    return fail(`there is no table ${name} now; name the row by a JSON object of columns.`, 4);
  }
  const found = keyOf(info, key);
  return found.ok ? ok({ table: name, key: found.value }) : found;
}

function keyOf(info: TableInfo, key: string): Result<RowKey, CliFailure> {
  const keyed = info.columns.filter(({ keyPlace }) => keyPlace > 0);
  const [column] = keyed;
  if (keyed.length > 1) {
    const names = keyed.map(({ name }) => JSON.stringify(name)).join(", ");
    return fail(
      `the key of ${info.name} has several columns; give a JSON object with ${names}.`,
      2,
    );
  }
  if (column !== undefined) return ok({ [column.name]: valueOf(key, column.type) });
  if (/^-?\d+$/.test(key)) return ok({ [ROWID_NAME]: valueOf(key, "INTEGER") });
  return fail(`${info.name} has no primary key: name the row by its rowid, a whole number.`, 2);
}

/** A value as a column of this type stores it (SQLite's rules of affinity). */
function valueOf(text: string, type: string): JsonCell {
  const isNumber = /^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$/.test(text);
  if (!isNumber || (!/INT/i.test(type) && /CHAR|CLOB|TEXT|BLOB/i.test(type))) return text;
  if (/^-?\d+$/.test(text) && !/REAL|FLOA|DOUB/i.test(type)) return { $int: text };
  return { $real: text };
}

function parseKey(text: string): RowKey | null {
  try {
    const parsed: unknown = JSON.parse(text);
    // The agent checks every value.
    return typeof parsed === "object" && parsed !== null ? (parsed as RowKey) : null;
  } catch {
    return null;
  }
}

async function show(
  client: AgentClient,
  scope: CommandScope,
  position: string,
): Promise<CommandResult> {
  const found = await findTransaction(client, position);
  if (!found.ok) return found;
  const { author, at, schemaChanges, changes, rowCount } = found.value;
  print(scope, found.value, () => {
    const head = `${formatPosition(found.value)} by ${author} at ${at}\n`;
    const sql = schemaChanges.map((change) => `${change};\n`).join("");
    const rows = changesTable(changes);
    const more = rowCount - changes.length;
    return head + sql + (changes.length > 0 ? rows : "") + (more > 0 ? `and ${more} more\n` : "");
  });
  return ok(null);
}

async function undo(
  client: AgentClient,
  scope: CommandScope,
  { position, options }: { readonly position: string | undefined; readonly options: UndoOptions },
): Promise<CommandResult> {
  const { import: importId, preview: isPreview = false } = options;
  if ((position === undefined) === (importId === undefined)) {
    return fail("undo takes a position or --import ID.", 2);
  }
  const follower = await followerFor(client, scope, isPreview);
  if (importId !== undefined) {
    return undoImport(follower, scope, {
      importId,
      isPreview,
      told: (answer) => told(scope, answer, "taken back"),
    });
  }
  const found = await findTransaction(follower.client, position ?? "");
  if (!found.ok) return found;
  const { index } = found.value;
  if (isPreview) return preview(client, scope, index);
  const request = { index, clientId: randomUUID(), sequence: 1 };
  return done(scope, await follower.call("undo", request));
}

/** A preview is of this computer's own data; what is done is prepared where it is done. */
function followerFor(
  client: AgentClient,
  { dataFolder }: CommandScope,
  isPreview: boolean,
): Promise<LeaderFollower> {
  return isPreview
    ? Promise.resolve(new LeaderFollower(client, dataFolder))
    : LeaderFollower.atLeader(client, dataFolder);
}

function done(scope: CommandScope, answer: Result<ApiResult<"undo">, ApiError>): CommandResult {
  if (!answer.ok) {
    if (answer.error.conflicts !== undefined) listConflicts(scope, answer.error.conflicts);
    return failWith(answer.error);
  }
  const { rowCount } = answer.value;
  print(scope, answer.value, () => {
    return `${formatCount(rowCount)} rows changed, at ${formatPosition(answer.value)}\n`;
  });
  return ok(null);
}

async function preview(
  client: AgentClient,
  scope: CommandScope,
  index: number,
): Promise<CommandResult> {
  return told(scope, await client.call("undoPreview", { index }), "undone");
}

function told(
  scope: CommandScope,
  answer: Result<ApiResult<"undoPreview">, ApiError>,
  what: string,
): CommandResult {
  if (!answer.ok) return failWith(answer.error);
  const { rowCount, conflicts, changes, schemaChanges, leftOut } = answer.value;
  print(scope, answer.value, () => {
    if (conflicts.length > 0) return "";
    const more =
      rowCount > changes.length ? `and ${formatCount(rowCount - changes.length)} more\n` : "";
    const rows = changes.length > 0 ? changesTable(changes) + more : "";
    const sql = schemaChanges.map((change) => `${change};\n`).join("");
    const lost = leftOut.map((what) => `left out: ${what}\n`).join("");
    return `${sql}${rows}${lost}${formatCount(rowCount)} rows would change.\n`;
  });
  if (conflicts.length === 0) return ok(null);
  listConflicts(scope, conflicts);
  return fail(`it cannot be ${what} as it is.`);
}

async function restore(
  client: AgentClient,
  scope: CommandScope,
  options: RestoreOptions & { readonly file: string | undefined },
): Promise<CommandResult> {
  const { table, key, file } = options;
  if (key !== undefined && table === undefined) return fail("--key needs --table.", 2);
  if (file !== undefined && (options.to ?? options.at) !== undefined) {
    return fail("a backup holds one position: give FILE, or one of --to and --at.", 2);
  }
  const follower = await followerFor(client, scope, options.preview === true);
  const to =
    file === undefined ? await momentOf(follower.client, options) : ok({ file: resolve(file) });
  if (!to.ok) return to;
  const named = table === undefined ? ok({}) : await nameRow(follower.client, table, key ?? null);
  if (!named.ok) return named;
  const asked = { ...to.value, ...named.value };
  if (options.preview === true) {
    const looking = client.call("restorePreview", asked);
    return told(scope, await whileWaiting(looking, { ...scope, client }), "restored");
  }
  const request = { ...asked, clientId: randomUUID(), sequence: 1 };
  const restoring = follower.call("restore", request);
  return done(scope, await whileWaiting(restoring, { ...scope, client: follower.client }));
}

/** The entry that a person means by its position, or by a time: the newest transaction of before it. */
async function momentOf(
  client: AgentClient,
  { to, at }: RestoreOptions,
): Promise<Result<{ readonly toIndex: number }, CliFailure>> {
  if ((to === undefined) === (at === undefined))
    return fail("give a backup, or one of --to and --at.", 2);
  if (to !== undefined) {
    const found = await findTransaction(client, to);
    return found.ok ? ok({ toIndex: found.value.index }) : found;
  }
  const atMs = Date.parse(at ?? "");
  if (Number.isNaN(atMs)) return fail(`--at is a time, not ${JSON.stringify(at)}.`, 2);
  for (let next: number | null = Infinity; next !== null;) {
    const older: { beforeIndex?: number } = next === Infinity ? {} : { beforeIndex: next };
    const answer = await client.call("transactions", { ...older, count: 500 });
    if (!answer.ok) return failWith(answer.error);
    const found = answer.value.transactions.find((line) => Date.parse(line.at) <= atMs);
    if (found !== undefined) return ok({ toIndex: found.index });
    ({ next } = answer.value);
  }
  return fail("the kept log does not reach back to that time.", 4);
}

function listConflicts(scope: CommandScope, conflicts: readonly UndoConflict[]): void {
  if (scope.isJson) return;
  for (const { detail, columns, left, now } of conflicts) {
    scope.terminal.error(`${detail}\n`);
    if (left !== null) scope.terminal.error(`  it left:  ${rowText(columns, left)}\n`);
    if (now !== null) scope.terminal.error(`  it is now: ${rowText(columns, now)}\n`);
  }
}

/** `7:18204`, or the index alone. */
async function findTransaction(
  client: AgentClient,
  position: string,
): Promise<Result<ApiResult<"transaction">, CliFailure>> {
  const match = /^(?:(\d{1,15}):)?(\d{1,15})$/.exec(position);
  if (match === null) return fail(`a position is TERM:INDEX, not ${JSON.stringify(position)}.`, 2);
  const index = Number(match[2]);
  const answer = await client.call("transaction", { index, rowsMax: CHANGES_SHOWN });
  if (!answer.ok) return failWith(answer.error);
  const term = match[1];
  if (term === undefined || Number(term) === answer.value.term) return ok(answer.value);
  const message = `entry ${index} is of term ${answer.value.term}, not ${term}.`;
  return err({ exitCode: 4, message });
}

function changesTable(changes: readonly RowChange[]): string {
  return textTable(
    [{ title: "TABLE" }, { title: "WHAT" }, { title: "ROW" }],
    changes.map((change) => [change.table, change.operation, describeChange(change)]),
  );
}

function versionsTable(versions: readonly RowVersion[]): string {
  return textTable(
    [
      { title: "POSITION" },
      { title: "AT" },
      { title: "AUTHOR" },
      { title: "WHAT" },
      { title: "ROW" },
    ],
    versions.map(({ term, index, at, author, change }) => [
      formatPosition({ term, index }),
      at,
      author,
      change.operation,
      describeChange(change),
    ]),
  );
}

/** All of a row that came or went; of one that was changed, its key is left out when it stayed. */
function describeChange({ columns, before, after }: RowChange): string {
  if (before === null || after === null) return rowText(columns, after ?? before ?? []);
  const parts: string[] = [];
  for (const [i, column] of columns.entries()) {
    const [from, to] = [quotedCell(before[i] ?? null), quotedCell(after[i] ?? null)];
    if (from !== to) parts.push(`${column}: ${from} -> ${to}`);
  }
  return parts.join(", ");
}

function rowText(columns: readonly string[], cells: readonly JsonCell[]): string {
  return columns.map((column, i) => `${column}=${quotedCell(cells[i] ?? null)}`).join(", ");
}
