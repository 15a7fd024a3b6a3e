/**
 * Faults of whole computers: processes that end, stand still or restart, and clocks that are
 * wrong. Disks and links have their own files.
 */
import { randomPick } from "../../shared/base/rng.ts";
import type { Fault, Hand } from "./fault-hand.ts";
import type { SimMember } from "./sim-member.ts";

const HOUR_MS = 3_600_000;
/** Up to what an empty battery does: the clock then stands before 1970, where no format has a time. */
const WALL_JUMP_HOURS = [-500_000, -87_600, -24, -1, 1, 24, 87_600];
const BACKWARDS_EVERY_MS = 1_000;

/** By their kind. */
export const COMPUTER_FAULTS = {
  crash: (member, hand) => hand.crash(member, "killed"),
  "power-loss": (member, hand) => hand.crash(member, "power-loss"),
  "crash-all": (_member, hand) => {
    const kind = hand.chance(0.3) ? "killed" : "power-loss";
    for (const each of hand.all()) hand.crash(each, kind);
  },
  "graceful-restart": restartGracefully,
  "rotate-quorum": rotateQuorum,
  pause: (member, hand) => standStill(member, hand, false),
  sleep: (member, hand) => standStill(member, hand, true),
  night: (_member, hand) => hand.victims.sleepAll(hand.between(5, 60) * 60_000),
  "wall-jump": (member, hand) => member.jumpWall(randomPick(hand.rng, WALL_JUMP_HOURS) * HOUR_MS),
  "wall-backwards": wallBackwards,
  "store-restart": (member) => member.restartStore(),
} as const satisfies Record<string, Fault>;

function restartGracefully(member: SimMember, hand: Hand): void {
  const { process } = member;
  const done = (): void => {
    if (member.process === process) hand.crash(member, "killed");
  };
  void member
    .ask(async (replica) => {
      await replica.handOver();
      await replica.close();
    })
    .then(done);
  hand.later(20_000, 20_000, done);
}

/**
 * One computer is away while the others elect; then the elected one goes, the others are
 * restarted, and the absent one comes back. Whoever forgets over a restart whom it voted for
 * now votes again, for somebody who knows nothing of the first election.
 */
function rotateQuorum(absent: SimMember, hand: Hand): void {
  const { network, options } = hand.parts;
  const others = hand.others(absent);
  const before = hand.leader();
  for (const other of others) network.blockBoth(absent.id, other.id);
  if (before !== null && before !== absent) {
    before.end("power-loss");
    hand.later(10, options.electionMs, () => before.boot());
  }
  // Left out, the absent one is let in by the truce.
  hand.harmLater(2 * options.electionMs, 4 * options.electionMs, () => {
    const elected = hand.leader();
    for (const other of others) {
      network.unblockBoth(absent.id, other.id);
      if (other === elected) hand.crash(other, "power-loss");
      else {
        other.end("power-loss");
        hand.later(10, 30, () => other.boot());
      }
    }
  });
}

/** SIGSTOP or a blocked event loop; asleep, the monotonic clock stands still as well. */
function standStill(member: SimMember, hand: Hand, isAsleep: boolean): void {
  const { process } = member;
  if (process === null || process.isStopped) return;
  const durationMs = hand.between(100, hand.chance(0.5) ? 1_000 : 5_000);
  const { scheduler } = hand.parts;
  const sinceMs = scheduler.nowMs;
  member.stop();
  hand.later(durationMs, durationMs, () => {
    if (member.process === process) member.continue(isAsleep ? scheduler.nowMs - sinceMs : 0);
  });
}

/** Somebody's time server fights with another: the wall clock goes back again and again. */
function wallBackwards(member: SimMember, hand: Hand, leftCount = 6): void {
  member.jumpWall(-2 * BACKWARDS_EVERY_MS);
  if (leftCount === 0) return;
  hand.later(BACKWARDS_EVERY_MS, BACKWARDS_EVERY_MS, () => {
    wallBackwards(member, hand, leftCount - 1);
  });
}
