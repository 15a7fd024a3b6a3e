/**
 * Whole simulated clusters that keep next to no log, so that whoever was away needs a snapshot:
 * the way from the core's wish to the installed image, with crashes, cuts and old members in it.
 */
import { beforeAll, expect, test } from "vitest";
import { createStoreEngine } from "../../electron/store-worker/engine.ts";
import { violationLines } from "../sim/report.ts";
import { runSeed } from "../sim/run-seed.ts";
import type { RunTools } from "../sim/run-seed.ts";
import { expandSeed } from "../sim/sim-options.ts";
import type { SimOptions } from "../sim/sim-options.ts";
import { loadTestSqlite } from "../support/sqlite.ts";

/** Two seconds of processor time, on a machine that may have much else to do. */
const TIMEOUT_MS = 300_000;

/** One in two or three of these worlds has somebody who needs a snapshot. */
const WORLD_COUNT_MAX = 15;

let tools: RunTools;

beforeAll(async () => {
  const sqlite = await loadTestSqlite();
  tools = { makeEngine: () => createStoreEngine(sqlite) };
});

function worldOf(seed: number, oldMemberShare: number): SimOptions {
  return {
    ...expandSeed(seed, null),
    ...{ voterCount: 3, mirrorCount: 2, isGrown: false, fellLeaderShare: 0, oldMemberShare },
    ...{ snapshotAfterBytes: 400, retentionBytes: 150, segmentBytesMax: 300 },
    ...{ faultyMs: 7000, stillMs: 1000, clientCount: 3, thinkMs: 20, readShare: 0.1 },
    ...{ bulkShare: 0, schemaShare: 0, otherAckShare: 0, burstMs: 0, quietMs: 0 },
    ...{ isPeaceForQuorumOnly: false, syncMs: 0.2, storeCallMs: 0.1 },
    network: { delayMs: 1, jitterMs: 1, bytesPerMs: 10_000 },
    faultEveryMs: { partition: 1500, "crash-at-failpoint": 1500 },
  };
}

type Counts = Record<"snapshot-offer" | "snapshot-send" | "snapshot-installed", number>;

/**
 * Runs worlds until enough was seen in them: what one seed meets changes with every change of the
 * product. None of them may break a promise.
 */
async function runWorlds(
  oldMemberShare: number,
  isEnough: (counts: Counts) => boolean,
): Promise<Counts> {
  const counts: Counts = { "snapshot-offer": 0, "snapshot-send": 0, "snapshot-installed": 0 };
  for (let seed = 1; seed <= WORLD_COUNT_MAX && !isEnough(counts); seed++) {
    const onLine = (line: string): void => {
      for (const event of Object.keys(counts) as (keyof Counts)[]) {
        if (line.includes(` ${event} `)) counts[event]++;
      }
    };
    const outcome = await runSeed(worldOf(seed, oldMemberShare), { ...tools, onLine });
    expect(outcome.violation, violationLines(outcome, "this one").join("\n")).toBeNull();
  }
  return counts;
}

test(
  "members that come back are given a follower's snapshot, and everything ends equal",
  { timeout: TIMEOUT_MS },
  async () => {
    const isEnough = (counts: Counts): boolean =>
      counts["snapshot-offer"] > 0 && counts["snapshot-installed"] > 1;
    expect(await runWorlds(0, isEnough)).toSatisfy(isEnough);
  },
);

test(
  "members that all speak the first version get it from their leader",
  { timeout: TIMEOUT_MS },
  async () => {
    const counts = await runWorlds(1, (seen) => seen["snapshot-installed"] > 0);
    expect(counts["snapshot-offer"]).toBe(0);
    expect(counts["snapshot-installed"]).toBeGreaterThan(0);
  },
);
