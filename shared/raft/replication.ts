/**
 * The leader's side of the log: what goes to whom, what came back, what is committed (§3.5, §3.6).
 *
 * Appends are made when the work is taken (`sendAppends`), so many proposals share one message
 * and a proposal leaves in the very next Ready. Followers in step share one entries array.
 */
import { assert } from "../base/assert.ts";
import { type LogIndex, type MemberId, logIndex } from "../base/ids.ts";
import { isSeatOf, votersOf } from "./configuration.ts";
import type { MemberProgress } from "./progress.ts";
import { majorityOf, reachedBy } from "./quorum.ts";
import type { Core, Leadership } from "./state.ts";
import type { AppendAckMessage, HeartbeatAckMessage, LogEntry } from "./types.ts";

/** Sends every member what it lacks and may get now. */
export function sendAppends(core: Core, role: Leadership): void {
  const lastSlice: Slice = { from: -1, entries: [] };
  for (const progress of role.progress.values()) {
    while (progress.mayAppend(core.settings.inflightBytesMax)) {
      if (!maybeAppend(core, progress, lastSlice)) break;
    }
    announceCommit(core, progress);
  }
}

/** A heartbeat to every member: it carries the commit index and never waits behind entries. */
export function broadcastHeartbeat(core: Core, role: Leadership): void {
  role.round += 1;
  for (const progress of role.progress.values()) sendHeartbeat(core, progress, role.round);
}

/** An append arrived, or did not fit. */
export function handleAppendAck(core: Core, role: Leadership, ack: AppendAckMessage): void {
  const progress = hear(core, role, ack);
  if (progress === null) return;
  if (ack.accepted && ack.matchIndex > core.log.lastIndex) {
    const detail = `it acknowledges ${ack.matchIndex}, the log ends at ${core.log.lastIndex}`;
    core.raiseAlarm("impossible-message", ack.from, detail);
    return;
  }
  if (
    !ack.accepted &&
    (ack.rejectedIndex > core.log.lastIndex || ack.hint.index > ack.rejectedIndex)
  ) {
    const detail = `it refuses ${ack.rejectedIndex} for ${ack.hint.index}, the log ends at ${core.log.lastIndex}`;
    core.raiseAlarm("impossible-message", ack.from, detail);
    return;
  }
  if (ack.accepted) takeAccepted(core, progress, ack.matchIndex);
  else takeRejected(core, progress, ack.rejectedIndex, ack);
}

/** A member is alive; whatever it seems to have missed is sent again. */
export function handleHeartbeatAck(core: Core, role: Leadership, ack: HeartbeatAckMessage): void {
  const progress = hear(core, role, ack);
  if (progress === null || ack.round > role.round) return;
  progress.ackedRound = Math.max(progress.ackedRound, ack.round);
  progress.isProbeSent = false;
  const isStuck = progress.matchIndexAtHeartbeat === progress.matchIndex;
  progress.matchIndexAtHeartbeat = progress.matchIndex;
  if (progress.mode !== "replicate" || progress.inflight.count === 0 || !isStuck) return;
  // Nothing moved for a whole heartbeat: ask whether the appends on the way were lost.
  compareAgain(core, progress);
}

/** Asks a member, without entries, whether it holds what it was sent last. */
function compareAgain(core: Core, progress: MemberProgress): void {
  if (core.log.termAt(progress.nextIndex - 1) === null) needSnapshot(core, progress);
  else sendAppend(core, progress, []);
}

/** The driver ended sending a snapshot. */
export function snapshotReported(core: Core, member: MemberId, outcome: "sent" | "failed"): void {
  if (core.role.name !== "leader") return;
  const progress = core.role.progress.get(member);
  if (progress?.mode !== "snapshot") return;
  const waitMs = outcome === "sent" ? 4 * core.settings.electionMs : core.settings.heartbeatMs;
  progress.snapshotRetryAtMs = core.nowMs + waitMs;
}

/** Gives up waiting for acks of snapshots that are overdue. */
export function retrySnapshots(core: Core, role: Leadership): void {
  for (const progress of role.progress.values()) {
    const retryAtMs = progress.snapshotRetryAtMs;
    if (retryAtMs !== null && core.nowMs >= retryAtMs) progress.becomeProbe(progress.nextIndex);
  }
}

/** The connection dropped: what was on the way is lost. */
export function forgetInflight(role: Leadership, member: MemberId): void {
  const progress = role.progress.get(member);
  if (progress?.mode === "replicate") progress.becomeProbe(progress.matchIndex + 1);
}

/** Commits what a majority of voters has on disk, if it is of this term (§3.6.2). */
export function maybeCommit(core: Core): boolean {
  const { role, faults } = core;
  if (role.name !== "leader") return false;
  const voters = votersOf(core.configuration);
  const selfIndex = faults.countSelfBeforeFlush ? core.log.lastIndex : core.log.flushedIndex;
  const matchOf = (id: MemberId): number =>
    id === core.id ? selfIndex : (role.progress.get(id)?.matchIndex ?? 0);
  const counted = faults.countMirrors ? core.configuration.seats.map((seat) => seat.id) : voters;
  const index = reachedBy(counted.map(matchOf), majorityOf(voters.length));
  if (index <= core.commitIndex) return false;
  const isOwnTerm = core.log.termAt(index) === core.term;
  if (!isOwnTerm && !faults.commitOldTermByCounting) return false;
  core.commitIndex = index as LogIndex;
  role.uncommitted.release(index);
  return true;
}

type Slice = { from: number; entries: readonly LogEntry[] };

/** @returns whether another append may follow. */
function maybeAppend(core: Core, progress: MemberProgress, lastSlice: Slice): boolean {
  const { log, settings } = core;
  const from = progress.nextIndex;
  if (log.termAt(from - 1) === null || from < log.firstIndex) {
    needSnapshot(core, progress);
    return false;
  }
  if (from > log.lastIndex || (progress.mode === "probe" && progress.hasProbedWithEntries)) {
    if (progress.mode === "replicate") return false;
    sendAppend(core, progress, []);
    return false;
  }
  if (lastSlice.from !== from) {
    lastSlice.entries = log.entriesFrom(from, log.lastIndex, settings.appendBytesMax);
    lastSlice.from = from;
  }
  sendAppend(core, progress, lastSlice.entries);
  return progress.mode === "replicate";
}

function sendAppend(core: Core, progress: MemberProgress, entries: readonly LogEntry[]): void {
  const previousIndex = progress.nextIndex - 1;
  const previousTerm = core.log.termAt(previousIndex);
  assert(previousTerm !== null, "the entry before an append is known");
  core.send({
    type: "append",
    from: core.id,
    to: progress.id,
    term: core.term,
    previous: { index: logIndex(previousIndex), term: previousTerm },
    entries,
    commitIndex: core.commitIndex,
  });
  progress.sentCommitIndex = core.commitIndex;
  if (progress.mode === "probe") {
    progress.isProbeSent = true;
    progress.hasProbedWithEntries ||= entries.length > 0;
  }
  if (progress.mode !== "replicate" || entries.length === 0) return;
  let sizeBytes = 0;
  for (const entry of entries) sizeBytes += entry.payload.length;
  progress.nextIndex += entries.length;
  progress.inflight.push(progress.nextIndex - 1, sizeBytes);
}

function needSnapshot(core: Core, progress: MemberProgress): void {
  // An image is only worth reading for a member that is there to take it.
  if (!progress.isHeard) {
    progress.isProbeSent = true;
    return;
  }
  progress.becomeSnapshot();
  core.snapshotsFor.push(progress.id);
}

/** Tells a member in step about a new commit index at once; no answer is asked for. */
function announceCommit(core: Core, progress: MemberProgress): void {
  const tellIndex = Math.min(core.commitIndex, progress.matchIndex);
  if (progress.mode === "replicate" && progress.sentCommitIndex < tellIndex) {
    sendHeartbeat(core, progress, 0);
  }
}

function sendHeartbeat(core: Core, progress: MemberProgress, round: number): void {
  const commitIndex = core.faults.commitBeyondMatch
    ? core.commitIndex
    : (Math.min(core.commitIndex, progress.matchIndex) as LogIndex);
  core.send({
    type: "heartbeat",
    from: core.id,
    to: progress.id,
    term: core.term,
    commitIndex,
    round,
  });
  progress.sentCommitIndex = Math.max(progress.sentCommitIndex, commitIndex);
}

function hear(
  core: Core,
  role: Leadership,
  ack: AppendAckMessage | HeartbeatAckMessage,
): MemberProgress | null {
  const progress = role.progress.get(ack.from);
  if (progress === undefined) return null;
  if (!isSeatOf(progress, ack.incarnation) && !core.faults.ignoreIncarnation) return null;
  progress.heardAtMs = core.nowMs;
  progress.forgivenGapCount = 0;
  progress.isHeard = true;
  return progress;
}

function takeAccepted(core: Core, progress: MemberProgress, matchIndex: number): void {
  const isNews = matchIndex > progress.matchIndex;
  if (isNews) progress.matchIndex = matchIndex;
  progress.nextIndex = Math.max(progress.nextIndex, progress.matchIndex + 1);
  if (progress.mode === "replicate") {
    progress.inflight.release(progress.matchIndex);
    // It knows less than it once said: it started anew, and has not compared its log yet.
    if (matchIndex < progress.matchIndex) compareAgain(core, progress);
  } else if (progress.mode === "probe" || progress.matchIndex + 1 >= core.log.firstIndex) {
    // In `probe` the ack of an older append tells the match as well.
    progress.becomeReplicate();
  }
  if (isNews) maybeCommit(core);
}

function takeRejected(
  core: Core,
  progress: MemberProgress,
  rejectedIndex: number,
  ack: AppendAckMessage & { readonly accepted: false },
): void {
  if (core.faults.forgetMatch && rejectedIndex <= progress.matchIndex) {
    progress.matchIndex = Math.max(0, rejectedIndex - 1);
  }
  if (progress.mode === "snapshot" || rejectedIndex <= progress.matchIndex) return;
  // In `probe` only the one append that is out can be answered.
  if (progress.mode === "probe" && rejectedIndex !== progress.nextIndex - 1) return;
  const { hint } = ack;
  const isKept = core.log.termAt(hint.index) !== null;
  const sharedIndex = isKept ? core.log.lastIndexWithTermUpTo(hint.index, hint.term) : hint.index;
  progress.becomeProbe(Math.min(rejectedIndex, sharedIndex + 1));
}
