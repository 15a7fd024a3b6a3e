/**
 * What one seed's world is like. Every seed enables its own subset of the faults with its own
 * rates ("swarm testing", Groce et al. 2012): a run with everything on hides the bugs that need
 * peace on one side, and rare combinations are tried that nobody would write down.
 */
import { crc32 } from "node:zlib";
import { randomBetween, randomChance, randomPick, seededRng } from "../../shared/base/rng.ts";
import type { Rng } from "../../shared/base/rng.ts";
import { FAILPOINTS, momentsOf } from "./failpoints.ts";
import type { FailpointMoment } from "./failpoints.ts";
import { FAULTS, FAULT_KINDS, isWoundKind } from "./fault-kinds.ts";
import type { FaultKind } from "./fault-kinds.ts";
import type { PlantedBug } from "./planted-bugs.ts";

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
  /** Virtual ms at the end in which nobody asks for anything and nothing breaks. */
  readonly stillMs: number;
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
  /** Writes that ask for another ack level than the usual. */
  readonly otherAckShare: number;
  /** Clients work for this long and then rest for `quietMs`; 0 and 0: they work all the time. */
  readonly burstMs: number;
  readonly quietMs: number;
  /** At first only a majority comes back in peace. */
  readonly isPeaceForQuorumOnly: boolean;
  /** How many members speak the first protocol version only until they are upgraded, 0 to 1. */
  readonly oldMemberShare: number;
  /**
   * Not null: the first process that comes by this moment ends there. Moments that most worlds
   * never pass (a log is cut inside a segment) need somebody to wait for them all the time.
   */
  readonly firstFailpoint: FailpointMoment | null;
  /** Some kinds of faults were switched off by hand. */
  readonly isShrunk: boolean;
  /** Mean ms between two faults of the kind; kinds that are not named never happen. */
  readonly faultEveryMs: Partial<Record<FaultKind, number>>;
};

const UPGRADE_EVERY_MS = 3_000;
const FIRST_FAILPOINT_SHARE = 0.2;
const TINY_FILES_SHARE = 0.5;
const CROWDED_MS = 12_000;

/** A quiet minute costs as much as a busy second. So few worlds have many of them. */
const SHORT_STILL_MS = 5_000;
const LONG_STILL_MS = 240_000;
const LONG_STILL_EVERY = 4;

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
    heartbeatMs: Math.floor(electionMs / randomPick(rng, [4, 5])),
    electionMs,
    appendBytesMax: randomPick(rng, [1, 400, 512 * 1024, 512 * 1024]),
    fellLeaderShare,
    knowsAddresses: randomChance(rng, 0.5),
    // Half of the others make snapshots now and then and keep next to no log behind them.
    snapshotAfterBytes: isSmall ? randomBetween(rng, 300, 2_500) : 1_000_000,
    retentionBytes: isSmall ? randomBetween(rng, 100, 1_500) : 4_000_000,
    segmentBytesMax: isSmall ? randomBetween(rng, 200, 1_200) : 400_000,
    ...drawTinyFiles(seededRng(seed * 64 + crc32("tiny-files"))),
    network: drawNetwork(rng),
    syncMs: randomPick(rng, [0.2, 1, 5, 20]),
    storeCallMs: randomPick(rng, [0.1, 0.5, 5]),
    clientCount: randomBetween(rng, 1, 3),
    thinkMs: randomPick(rng, [60, 150, 400]),
    keyCount: randomBetween(rng, 1, 4),
    readShare: randomPick(rng, [0.2, 0.5, 0.7]),
    bulkShare: randomPick(rng, [0, 0.02, 0.1]),
    schemaShare: randomPick(rng, [0, 0.01, 0.05]),
    otherAckShare: randomPick(rng, [0, 0, 0.1]),
    ...drawRhythm(rng),
    isPeaceForQuorumOnly: randomChance(rng, 0.3),
    oldMemberShare: randomPick(rng, [0, 0, 0, 0, 0.5, 1]),
  };
  const faultEveryMs = drawFaults(rng, seed);
  const stillMs = seed % LONG_STILL_EVERY === 0 ? LONG_STILL_MS : SHORT_STILL_MS;
  const kept = fitting(faultEveryMs, drawn);
  const firstFailpoint = drawFailpoint(seededRng(seed * 64 + crc32("first-failpoint")));
  return { seed, bug, ...drawn, stillMs, firstFailpoint, isShrunk: false, faultEveryMs: kept };
}

/**
 * The same world with every kind of fault on, as far as they fit together. Too much happens in it
 * for most bugs to show; it makes sure that every kind comes at all.
 */
export function crowded(options: SimOptions): SimOptions {
  const all = Object.fromEntries(
    FAULT_KINDS.map((kind): [string, number] => [kind, FAULTS[kind].everyMs[1]]),
  );
  const faultyMs = Math.max(options.faultyMs, CROWDED_MS);
  // Small files: the steps of snapshots and segments come in every such world.
  const files = { snapshotAfterBytes: 900, retentionBytes: 600, segmentBytesMax: 600 };
  return { ...options, ...files, faultyMs, stillMs: 0, faultEveryMs: fitting(all, options) };
}

/** Most worlds are short and busy; some are long, with work in bursts as people do it. */
function drawRhythm(rng: Rng): Pick<SimOptions, "faultyMs" | "burstMs" | "quietMs"> {
  const faultyMs = randomBetween(rng, 4_000, 12_000);
  if (!randomChance(rng, 0.1)) return { faultyMs, burstMs: 0, quietMs: 0 };
  const burstMs = randomBetween(rng, 500, 2_000);
  return { faultyMs: faultyMs * 4, burstMs, quietMs: burstMs * randomBetween(rng, 2, 5) };
}

/**
 * In many worlds a member that was away for a moment needs a snapshot: after two
 * of them nothing of what it missed is left. It draws from its own numbers, as faults do.
 */
function drawTinyFiles(rng: Rng): Partial<SimOptions> {
  if (!randomChance(rng, TINY_FILES_SHARE)) return {};
  return {
    snapshotAfterBytes: randomBetween(rng, 400, 800),
    retentionBytes: randomBetween(rng, 50, 200),
    segmentBytesMax: randomBetween(rng, 150, 300),
  };
}

/**
 * The first version cannot be told that its disk lost something, so nothing is lost there. Nor can it tell that it
 * gave up its seat, so nobody is let in again under another seat with the files of the former one.
 */
function fitting(
  faults: SimOptions["faultEveryMs"],
  { oldMemberShare }: Pick<SimOptions, "oldMemberShare">,
): SimOptions["faultEveryMs"] {
  if (oldMemberShare > 0) {
    const kept = Object.entries(faults).filter(
      ([kind]) => !isWoundKind(kind as FaultKind) && kind !== "re-add",
    );
    return { ...Object.fromEntries(kept), upgrade: faults.upgrade ?? UPGRADE_EVERY_MS };
  }
  const { upgrade: _nobodyIsOld, ...kept } = faults;
  return kept;
}

function drawFailpoint(rng: Rng): FailpointMoment | null {
  if (!randomChance(rng, FIRST_FAILPOINT_SHARE)) return null;
  const name = randomPick(rng, FAILPOINTS);
  return { name, moment: randomPick(rng, momentsOf(name)) };
}

function drawNetwork(rng: Rng): SimOptions["network"] {
  return {
    delayMs: randomPick(rng, [0.1, 1, 1, 5, 20]),
    jitterMs: randomPick(rng, [0.1, 1, 10, 40]),
    bytesPerMs: randomPick(rng, [500, 10_000, 100_000]),
  };
}

/**
 * Some worlds are calm, most have a handful of kinds, few have nearly all. Each kind draws from
 * its own numbers, so that a new kind leaves what the others do in a world as it was.
 */
function drawFaults(rng: Rng, seed: number): Partial<Record<FaultKind, number>> {
  const share = randomPick(rng, [0, 0.1, 0.2, 0.2, 0.35, 0.6]);
  const faults: Partial<Record<FaultKind, number>> = {};
  for (const kind of FAULT_KINDS) {
    const own = seededRng(seed * 64 + crc32(kind));
    const [min, max] = FAULTS[kind].everyMs;
    const everyMs = randomBetween(own, min, max);
    if (randomChance(own, share)) faults[kind] = everyMs;
  }
  return faults;
}
