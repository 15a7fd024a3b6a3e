/** Faults of the disks that lose nothing that was synced. Damage to synced bytes is elsewhere. */
import { randomPick } from "../../shared/base/rng.ts";
import type { Fault, Hand } from "./fault-hand.ts";
import type { SimMember } from "./sim-member.ts";
import type { EndKind } from "./sim-process.ts";

const SLOW_SYNCS_MS = [50, 300, 1_500];
const HUNG_SYNC_MS = 60_000;

/** By their kind. */
export const DISK_FAULTS = {
  "crash-at-disk-step": (member, hand) => {
    member.stepsToCrash = { left: hand.between(1, 12), kind: endKind(hand) };
  },
  "crash-at-failpoint": (_member, hand) => {
    const { coverage } = hand.parts;
    const moments = coverage.leastTried();
    if (moments.length === 0) return;
    const moment = randomPick(hand.rng, moments);
    coverage.tried(moment);
    hand.arm(moment, endKind(hand));
  },
  "slow-disk": (member, hand) => slow(member, hand, randomPick(hand.rng, SLOW_SYNCS_MS)),
  "hung-disk": (member, hand) => slow(member, hand, HUNG_SYNC_MS),
  "sync-failure": (member, hand) => {
    member.disk.failNextSync();
    const kind = endKind(hand);
    hand.harmLater(500, 4_000, () => hand.crash(member, kind));
  },
  "disk-full": (member, hand) => {
    member.disk.setFreeBytes(hand.between(0, 3_000));
    hand.later(500, 5_000, () => member.disk.setFreeBytes(null));
  },
  "read-only-disk": (member, hand) => {
    member.isDiskReadOnly = true;
    // It stops trusting its disk; people mount it again and restart. A truce does the same.
    hand.harmLater(500, 4_000, () => {
      member.isDiskReadOnly = false;
      hand.crash(member, "killed");
    });
  },
} as const satisfies Record<string, Fault>;

function endKind(hand: Hand): EndKind {
  return hand.chance(0.5) ? "killed" : "power-loss";
}

/** What is under way then takes that long; what begins later does not. */
function slow(member: SimMember, hand: Hand, syncMs: number): void {
  member.syncMs = syncMs;
  hand.later(300, 4_000, () => (member.syncMs = hand.parts.options.syncMs));
}
