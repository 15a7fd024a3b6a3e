/**
 * What kind of world a seed gets: how bad network, disks and luck are, and who is in it. Drawn
 * once, so that seeds differ in kind and not only in detail. What happens when is drawn elsewhere.
 */
import { NO_BYTES } from "../../shared/base/bytes.ts";
import { type MemberId, memberId } from "../../shared/base/ids.ts";
import { type Rng, randomBetween, randomChance, randomPick } from "../../shared/base/rng.ts";
import type { Configuration, ConfigurationChange } from "../../shared/raft/types.ts";

/** How one seed's world behaves. Chances are per step. */
export type Chaos = {
  readonly lossChance: number;
  readonly repeatChance: number;
  /** Whether packets overtake each other. */
  readonly isReordering: boolean;
  /** Packets that may arrive in one step: a slow network lets the nodes drift apart. */
  readonly deliveriesMax: number;
  /** That a disk finishes: a slow disk makes promises and facts differ. */
  readonly diskChance: number;
  /** That the leader is cut off or killed. */
  readonly huntChance: number;
  /** That a leader dies with the news of a commit still on its lips. */
  readonly killAtCommitChance: number;
  /** That a leader dies right after its election. */
  readonly ambushChance: number;
  /** That somebody who is down comes back. */
  readonly restartChance: number;
  /** Members are restarted just after they voted. */
  readonly isCrashingVoters: boolean;
  readonly isChangingMembers: boolean;
  /** Disks are wiped, or put back to what they were, while their member is down. */
  readonly isLosingDisks: boolean;
  readonly appendBytesMax: number;
  readonly founderCount: number;
  readonly mirrorCount: number;
  readonly joinerCount: number;
};

/** Draws a world. A quarter of them stalk the leader in the order of the thesis' figure 3.7. */
export function drawChaos(rng: Rng): Chaos {
  const isStalking = randomChance(rng, 0.25);
  const isChangingMembers = randomChance(rng, 0.5);
  return {
    lossChance: randomPick(rng, [0, 0, 0.02, 0.1]),
    repeatChance: randomPick(rng, [0, 0, 0.05]),
    isReordering: randomChance(rng, 0.5),
    deliveriesMax: isStalking ? 1 : randomPick(rng, [1, 3, 8]),
    diskChance: randomPick(rng, [0.05, 0.2, 0.5]),
    huntChance: isStalking ? 0.05 : randomPick(rng, [0, 0.02, 0.08]),
    killAtCommitChance: isStalking ? 0.7 : randomPick(rng, [0, 0, 0.1]),
    ambushChance: isStalking ? 0.5 : 0,
    restartChance: isStalking ? 0.1 : randomPick(rng, [0.01, 0.1]),
    isCrashingVoters: randomChance(rng, 0.4),
    isChangingMembers,
    isLosingDisks: randomChance(rng, 0.35),
    // One or two entries in a message: acks then come in small steps.
    appendBytesMax: isStalking ? 1 : randomPick(rng, [1, 16, 1024]),
    founderCount: randomPick(rng, [1, 2, 3, 3, 3, 3, 5, 5]),
    mirrorCount: randomPick(rng, [0, 0, 1, 2]),
    joinerCount: isChangingMembers ? randomBetween(rng, 1, 2) : 0,
  };
}

/** The world after the storm, in which everything must come right. */
export function calmed(chaos: Chaos): Chaos {
  return {
    ...chaos,
    lossChance: 0,
    repeatChance: 0,
    isReordering: false,
    huntChance: 0,
    killAtCommitChance: 0,
    ambushChance: 0,
    restartChance: 0,
    isCrashingVoters: false,
    isLosingDisks: false,
  };
}

/** Everybody there will be, and those who begin: voters, then mirrors. */
export function membersOf(chaos: Chaos): {
  readonly ids: readonly MemberId[];
  readonly founding: Configuration;
} {
  const { founderCount, mirrorCount, joinerCount } = chaos;
  const count = founderCount + mirrorCount + joinerCount;
  const ids = Array.from({ length: count }, (_, i) => memberId(`n${i + 1}`));
  const seats = ids.slice(0, founderCount + mirrorCount).map((id, i) => {
    const kind = i < founderCount ? ("voter" as const) : ("mirror" as const);
    return { id, kind, incarnation: 0, context: NO_BYTES };
  });
  return { ids, founding: { seats } };
}

/** Something an administrator, an autopilot or a member in need may ask for. */
export function drawChange(rng: Rng, id: MemberId): ConfigurationChange {
  return randomPick<ConfigurationChange>(rng, [
    { type: "add-mirror", id, context: NO_BYTES },
    { type: "promote", id },
    { type: "promote", id },
    { type: "promote", id },
    { type: "demote", id },
    { type: "remove", id },
    { type: "reseat", id },
  ]);
}
