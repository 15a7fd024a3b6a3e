/**
 * How a leader comes about: pre-vote, vote, and who gets this member's vote (§3.4, §4.2, §9.6).
 *
 * Knows nothing of time; `timers.ts` says when to campaign. Every member answers vote requests,
 * also one that believes itself a mirror: it may not know yet that it was promoted. Whose answer
 * counts is the candidate's business, and it counts the voters of its own configuration only.
 */
import { type MemberId, term } from "../base/ids.ts";
import { isSeatOf, seatOf, votersOf } from "./configuration.ts";
import { hurryAgain } from "./hint.ts";
import { majorityOf } from "./quorum.ts";
import { becomeFollower, becomeLeader } from "./roles.ts";
import type { Core } from "./state.ts";
import type { VoteReplyMessage, VoteRequestMessage } from "./types.ts";

/**
 * The leader has been silent for too long. Asks for pre-votes, or for votes at once where nobody
 * else has one. A member that may not or cannot lead goes on waiting.
 */
export function startElection(core: Core): void {
  core.resetElectionTimer();
  // Who cannot take over must not go on naming a leader that nobody hears.
  if (!core.isElectable && core.leader !== null) becomeFollower(core, core.term, null);
  if (!core.isElectable || core.isDiskStuck || core.log.isInstalling) return;
  if (core.isSoleVoter) campaign(core, { isTransfer: false });
  else askForPreVotes(core);
}

/** Goes into the next term and asks everyone for its vote. @param options Why it happens. */
export function campaign(core: Core, options: { readonly isTransfer: boolean }): void {
  becomeFollower(core, term(core.term + 1), null);
  core.votedFor = core.id;
  core.resetElectionTimer();
  hurryAgain(core);
  core.role = { name: "candidate", votes: new Map([[core.id, true]]) };
  for (const to of votersOf(core.configuration)) {
    if (to === core.id) continue;
    // Own vote first: answers to a vote that was forgotten could make two leaders.
    core.sendDurable({
      type: "vote-request",
      from: core.id,
      to,
      term: core.term,
      preVote: false,
      last: core.log.last,
      transfer: options.isTransfer,
    });
  }
  countVotes(core);
}

/** Answers a candidate. */
export function handleVoteRequest(core: Core, message: VoteRequestMessage): void {
  const isUpToDate = isLogUpToDate(core, message) || core.faults.noLogCheckOnVote;
  // A stranger may be newer than our configuration; one whose log is behind was removed.
  if (!isUpToDate && seatOf(core.configuration, message.from) === undefined) return;
  if (message.term < core.term) return refuse(core, message);
  const isLeaderGone = message.from === core.leader;
  if (core.hasLease && !isLeaderGone && !message.transfer) {
    if (message.preVote) refuse(core, message);
    return;
  }
  if (message.preVote) {
    if (core.faults.preVoteResetsVote) core.votedFor = null;
    // The vote that a grant promises could not be stored; the term would grow for nothing.
    const canVote = core.incarnation !== null && !core.isDiskStuck;
    const mayGrant = isUpToDate && canVote;
    if (message.term > core.term && mayGrant) grantPreVote(core, message);
    else refuse(core, message);
    return;
  }
  if (message.term > core.term) becomeFollower(core, message.term, null);
  if (isUpToDate && mayVoteFor(core, message.from)) grantVote(core, message);
  else refuse(core, message);
}

/** Counts an answer, if it belongs to what this member is asking now. */
export function handleVoteReply(core: Core, message: VoteReplyMessage): void {
  const seat = seatOf(core.configuration, message.from);
  if (seat === undefined) return;
  const isGrantedPreVote = message.preVote && message.granted;
  if (!isGrantedPreVote && message.term > core.term) {
    becomeFollower(core, message.term, null);
    return;
  }
  // A refusal under another incarnation is not counted either: it is not that seat's.
  if (!isSeatOf(seat, message.incarnation) && !core.faults.ignoreIncarnation) return;
  const { role } = core;
  if (role.name === "pre-candidate" && message.preVote) {
    if (message.granted && message.term !== core.term + 1) return;
    noteVote(core, role.votes, message);
    countVotes(core);
  } else if (role.name === "candidate" && !message.preVote && message.term === core.term) {
    noteVote(core, role.votes, message);
    countVotes(core);
  }
}

function noteVote(core: Core, votes: Map<MemberId, boolean>, message: VoteReplyMessage): void {
  const unheard = votersOf(core.configuration).find((voter) => !votes.has(voter));
  const isCountedTwice = core.faults.countVoteMessages && votes.has(message.from);
  votes.set(isCountedTwice ? (unheard ?? message.from) : message.from, message.granted);
}

function askForPreVotes(core: Core): void {
  // The same term, but the old leader is given up: no lease, and no read waits for it.
  becomeFollower(core, core.term, null);
  core.role = { name: "pre-candidate", votes: new Map([[core.id, true]]) };
  hurryAgain(core);
  for (const to of votersOf(core.configuration)) {
    if (to === core.id) continue;
    core.outbox.push({
      type: "vote-request",
      from: core.id,
      to,
      term: term(core.term + 1),
      preVote: true,
      last: core.log.last,
      transfer: false,
    });
  }
}

/** Votes are a set of voters of the own configuration: duplicates and strangers change nothing. */
function countVotes(core: Core): void {
  const { role } = core;
  if (role.name !== "pre-candidate" && role.name !== "candidate") return;
  const voters = votersOf(core.configuration);
  const majority = majorityOf(voters.length);
  const granted = voters.filter((voter) => role.votes.get(voter) === true).length;
  const refused = voters.filter((voter) => role.votes.get(voter) === false).length;
  if (granted >= majority) {
    if (role.name === "candidate") becomeLeader(core);
    else campaign(core, { isTransfer: false });
  } else if (voters.length - refused < majority) {
    becomeFollower(core, core.term, null);
  }
}

/** The candidate's log, not its commit index, must be at least as complete as ours (§3.6.1). */
function isLogUpToDate(core: Core, message: VoteRequestMessage): boolean {
  const { lastTerm, lastIndex } = core.log;
  if (core.faults.compareCommitOnVote) return message.last.index >= core.commitIndex;
  if (message.last.term !== lastTerm) return message.last.term > lastTerm;
  return message.last.index >= lastIndex;
}

function mayVoteFor(core: Core, candidate: MemberId): boolean {
  if (core.incarnation === null) return false;
  if (core.votedFor === candidate) return true;
  if (core.faults.twoVotesPerTerm && core.role.name === "follower") return true;
  return core.votedFor === null && core.leader === null;
}

function grantVote(core: Core, message: VoteRequestMessage): void {
  core.votedFor = message.from;
  core.resetElectionTimer();
  core.sendDurable(replyTo(core, message, true));
}

function grantPreVote(core: Core, message: VoteRequestMessage): void {
  core.send({ ...replyTo(core, message, true), term: message.term });
}

function refuse(core: Core, message: VoteRequestMessage): void {
  if (core.faults.refusalResetsTimer) core.resetElectionTimer();
  core.send(replyTo(core, message, false));
}

function replyTo(core: Core, message: VoteRequestMessage, granted: boolean): VoteReplyMessage {
  return {
    type: "vote-reply",
    from: core.id,
    to: message.from,
    term: core.term,
    incarnation: core.incarnation,
    preVote: message.preVote,
    granted,
  };
}
