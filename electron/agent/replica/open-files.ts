/**
 * Brings back what this member knew: hard state, log, newest snapshot, database. Everything is
 * read and checked before anything is believed; nothing is sent to anybody from here.
 */
import { assert } from "../../../shared/base/assert.ts";
import { POSITION_ZERO, formatPosition, logIndex } from "../../../shared/base/ids.ts";
import { err, ok } from "../../../shared/base/result.ts";
import type { Result } from "../../../shared/base/result.ts";
import type { Raft } from "../../../shared/raft/interface.ts";
import { createRaft } from "../../../shared/raft/raft.ts";
import type { StorePosition } from "../../store-worker/messages.ts";
import { ReplicationLog } from "../log/replication-log.ts";
import type { OpenedLog } from "../log/replication-log.ts";
import { SnapshotFiles } from "../log/snapshots.ts";
import type { LoadedSnapshot } from "../log/snapshots.ts";
import type { ReplicaOptions } from "./replica-context.ts";

/** Why a member does not start: one code, one sentence. */
export type OpenFailure = { readonly code: string; readonly detail: string };

/** What was found on the disk, ready to run. */
export type OpenedFiles = {
  readonly log: ReplicationLog;
  readonly snapshots: SnapshotFiles;
  readonly raft: Raft;
  readonly storePosition: StorePosition;
};

/** Opens everything under the data folder. */
export async function openFiles(
  options: ReplicaOptions,
): Promise<Result<OpenedFiles, OpenFailure>> {
  const { disk, logger, store } = options.ports;
  const snapshots = await SnapshotFiles.open({ disk, folder: "snapshots", logger });
  if (!snapshots.ok) return snapshots;
  const snapshot = await snapshots.value.read();
  if (!snapshot.ok) return snapshot;
  const faults = options.faults?.log;
  const opened = await ReplicationLog.open({
    disk,
    folder: "log",
    logger,
    segmentBytesMax: options.settings.segmentBytesMax,
    ...(faults === undefined ? {} : { faults }),
  });
  if (!opened.ok) return err({ code: opened.error.code, detail: opened.error.detail });
  const joined = await joinLogToSnapshot(opened.value.log, snapshot.value);
  if (!joined.ok) return joined;
  const loaded = await store.call("load", { image: snapshot.value?.image ?? null });
  if (!loaded.ok) return err({ code: loaded.error.code, detail: loaded.error.detail });
  const raft = startCore(options, opened.value, { snapshot: snapshot.value, at: loaded.value });
  return ok({
    log: opened.value.log,
    snapshots: snapshots.value,
    raft,
    storePosition: loaded.value,
  });
}

/**
 * A crash between installing a snapshot and emptying the log leaves a log that ends before the
 * snapshot or contradicts it: the snapshot was committed, so it wins. A log that begins after
 * the snapshot has lost its middle, and nothing may be built on it.
 */
async function joinLogToSnapshot(
  log: ReplicationLog,
  snapshot: LoadedSnapshot | null,
): Promise<Result<null, OpenFailure>> {
  const position = snapshot?.mark.position ?? POSITION_ZERO;
  if (log.firstIndex - 1 > position.index) {
    return err({
      code: "log-damaged",
      detail: `the log begins at ${log.firstIndex}, after the newest snapshot at ${formatPosition(position)}`,
    });
  }
  if (snapshot === null || log.termAt(position.index) === position.term) return ok(null);
  const reset = await log.resetTo(position, snapshot.chainHash);
  return reset.ok ? ok(null) : err({ code: reset.error.code, detail: reset.error.detail });
}

function startCore(
  options: ReplicaOptions,
  opened: OpenedLog,
  base: { readonly snapshot: LoadedSnapshot | null; readonly at: StorePosition },
): Raft {
  const { log, hardState } = opened;
  const { snapshot, at } = base;
  const position = snapshot?.mark.position ?? POSITION_ZERO;
  assert(at.applied.index === position.index, "the image stands where its snapshot says");
  // A crash between installing a snapshot and saving the hard state leaves an older term. Nobody
  // was voted for in the snapshot's term, or the hard state would say so.
  const isOlder = hardState.term < position.term;
  const raftOptions = {
    id: options.self,
    settings: options.settings.raft,
    rng: options.ports.random.rng,
    log,
    hardState: isOlder ? { term: position.term, votedFor: null } : hardState,
    configuration: snapshot?.mark.configuration ?? options.record.initial,
    configurationPosition: position,
    commitIndex: logIndex(Math.max(opened.commitIndex, position.index)),
    appliedIndex: at.applied.index,
    nowMs: options.ports.clock.nowMs(),
  };
  return createRaft(raftOptions, options.faults?.raft);
}
