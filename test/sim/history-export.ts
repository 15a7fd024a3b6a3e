/**
 * What the clients of a world saw, in the format of `test/support/history.md`: so that other
 * checkers can judge a world, ours of `test/support/checkers` among them.
 *
 * It leaves out what the world does not note: refused reads, imports and schema changes.
 */
import { checkHistory } from "../support/checkers/check-history.ts";
import { HistoryWriter } from "../support/checkers/history-file.ts";
import type { LoadedHistory, NewOperation } from "../support/checkers/history.ts";
import type { History } from "./history.ts";
import type { FinalLists, ReadRecord, WriteRecord } from "./operations.ts";
import { uphold } from "./violation.ts";

/** A bound is kept by the clock of the member asked, which may be a little slow. */
const CLOCK_RATE_SLACK = 1.03;
const CLOCK_SLACK_MS = 1;

/** Writes the history of one world to a file. */
export function writeSimHistory(path: string, history: LoadedHistory): void {
  const writer = new HistoryWriter(path, history.header);
  for (const { id: _id, ...operation } of history.operations) {
    writer.operation(operation as NewOperation);
  }
  writer.close();
}

/**
 * The history of one world as any checker reads it, with a last strict read of every list.
 *
 * @param final The lists as they stood when all was over.
 */
export function exportSimHistory(history: History, final: FinalLists, seed: number): LoadedHistory {
  const sessions = new Map<string, number>();
  const steps = [
    ...history.writes.map((write) => ({ atMs: write.askedAtMs, write, read: null })),
    ...history.reads.map((read) => ({ atMs: read.askedAtMs, write: null, read })),
  ].sort((a, b) => a.atMs - b.atMs);
  const operations = steps.map(({ write, read }): NewOperation => {
    if (write !== null) {
      // A client does one thing at a time, so this was known when it asked for the next one.
      sawUpTo(sessions, write.client, write.acknowledged?.index ?? 0);
      return operationOfWrite(write);
    }
    const afterIndex = sessions.get(read.client) ?? 0;
    if (read.level === "session") sawUpTo(sessions, read.client, read.asOfIndex);
    return operationOfRead(read, afterIndex);
  });
  const all = [...operations, ...lastReads(final, endOf(history) + CLOCK_SLACK_MS)];
  return {
    header: { source: "sim", clockUncertaintyMs: 0, seed },
    operations: all.map((operation, i) => ({ id: i + 1, ...operation })),
    faults: [],
  };
}

/**
 * Has the checkers that judge real members judge this world, too: they were written apart from
 * those of `history.ts`, so they would have to be wrong in the same way.
 *
 * @throws Violation
 */
export function checkExportedHistory(history: LoadedHistory): void {
  const { anomalies, undecided } = checkHistory(history);
  uphold(anomalies.length === 0, "other-checkers-agree", () => {
    return anomalies.map((anomaly) => JSON.stringify(anomaly)).join("\n");
  });
  uphold(undecided.length === 0, "other-checkers-agree", () => {
    return `undecided: ${undecided.join(", ")}`;
  });
}

function sawUpTo(sessions: Map<string, number>, client: string, index: number): void {
  sessions.set(client, Math.max(index, sessions.get(client) ?? 0));
}

function operationOfWrite(write: WriteRecord): NewOperation {
  const { client, name, key, askedAtMs, acknowledged, isOpen } = write;
  const operation = {
    process: client,
    start: askedAtMs,
    kind: "txn",
    micro: [["append", listName(key), name]],
  } as const;
  if (acknowledged === null) {
    return isOpen
      ? { ...operation, outcome: "unknown" }
      : { ...operation, outcome: "fail", end: askedAtMs };
  }
  const { by, boot, term, index, atMs } = acknowledged;
  const position = { term, index };
  return { ...operation, outcome: "ok", end: atMs, member: by, boot, position };
}

function operationOfRead(read: ReadRecord, afterIndex: number): NewOperation {
  const maxStalenessMs = read.maxStalenessMs * CLOCK_RATE_SLACK + CLOCK_SLACK_MS;
  return {
    process: read.client,
    start: read.askedAtMs,
    end: read.answeredAtMs,
    outcome: "ok",
    member: read.member,
    boot: read.boot,
    position: { term: read.asOfTerm, index: read.asOfIndex },
    level: read.level,
    ...(read.level === "bounded" && { maxStalenessMs }),
    ...(read.level === "session" && { afterIndex }),
    kind: "txn",
    micro: [["r", listName(read.key), read.rows]],
  };
}

function lastReads(final: FinalLists, atMs: number): NewOperation[] {
  return [...final].map(([key, rows]) => ({
    process: `last look at ${key}`,
    start: atMs,
    end: atMs,
    outcome: "ok",
    level: "linearizable",
    kind: "txn",
    micro: [["r", listName(key), rows]],
  }));
}

function endOf(history: History): number {
  const told = history.writes.map((write) => write.acknowledged?.atMs ?? write.askedAtMs);
  const read = history.reads.map((each) => each.answeredAtMs);
  return [...told, ...read].reduce((last, atMs) => Math.max(last, atMs), 0);
}

function listName(key: number): string {
  return `list${key}`;
}
