/** Faults of the links between computers. What each means for a connection is in `sim-wire.ts`. */
import type { MemberId } from "../../shared/base/ids.ts";
import { randomPick } from "../../shared/base/rng.ts";
import type { Fault, Hand } from "./fault-hand.ts";
import type { SimMember } from "./sim-member.ts";

const SLOW_DELAYS_MS = [30, 150, 800];
const SLOW_BYTES_PER_MS = [5, 50, 1_000];
const STORM_RESET_COUNT = 8;

type OneWay = readonly [from: MemberId, to: MemberId];

/** By their kind. */
export const NETWORK_FAULTS = {
  partition,
  bridge,
  ring,
  "one-way": deafOrMute,
  "isolate-leader": (_member, hand) => isolate(hand.leader(), hand),
  reset: (member, hand) => {
    const other = hand.pick();
    if (other !== null && other !== member) hand.parts.network.reset(member.id, other.id);
  },
  "reset-storm": (member, hand) => resetStorm(member, hand, STORM_RESET_COUNT),
  "half-open": halfOpen,
  "slow-link": slowLink,
} as const satisfies Record<string, Fault>;

/** Cuts a computer off from everybody. */
export function isolate(member: SimMember | null, hand: Hand): void {
  if (member === null) return;
  block(
    hand.others(member).flatMap((other) => bothWays(member, other)),
    hand,
  );
}

function partition(_member: SimMember, hand: Hand): void {
  const sides = hand.all().map((member) => ({ member, isFirst: hand.chance(0.5) }));
  const pairs = sides.flatMap((a) =>
    sides.flatMap((b) => (a.isFirst && !b.isFirst ? bothWays(a.member, b.member) : [])),
  );
  block(pairs, hand);
}

/** Two halves that hear each other only through one computer in the middle. */
function bridge(middle: SimMember, hand: Hand): void {
  const sides = hand.others(middle).map((member, i) => ({ member, isFirst: i % 2 === 0 }));
  const pairs = sides.flatMap((a) =>
    sides.flatMap((b) => (a.isFirst && !b.isFirst ? bothWays(a.member, b.member) : [])),
  );
  block(pairs, hand);
}

/** Everybody hears its two neighbours only. */
function ring(_member: SimMember, hand: Hand): void {
  const all = hand.all();
  const isNeighbour = (i: number, j: number): boolean => {
    const distance = Math.abs(i - j);
    return distance === 1 || distance === all.length - 1;
  };
  const pairs = all.flatMap((a, i) =>
    all.flatMap((b, j) => (j > i && !isNeighbour(i, j) ? bothWays(a, b) : [])),
  );
  block(pairs, hand);
}

/** One computer hears nobody, or nobody hears it, or one pair has a one-way link. */
function deafOrMute(member: SimMember, hand: Hand): void {
  const others = hand.others(member);
  const isDeaf = hand.chance(0.5);
  const isOnePair = others.length > 0 && hand.chance(0.4);
  const affected = isOnePair ? [randomPick(hand.rng, others)] : others;
  block(
    affected.map(({ id }): OneWay => (isDeaf ? [id, member.id] : [member.id, id])),
    hand,
  );
}

function resetStorm(member: SimMember, hand: Hand, leftCount: number): void {
  for (const other of hand.others(member)) hand.parts.network.reset(member.id, other.id);
  if (leftCount > 0) hand.harmLater(50, 400, () => resetStorm(member, hand, leftCount - 1));
}

/**
 * The connections there are carry nothing any more while new ones work, as after a change of
 * address or a router that forgot them; what they held may come late, behind a new connection.
 */
function halfOpen(member: SimMember, hand: Hand): void {
  const { network } = hand.parts;
  for (const other of hand.others(member)) {
    if (!hand.chance(0.7)) continue;
    const goOn = network.stall(member.id, other.id);
    hand.later(200, 60_000, goOn);
  }
}

function slowLink(member: SimMember, hand: Hand): void {
  const { network } = hand.parts;
  const fault = {
    extraDelayMs: randomPick(hand.rng, SLOW_DELAYS_MS),
    bytesPerMs: randomPick(hand.rng, SLOW_BYTES_PER_MS),
  };
  const isBothWays = hand.chance(0.7);
  for (const other of hand.others(member)) {
    if (hand.chance(0.4)) continue;
    network.slow(member.id, other.id, fault);
    if (isBothWays) network.slow(other.id, member.id, fault);
    hand.later(500, 5_000, () => {
      network.unslow(member.id, other.id);
      network.unslow(other.id, member.id);
    });
  }
}

function bothWays(a: SimMember, b: SimMember): readonly OneWay[] {
  return [
    [a.id, b.id],
    [b.id, a.id],
  ];
}

function block(pairs: readonly OneWay[], hand: Hand): void {
  const { network } = hand.parts;
  for (const [from, to] of pairs) network.block(from, to);
  hand.later(300, 6_000, () => {
    for (const [from, to] of pairs) network.unblock(from, to);
  });
}
