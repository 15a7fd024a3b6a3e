import { assert } from "../base/assert.ts";
import { NO_BYTES } from "../base/bytes.ts";
import { type LogIndex, type MemberId, type Term, logIndex } from "../base/ids.ts";
import { ByteWindow } from "./byte-window.ts";
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
    core.durableOutbox = [];
  }
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
  core.hurryAtMs = null;
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
  const members = new Set(core.configuration.seats.map((seat) => seat.id));
  for (const id of role.progress.keys()) if (!members.has(id)) role.progress.delete(id);
  for (const id of members) {
    if (id === core.id || role.progress.has(id)) continue;
    role.progress.set(id, new MemberProgress(id, assumedIndex + 1, core.nowMs));
  }
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
