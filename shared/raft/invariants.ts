import { assert } from "../base/assert.ts";
import type { Core, Leadership } from "./state.ts";

/** What must never go back or change; compared from call to call. */
export type Watermark = {
  term: number;
  votedFor: string | null;
  commitIndex: number;
  leaderLastIndex: number;
};

/** Where the watch starts. */
export function watermarkOf(core: Core): Watermark {
  return {
    term: core.term,
    votedFor: core.votedFor,
    commitIndex: core.commitIndex,
    leaderLastIndex: 0,
  };
}

/**
 * Asserted after every call, in release builds too: a core whose own reasoning is broken stops
 * before its mistake reaches a disk or a network. Costs the number of members, not of entries.
 *
 * @param mark What the call before left; brought up to date.
 * @throws InvariantError
 */
export function assertInvariants(core: Core, mark: Watermark): void {
  const { log, role } = core;
  assert(core.term >= mark.term, "the term never goes back");
  const isSameTerm = core.term === mark.term;
  const isVoteKept = mark.votedFor === null || core.votedFor === mark.votedFor;
  assert(!isSameTerm || isVoteKept, "one vote in one term");
  assert(core.commitIndex >= mark.commitIndex, "the commit index never goes back");
  assert(core.commitIndex <= log.lastIndex, "what is committed is in the log");
  assert(core.handedOutIndex <= core.commitIndex, "only committed entries are applied");
  assert(log.flushedIndex <= log.lastIndex, "the disk holds no more than the log");
  assert(log.lastTerm <= core.term, "no entry is of a later term");
  assert(core.verifiedIndex <= log.lastIndex, "what was compared is in the log");
  const isLeading = role.name === "leader";
  assert((core.leader === core.id) === isLeading, "a leader knows that it leads");
  if (isLeading) assertLeadership(core, role);
  const isSameLeadership = isLeading && isSameTerm && mark.leaderLastIndex > 0;
  assert(!isSameLeadership || log.lastIndex >= mark.leaderLastIndex, "a leader never cuts its log");
  mark.term = core.term;
  mark.votedFor = core.votedFor;
  mark.commitIndex = core.commitIndex;
  mark.leaderLastIndex = isLeading ? log.lastIndex : 0;
}

function assertLeadership(core: Core, role: Leadership): void {
  assert(core.votedFor === core.id, "a leader voted for itself");
  assert(role.termStartIndex <= core.log.lastIndex, "the opening no-op is in the log");
  for (const progress of role.progress.values()) {
    assert(progress.matchIndex < progress.nextIndex, "what a member holds is not sent again");
    assert(progress.matchIndex <= core.log.lastIndex, "nobody holds more than the leader");
    assert(progress.nextIndex <= core.log.lastIndex + 1, "nothing is sent before it exists");
  }
}
