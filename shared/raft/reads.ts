/**
 * Linearizable reads without the log (ReadIndex, §6.4) and without clocks.
 *
 * The leader notes its commit index and answers after a majority answered a heartbeat round that
 * started after the read came. Followers and mirrors ask the leader. Nobody waits for ever: a
 * read ends unanswered with the leadership, the connection or an election timeout.
 */
import type { LogIndex, MemberId } from "../base/ids.ts";
import { votersOf } from "./configuration.ts";
import { READS_WAITING_MAX } from "./limits.ts";
import { majorityOf, reachedBy } from "./quorum.ts";
import { broadcastHeartbeat } from "./replication.ts";
import type { Core, Leadership, WaitingRead } from "./state.ts";
import type { ReadIndexMessage, ReadIndexReplyMessage } from "./types.ts";

/** A read asked on this member. */
export function askRead(core: Core, requestId: number): void {
  if (core.role.name === "leader") {
    waitForRound(core, core.role, null, requestId);
    return;
  }
  const { leader } = core;
  if (leader === null || core.forwardedReads.size >= READS_WAITING_MAX) {
    core.answers.push({ requestId, index: null });
    return;
  }
  const forwardId = core.nextForwardId;
  core.nextForwardId += 1;
  core.forwardedReads.set(forwardId, { requestId, sentAtMs: core.nowMs });
  core.send({
    type: "read-index",
    from: core.id,
    to: leader,
    term: core.term,
    requestId: forwardId,
  });
}

/** Another member passed a read on. */
export function handleReadIndex(core: Core, message: ReadIndexMessage): void {
  if (core.role.name === "leader") {
    waitForRound(core, core.role, message.from, message.requestId);
  } else {
    reply(core, message.from, message.requestId, null);
  }
}

/** The leader's answer to a read this member passed on. */
export function handleReadIndexReply(core: Core, message: ReadIndexReplyMessage): void {
  const read = core.forwardedReads.get(message.requestId);
  if (read === undefined || message.from !== core.leader) return;
  core.forwardedReads.delete(message.requestId);
  core.answers.push({ requestId: read.requestId, index: message.index });
}

/** Starts a round for reads that have none, and answers those whose round a majority confirmed. */
export function settleReads(core: Core, role: Leadership): void {
  if (role.reads.length === 0) return;
  startRound(core, role);
  const confirmedRound = roundConfirmed(core, role);
  const stillWaiting: WaitingRead[] = [];
  for (const read of role.reads) {
    const isConfirmed = read.round > 0 && read.round <= confirmedRound;
    if (read.index !== null && (isConfirmed || core.faults.readIndexWithoutRound)) {
      reply(core, read.requester, read.requestId, read.index);
    } else {
      stillWaiting.push(read);
    }
  }
  role.reads = stillWaiting;
}

/** Answers "cannot tell" to reads that were passed on and not answered in time. */
export function expireForwardedReads(core: Core): void {
  for (const [forwardId, read] of core.forwardedReads) {
    if (core.nowMs - read.sentAtMs <= core.settings.electionMs) break; // Oldest first.
    core.forwardedReads.delete(forwardId);
    core.answers.push({ requestId: read.requestId, index: null });
  }
}

/** The leader cannot be reached: reads passed on to it are refused now. */
export function dropForwardedReads(core: Core): void {
  for (const { requestId } of core.forwardedReads.values()) {
    core.answers.push({ requestId, index: null });
  }
  core.forwardedReads.clear();
}

function waitForRound(
  core: Core,
  role: Leadership,
  requester: MemberId | null,
  requestId: number,
): void {
  if (role.reads.length >= READS_WAITING_MAX) {
    reply(core, requester, requestId, null);
    return;
  }
  // Before an entry of its own term is committed a leader may not know the newest commit.
  const isSettled = isTermSettled(core, role) || core.faults.readIndexWithoutRound;
  role.reads.push({ requester, requestId, index: isSettled ? core.commitIndex : null, round: 0 });
}

/** One round serves every read that came since the last one started. */
function startRound(core: Core, role: Leadership): void {
  if (!isTermSettled(core, role)) return;
  const joinsRunning = core.faults.readJoinsRunningRound && role.round > 0;
  const startingRound = joinsRunning ? role.round : role.round + 1;
  let isNeeded = false;
  for (const read of role.reads) {
    if (read.round !== 0) continue;
    read.index ??= core.commitIndex;
    read.round = startingRound;
    isNeeded = !joinsRunning;
  }
  if (isNeeded) broadcastHeartbeat(core, role);
}

/** Whether an entry of its own term is committed. */
function isTermSettled(core: Core, role: Leadership): boolean {
  return core.commitIndex >= role.termStartIndex || core.faults.readBeforeOwnTermCommit;
}

function roundConfirmed(core: Core, role: Leadership): number {
  const voters = votersOf(core.configuration);
  const rounds = voters.map((id) =>
    id === core.id ? role.round : (role.progress.get(id)?.ackedRound ?? 0),
  );
  return reachedBy(rounds, majorityOf(voters.length));
}

function reply(
  core: Core,
  requester: MemberId | null,
  requestId: number,
  index: LogIndex | null,
): void {
  if (requester === null) {
    core.answers.push({ requestId, index });
    return;
  }
  core.send({
    type: "read-index-reply",
    from: core.id,
    to: requester,
    term: core.term,
    requestId,
    index,
  });
}
