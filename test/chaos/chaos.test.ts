/**
 * The short form of `npm run chaos`: three members, one cluster per disk, a few epochs of fixed
 * seeds. Nothing here depends on speed; where namespaces or a lossy disk are not to be had, the
 * tests are skipped by name and counted.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { killCycles, playSchedule, silenceLeader } from "./acts.ts";
import { runEpoch } from "./epoch.ts";
import type { EpochResult, EpochStage } from "./epoch.ts";
import { Lab, reapLeftovers } from "./lab.ts";
import type { DiskKind } from "./lab-disk.ts";
import { whyNoLossyDisk } from "./lab-disk.ts";
import { whyNoLab } from "./lab-network.ts";
import type { FaultStep } from "./schedule.ts";
import { makeIdentities, makeTables } from "./workload.ts";

const CLIENT_COUNT = 4;
const KILL_COUNT = 4;

let folder: string;
let lab: Lab | null;

beforeEach(async (context) => {
  lab = null;
  folder = await mkdtemp(join(tmpdir(), "tidemark-short-chaos-"));
  const why = await whyNoLab();
  if (why !== null) return context.skip(why);
  await reapLeftovers(null);
});

afterEach(async () => {
  await lab?.dispose(false);
  await rm(folder, { recursive: true, force: true });
});

async function harm(
  disk: DiskKind,
  act: (stage: EpochStage) => Promise<void>,
): Promise<EpochResult> {
  lab = await Lab.create({ lab: 0, memberCount: 3, disk, parent: folder });
  await makeTables(lab);
  const options = {
    seed: 1,
    thinkMsMax: 4,
    readShare: 0.5,
    bulkRowBytes: 0,
    about: { disk },
    label: "short",
    folder,
  };
  const identities = makeIdentities(0, CLIENT_COUNT);
  return runEpoch(lab, identities, { ...options, log: () => undefined }, act);
}

function step(fault: FaultStep["fault"], victims: FaultStep["victims"], atMs: number): FaultStep {
  return { fault, victims, atMs, holdMs: 700, salt: 7 };
}

test("members that are killed by turns under load lose nothing, show nothing wrong and end identical", async () => {
  const result = await harm("tmpfs", (stage) => killCycles(stage, KILL_COUNT, 2));
  expect(result.anomalies).toEqual([]);
  expect(result.killCount).toBeGreaterThanOrEqual(KILL_COUNT);
  expect(result.agreed).not.toBeNull();
  expect(result.counts.writes).toBeGreaterThan(0);
});

test("silence, deafness, a slow link, a frozen leader, a full disk and failing syncs do no harm either", async () => {
  const result = await harm("tmpfs", async (stage) => {
    await silenceLeader(stage, 3);
    await playSchedule(stage, [step("one-way", "leader", 0), step("pause", "follower", 300)]);
    await playSchedule(stage, [step("slow-link", "leader", 0), step("disk-full", "follower", 100)]);
    await playSchedule(stage, [step("sync-error", "leader", 0), step("switchover", "leader", 500)]);
  });
  expect(result.anomalies).toEqual([]);
  expect(result.newLeaders.map(({ after }) => after)).toEqual(["silence"]);
  expect(result.faultCount).toBeGreaterThanOrEqual(6);
});

test("a disk that forgets or tears what was not synced takes nothing that was acknowledged", async (context) => {
  const why = await whyNoLossyDisk();
  if (why !== null) return context.skip(why);
  const result = await harm("lossy", async (stage) => {
    for (const victims of ["leader", "all", "majority"] as const) {
      await playSchedule(stage, [step("power-loss", victims, 200)]);
      await stage.lab.waitCaughtUp();
    }
  });
  expect(result.anomalies).toEqual([]);
  expect(await lab?.losses()).toMatchObject({ crashes: 6 });
});
