/**
 * The harm of one epoch, by kind of run. Each act leaves it to the epoch to heal at the end; those
 * that measure heal in between as well.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { randomBetween, randomPick, seededRng } from "../../shared/base/rng.ts";
import type { Rng } from "../../shared/base/rng.ts";
import type { ChaosMember } from "./chaos-member.ts";
import { damage } from "./damage.ts";
import { healAndCount } from "./epoch.ts";
import type { EpochStage } from "./epoch.ts";
import type { FaultStep } from "./schedule.ts";

const PAUSE_MS_MAX = 40;
const MEASURE_MS_MAX = 30_000;
/** How many of ten kills meet the leader, a follower, a majority, all. */
const KILL_TARGETS = [
  ...["leader", "leader", "leader", "leader", "follower", "follower", "follower"],
  ...["majority", "majority", "all"],
] as const;

/** Carries out a schedule: each step at its time, for its time. */
export async function playSchedule(
  { faults }: EpochStage,
  steps: readonly FaultStep[],
): Promise<void> {
  const play = async (step: FaultStep): Promise<void> => {
    await sleep(step.atMs);
    const end = await faults.begin(step);
    await sleep(step.holdMs);
    await end();
  };
  const outcomes = await Promise.allSettled(steps.map(play));
  const failed = outcomes.find((outcome) => outcome.status === "rejected");
  if (failed !== undefined) throw failed.reason;
}

/** `kill -9` and start again under load, so many times. */
export async function killCycles(stage: EpochStage, count: number, seed: number): Promise<void> {
  const rng = seededRng(seed);
  for (let cycle = 0; cycle < count; cycle++) {
    await sleep(randomBetween(rng, 0, PAUSE_MS_MAX));
    await killOnce(stage, rng);
    await stage.lab.waitCaughtUp();
  }
}

async function killOnce(stage: EpochStage, rng: Rng): Promise<void> {
  const { lab, workload } = stage;
  const { member: leader, status } = await lab.waitLeader();
  const target = randomPick(rng, KILL_TARGETS);
  const victims = victimsOf(target, leader, lab.members, rng);
  const members = victims.map(({ name }) => name);
  const atMs = workload.nowMs();
  workload.fault({ fault: target, what: "kill", phase: "moment", members });
  const dying = Promise.all(victims.map((member) => member.kill()));
  stage.killed(victims.length);
  // Only a lost leader is a failover; after a lost majority one waits for computers to start.
  if (target === "leader") {
    const endMs = await within(MEASURE_MS_MAX, "a new leader", workload.newLeader(status.term));
    stage.newLeaders.push({ after: "kill", ms: endMs - atMs });
  }
  await dying;
  await Promise.all(victims.map((member) => member.start()));
}

function victimsOf(
  target: (typeof KILL_TARGETS)[number],
  leader: ChaosMember,
  members: readonly ChaosMember[],
  rng: Rng,
): readonly ChaosMember[] {
  const others = members.filter((member) => member !== leader);
  switch (target) {
    case "leader":
      return [leader];
    case "follower":
      return [randomPick(rng, others)];
    case "majority": {
      const start = randomBetween(rng, 0, members.length - 1);
      const count = Math.floor(members.length / 2) + 1;
      return [...members, ...members].slice(start, start + count);
    }
    case "all":
      return members;
  }
}

/** The leader falls silent; a new one is waited for, measured, and everything is healed. */
export async function silenceLeader(stage: EpochStage, seed: number): Promise<void> {
  const rng = seededRng(seed);
  const { lab, workload } = stage;
  const { member: leader, status } = await lab.waitLeader();
  const others = lab.members.filter((member) => member !== leader).map(({ place }) => place);
  const pairs = others.flatMap((place) => [
    [place, leader.place] as const,
    [leader.place, place] as const,
  ]);
  const atMs = workload.nowMs();
  workload.fault({ fault: "silence", what: "isolate", phase: "moment", members: [leader.name] });
  await lab.network.cut(pairs);
  const endMs = await within(MEASURE_MS_MAX, "a new leader", workload.newLeader(status.term));
  stage.newLeaders.push({ after: "silence", ms: endMs - atMs });
  await sleep(randomBetween(rng, 0, 1_000));
  await healAndCount(stage);
}

/** One member's memory is damaged while it is down; so many times, never two at once. */
export async function damageCycles(stage: EpochStage, count: number, seed: number): Promise<void> {
  const rng = seededRng(seed);
  const { lab, workload, repairs, stayedOut } = stage;
  for (let cycle = 0; cycle < count; cycle++) {
    await lab.waitCaughtUp();
    await sleep(randomBetween(rng, 0, PAUSE_MS_MAX));
    const member = randomPick(rng, lab.members);
    await member.kill();
    stage.killed(1);
    const detail = await damage(member.dataFolder, rng);
    await member.disk.settle();
    workload.fault({ fault: `d${cycle}`, what: "damage", phase: "moment", detail });
    const outcome = await member.tryStart();
    if (outcome === null) {
      const seat = (await member.status())?.seat;
      // Everybody votes again when this is over: the damaged one, too.
      await lab.waitInStepUnderLoad();
      repairs.push(`${detail}: ${seat?.state ?? "silent"} ${seat?.reason ?? ""}`.trimEnd());
      continue;
    }
    stayedOut.push({ member: member.name, said: `${detail}: ${outcome.error.trim()}` });
    await lab.replace(member);
  }
  // What was repaired stays so: nobody may find anything at the next start.
  await lab.waitCaughtUp();
  await Promise.all(lab.members.map((member) => member.kill()));
  for (const member of lab.members) await member.start();
}

async function within<T>(ms: number, what: string, promise: Promise<T>): Promise<T> {
  const abort = new AbortController();
  const late = sleep(ms, null, { signal: abort.signal }).then(() => {
    throw new Error(`not seen in ${ms} ms: ${what}`);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    abort.abort();
    await late.catch((cause: unknown) => cause);
  }
}
