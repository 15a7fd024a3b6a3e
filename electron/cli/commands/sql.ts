/**
 * `sql`: one query, or one transaction, with its result as a table. Which of the two a statement
 * is, is judged by `sql-text.ts`; what it may do, by the agent.
 */
import { randomUUID } from "node:crypto";
import type {
  AckLevel,
  ApiResult,
  ReadLevel,
  StatementResult,
} from "../../../shared/api/methods.ts";
import type { PastMoment } from "../../../shared/api/past.ts";
import { formatPosition } from "../../../shared/base/ids.ts";
import { ok, type Result } from "../../../shared/base/result.ts";
import type { JsonCell, JsonParams } from "../../../shared/changes/values.ts";
import type { AsOf } from "../../../shared/cluster/status.ts";
import type { AgentClient } from "../agent-client.ts";
import { cellText } from "../cell-text.ts";
import { print, type CommandScope } from "../command.ts";
import { fail, failWith, type CliFailure, type CommandResult } from "../failure.ts";
import { isReading } from "../sql-text.ts";
import { formatCount, formatMs, textTable } from "../text-table.ts";

/** What `sql` was asked for. */
export type SqlRequest = {
  readonly statements: readonly string[];
  readonly params: string | null;
  readonly readLevel: ReadLevel | undefined;
  readonly maxStalenessMs: string | null;
  readonly ack: AckLevel | undefined;
  /** null: the present. */
  readonly moment: PastMoment | null;
};

/** Runs one query, or all statements as one transaction. */
export async function runSql(
  client: AgentClient,
  scope: CommandScope,
  request: SqlRequest,
): Promise<CommandResult> {
  const params = parseParams(request.params);
  if (!params.ok) return params;
  const [sql = "", ...more] = request.statements;
  if (params.value !== null && more.length > 0) {
    return fail("--params goes with one statement only.", 2);
  }
  const named = params.value === null ? {} : { params: params.value };
  if (more.length === 0 && isReading(sql)) return query(client, scope, request, named);
  if (request.moment !== null) return fail("the past can only be read.", 2);
  const statements =
    more.length === 0 ? [{ sql, ...named }] : request.statements.map((text) => ({ sql: text }));
  const done = await client.call("execute", {
    statements,
    clientId: `cli-${randomUUID()}`,
    sequence: 1,
    ...(request.ack === undefined ? {} : { ack: request.ack }),
  });
  if (!done.ok) return failWith(done.error);
  print(scope, done.value, () => executedText(done.value));
  return ok(null);
}

async function query(
  client: AgentClient,
  scope: CommandScope,
  request: SqlRequest,
  named: { readonly params?: JsonParams },
): Promise<CommandResult> {
  const { readLevel, maxStalenessMs, moment } = request;
  if (maxStalenessMs !== null && !/^\d{1,12}$/.test(maxStalenessMs)) {
    return fail("--max-staleness-ms is a whole number.", 2);
  }
  const answer = await client.call("query", {
    sql: request.statements[0] ?? "",
    ...named,
    ...(readLevel === undefined ? {} : { readLevel }),
    ...(maxStalenessMs === null ? {} : { maxStalenessMs: Number(maxStalenessMs) }),
    ...(moment === null ? {} : { asOf: moment }),
  });
  if (!answer.ok) return failWith(answer.error);
  const { columns, rows, isTruncated, asOf } = answer.value;
  print(scope, answer.value, () => rowsText(columns, rows));
  if (!scope.isJson) {
    const cut = isTruncated ? "; there are more" : "";
    scope.terminal.error(`${formatCount(rows.length)} rows${cut}, ${describeAsOf(asOf)}\n`);
  }
  return ok(null);
}

/** What a result stands for, e.g. `as of 7:18204, 3 changes behind`, or `the past: as of 7:18204 (2026-11-03...)`. */
export function describeAsOf(asOf: AsOf): string {
  if (asOf.past !== undefined) {
    const { at } = asOf.past;
    return `the past: as of ${formatPosition(asOf)}${at === null ? "" : ` (${at})`}`;
  }
  const behind = asOf.lagEntries === 0 ? "" : `, ${formatCount(asOf.lagEntries)} changes behind`;
  const away = asOf.leaderReachable ? "" : `, leader unreachable, last heard ${asOf.at ?? "never"}`;
  const lag = asOf.lagMs === null || asOf.lagMs === 0 ? "" : `, ${formatMs(asOf.lagMs)} late`;
  return `as of ${formatPosition(asOf)}${behind}${lag}${away}`;
}

function executedText(done: ApiResult<"execute">): string {
  const returned = done.results.map((result) => returnedText(result)).join("");
  const changes = done.results.reduce((sum, result) => sum + result.changes, 0);
  return `${returned}${formatCount(changes)} rows changed, at ${formatPosition(done)}\n`;
}

function returnedText({ columns, rows }: StatementResult): string {
  return columns === undefined || columns.length === 0 ? "" : rowsText(columns, rows ?? []);
}

function rowsText(columns: readonly string[], rows: readonly (readonly JsonCell[])[]): string {
  const isNumber = (place: number) =>
    rows.length > 0 && rows.every((row) => typeof row[place] === "number" || row[place] === null);
  return textTable(
    columns.map((title, place) => ({ title, isNumber: isNumber(place) })),
    rows.map((row) => row.map(cellText)),
  );
}

function parseParams(text: string | null): Result<JsonParams | null, CliFailure> {
  if (text === null) return ok(null);
  try {
    // The agent checks every value; here only the JSON itself can be wrong.
    return ok(JSON.parse(text) as JsonParams);
  } catch {
    return fail(`--params is a JSON array or object, not ${JSON.stringify(text)}.`, 2);
  }
}
