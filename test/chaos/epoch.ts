/**
 * One history from its first operation to the verdict: clients work, harm is done, everything is
 * healed, and then nothing may be missing, doubled, stale or different between two members.
 *
 * What harm is done is the caller's; what counts as wrong is here and in `test/support/checkers`.
 */
import { join } from "node:path";
import { checkHistory } from "../support/checkers/check-history.ts";
import { loadHistory } from "../support/checkers/history-file.ts";
import type { ClientIdentity } from "./chaos-client.ts";
import { Faults } from "./faults.ts";
import type { Agreed, Lab, StayedOut } from "./lab.ts";
import type { OperationCounts, WorkloadOptions } from "./workload.ts";
import { Workload } from "./workload.ts";

/** A measured moment: what had happened, and how long nobody took a write. */
export type NewLeader = { readonly after: "kill" | "silence"; readonly ms: number };

/** Everything one epoch tells. */
export type EpochResult = {
  readonly label: string;
  readonly seed: number;
  readonly counts: OperationCounts;
  readonly refusals: Readonly<Record<string, number>>;
  readonly bulkCount: number;
  readonly killCount: number;
  readonly faultCount: number;
  /** Terms that began between a heal and all in step, one figure per heal. */
  readonly termsPerHeal: readonly number[];
  readonly newLeaders: readonly NewLeader[];
  readonly stayedOut: readonly StayedOut[];
  readonly repairs: readonly string[];
  readonly agreed: Agreed | null;
  readonly tookMs: number;
  /** What must never be; empty when all is well. */
  readonly anomalies: readonly string[];
};

/** What an epoch's harm works with, and where it notes what it saw. */
export type EpochStage = {
  readonly lab: Lab;
  readonly workload: Workload;
  readonly faults: Faults;
  readonly newLeaders: NewLeader[];
  readonly termsPerHeal: number[];
  readonly repairs: string[];
  readonly stayedOut: StayedOut[];
  /** Counts members killed. */
  readonly killed: (count: number) => void;
};

/** How an epoch is run. */
export type EpochOptions = Omit<WorkloadOptions, "file"> & {
  readonly label: string;
  readonly folder: string;
  readonly log: (line: string) => void;
};

/** Runs one. Never throws: whatever goes wrong is an anomaly, and the lab is then not to be used again. */
export async function runEpoch(
  lab: Lab,
  identities: readonly ClientIdentity[],
  options: EpochOptions,
  act: (stage: EpochStage) => Promise<void>,
): Promise<EpochResult> {
  const startedMs = performance.now();
  const file = join(options.folder, `${options.label}.jsonl`);
  const workload = new Workload(lab, identities, { ...options, file });
  const anomalies: string[] = [];
  let faultCount = 0;
  let killCount = 0;
  const faults = new Faults(lab, (what, victims, detail) => {
    if (victims.length > 0) faultCount += 1;
    if (what === "kill" || what === "power-loss") killCount += victims.length;
    const members = victims.map(({ name }) => name);
    options.log(`  ${what} ${members.join(" ")} ${detail}`);
    workload.fault({ fault: `f${faultCount}`, what, phase: "moment", members, detail });
  });
  const stage: EpochStage = {
    ...{ lab, workload, faults, newLeaders: [], termsPerHeal: [], repairs: [], stayedOut: [] },
    killed: (count) => (killCount += count),
  };
  let agreed: Agreed | null = null;
  try {
    await act(stage);
    agreed = await endWell(stage);
    anomalies.push(...judge(file));
  } catch (cause) {
    anomalies.push(...reasonsOf(cause));
  }
  return {
    ...{ label: options.label, seed: options.seed, counts: workload.counts },
    refusals: Object.fromEntries(workload.refusals),
    bulkCount: workload.bulkCount,
    ...{ killCount, faultCount, agreed, anomalies },
    termsPerHeal: stage.termsPerHeal,
    ...{ newLeaders: stage.newLeaders, stayedOut: stage.stayedOut, repairs: stage.repairs },
    tookMs: performance.now() - startedMs,
  };
}

/** Heals, and counts the terms it takes until all are in step. */
export async function healAndCount(stage: EpochStage): Promise<void> {
  const { lab, workload, stayedOut, termsPerHeal } = stage;
  const before = await lab.term();
  workload.fault({ fault: "heal", what: "heal", phase: "moment" });
  const out = await lab.heal();
  stayedOut.push(...out);
  for (const { member } of out) {
    const found = lab.named(member);
    if (found !== null) await lab.replace(found);
  }
  await lab.restoreSeats();
  await lab.waitCaughtUp();
  // What a member that is replaced does to the terms is not what a heal does to them.
  if (out.length === 0) termsPerHeal.push((await lab.term()) - before);
}

/** @returns what all members agree on at the end. */
async function endWell(stage: EpochStage): Promise<Agreed> {
  const { lab, workload } = stage;
  await healAndCount(stage);
  await workload.stop();
  await lab.waitInStep();
  await workload.close();
  return lab.verifyIdentical();
}

function judge(file: string): readonly string[] {
  const history = loadHistory(file);
  if (!history.ok) return [`the history: ${history.error.code}: ${history.error.detail}`];
  const { anomalies, undecided } = checkHistory(history.value);
  return [
    ...anomalies.map((anomaly) => JSON.stringify(anomaly)),
    // A search that was given up has shown nothing: that must not look like success.
    ...undecided.map((register) => `undecided: register ${register}`),
  ];
}

/** An error and what caused it, each as one text. */
function reasonsOf(cause: unknown): readonly string[] {
  if (!(cause instanceof Error)) return [String(cause)];
  const inner = cause.cause === undefined ? [] : reasonsOf(cause.cause);
  return [cause.stack ?? cause.message, ...inner];
}
