import type { ClusterRecord } from "../../electron/agent/members/cluster-record.ts";
import { defined } from "../../shared/base/assert.ts";
import { clusterId } from "../../shared/base/ids.ts";
import type { MemberId } from "../../shared/base/ids.ts";
import { encodeSeatContext } from "../../shared/cluster/seat-context.ts";
import type { Seat, SeatKind } from "../../shared/raft/types.ts";

/** What a new member's `cluster.json` says. @param seats Of the cluster it begins or joins. */
export function recordOf(id: MemberId, seats: readonly Seat[]): ClusterRecord {
  return {
    id: clusterId("sim-cluster"),
    name: "Simulated",
    timeline: 1,
    memberName: `Member ${id}`,
    initial: { seats: [...seats].sort((a, b) => (a.id < b.id ? -1 : 1)) },
    known: [...new Set([...seats.map((seat) => seat.id), id])],
    begun: false,
    withdrawal: null,
  };
}

/** A founder's seat. */
export function seatOf(id: MemberId, kind: SeatKind): Seat {
  const context = { name: `Member ${id}`, access: "admin", wantsVote: kind === "voter" } as const;
  return { id, kind, incarnation: 0, context: defined(encodeSeatContext(context), "a context") };
}
