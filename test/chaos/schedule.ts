/**
 * What harm is done when: drawn from a seed, printed in full before it begins, and the same again for
 * the same seed. Pure; `faults.ts` carries it out.
 *
 * A schedule names roles ("leader"), not members: who leads at that moment is not the seed's to say. So
 * a replay does the same harm in the same order at the same times, but not to the same microsecond.
 */
import { randomBetween, randomPick, seededRng } from "../../shared/base/rng.ts";
import type { Rng } from "../../shared/base/rng.ts";
import type { DiskKind } from "./lab-disk.ts";

/** All harm there is. */
export const FAULT_NAMES = [
  "kill",
  "pause",
  "isolate",
  "split",
  "one-way",
  "bridge",
  "link-down",
  "slow-link",
  "disk-full",
  "sync-error",
  "sync-stall",
  "power-loss",
  "damage",
  "wipe",
  "restore",
  "switchover",
  "replace",
  "mirror",
] as const;

/** One kind of harm. */
export type FaultName = (typeof FAULT_NAMES)[number];

/** Words for several kinds at once on the command line. */
export const FAULT_GROUPS: Readonly<Record<string, readonly FaultName[]>> = {
  partition: ["isolate", "split", "one-way", "bridge", "link-down"],
  network: ["isolate", "split", "one-way", "bridge", "link-down", "slow-link"],
  process: ["kill", "pause"],
  storage: ["damage", "wipe", "restore"],
  disk: ["disk-full", "sync-error", "sync-stall", "power-loss"],
  membership: ["switchover", "replace", "mirror"],
  all: FAULT_NAMES,
};

/** Whom it meets. */
export type Victims = "leader" | "follower" | "anybody" | "minority" | "majority" | "all";

/** One piece of harm. */
export type FaultStep = {
  readonly atMs: number;
  readonly holdMs: number;
  readonly fault: FaultName;
  readonly victims: Victims;
  /** Decides what is decided only when it happens: which follower, which bit. */
  readonly salt: number;
};

/** What is needed to draw one. */
export type ScheduleOptions = {
  readonly seed: number;
  readonly faults: readonly FaultName[];
  readonly stepCountMax: number;
  /** All begin within it. */
  readonly windowMs: number;
  readonly holdMsMax: number;
};

/** At most one of these in a schedule: a second one might hit the only good copy that is left. */
const ONCE: readonly FaultName[] = [
  ...(["damage", "wipe", "restore"] as const),
  ...(["replace", "mirror", "disk-full", "sync-error"] as const),
];

const VICTIMS: Readonly<Record<FaultName, readonly Victims[]>> = {
  kill: ["leader", "leader", "follower", "anybody", "minority", "majority", "all"],
  pause: ["leader", "leader", "follower", "minority", "majority"],
  isolate: ["leader", "leader", "follower", "anybody"],
  split: ["minority"],
  "one-way": ["leader", "leader", "follower"],
  bridge: ["anybody"],
  "link-down": ["leader", "follower"],
  "slow-link": ["leader", "follower"],
  "disk-full": ["leader", "follower"],
  "sync-error": ["leader", "follower"],
  "sync-stall": ["leader", "follower"],
  "power-loss": ["leader", "follower", "majority", "all"],
  damage: ["follower", "anybody"],
  wipe: ["follower", "anybody"],
  restore: ["follower", "anybody"],
  switchover: ["leader"],
  replace: ["follower"],
  mirror: ["follower"],
};
const HOLD_MS_MIN = 100;

/** The steps of a seed, earliest first. */
export function drawSchedule(options: ScheduleOptions): readonly FaultStep[] {
  const rng = seededRng(options.seed);
  const used = new Set<FaultName>();
  const steps: FaultStep[] = [];
  const count = randomBetween(rng, 1, options.stepCountMax);
  for (let i = 0; i < count; i++) {
    const possible = options.faults.filter((name) => !used.has(name));
    if (possible.length === 0) break;
    const step = drawStep(rng, possible, options);
    // One damage for all of them: two members with damaged storage are a majority of three.
    if (ONCE.includes(step.fault)) for (const name of ONCE) used.add(name);
    steps.push(step);
  }
  return steps.sort((a, b) => a.atMs - b.atMs);
}

/** Which faults a disk makes possible. */
export function possibleFaults(
  names: readonly FaultName[],
  disk: DiskKind,
  hasSyncFaults: boolean,
): readonly FaultName[] {
  return names.filter((name) => {
    if (name === "disk-full") return disk === "tmpfs";
    if (name === "power-loss") return disk === "lossy";
    if (name === "sync-error" || name === "sync-stall") return hasSyncFaults;
    return true;
  });
}

/** For people: one step a line. */
export function describeSchedule(steps: readonly FaultStep[]): string {
  return steps
    .map(({ atMs, holdMs, fault, victims, salt }) => {
      const at = `+${String(atMs).padStart(5)} ms`;
      return `  ${at}  ${fault.padEnd(11)} ${victims.padEnd(9)} for ${holdMs} ms (salt ${salt})`;
    })
    .join("\n");
}

function drawStep(
  rng: Rng,
  possible: readonly FaultName[],
  { windowMs, holdMsMax }: ScheduleOptions,
): FaultStep {
  const fault = randomPick(rng, possible);
  return {
    fault,
    atMs: randomBetween(rng, 0, windowMs),
    holdMs: randomBetween(rng, HOLD_MS_MIN, holdMsMax),
    victims: randomPick(rng, VICTIMS[fault]),
    salt: rng.uint32(),
  };
}
