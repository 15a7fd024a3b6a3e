/**
 * What a follower or mirror does with what the leader sends: entries, heartbeats, snapshots.
 *
 * Its promises ("these entries are stored") leave only after the disk has them. Committed
 * entries are never cut, whatever a message says.
 */
import { assert } from "../base/assert.ts";
import { type LogIndex, type MemberId, type Position, type Term, logIndex } from "../base/ids.ts";
import { decodeConfiguration } from "./configuration.ts";
import { forgetHint } from "./hint.ts";
import { TERM_MAX } from "./limits.ts";
import { becomeFollower } from "./roles.ts";
import type { Core } from "./state.ts";
import type { AppendAckMessage, AppendMessage, HeartbeatMessage, SnapshotMark } from "./types.ts";

/** Entries of the leader of the current term. */
export function handleAppend(core: Core, message: AppendMessage): void {
  if (!isPossible(message)) {
    core.raiseAlarm("impossible-message", message.from, "entries that no log can hold");
    return;
  }
  if (!isOnlyLeader(core, message.from) || contradictsCommitted(core, message)) return;
  followLeader(core, message.from);
  const { previous, entries } = message;
  const lastNewIndex = previous.index + entries.length;
  if (lastNewIndex <= core.commitIndex && !core.faults.truncateOnAnyAppend) {
    // What is committed here is in every later leader's log: nothing to compare.
    acknowledge(core, core.commitIndex);
    return;
  }
  if (previous.index >= core.commitIndex && core.log.termAt(previous.index) !== previous.term) {
    reject(core, previous);
    return;
  }
  if (!takeEntries(core, message)) return;
  core.verifiedIndex = Math.max(core.verifiedIndex, lastNewIndex);
  learnCommit(core, message.commitIndex, core.verifiedIndex);
  acknowledge(core, logIndex(lastNewIndex));
}

/** The leader of the current term is there, and says how far its commit went. */
export function handleHeartbeat(core: Core, message: HeartbeatMessage): void {
  if (!isOnlyLeader(core, message.from)) return;
  followLeader(core, message.from);
  learnCommit(core, message.commitIndex, core.verifiedIndex);
  // It counts on what this member acknowledged before it started anew, in the same term. Only a
  // comparison shows that the disk still has it; this asks for one (`takeAccepted`).
  const isBehind = message.commitIndex > core.verifiedIndex;
  if (isBehind && !core.faults.neverCompareAgain) acknowledge(core, core.commitIndex);
  // Without a seat it vouches for, its answer must not confirm anything.
  if (message.round === 0 || core.incarnation === null) return;
  core.send({
    type: "heartbeat-ack",
    from: core.id,
    to: message.from,
    term: core.term,
    incarnation: core.incarnation,
    round: message.round,
  });
}

/**
 * A complete snapshot came from the leader of `term`.
 *
 * @returns whether it replaces the log, in a batch to come; otherwise nobody needs it.
 */
export function takeSnapshot(core: Core, mark: SnapshotMark, from: MemberId, term: Term): boolean {
  if (term < core.term) return false;
  if (mark.position.term > term || term > TERM_MAX) {
    const detail = `a snapshot of term ${mark.position.term} for a leader of term ${term}`;
    core.raiseAlarm("impossible-message", from, detail);
    return false;
  }
  if (term > core.term) becomeFollower(core, term, from);
  if (!isOnlyLeader(core, from)) return false;
  const { position, configuration } = mark;
  if (position.index <= core.commitIndex && !core.faults.acceptOldSnapshot) {
    if (differsFromCommitted(core, position, from)) return false;
    followLeader(core, from);
    acknowledge(core, core.commitIndex);
    return false;
  }
  followLeader(core, from);
  const isInLog =
    core.log.termAt(position.index) === position.term && !core.faults.acceptOldSnapshot;
  if (isInLog) {
    // The log has it all: only the news that it is committed is used (§5.3).
    core.verifiedIndex = Math.max(core.verifiedIndex, position.index);
    learnCommit(core, position.index, position.index);
  } else {
    core.log.restore(mark, core.commitIndex);
    core.configurations.restore({ index: position.index, configuration }, core.commitIndex);
    core.commitIndex = position.index;
    core.handedOutIndex = position.index;
    core.verifiedIndex = position.index;
  }
  acknowledge(core, position.index);
  return !isInLog;
}

/** Two leaders in one term are impossible while everybody keeps the rules. */
function isOnlyLeader(core: Core, from: MemberId): boolean {
  if (core.role.name !== "leader" && (core.leader === null || core.leader === from)) return true;
  const known = core.leader ?? core.id;
  core.raiseAlarm("two-leaders", from, `term ${core.term} has the leader ${known}`);
  return false;
}

/** Whether a leader's entries contradict what is committed here, as far as it is kept. */
function contradictsCommitted(core: Core, message: AppendMessage): boolean {
  const { previous, entries, from } = message;
  if (previous.index > core.commitIndex) return false;
  if (differsFromCommitted(core, previous, from)) return true;
  return entries.some(
    (entry) => entry.index <= core.commitIndex && differsFromCommitted(core, entry, from),
  );
}

/** @param position Not above the commit index. */
function differsFromCommitted(core: Core, position: Position, from: MemberId): boolean {
  const { index, term } = position;
  const own = core.log.termAt(index);
  if (own === null || own === term || index < core.log.firstIndex - 1) return false;
  core.raiseAlarm(
    "committed-differs",
    from,
    `it has ${term}:${index}, committed is ${own}:${index}`,
  );
  return true;
}

/** The leader of this term was heard. */
function followLeader(core: Core, from: MemberId): void {
  if (core.role.name !== "follower" || core.leader === null) {
    becomeFollower(core, core.term, from);
  }
  core.heardLeaderAtMs = core.nowMs;
  core.timerStartMs = core.nowMs;
  forgetHint(core);
}

/** Appends what is new, cutting at a real conflict only (§3.5). */
function takeEntries(core: Core, message: AppendMessage): boolean {
  const { entries } = message;
  if (core.faults.truncateOnAnyAppend && message.previous.index < core.log.lastIndex) {
    cutFrom(core, message.previous.index + 1);
  }
  let newFrom = 0;
  while (newFrom < entries.length) {
    const entry = entries[newFrom];
    if (entry === undefined) break;
    const isKnown = entry.index <= core.commitIndex || hasEntry(core, entry);
    if (!isKnown) break;
    newFrom += 1;
  }
  const first = entries[newFrom];
  if (first === undefined) return true;
  if (first.index > core.log.lastIndex + 1) return false;
  if (first.index <= core.log.lastIndex) cutFrom(core, first.index);
  core.appendToLog(newFrom === 0 ? entries : entries.slice(newFrom));
  return true;
}

function hasEntry(core: Core, entry: Position): boolean {
  return core.log.termAt(entry.index) === entry.term;
}

function cutFrom(core: Core, index: number): void {
  assert(index > core.commitIndex, "a committed entry is never cut");
  core.log.truncateFrom(index);
  if (!core.faults.keepConfigurationOnTruncation) core.configurations.truncateFrom(index);
  core.verifiedIndex = Math.min(core.verifiedIndex, index - 1);
}

/** Believes the leader's commit index as far as the log was compared with the leader's. */
function learnCommit(core: Core, leaderCommit: number, verifiedIndex: number): void {
  const limit = core.faults.commitBeyondMatch ? core.log.lastIndex : verifiedIndex;
  const index = Math.min(leaderCommit, limit);
  if (index <= core.commitIndex) return;
  core.commitIndex = index as LogIndex;
}

function acknowledge(core: Core, matchIndex: LogIndex): void {
  const { leader, incarnation } = core;
  if (leader === null || incarnation === null) return;
  const ack: AppendAckMessage = {
    type: "append-ack",
    from: core.id,
    to: leader,
    term: core.term,
    incarnation,
    accepted: true,
    matchIndex,
  };
  // One ack for everything that waits for the same flush.
  const before = core.durableOutbox.at(-1);
  if (before?.type === "append-ack" && before.accepted && before.to === leader) {
    if (before.matchIndex >= matchIndex) return;
    core.durableOutbox.pop();
  }
  core.sendDurable(ack);
}

/** Refuses, with the last position both may share: skips a whole conflicting term at once. */
function reject(core: Core, previous: Position): void {
  const { leader, log, incarnation } = core;
  if (leader === null || incarnation === null) return;
  const found = log.lastIndexWithTermUpTo(previous.index - 1, previous.term);
  const index = Math.max(found, core.commitIndex);
  core.send({
    type: "append-ack",
    from: core.id,
    to: leader,
    term: core.term,
    incarnation,
    accepted: false,
    rejectedIndex: previous.index,
    hint: { index: logIndex(index), term: log.termAt(index) ?? previous.term },
  });
}

/** Whether a leader could have sent this: contiguous, terms ascending, readable configurations. */
function isPossible(message: AppendMessage): boolean {
  let { index, term } = message.previous;
  for (const entry of message.entries) {
    if (entry.index !== index + 1 || entry.term < term || entry.term > message.term) return false;
    if (entry.kind === "configuration" && !decodeConfiguration(entry.payload).ok) return false;
    index = entry.index;
    term = entry.term;
  }
  return term <= message.term;
}
