/** Operations that people and the autopilot do to a cluster, in the middle of its faults. */
import type { Fault, Hand } from "./fault-hand.ts";
import type { SimMember } from "./sim-member.ts";

const STORM_TRANSFER_COUNT = 5;

/** By their kind. */
export const MEMBER_FAULTS = {
  switchover: (member) => void member.call("switchover", {}),
  "transfer-storm": (member, hand) => transferStorm(member, hand, STORM_TRANSFER_COUNT),
  "add-mirror": (_member, hand) => hand.victims.membership.join(),
  remove: (member, hand) => hand.victims.membership.remove(member),
  "re-add": (member, hand) => {
    hand.victims.membership.removeAndAddAgain(member, hand.between(100, 3_000));
  },
  promote: (member, hand) => hand.victims.membership.setSeat(member, "voter"),
  upgrade: (member) => member.upgrade(),
  demote: (member, hand) => hand.victims.membership.setSeat(member, "mirror"),
} as const satisfies Record<string, Fault>;

/** Several people press the button on several computers, for several targets, now and then. */
function transferStorm(member: SimMember, hand: Hand, leftCount: number): void {
  const target = hand.pick();
  void member.call("switchover", target === null ? {} : { to: target.id });
  // The target goes dark in the middle of taking over.
  if (target !== null && hand.chance(0.2)) hand.crash(target, "power-loss");
  if (leftCount === 0) return;
  const next = hand.pick() ?? member;
  hand.harmLater(5, 300, () => transferStorm(next, hand, leftCount - 1));
}
