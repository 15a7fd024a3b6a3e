/**
 * What a follower or mirror does with what the leader sends: entries, heartbeats, snapshots.
 *
 * Its promises ("these entries are stored") leave only after the disk has them. Committed
 * entries are never cut, whatever a message says.
 */
import { assert } from "../base/assert.ts";
import { type LogIndex, type MemberId, type Position, type Term, logIndex } from "../base/ids.ts";
import { decodeConfiguration } from "./configuration.ts";
import { becomeFollower } from "./roles.ts";
import type { Core } from "./state.ts";
import type { AppendAckMessage, AppendMessage, HeartbeatMessage, SnapshotMark } from "./types.ts";

/** Entries of the leader of the current term. */
export function handleAppend(core: Core, message: AppendMessage): void {
  if (!isPossible(message) || !followLeader(core, message.from)) return;
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
  if (!followLeader(core, message.from)) return;
  learnCommit(core, message.commitIndex, core.verifiedIndex);
  if (message.round === 0) return;
  core.send({
    type: "heartbeat-ack",
    from: core.id,
    to: message.from,
    term: core.term,
    round: message.round,
  });
}

/** A complete snapshot came from the leader of `term`. */
export function takeSnapshot(core: Core, mark: SnapshotMark, from: MemberId, term: Term): void {
  if (term < core.term) return;
  if (term > core.term) becomeFollower(core, term, from);
  if (!followLeader(core, from)) return;
  const { position, configuration } = mark;
  if (position.index <= core.commitIndex) {
    acknowledge(core, core.commitIndex);
    return;
  }
  if (core.log.termAt(position.index) === position.term) {
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
}

/** @returns false when the sender cannot be the leader this member follows. */
function followLeader(core: Core, from: MemberId): boolean {
  // Two leaders in one term: the other's messages are impossible, and change nothing.
  if (core.role.name === "leader") return false;
  if (core.leader !== null && core.leader !== from) return false;
  if (core.role.name !== "follower" || core.leader === null) {
    becomeFollower(core, core.term, from);
  }
  core.heardLeaderAtMs = core.nowMs;
  core.timerStartMs = core.nowMs;
  core.hurryAtMs = null;
  return true;
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
  core.configurations.truncateFrom(index);
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
  const { leader } = core;
  if (leader === null) return;
  const ack: AppendAckMessage = {
    type: "append-ack",
    from: core.id,
    to: leader,
    term: core.term,
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
  const { leader, log } = core;
  if (leader === null) return;
  const found = log.lastIndexWithTermUpTo(previous.index - 1, previous.term);
  const index = Math.max(found, core.commitIndex);
  core.send({
    type: "append-ack",
    from: core.id,
    to: leader,
    term: core.term,
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
