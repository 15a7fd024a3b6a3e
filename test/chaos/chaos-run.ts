/**
 * One job of a run: lab after lab, epoch after epoch, until one of the ends that was asked for is
 * reached. After an anomaly the lab is taken down, what it leaves is kept, and a fresh one goes on.
 */
import { cp, mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { copyFolder } from "../support/copy-folder.ts";
import { damageCycles, killCycles, playSchedule, silenceLeader } from "./acts.ts";
import type { ClientIdentity } from "./chaos-client.ts";
import type { ChaosOptions } from "./chaos-options.ts";
import { runEpoch } from "./epoch.ts";
import type { EpochResult, EpochStage } from "./epoch.ts";
import { Lab } from "./lab.ts";
import { describeSchedule, drawSchedule, possibleFaults } from "./schedule.ts";
import { makeIdentities, makeTables } from "./workload.ts";

/** A new cluster after so many epochs: members, disks and young logs get their turn. */
const EPOCHS_PER_LAB = 20;
const CYCLES_PER_EPOCH = { "kill-cycles": 25, damage: 10 } as const;
/** A read-heavy run still needs writes to be able to miss. */
const READ_SHARE = { usual: 0.4, reads: 0.75 } as const;
/** Every third schedule: enough for a snapshot every few seconds. */
const BULK_ROW_BYTES = 768 * 1024;
const BULK_EVERY = 3;
const PLAY = { stepCountMax: 4, windowMs: 2_500, holdMsMax: 2_500 };
/** Longer, so that more of the time goes into reading than into what comes before and after. */
const LONG_PLAY = { stepCountMax: 7, windowMs: 8_000, holdMsMax: 2_500 };

/** Where one of several jobs stands, and what it reports to. */
export type JobOptions = {
  /** From 0. */
  readonly job: number;
  readonly options: ChaosOptions;
  readonly onEpoch: (result: EpochResult) => void;
  readonly log: (line: string) => void;
};

type LabInUse = {
  readonly lab: Lab;
  readonly identities: readonly ClientIdentity[];
  readonly memberCount: number;
  epochCount: number;
};

/** What is done so far. */
type Progress = { schedules: number; cycles: number; operations: number; labs: number };

/** Runs one job to its end. */
export async function runJob(job: JobOptions): Promise<void> {
  const { options, onEpoch } = job;
  const startedMs = performance.now();
  const done: Progress = { schedules: 0, cycles: 0, operations: 0, labs: 0 };
  let used: LabInUse | null = null;
  try {
    while (!isEnough(options, done, (performance.now() - startedMs) / 60_000)) {
      if (used === null || used.epochCount >= EPOCHS_PER_LAB) {
        await used?.lab.dispose(false);
        used = null;
        used = await openLab(job, done.labs++);
      }
      const result = await oneEpoch(job, used, done);
      used.epochCount += 1;
      onEpoch(result);
      if (result.anomalies.length === 0) continue;
      await keep(used.lab, result, options.keepFolder);
      await used.lab.dispose(false);
      used = null;
    }
  } finally {
    await used?.lab.dispose(false);
  }
}

function isEnough(options: ChaosOptions, done: Progress, minutes: number): boolean {
  const { scheduleCountMax, cycleCountMax, operationCountMax, minutesMax, jobCount } = options;
  // Every job does its share; the last one of each counts for all.
  const reached = (count: number, max: number | null): boolean =>
    max !== null && count >= Math.ceil(max / jobCount);
  if (minutesMax !== null && minutes >= minutesMax) return true;
  if (reached(done.schedules, scheduleCountMax)) return true;
  return reached(done.cycles, cycleCountMax) || reached(done.operations, operationCountMax);
}

async function openLab({ job, options, log }: JobOptions, labs: number): Promise<LabInUse> {
  const turn = labs * options.jobCount + job;
  const memberCount = options.memberCounts[turn % options.memberCounts.length] ?? 3;
  // The disks turn more slowly, so that every disk meets every number of members.
  const turns = Math.floor(turn / options.memberCounts.length);
  const disk = options.disks[turns % options.disks.length] ?? "tmpfs";
  log(`lab ${turn}: ${memberCount} members, disks ${disk}`);
  const lab = await Lab.create({ lab: turn, memberCount, disk, parent: null });
  await makeTables(lab);
  const identities = makeIdentities(turn, options.clientCount);
  return { lab, identities, memberCount, epochCount: 0 };
}

async function oneEpoch(
  { job, options, log }: JobOptions,
  { lab, identities, memberCount }: LabInUse,
  done: Progress,
): Promise<EpochResult> {
  const { kind, jobCount, thinkMsMax } = options;
  const seed = options.seed + done.schedules * jobCount + job;
  const disk = lab.members[0]?.disk.kind ?? "plain";
  const label = `${kind}-${seed}-${memberCount}-${disk}`;
  const readShare = kind === "reads" ? READ_SHARE.reads : READ_SHARE.usual;
  const about = { memberCount, disk, kind };
  const bulkRowBytes = kind === "schedules" && seed % BULK_EVERY === 0 ? BULK_ROW_BYTES : 0;
  const epoch = {
    label,
    bulkRowBytes,
    seed,
    thinkMsMax,
    readShare,
    about,
    folder: lab.folder,
    log,
  };
  const act = actOf(options, lab, { seed, done, log });
  const result = await runEpoch(lab, identities, epoch, act);
  const { reads, writes, transactions } = result.counts;
  const readCount = Object.values(reads).reduce((sum, count) => sum + count, 0);
  done.operations += readCount + writes + transactions;
  done.schedules += 1;
  if (result.anomalies.length === 0) await rm(join(lab.folder, `${label}.jsonl`), { force: true });
  return result;
}

function actOf(
  options: ChaosOptions,
  lab: Lab,
  {
    seed,
    done,
    log,
  }: { readonly seed: number; readonly done: Progress; readonly log: (line: string) => void },
): (stage: EpochStage) => Promise<void> {
  const { kind, jobCount, cycleCountMax } = options;
  switch (kind) {
    case "kill-cycles":
    case "damage": {
      const left = Math.ceil((cycleCountMax ?? Infinity) / jobCount) - done.cycles;
      const count = Math.min(CYCLES_PER_EPOCH[kind], left);
      done.cycles += count;
      return (stage) => (kind === "damage" ? damageCycles : killCycles)(stage, count, seed);
    }
    case "partitions":
    case "reads":
    case "schedules": {
      const { disk, syncs } = lab.member(0);
      const steps = drawSchedule({
        seed,
        faults: possibleFaults(options.faults, disk.kind, syncs.isAvailable),
        ...(kind === "reads" ? LONG_PLAY : PLAY),
      });
      log(`schedule of seed ${seed}:\n${describeSchedule(steps)}`);
      return async (stage) => {
        if (kind === "partitions") await silenceLeader(stage, seed);
        await playSchedule(stage, steps);
      };
    }
  }
}

/** The history, what the members wrote, and what was wrong. */
async function keep(lab: Lab, result: EpochResult, keepFolder: string): Promise<void> {
  const target = join(keepFolder, result.label);
  await mkdir(target, { recursive: true });
  const history = `${result.label}.jsonl`;
  await cp(join(lab.folder, history), join(target, history), { force: true });
  const told = [...result.anomalies, "", await lab.describe(), ""];
  await writeFile(join(target, "anomalies.txt"), told.join("\n"));
  for (const member of lab.members) await member.kill();
  for (const { place, dataFolder, complaint } of lab.members) {
    // A member may have been wiped just before; then there is nothing to keep of it.
    await copyFolder(dataFolder, join(target, `member${place}`)).catch((cause: unknown) =>
      writeFile(join(target, `member${place}.txt`), String(cause)),
    );
    await writeFile(join(target, `member${place}.stderr`), complaint);
  }
}
