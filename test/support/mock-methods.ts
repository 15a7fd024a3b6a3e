/**
 * The mock agent's answer to each method. It refuses what the real one would refuse by role;
 * everything else it simply does.
 */
import type {
  ApiError,
  ApiEvent,
  ApiParams,
  ApiReply,
  ApiRequest,
  ApiResult,
} from "../../shared/api/methods.ts";
import type { SqlStatement } from "../../shared/changes/values.ts";
import { isRetentionKey } from "../../shared/cluster/retention.ts";
import type { MockCluster } from "./mock-cluster.ts";
import type { MockDatabase } from "./mock-database.ts";
import { MockRefusal } from "./mock-refusal.ts";
import {
  mockAsOf,
  mockRetention,
  mockRowHistory,
  mockTransaction,
  mockTransactions,
  mockUndoImportPreview,
  mockUndoPreview,
} from "./mock-past.ts";

/** What the mock says to a request, and what every window hears after it. */
export type MockAnswer = { readonly reply: ApiReply; readonly events: readonly ApiEvent[] };

/** Carries out a request. Errors of SQLite come back as the real agent's would. */
export function answerRequest(
  request: ApiRequest,
  cluster: MockCluster,
  database: MockDatabase,
): MockAnswer {
  try {
    const { result, events } = carryOut(request, cluster, database);
    return { reply: { id: request.id, result }, events: events ?? [] };
  } catch (error) {
    return { reply: { id: request.id, error: toApiError(error) }, events: [] };
  }
}

type Outcome = { readonly result: unknown; readonly events?: readonly ApiEvent[] };

function carryOut(request: ApiRequest, cluster: MockCluster, database: MockDatabase): Outcome {
  const asOf = cluster.asOf();
  switch (request.method) {
    case "status":
      return { result: cluster.status() };
    case "tables": {
      const { asOf: moment } = request.params as ApiParams<"tables">;
      return { result: { tables: database.tables(), asOf: mockAsOf(asOf, moment) } };
    }
    case "query": {
      const params = request.params as ApiParams<"query">;
      const found = database.query(params, params.rowsMax ?? 10_000);
      return { result: { ...found, asOf: mockAsOf(asOf, params.asOf) } };
    }
    case "execute":
      return write(cluster, database, (request.params as ApiParams<"execute">).statements);
    case "insertRows":
      return insertRows(cluster, database, request.params as ApiParams<"insertRows">);
    case "createCluster":
      cluster.workspace = (request.params as ApiParams<"createCluster">).name;
      return { result: { clusterId: "c0ffee" }, events: [statusEvent(cluster)] };
    case "joinCluster":
      throw new MockRefusal({
        code: "invite-invalid",
        message: "The invite expired 3 minutes ago.",
      });
    case "invite":
      return { result: invite() };
    case "switchover":
      return switchover(cluster, (request.params as ApiParams<"switchover">).to);
    case "history":
      return { result: { events: cluster.history } };
    case "lagHistory":
      return { result: { samples: cluster.lagSamples() } };
    case "verify":
      return { result: cluster.copy.verification(cluster.index) };
    case "verifyRows":
      return { result: cluster.copy.rows(cluster.index) };
    case "repairCopy":
      return { result: cluster.copy.repair(cluster.index) };
    case "log":
      return { result: { lines: [], lastIndex: cluster.index } };
    case "transactions":
      return { result: mockTransactions() };
    case "transaction":
      return { result: knownTransaction((request.params as ApiParams<"transaction">).index) };
    case "rowHistory":
      return { result: mockRowHistory(request.params as ApiParams<"rowHistory">) };
    case "undoPreview":
      return { result: mockUndoPreview((request.params as ApiParams<"undoPreview">).index) };
    case "undo":
      return undo(cluster, (request.params as ApiParams<"undo">).index);
    case "restorePreview":
      return { result: mockUndoPreview(restoredTo(request.params as ApiParams<"restore">)) };
    case "restore":
      return undo(cluster, restoredTo(request.params as ApiParams<"restore">));
    case "retention":
      return { result: mockRetention(cluster.retention) };
    case "changeSetting":
      return changeSetting(cluster, request.params as ApiParams<"changeSetting">);
    case "backups":
      return { result: cluster.backups.report() };
    case "makeBackup":
      return { result: cluster.backups.make() };
    case "setBackupSchedule":
      return { result: cluster.backups.set(request.params as ApiParams<"setBackupSchedule">) };
    case "verifyBackup":
      return {
        result: cluster.backups.verify((request.params as ApiParams<"verifyBackup">).file),
      };
    case "undoImportPreview": {
      const { importId } = request.params as ApiParams<"undoImportPreview">;
      return { result: mockUndoImportPreview(importId) };
    }
    case "undoImport":
      return undoImport(cluster, (request.params as ApiParams<"undoImport">).importId);
    case "openFile":
    case "sendFile":
    case "fileContents":
    case "fileRows":
    case "closeFile":
    case "removeMember":
    case "backup":
      throw new MockRefusal({ code: "not-found", message: "The mock does not do this." });
  }
}

/** A backup brings back what an entry of the history did. */
function restoredTo(params: ApiParams<"restorePreview">): number {
  return "file" in params ? 18_206 : params.toIndex;
}

function write(
  cluster: MockCluster,
  database: MockDatabase,
  statements: readonly SqlStatement[],
): Outcome {
  assertWritable(cluster);
  const results = database.execute(statements);
  const sql = statements.map((statement) => statement.sql);
  const isSchemaChange = sql.some((text) => /^\s*(create|alter|drop)/i.test(text));
  const event = cluster.commit(database.touchedTables(sql), isSchemaChange);
  return { result: { term: 7, index: cluster.index, results }, events: [event] };
}

function insertRows(
  cluster: MockCluster,
  database: MockDatabase,
  params: ApiParams<"insertRows">,
): Outcome {
  const names = params.columns.map((name) => `"${name.replaceAll('"', '""')}"`).join(", ");
  const places = params.columns.map(() => "?").join(", ");
  const sql = `INSERT INTO "${params.table}" (${names}) VALUES (${places})`;
  const done = write(
    cluster,
    database,
    params.rows.map((row) => ({ sql, params: row })),
  );
  const result = { term: 7, index: cluster.index, rowCount: params.rows.length };
  return { ...done, result };
}

function undo(cluster: MockCluster, index: number): Outcome {
  assertWritable(cluster);
  const { rowCount } = knownTransaction(index);
  const event = cluster.commit(["patients"], false);
  return { result: { term: 7, index: cluster.index, rowCount }, events: [event] };
}

function undoImport(cluster: MockCluster, importId: string): Outcome {
  assertWritable(cluster);
  const { rowCount, made } = mockUndoImportPreview(importId);
  const event = cluster.commit(made, true);
  const position = { term: 7, index: cluster.index };
  return { result: { position, rowCount, dropped: made, kept: [], next: null }, events: [event] };
}

function changeSetting(cluster: MockCluster, { key, value }: ApiParams<"changeSetting">): Outcome {
  if (isRetentionKey(key)) cluster.retention = { ...cluster.retention, [key]: value };
  return { result: { term: 7, index: cluster.index }, events: [statusEvent(cluster)] };
}

function knownTransaction(index: number): ApiResult<"transaction"> {
  const found = mockTransaction(index);
  if (found === null) {
    throw new MockRefusal({ code: "not-found", message: `Entry ${index} is not kept any more.` });
  }
  return found;
}

function assertWritable(cluster: MockCluster): void {
  if (cluster.canWrite) return;
  if (cluster.leader === 0 || cluster.leader === null) {
    throw new MockRefusal({
      code: "no-quorum",
      message: "No majority of the voters is reachable.",
    });
  }
  const { leader } = cluster.status();
  throw new MockRefusal({
    code: "not-leader",
    message: `${leader?.name} leads.`,
    ...(leader === null ? {} : { leader: { ...leader, http: "http://127.0.0.1:7421/" } }),
  });
}

function switchover(cluster: MockCluster, to: string | undefined): Outcome {
  const place = cluster.status().members.findIndex((member) => member.id === to);
  const event = cluster.elect(place < 0 ? 0 : place);
  return { result: { leader: to, tookMs: 212 }, events: [event, statusEvent(cluster)] };
}

function invite() {
  return {
    link: "tidemark://join/eyJoIjoiMTkyLjE2OC40LjIwOjc0MjAiLCJzIjoiN2ZhMDk5In0?f=k5wq7tq3m2",
    expiresAt: new Date(Date.now() + 30 * 60_000).toISOString(),
  };
}

function statusEvent(cluster: MockCluster): ApiEvent {
  return { type: "status", status: cluster.status() };
}

function toApiError(error: unknown): ApiError {
  if (error instanceof MockRefusal) return error.error;
  const message = error instanceof Error ? error.message : String(error);
  const code = /constraint/i.test(message) ? "constraint" : "sql-error";
  return { code, message };
}
