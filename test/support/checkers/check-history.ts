/**
 * Every check there is, on one history; what the simulator and the chaos runner call.
 */
import type { Anomaly, AnomalyName } from "./anomaly.ts";
import { checkBoundedLists, checkBoundedRegisters, checkPositions } from "./bounded.ts";
import { Findings } from "./findings.ts";
import type { LoadedHistory, Operation } from "./history.ts";
import { checkLinearizability } from "./linearizability.ts";
import { checkListAppend } from "./list-append.ts";
import { indexLists } from "./list-index.ts";
import { checkProcesses } from "./processes.ts";
import { indexRegisters } from "./register-index.ts";
import { checkSessions } from "./session.ts";

/** What a history was found to be. */
export type HistoryReport = {
  /** Empty when all is well; of one kind at most ten are told in full. */
  readonly anomalies: readonly Anomaly[];
  /** How many there are of each kind. */
  readonly anomalyCounts: Readonly<Partial<Record<AnomalyName, number>>>;
  /** Registers whose search was given up: neither right nor wrong. */
  readonly undecided: readonly string[];
  readonly counts: {
    readonly operations: number;
    readonly ok: number;
    readonly fail: number;
    readonly unknown: number;
    /** Answered reads by level; `log` are those that went through it. */
    readonly reads: Readonly<Record<string, number>>;
    readonly registers: number;
    readonly transactions: number;
    readonly sessions: number;
  };
};

/** Checks a history. Pure: the same history gives the same report. */
export function checkHistory(history: LoadedHistory): HistoryReport {
  const { operations } = history;
  const lateMs = history.header.clockUncertaintyMs;
  const findings = new Findings();
  checkProcesses(operations, findings);
  const registers = checkLinearizability(operations, { clockUncertaintyMs: lateMs });
  const lists = checkListAppend(operations, lateMs, findings);
  const sessions = checkSessions(operations, lateMs, findings);
  checkPositions(operations, lateMs, findings);
  checkBoundedLists(indexLists(operations), lateMs, findings);
  checkBoundedRegisters(indexRegisters(operations), lateMs, findings);
  return {
    anomalies: [...registers.anomalies, ...findings.anomalies],
    anomalyCounts: {
      ...Object.fromEntries(findings.counts),
      ...(registers.anomalies.length > 0 && { "not-linearizable": registers.anomalies.length }),
    },
    undecided: registers.undecided,
    counts: {
      operations: operations.length,
      ok: countOf(operations, "ok"),
      fail: countOf(operations, "fail"),
      unknown: countOf(operations, "unknown"),
      reads: readsByLevel(operations),
      registers: registers.keyCount,
      transactions: lists.transactionCount,
      sessions,
    },
  };
}

function countOf(operations: readonly Operation[], outcome: Operation["outcome"]): number {
  return operations.filter((operation) => operation.outcome === outcome).length;
}

function readsByLevel(operations: readonly Operation[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const operation of operations) {
    const isRead = operation.kind === "read" || operation.kind === "txn";
    if (!isRead || operation.outcome !== "ok") continue;
    if (operation.kind === "txn" && !operation.micro.some(([what]) => what === "r")) continue;
    const level = operation.level ?? "log";
    counts[level] = (counts[level] ?? 0) + 1;
  }
  return counts;
}
