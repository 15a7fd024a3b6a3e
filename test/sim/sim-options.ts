/**
 * What one seed's world is like. Every seed enables its own subset of the faults with its own
 * rates ("swarm testing", Groce et al. 2012): a run with everything on hides the bugs that need
 * peace on one side, and rare combinations are tried that nobody would write down.
 */
import { randomBetween, randomChance, randomPick, seededRng } from "../../shared/base/rng.ts";
import type { Rng } from "../../shared/base/rng.ts";
import { PLANTED_BUGS } from "./planted-bugs.ts";
import type { PlantedBug } from "./planted-bugs.ts";

/** What can go wrong, each with its mean time between two of its kind, in ms. */
export const FAULT_KINDS = [
  "crash",
  "power-loss",
  "crash-at-disk-step",
  "crash-all",
  "graceful-restart",
  "partition",
  "one-way",
  "isolate-leader",
  "rotate-quorum",
  "reset",
  "slow-link",
  "pause",
  "sleep",
  "slow-disk",
  "sync-failure",
  "disk-full",
  "wall-jump",
  "switchover",
  "add-mirror",

  "store-restart",
  "remove",
] as const;

/** Name of a kind of fault or of an operation that is done in the middle of them. */
export type FaultKind = (typeof FAULT_KINDS)[number];

/** Everything about one world, drawn from its seed; printed when it fails. */
export type SimOptions = {
  readonly seed: number;
  readonly bug: PlantedBug | null;
  readonly voterCount: number;
  readonly mirrorCount: number;
  /** One computer founds and the others join it, as people do it; else all begin together. */
  readonly isGrown: boolean;
  /** Virtual ms in which anything goes; healing and the last checks come after it. */
  readonly faultyMs: number;
  readonly heartbeatMs: number;
  readonly electionMs: number;
  /** Small ones send every entry by itself. */
  readonly appendBytesMax: number;
  /** How many of the new leaders are cut off or lose power right after their election, 0 to 1. */
  readonly fellLeaderShare: number;
  /** Whether members were told each other's addresses; else they find them by mDNS. */
  readonly knowsAddresses: boolean;
  readonly snapshotAfterBytes: number;
  readonly retentionBytes: number;
  readonly segmentBytesMax: number;
  readonly network: {
    readonly delayMs: number;
    readonly jitterMs: number;
    readonly bytesPerMs: number;
  };
  readonly syncMs: number;
  readonly storeCallMs: number;
  readonly clientCount: number;
  readonly thinkMs: number;
  readonly keyCount: number;
  /** Share of operations, 0 to 1. */
  readonly readShare: number;
  readonly bulkShare: number;
  readonly schemaShare: number;
  /** Mean ms between two faults of the kind; kinds that are not named never happen. */
  readonly faultEveryMs: Partial<Record<FaultKind, number>>;
};

/** Mean ms between two of a kind, for worlds in which it is on: from busy to rare. */
const FAULT_RATES_MS: Record<FaultKind, readonly [number, number]> = {
  crash: [2_000, 10_000],
  "power-loss": [2_000, 10_000],
  "crash-at-disk-step": [1_500, 8_000],
  "crash-all": [6_000, 20_000],
  "graceful-restart": [4_000, 15_000],
  partition: [2_500, 10_000],
  "one-way": [2_500, 10_000],
  "isolate-leader": [3_000, 10_000],
  "rotate-quorum": [3_000, 8_000],
  reset: [500, 5_000],
  "slow-link": [2_000, 8_000],
  pause: [2_000, 10_000],
  sleep: [4_000, 15_000],
  "slow-disk": [3_000, 10_000],
  "sync-failure": [6_000, 20_000],
  "disk-full": [5_000, 15_000],
  "wall-jump": [2_000, 8_000],
  switchover: [2_000, 10_000],
  "add-mirror": [4_000, 12_000],

  "store-restart": [3_000, 12_000],
  remove: [6_000, 20_000],
};

/** The world of a seed. @param bug A bug to plant; the world stays the same otherwise. */
export function expandSeed(seed: number, bug: PlantedBug | null): SimOptions {
  const rng = seededRng(seed);
  const fellLeaderShare = randomPick(rng, [0, 0, 0, 0.5, 0.9]);
  // Where leaders fall all the time, elections are what it is about.
  const electionMs = randomPick(rng, fellLeaderShare > 0 ? [300, 500] : [300, 1_000, 1_000]);
  const isSmall = randomChance(rng, 0.5);
  const drawn = {
    voterCount: randomPick(rng, [1, 2, 3, 3, 3, 3, 5]),
    mirrorCount: randomPick(rng, [0, 0, 0, 0, 1, 2]),
    isGrown: randomChance(rng, 0.4),
    faultyMs: randomBetween(rng, 4_000, 12_000),
    heartbeatMs: Math.floor(electionMs / randomPick(rng, [4, 5])),
    electionMs,
    appendBytesMax: randomPick(rng, [1, 400, 512 * 1024, 512 * 1024]),
    fellLeaderShare,
    knowsAddresses: randomChance(rng, 0.5),
    // Half of the worlds make snapshots all the time and keep next to no log behind them.
    snapshotAfterBytes: isSmall ? randomBetween(rng, 300, 2_500) : 1_000_000,
    retentionBytes: isSmall ? randomBetween(rng, 100, 1_500) : 4_000_000,
    segmentBytesMax: isSmall ? randomBetween(rng, 200, 1_200) : 8_000_000,
    network: drawNetwork(rng),
    syncMs: randomPick(rng, [0.2, 1, 5, 20]),
    storeCallMs: randomPick(rng, [0.1, 0.5, 5]),
    clientCount: randomBetween(rng, 1, 3),
    thinkMs: randomPick(rng, [60, 150, 400]),
    keyCount: randomBetween(rng, 1, 4),
    readShare: randomPick(rng, [0.2, 0.5, 0.7]),
    bulkShare: randomPick(rng, [0, 0.02, 0.1]),
    schemaShare: randomPick(rng, [0, 0.01, 0.05]),
  };
  return { seed, bug, ...drawn, faultEveryMs: drawFaults(rng) };
}

/** The bug of that name, or null. */
export function findBug(name: string): PlantedBug | null {
  return PLANTED_BUGS.find((bug) => bug.name === name) ?? null;
}

function drawNetwork(rng: Rng): SimOptions["network"] {
  return {
    delayMs: randomPick(rng, [0.1, 1, 1, 5, 20]),
    jitterMs: randomPick(rng, [0.1, 1, 10, 40]),
    bytesPerMs: randomPick(rng, [500, 10_000, 100_000]),
  };
}

/** Some worlds are calm, most have a handful of kinds, few have nearly all. */
function drawFaults(rng: Rng): Partial<Record<FaultKind, number>> {
  const share = randomPick(rng, [0, 0.15, 0.3, 0.3, 0.5, 0.8]);
  const faults: Partial<Record<FaultKind, number>> = {};
  for (const kind of FAULT_KINDS) {
    const [min, max] = FAULT_RATES_MS[kind];
    const everyMs = randomBetween(rng, min, max);
    if (randomChance(rng, share)) faults[kind] = everyMs;
  }
  return faults;
}
