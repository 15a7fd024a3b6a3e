/**
 * Makes the work order: what to send, to store, to apply and to answer.
 *
 * Taking it costs what there is to do, not what the log holds: empty lists are shared.
 */
import { assert } from "../base/assert.ts";
import type { LogIndex } from "../base/ids.ts";
import { assertPromisesStored } from "./invariants.ts";
import { COMMITTED_BYTES_MAX } from "./limits.ts";
import { settleReads } from "./reads.ts";
import { maybeCommit, sendAppends } from "./replication.ts";
import type { Core } from "./state.ts";
import { continueTransfer } from "./transfer.ts";
import type { HardState, LogEntry, PersistBatch, RaftMessage, Ready } from "./types.ts";

const NOTHING: readonly never[] = [];

/** All work there is now, handed over to the caller. */
export function takeReady(core: Core): Ready {
  if (core.role.name === "leader") {
    settleReads(core, core.role);
    sendAppends(core, core.role);
    continueTransfer(core, core.role);
  }
  const persist = core.outstanding === null ? takeBatch(core) : null;
  const committed = takeCommitted(core);
  assertPromisesStored(core, core.outbox);
  const ready: Ready = {
    messages: core.outbox.length > 0 ? core.outbox : NOTHING,
    persist,
    committed,
    reads: core.answers.length > 0 ? core.answers : NOTHING,
    snapshotsFor: core.snapshotsFor.length > 0 ? core.snapshotsFor : NOTHING,
  };
  if (core.outbox.length > 0) core.outbox = [];
  if (core.answers.length > 0) core.answers = [];
  if (core.snapshotsFor.length > 0) core.snapshotsFor = [];
  return ready;
}

/** The disk has the outstanding batch: what it makes true. */
export function batchStored(core: Core, batchId: number): void {
  const batch = core.outstanding;
  assert(batch !== null && batch.id === batchId, "the outstanding batch is the one reported");
  core.outstanding = null;
  if (batch.hardState) core.flushedHardState = batch.hardState;
  core.log.workStored();
  if (!core.log.isInstalling) core.configurations.forgetBefore(core.log.firstIndex);
  maybeCommit(core);
}

/** The next batch, or null when the disk has everything. Then promises may leave at once. */
function takeBatch(core: Core): PersistBatch | null {
  const hardState = changedHardState(core);
  if (hardState === null && !core.log.hasWork) {
    for (const message of core.durableOutbox) core.outbox.push(message);
    core.durableOutbox.length = 0;
    return null;
  }
  const { snapshot, entries } = core.log.takeWork();
  const messages: readonly RaftMessage[] = core.durableOutbox;
  core.durableOutbox = [];
  if (hardState) core.handedHardState = hardState;
  const id = core.nextBatchId;
  core.nextBatchId += 1;
  core.outstanding = { id, hardState, sinceMs: core.nowMs };
  return { id, hardState, snapshot, entries, messages };
}

function changedHardState(core: Core): HardState | null {
  const votedFor = core.faults.forgetVote ? null : core.votedFor;
  const { handedHardState } = core;
  const isSame =
    handedHardState.term === core.term &&
    handedHardState.votedFor === votedFor &&
    handedHardState.incarnation === core.incarnation;
  return isSame ? null : { term: core.term, votedFor, incarnation: core.incarnation };
}

/** Committed entries that this member's disk has and the driver was not given yet. */
function takeCommitted(core: Core): readonly LogEntry[] {
  const through = Math.min(core.commitIndex, core.log.flushedIndex);
  const from = core.handedOutIndex + 1;
  if (from > through) return NOTHING;
  const entries = core.log.entriesFrom(from, through, COMMITTED_BYTES_MAX);
  const last = entries.at(-1);
  assert(entries[0]?.index === from && last !== undefined, "committed entries follow each other");
  assert(last.index <= core.commitIndex, "only committed entries are handed out");
  core.handedOutIndex = last.index as LogIndex;
  return entries;
}
