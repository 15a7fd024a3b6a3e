/**
 * Keeps the right number of voters by itself (design section 7): one alone, one of a pair, three
 * from three computers on, five from five on. It proposes one change at a time and only on the
 * leader; the core refuses a second before the first is committed.
 */
import type { ConfigurationChange, RaftStatus, Seat } from "../../../shared/raft/types.ts";
import { decodeSeatContext } from "../../../shared/cluster/seat-context.ts";
import type { MemberId } from "../../../shared/base/ids.ts";

/** A mirror this many entries behind may be given a vote: it will not hold up a commit. */
const PROMOTION_LAG_ENTRIES_MAX = 64;

/** How many voters a cluster of this many able members should have. */
export function voterTarget(ableCount: number): number {
  if (ableCount >= 5) return 5;
  return ableCount >= 3 ? 3 : 1;
}

/**
 * The change to propose now, or null.
 *
 * @param status The leader's own.
 * @param isConnected Whether a live connection to the member exists.
 */
export function nextChange(
  status: RaftStatus,
  isConnected: (member: MemberId) => boolean,
): ConfigurationChange | null {
  if (status.role !== "leader" || status.isChangingConfiguration) return null;
  const { seats } = status.configuration;
  const voters = seats.filter((seat) => seat.kind === "voter");
  const able = seats.filter((seat) => seat.kind === "mirror" && isAble(seat, status, isConnected));
  if (voters.length >= voterTarget(voters.length + able.length)) return null;
  const best = able.sort((a, b) => matchOf(status, b.id) - matchOf(status, a.id))[0];
  return best === undefined ? null : { type: "promote", id: best.id };
}

function isAble(
  seat: Seat,
  status: RaftStatus,
  isConnected: (member: MemberId) => boolean,
): boolean {
  if (!decodeSeatContext(seat.context).wantsVote || !isConnected(seat.id)) return false;
  return status.lastIndex - matchOf(status, seat.id) <= PROMOTION_LAG_ENTRIES_MAX;
}

function matchOf(status: RaftStatus, member: MemberId): number {
  return status.progress.find((each) => each.id === member)?.matchIndex ?? 0;
}
