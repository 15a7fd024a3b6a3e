/** What many epochs tell together: counts, figures, and everything that must never be. */
import type { ReadLevel } from "../../shared/api/methods.ts";
import type { EpochResult, NewLeader } from "./epoch.ts";

/** Three figures of many durations, ms; null when there was none. */
export type Spread = {
  readonly count: number;
  readonly medianMs: number;
  readonly p99Ms: number;
  readonly worstMs: number;
} | null;

/** The closing summary. */
export type ChaosReport = {
  readonly epochs: number;
  readonly minutes: number;
  readonly kills: number;
  readonly faults: number;
  readonly operations: {
    readonly total: number;
    readonly reads: Readonly<Record<ReadLevel, number>>;
    readonly writes: number;
    readonly transactions: number;
    readonly unknown: number;
    readonly refusedReads: number;
    readonly largeRows: number;
  };
  readonly heals: number;
  readonly termsPerHealMax: number;
  readonly newLeaderAfterKill: Spread;
  readonly newLeaderAfterSilence: Spread;
  readonly repaired: number;
  readonly stayedOut: readonly { readonly member: string; readonly said: string }[];
  readonly anomalies: readonly { readonly epoch: string; readonly what: string }[];
};

/** Puts the epochs of all jobs together. */
export function reportOf(epochs: readonly EpochResult[], tookMs: number): ChaosReport {
  const sum = (of: (epoch: EpochResult) => number): number =>
    epochs.reduce((total, epoch) => total + of(epoch), 0);
  const reads = {
    local: sum(({ counts }) => counts.reads.local),
    bounded: sum(({ counts }) => counts.reads.bounded),
    session: sum(({ counts }) => counts.reads.session),
    linearizable: sum(({ counts }) => counts.reads.linearizable),
  };
  const writes = sum(({ counts }) => counts.writes);
  const transactions = sum(({ counts }) => counts.transactions);
  const terms = epochs.flatMap(({ termsPerHeal }) => termsPerHeal);
  const leaders = epochs.flatMap(({ newLeaders }) => newLeaders);
  return {
    epochs: epochs.length,
    minutes: Math.round(tookMs / 600) / 100,
    kills: sum(({ killCount }) => killCount),
    faults: sum(({ faultCount }) => faultCount),
    operations: {
      total: Object.values(reads).reduce((a, b) => a + b, 0) + writes + transactions,
      ...{ reads, writes, transactions },
      unknown: sum(({ counts }) => counts.unknown),
      refusedReads: sum(({ counts }) => counts.refused),
      largeRows: sum(({ bulkCount }) => bulkCount),
    },
    heals: terms.length,
    termsPerHealMax: Math.max(0, ...terms),
    newLeaderAfterKill: spreadOf(leaders, "kill"),
    newLeaderAfterSilence: spreadOf(leaders, "silence"),
    repaired: sum(({ repairs }) => repairs.length),
    stayedOut: epochs.flatMap(({ stayedOut }) => stayedOut),
    anomalies: epochs.flatMap(({ label, anomalies }) =>
      anomalies.map((what) => ({ epoch: label, what })),
    ),
  };
}

/** The summary for people. */
export function describeReport(report: ChaosReport): string {
  const { operations, anomalies, stayedOut } = report;
  const { local, bounded, session, linearizable } = operations.reads;
  return [
    `${report.epochs} epochs in ${report.minutes} min: ${report.kills} kills, ${report.faults} faults`,
    `${operations.total} operations: ${operations.writes} writes, ${operations.transactions} transactions,`,
    `  reads: ${local} local, ${bounded} bounded, ${session} session, ${linearizable} linearizable;`,
    `  ${operations.unknown} of unknown outcome, ${operations.refusedReads} reads refused; ${operations.largeRows} large rows`,
    `terms per heal: at most ${report.termsPerHealMax} in ${report.heals} heals`,
    `new leader after a kill: ${spreadText(report.newLeaderAfterKill)}`,
    `new leader after silence: ${spreadText(report.newLeaderAfterSilence)}`,
    `damage repaired without help: ${report.repaired}; members that stayed out: ${stayedOut.length}`,
    ...stayedOut.map(({ member, said }) => `  ${member}: ${said}`),
    `anomalies: ${anomalies.length}`,
    ...anomalies.map(({ epoch, what }) => `  ${epoch}: ${what}`),
  ].join("\n");
}

function spreadOf(leaders: readonly NewLeader[], after: NewLeader["after"]): Spread {
  const sorted = leaders
    .filter((each) => each.after === after)
    .map(({ ms }) => Math.round(ms))
    .sort((a, b) => a - b);
  const at = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  if (sorted.length === 0) return null;
  return { count: sorted.length, medianMs: at(0.5), p99Ms: at(0.99), worstMs: at(1) };
}

function spreadText(spread: Spread): string {
  if (spread === null) return "not measured";
  const { count, medianMs, p99Ms, worstMs } = spread;
  return `median ${medianMs} ms, p99 ${p99Ms} ms, worst ${worstMs} ms of ${count}`;
}
