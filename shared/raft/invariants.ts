/**
 * What must be true of one member's core after every call, whatever the others sent.
 *
 * Asserted in release builds too: a core whose own reasoning is broken stops before its mistake
 * reaches a disk or a network. Costs the number of members and of leaving messages, never of
 * entries. It cannot see other members: what must hold between them is for the tests
 * (`test/raft/checkers.ts`) and, as far as a message proves it, for `RaftStatus.alarm`.
 */
import { assert } from "../base/assert.ts";
import { seatOf, votersOf } from "./configuration.ts";
import { INFLIGHT_APPENDS_MAX, READS_WAITING_MAX } from "./limits.ts";
import type { MemberProgress } from "./progress.ts";
import { majorityOf } from "./quorum.ts";
import type { Core, Leadership } from "./state.ts";
import type { RaftMessage } from "./types.ts";

/** What must never go back or change; compared from call to call. */
export type Watermark = {
  term: number;
  votedFor: string | null;
  commitIndex: number;
  handedOutIndex: number;
  /** 0 when it did not lead. */
  leaderLastIndex: number;
  leaderRound: number;
};

/** Where the watch starts. */
export function watermarkOf(core: Core): Watermark {
  return {
    term: core.term,
    votedFor: core.votedFor,
    commitIndex: core.commitIndex,
    handedOutIndex: core.handedOutIndex,
    leaderLastIndex: 0,
    leaderRound: 0,
  };
}

/**
 * Asserted after every call.
 *
 * @param mark What the call before left; brought up to date.
 * @throws InvariantError
 */
export function assertInvariants(core: Core, mark: Watermark): void {
  if (core.faults.skipInvariants) return;
  assertNothingWentBack(core, mark);
  assertLog(core);
  assertConfiguration(core);
  assertRole(core, mark);
  moveOn(core, mark);
}

/**
 * Asserted when messages leave at once: none may promise what is not on the disk yet.
 *
 * @throws InvariantError
 */
export function assertPromisesStored(core: Core, leaving: readonly RaftMessage[]): void {
  if (core.faults.skipInvariants) return;
  const { term, votedFor, incarnation } = core.flushedHardState;
  for (const message of leaving) {
    if (message.type === "vote-request" && message.preVote) continue;
    // A granted pre-vote speaks of the next term and promises nothing.
    if (message.type === "vote-reply" && message.preVote) continue;
    assert(message.term <= term, "no message is ahead of the stored term");
    if ("incarnation" in message && message.incarnation !== null) {
      assert(message.incarnation === incarnation, "only the stored incarnation is stated");
    }
    if (message.type === "append-ack" && message.accepted) {
      assert(message.matchIndex <= core.log.flushedIndex, "only what is on disk is acknowledged");
    } else if (message.type === "vote-reply" && message.granted) {
      assert(message.term < term || votedFor === message.to, "only a stored vote is given");
      assert(incarnation !== null, "a disk that vouches for nothing does not vote");
    } else if (message.type === "vote-request") {
      assert(message.term < term || votedFor === core.id, "a candidate's own vote is stored");
    }
  }
}

function assertNothingWentBack(core: Core, mark: Watermark): void {
  assert(core.term >= mark.term, "the term never goes back");
  const isVoteKept = mark.votedFor === null || core.votedFor === mark.votedFor;
  assert(core.term > mark.term || isVoteKept, "one vote in one term");
  assert(core.commitIndex >= mark.commitIndex, "the commit index never goes back");
  assert(core.handedOutIndex >= mark.handedOutIndex, "nothing is applied twice");
  const { flushedHardState, handedHardState } = core;
  assert(flushedHardState.term <= handedHardState.term, "the disk is not ahead of its orders");
  assert(handedHardState.term <= core.term, "no term was stored that was not reached");
}

function assertLog(core: Core): void {
  const { log } = core;
  assert(core.commitIndex <= log.lastIndex, "what is committed is in the log");
  assert(core.handedOutIndex <= core.commitIndex, "only committed entries are applied");
  assert(log.flushedIndex <= log.lastIndex, "the disk holds no more than the log");
  assert(log.firstIndex <= core.commitIndex + 1, "only committed entries are compacted away");
  assert(log.lastTerm <= core.term, "no entry is of a later term");
  assert(core.verifiedIndex <= log.lastIndex, "what was compared is in the log");
}

function assertConfiguration(core: Core): void {
  const { latest } = core.configurations;
  assert(latest.index <= core.log.lastIndex, "the configuration in force is in the log");
  if (core.role.name === "follower") return;
  assert(core.isElectable || core.role.name === "leader", "only who may lead campaigns");
  const voterCount = votersOf(latest.configuration).length;
  assert(voterCount >= 1, "a configuration has a voter");
}

function assertRole(core: Core, mark: Watermark): void {
  const { role } = core;
  assert((core.leader === core.id) === (role.name === "leader"), "a leader knows that it leads");
  switch (role.name) {
    case "follower":
      assert(core.commitIndex <= core.verifiedIndex, "only what was compared is committed");
      return;
    case "pre-candidate":
    case "candidate":
      assert(core.leader === null, "a candidate follows nobody");
      assert(core.incarnation !== null, "who vouches for nothing does not campaign");
      if (role.name === "candidate") assert(core.votedFor === core.id, "it voted for itself");
      for (const id of role.votes.keys()) {
        assert(id === core.id || seatOf(core.configuration, id) !== undefined, "votes are seats'");
      }
      return;
    case "leader":
      return assertLeadership(core, role, mark);
  }
}

function assertLeadership(core: Core, role: Leadership, mark: Watermark): void {
  const { log, configurations } = core;
  assert(core.votedFor === core.id, "a leader voted for itself");
  assert(core.incarnation !== null, "who vouches for nothing does not lead");
  assert(role.termStartIndex <= log.lastIndex, "the opening no-op is in the log");
  const settledIndex = Math.max(core.commitIndex, role.termStartIndex);
  assert(configurations.countAbove(settledIndex) <= 1, "one change at a time");
  const hasChanged = configurations.latest.index > role.termStartIndex;
  const isSettled = core.commitIndex >= role.termStartIndex;
  assert(isSettled || !hasChanged, "no change before an entry of the own term is committed");
  for (const progress of role.progress.values()) assertProgress(core, role, progress);
  assert(role.reads.length <= READS_WAITING_MAX, "reads that wait are bounded");
  const newestRead = role.reads.findLast((read) => read.round > 0);
  assert((newestRead?.round ?? 0) <= role.round, "a read waits for a round that has started");
  const oldestUncommitted = role.uncommitted.oldestIndex ?? Infinity;
  assert(oldestUncommitted > core.commitIndex, "what is committed is not counted as uncommitted");
  assert(role.transfer?.target !== core.id, "leadership is handed to somebody else");
  if (mark.leaderLastIndex === 0 || mark.term !== core.term) return;
  assert(log.lastIndex >= mark.leaderLastIndex, "a leader never cuts its log");
  assert(role.round >= mark.leaderRound, "heartbeat rounds only go on");
  if (core.commitIndex > mark.commitIndex) assertCommitted(core, role);
}

function assertProgress(core: Core, role: Leadership, progress: MemberProgress): void {
  const { id, matchIndex, nextIndex, inflight } = progress;
  const seat = seatOf(core.configuration, id);
  assert(seat?.incarnation === progress.incarnation, "progress is that of the seat of today");
  assert(matchIndex >= progress.assertedMatchIndex, "what a member is known to hold never shrinks");
  progress.assertedMatchIndex = matchIndex;
  assert(matchIndex < nextIndex, "what a member holds is not sent again");
  assert(matchIndex <= core.log.lastIndex, "nobody holds more than the leader");
  assert(nextIndex <= core.log.lastIndex + 1, "nothing is sent before it exists");
  assert(progress.ackedRound <= role.round, "nobody answers a round before it started");
  assert(inflight.count <= INFLIGHT_APPENDS_MAX, "the window is bounded");
  if (inflight.count === 0) {
    assert(inflight.totalBytes === 0, "an empty window holds no bytes");
    return;
  }
  assert(progress.mode === "replicate", "only a member in step has a window");
  assert((inflight.oldestIndex ?? 0) > matchIndex, "what was acknowledged left the window");
  assert(inflight.newestIndex === nextIndex - 1, "the window ends where the next append begins");
}

/** Counted anew, by other means than the arithmetic that moved the commit index. */
function assertCommitted(core: Core, role: Leadership): void {
  const { commitIndex, configuration, log } = core;
  let count = 0;
  for (const seat of configuration.seats) {
    if (seat.kind !== "voter") continue;
    const isSelf = seat.id === core.id && seat.incarnation === core.incarnation;
    const progress = role.progress.get(seat.id);
    const matchIndex = isSelf ? log.flushedIndex : (progress?.matchIndex ?? 0);
    if (matchIndex >= commitIndex) count += 1;
  }
  const majority = majorityOf(votersOf(configuration).length);
  assert(count >= majority, "a majority of voters has on disk what is committed");
  assert(log.termAt(commitIndex) === core.term, "copies of an older term's entry do not count");
}

function moveOn(core: Core, mark: Watermark): void {
  const { role } = core;
  mark.term = core.term;
  mark.votedFor = core.votedFor;
  mark.commitIndex = core.commitIndex;
  mark.handedOutIndex = core.handedOutIndex;
  mark.leaderLastIndex = role.name === "leader" ? core.log.lastIndex : 0;
  mark.leaderRound = role.name === "leader" ? role.round : 0;
}
