/**
 * What changes when a member becomes follower or leader, or what its disk vouches for changes:
 * everything that belonged to the role before ends here, in one place.
 *
 * Knows nothing of why: who may campaign is in `election.ts`, when is in `timers.ts`.
 */
import { assert } from "../base/assert.ts";
import { NO_BYTES } from "../base/bytes.ts";
import { type LogIndex, type MemberId, type Term, logIndex } from "../base/ids.ts";
import { ByteWindow } from "./byte-window.ts";
import { forgetHint } from "./hint.ts";
import { MemberProgress } from "./progress.ts";
import type { Core } from "./state.ts";
import type { LogEntry } from "./types.ts";

/**
 * Follows in `term`: the current one, or a higher one, in which nobody has this member's vote.
 * Everything that belonged to a leadership or a candidacy ends.
 */
export function becomeFollower(core: Core, term: Term, leader: MemberId | null): void {
  assert(term >= core.term, "a term never goes back");
  endReads(core);
  if (term > core.term) {
    core.term = term;
    core.votedFor = null;
    core.verifiedIndex = core.commitIndex;
    // Acks of the old term would vouch for entries the new leader may replace before the disk
    // has them. Nobody needs them any more.
    if (!core.faults.keepAcksAcrossTerms) core.durableOutbox = [];
  }
  // A leader's commit needed no comparison; every later leader holds it.
  core.verifiedIndex = Math.max(core.verifiedIndex, core.commitIndex);
  const wasFollower = core.role.name === "follower";
  core.role = { name: "follower" };
  core.leader = leader;
  if (!wasFollower) core.resetElectionTimer();
  if (core.isSoleVoter) core.hurryAtMs = core.nowMs;
}

/** Leads the current term: opens it with a no-op, without which nothing older can be committed. */
export function becomeLeader(core: Core): void {
  assert(core.role.name === "candidate", "only a candidate becomes leader");
  assert(core.votedFor === core.id, "a leader voted for itself");
  const previousIndex = core.log.lastIndex;
  const noop: LogEntry = {
    term: core.term,
    index: logIndex(previousIndex + 1),
    kind: "noop",
    payload: NO_BYTES,
  };
  core.role = {
    name: "leader",
    progress: new Map(),
    termStartIndex: noop.index,
    uncommitted: new ByteWindow(),
    round: 0,
    nextHeartbeatAtMs: core.nowMs,
    commitIndexAtHeartbeat: core.commitIndex,
    reads: [],
    transfer: null,
  };
  core.leader = core.id;
  forgetHint(core);
  core.appendToLog([noop]);
  trackMembers(core, previousIndex);
}

/**
 * Makes a leader's progress fit the latest configuration.
 *
 * @param assumedIndex Where a new member's log is guessed to end; the first answer corrects it.
 */
export function trackMembers(core: Core, assumedIndex: LogIndex): void {
  const { role } = core;
  if (role.name !== "leader") return;
  const seats = new Map(core.configuration.seats.map((seat) => [seat.id, seat]));
  for (const { id, incarnation } of role.progress.values()) {
    // A seat that began anew has promised nothing yet, whatever its member promised before.
    if (seats.get(id)?.incarnation !== incarnation) role.progress.delete(id);
  }
  for (const seat of seats.values()) {
    if (seat.id === core.id || role.progress.has(seat.id)) continue;
    role.progress.set(seat.id, new MemberProgress(seat, assumedIndex + 1, core.nowMs));
  }
}

/** Changes what this disk vouches for; see `Raft.holdIncarnation`. */
export function holdIncarnation(core: Core, incarnation: number | null): void {
  assert(incarnation === null || Number.isSafeInteger(incarnation), "an incarnation is an index");
  if (core.incarnation === incarnation) return;
  if (incarnation === null && core.faults.barredGoesOn) return;
  core.incarnation = incarnation;
  // What was to be promised under the old one is promised no more; to others it looks lost.
  core.outbox = [];
  core.durableOutbox = [];
  if (core.role.name !== "follower") becomeFollower(core, core.term, null);
  if (incarnation !== null && core.leader !== null) sayAlive(core, core.leader, incarnation);
}

/** The leader may have given up sending to a member that never answered. */
function sayAlive(core: Core, to: MemberId, incarnation: number): void {
  const { id: from, term } = core;
  core.send({ type: "heartbeat-ack", from, to, term, incarnation, round: 0 });
}

/** Nobody will confirm the waiting reads: says so to everyone who waits. */
function endReads(core: Core): void {
  if (core.role.name === "leader") {
    for (const { requester, requestId } of core.role.reads) {
      if (requester === null) core.answers.push({ requestId, index: null });
    }
  }
  for (const { requestId } of core.forwardedReads.values()) {
    core.answers.push({ requestId, index: null });
  }
  core.forwardedReads.clear();
}
