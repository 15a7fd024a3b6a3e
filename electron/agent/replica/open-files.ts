/**
 * Brings back what this member knew: hard state, log, newest snapshot, database, and what its
 * disk may vouch for. Everything is read and checked before anything is believed; nothing is sent
 * to anybody from here.
 */
import { assert } from "../../../shared/base/assert.ts";
import { POSITION_ZERO, formatPosition, logIndex } from "../../../shared/base/ids.ts";
import { err, ok } from "../../../shared/base/result.ts";
import type { Result } from "../../../shared/base/result.ts";
import { seatOf } from "../../../shared/raft/configuration.ts";
import type { Raft } from "../../../shared/raft/interface.ts";
import { createRaft } from "../../../shared/raft/raft.ts";
import type { HardState } from "../../../shared/raft/types.ts";
import type { StorePosition } from "../../store-worker/messages.ts";
import type { ReplicationLog } from "../log/replication-log.ts";
import { parentOf } from "../log/folders.ts";
import { readSettings } from "../log/settings-file.ts";
import { SnapshotFiles } from "../log/snapshots.ts";
import type { LoadedSnapshot } from "../log/snapshots.ts";
import type { RecordChanges, Withdrawal } from "../members/cluster-record.ts";
import { decideSeat } from "../members/seat-decision.ts";
import type { SeatDecision } from "../members/seat-decision.ts";
import { PEERS_FILE } from "../members/seats.ts";
import { newestSeat } from "./newest-configuration.ts";
import { hasOthers, openLog, openWithout } from "./open-log.ts";
import type { FoundLog, OpenFailure } from "./open-log.ts";
import type { ReplicaOptions } from "./replica-context.ts";

export type { OpenFailure } from "./open-log.ts";

/** What was found on the disk, ready to run. */
export type OpenedFiles = {
  readonly log: ReplicationLog;
  readonly snapshots: SnapshotFiles;
  readonly raft: Raft;
  readonly storePosition: StorePosition;
  /** Why nothing is held; null when an incarnation is. */
  readonly withdrawal: Withdrawal | null;
  /** Not null: what was lost here cannot come from anybody else, so this member only reads. */
  readonly damage: string | null;
  /** The content of `peers.json`, unchecked. */
  readonly savedPeers: unknown;
};

/** Where database images are, inside the data folder. */
export const SNAPSHOT_FOLDER = "snapshots";

/** Opens everything under the data folder. */
export async function openFiles(
  options: ReplicaOptions,
): Promise<Result<OpenedFiles, OpenFailure>> {
  const { disk, logger, store } = options.ports;
  // A killed process may have given names that the disk does not know yet.
  const named = await disk.syncFolder(parentOf(PEERS_FILE));
  if (!named.ok) return named;
  const snapshots = await SnapshotFiles.open({ disk, folder: SNAPSHOT_FOLDER, logger });
  if (!snapshots.ok) return snapshots;
  const snapshot = await snapshots.value.read();
  if (!snapshot.ok) return snapshot;
  const opened = await openLog(options, snapshot.value);
  const found = opened.ok ? await mindTheGap(options, opened.value, snapshot.value) : opened;
  if (!found.ok) return found;
  const { log } = found.value;
  const decision = decide(options, found.value, snapshot.value);
  const vouched = await noteDecision(options, found.value, decision);
  if (!vouched.ok) return err(vouched.error);
  const joined = await joinLogToSnapshot(log, snapshot.value);
  if (!joined.ok) return joined;
  const loaded = await store.call("load", { image: snapshot.value?.image ?? null });
  if (!loaded.ok) return err({ code: loaded.error.code, detail: loaded.error.detail });
  const base = { snapshot: snapshot.value, at: loaded.value, hardState: vouched.value };
  const raft = startCore(options, found.value, base);
  return ok({
    log,
    snapshots: snapshots.value,
    raft,
    storePosition: loaded.value,
    withdrawal: decision.withdrawal,
    damage: hasOthers(options) ? null : (decision.withdrawal?.detail ?? null),
    savedPeers: await readPeers(options),
  });
}

/** A memory that cannot be read is an empty one: it only finds less. */
async function readPeers({ ports }: ReplicaOptions): Promise<unknown> {
  const saved = await readSettings(ports.disk, PEERS_FILE);
  if (saved.ok) return saved.value;
  ports.logger.warn("peers-unreadable", { ...saved.error });
  return null;
}

function decide(
  options: ReplicaOptions,
  found: FoundLog,
  snapshot: LoadedSnapshot | null,
): SeatDecision {
  const { record, self, ports } = options;
  const { log, storedIncarnation: stored, damage, withdrawal } = found;
  const isPlain = typeof stored === "number" && withdrawal === null && damage === null;
  // The whole log is read for it; after an ordinary stop nobody asks.
  const newest = isPlain ? null : newestSeat(self, record.initial, { log, snapshot });
  return decideSeat({
    begun: record.begun,
    withdrawal,
    hasOthers: hasOthers(options),
    isLogEmpty: log.lastIndex < log.firstIndex,
    hasSnapshot: snapshot !== null,
    stored,
    damage,
    newestSeat: newest?.incarnation ?? null,
    initialSeat: seatOf(record.initial, self)?.incarnation ?? null,
    isSoleVoter: newest?.isSoleVoter ?? false,
    nowMs: ports.clock.wallMs(),
  });
}

/**
 * Stores what was decided before the core may act on it. First what is held, then that this folder
 * has begun: a crash in between finds an empty log that never promised anything.
 */
async function noteDecision(
  options: ReplicaOptions,
  found: FoundLog,
  decision: SeatDecision,
): Promise<Result<HardState, OpenFailure>> {
  const hardState: HardState = { ...found.hardState, incarnation: decision.held };
  // Nothing on the disk of a lone damaged member is changed; it is looked at anew every time.
  if (found.damage !== null) return ok(hardState);
  if (found.storedIncarnation !== decision.held) {
    const stored = await found.log.persist({ hardState, entries: [] });
    if (!stored.ok) return stored;
  }
  const { record } = options;
  const changes: RecordChanges = {
    ...(record.begun === true ? {} : { begun: true }),
    ...(found.withdrawal === decision.withdrawal ? {} : { withdrawal: decision.withdrawal }),
  };
  const isChanged = Object.keys(changes).length > 0;
  const saved = isChanged ? await options.saveRecord(changes) : ok(null);
  // What is held is on the disk. On a full one the note about it can wait for the next start: the
  // stored incarnation alone leads to the same decision. Only a beginning cannot wait.
  const canWait = !saved.ok && saved.error.code === "storage-full" && record.begun === true;
  return saved.ok || canWait ? ok(hardState) : saved;
}

/**
 * A log that begins after the newest whole snapshot has lost its middle, and nothing may be built
 * on it: the newest snapshot was damaged or is missing. With others, this member begins anew from
 * the snapshot that is left; alone, where nobody could fill the gap, it reads that snapshot.
 */
async function mindTheGap(
  options: ReplicaOptions,
  found: FoundLog,
  snapshot: LoadedSnapshot | null,
): Promise<Result<FoundLog, OpenFailure>> {
  const { log } = found;
  const position = snapshot?.mark.position ?? POSITION_ZERO;
  if (log.firstIndex - 1 <= position.index) return ok(found);
  const damage = `the log begins at ${log.firstIndex}, after the newest whole snapshot at ${formatPosition(position)}`;
  return openWithout(log, options, { snapshot, damage });
}

/**
 * A crash between installing a snapshot and emptying the log leaves a log that ends before the
 * snapshot or contradicts it: the snapshot was committed, so it wins.
 */
async function joinLogToSnapshot(
  log: ReplicationLog,
  snapshot: LoadedSnapshot | null,
): Promise<Result<null, OpenFailure>> {
  const position = snapshot?.mark.position ?? POSITION_ZERO;
  if (snapshot === null || log.termAt(position.index) === position.term) return ok(null);
  const reset = await log.resetTo(position, snapshot.chainHash);
  return reset.ok ? ok(null) : err({ code: reset.error.code, detail: reset.error.detail });
}

function startCore(
  options: ReplicaOptions,
  opened: FoundLog,
  base: {
    readonly snapshot: LoadedSnapshot | null;
    readonly at: StorePosition;
    readonly hardState: HardState;
  },
): Raft {
  const { snapshot, at, hardState } = base;
  const position = snapshot?.mark.position ?? POSITION_ZERO;
  assert(at.applied.index === position.index, "the image stands where its snapshot says");
  // A crash between installing a snapshot and saving the hard state leaves an older term. Nobody
  // was voted for in the snapshot's term, or the hard state would say so.
  const isOlder = hardState.term < position.term;
  const raftOptions = {
    id: options.self,
    settings: options.settings.raft,
    rng: options.ports.random.rng,
    log: opened.log,
    hardState: isOlder ? { ...hardState, term: position.term, votedFor: null } : hardState,
    configuration: snapshot?.mark.configuration ?? options.record.initial,
    configurationPosition: position,
    commitIndex: logIndex(Math.max(opened.commitIndex, position.index)),
    appliedIndex: at.applied.index,
    nowMs: options.ports.clock.nowMs(),
  };
  return createRaft(raftOptions, options.faults?.raft);
}
