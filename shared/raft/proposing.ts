/**
 * What a leader is asked to add to the log: data, and changes of who belongs to the cluster.
 *
 * One change at a time, and the first only after an entry of the leader's own term is committed:
 * without that two leaders' changes may make majorities that do not overlap (§4.1, and Ongaro's
 * correction of 2015 on raft-dev).
 */
import { assert } from "../base/assert.ts";
import { type LogIndex, type MemberId, type Position, logIndex } from "../base/ids.ts";
import { type Result, err, ok } from "../base/result.ts";
import { changeOf, encodeConfiguration } from "./configuration.ts";
import type { MemberProgress } from "./progress.ts";
import { majorityOf } from "./quorum.ts";
import { trackMembers } from "./roles.ts";
import type { Core, Leadership } from "./state.ts";
import type {
  Configuration,
  ConfigurationChange,
  EntryKind,
  LogEntry,
  RaftError,
  RaftErrorCode,
} from "./types.ts";

/** Appends one data entry per payload. @returns the first and last position. */
export function proposeData(
  core: Core,
  payloads: readonly Uint8Array[],
): Result<{ readonly first: Position; readonly last: Position }, RaftError> {
  assert(payloads.length > 0, "a proposal has at least one payload");
  const role = openLeadership(core);
  if (!role.ok) return role;
  let sizeBytes = 0;
  for (const payload of payloads) sizeBytes += payload.length;
  const { uncommitted } = role.value;
  const wouldHoldBytes = uncommitted.totalBytes + sizeBytes;
  if (uncommitted.count > 0 && wouldHoldBytes > core.settings.uncommittedBytesMax) {
    return refuse("queue-full", `${uncommitted.totalBytes} bytes wait to be committed`);
  }
  const firstIndex = core.log.lastIndex + 1;
  const entries = payloads.map((payload, i) => newEntry(core, "data", firstIndex + i, payload));
  core.appendToLog(entries);
  uncommitted.push(core.log.lastIndex, sizeBytes);
  return ok({ first: { term: core.term, index: logIndex(firstIndex) }, last: core.log.last });
}

/** Appends one configuration, which holds from now on. */
export function proposeChange(
  core: Core,
  change: ConfigurationChange,
): Result<Position, RaftError> {
  const role = openLeadership(core);
  if (!role.ok) return role;
  const isSettled = core.commitIndex >= role.value.termStartIndex;
  if (!isSettled && !core.faults.changeBeforeOwnTermCommit) {
    return refuse("term-not-settled", "no entry of this term is committed yet");
  }
  const isChanging = core.configurations.latest.index > core.commitIndex;
  if (isChanging && !core.faults.twoChangesAtOnce) {
    return refuse("change-in-progress", "the change before is not committed yet");
  }
  if (change.type === "promote" && !isCaughtUp(core, role.value, change.id)) {
    return refuse("not-caught-up", "it does not hold what was committed a heartbeat ago");
  }
  const assumedIndex: LogIndex = core.log.lastIndex;
  const changed = changeOf(core.configuration, change, assumedIndex + 1);
  if (!changed.ok) return changed;
  if (!keepsQuorum(core, role.value, changed.value)) {
    return refuse("would-lose-quorum", "too few voters of the new configuration are there");
  }
  const payload = encodeConfiguration(changed.value);
  core.appendToLog([newEntry(core, "configuration", assumedIndex + 1, payload)]);
  trackMembers(core, assumedIndex);
  return ok(core.log.last);
}

/** The leadership, if it takes proposals. */
function openLeadership(core: Core): Result<Leadership, RaftError> {
  const { role } = core;
  if (role.name !== "leader") return refuse("not-leader", "only the leader appends");
  if (role.transfer) return refuse("transfer-in-progress", "leadership is being handed over");
  return ok(role);
}

/**
 * A new voter that is far behind would hold up every commit, and one that is away would weaken
 * the quorum. Others than mirrors are left to `changeOf` to refuse.
 */
function isCaughtUp(core: Core, role: Leadership, id: MemberId): boolean {
  const progress = role.progress.get(id);
  if (progress === undefined) return true;
  const hasCommitted = progress.matchIndex >= role.commitIndexAtHeartbeat;
  return isPresent(core, progress) && hasCommitted && progress.mode === "replicate";
}

/**
 * Whether the voters that are there could commit under a configuration. Without this, taking a
 * vote from a healthy member while others are away would stop the cluster, this change included.
 */
function keepsQuorum(core: Core, role: Leadership, next: Configuration): boolean {
  const seats = next.seats.filter((seat) => seat.kind === "voter");
  const present = seats.filter((seat) => {
    if (seat.id === core.id) return seat.incarnation === core.incarnation;
    const progress = role.progress.get(seat.id);
    return progress !== undefined && isPresent(core, progress);
  });
  return present.length >= majorityOf(seats.length);
}

function isPresent(core: Core, progress: MemberProgress): boolean {
  return progress.isHeard && core.nowMs - progress.heardAtMs < core.settings.electionMs;
}

function newEntry(core: Core, kind: EntryKind, index: number, payload: Uint8Array): LogEntry {
  return { term: core.term, index: logIndex(index), kind, payload };
}

function refuse(code: RaftErrorCode, detail: string): Result<never, RaftError> {
  return err({ code, detail });
}
