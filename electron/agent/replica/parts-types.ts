/**
 * What a replica consists of, and what its parts are made from. Types only: whoever makes some of
 * the parts needs them, and parts.ts makes all.
 */
import type { LogIndex, MemberId } from "../../../shared/base/ids.ts";
import type { Status } from "../../../shared/cluster/status.ts";
import type { HelloMessage, RefusalCode } from "../../../shared/protocol/hello.ts";
import type { MemberMessage } from "../../../shared/protocol/messages.ts";
import type { LogEntry, ReadAnswer, SnapshotMark } from "../../../shared/raft/types.ts";
import type { BackupKeeper } from "../backup/backup-keeper.ts";
import type { Administration } from "../members/administration.ts";
import type { Admission } from "../members/admission.ts";
import type { Seats } from "../members/seats.ts";
import type { DiskError } from "../ports.ts";
import type { PeerLinks } from "../transport/peer-links.ts";
import type { Applier } from "./applier.ts";
import type { AppliedListener } from "./applier.ts";
import type { ClusterSettings } from "./cluster-settings.ts";
import type { CopyCheck } from "./copy-check.ts";
import type { EventHub } from "./event-hub.ts";
import type { Forwarder } from "./forwarder.ts";
import type { LagTracker } from "./lag-tracker.ts";
import type { Leadership } from "./leadership.ts";
import type { Methods } from "./methods.ts";
import type { OpenedFiles } from "./open-files.ts";
import type { PastState } from "./past-state.ts";
import type { Pulse } from "./pulse.ts";
import type { RaftDriver } from "./raft-driver.ts";
import type { Reader } from "./reader.ts";
import type { ReplicaContext, ReplicaOptions } from "./replica-context.ts";
import type { SnapshotTransfers } from "./snapshot-transfers.ts";
import type { Snapshotter } from "./snapshotter.ts";
import type { StatusSources } from "./status-builder.ts";
import type { StorageState } from "./storage-state.ts";
import type { StoreRecovery } from "./store-recovery.ts";
import type { Troubles } from "./troubles.ts";

/** What the parts are made from. */
export type PartsBase = {
  readonly options: ReplicaOptions;
  readonly files: OpenedFiles;
  readonly context: ReplicaContext;
  readonly replica: PartsListener;
};

/** Whom the parts tell what happened, and what they ask the whole. */
export interface PartsListener {
  status(): Status;
  statusSources(): StatusSources;
  statusChanged(): void;
  lowestIndexNeeded(): LogIndex;
  onMessage(from: MemberId, message: MemberMessage): void;
  onUp(peer: MemberId, hello: HelloMessage): void;
  onDown(peer: MemberId): void;
  onRefused(peer: MemberId, code: RefusalCode): void;
  onDuplicate(peer: MemberId): void;
  onOwnCopy(hello: HelloMessage, isYielding: boolean): void;
  onCommitted(entries: readonly LogEntry[]): void;
  onReadAnswer(answer: ReadAnswer): void;
  onSnapshotWanted(member: MemberId): void;
  installSnapshot(mark: SnapshotMark): Promise<DiskError | null>;
  onApplied: AppliedListener;
  onDiverged(detail: string): void;
  onMismatch(member: MemberId, index: LogIndex): void;
  onStoreLost(reason: unknown): void;
  onDiskError(error: DiskError): void;
  onChange(): void;
}

/** Everything a replica consists of. */
export type Parts = {
  readonly storage: StorageState;
  readonly seats: Seats;
  readonly troubles: Troubles;
  readonly admission: Admission;
  readonly hub: EventHub;
  readonly applier: Applier;
  readonly driver: RaftDriver;
  readonly links: PeerLinks;
  readonly lag: LagTracker;
  readonly leadership: Leadership;
  readonly reader: Reader;
  readonly forwarder: Forwarder;
  readonly snapshotter: Snapshotter;
  readonly transfers: SnapshotTransfers;
  readonly recovery: StoreRecovery;
  readonly settings: ClusterSettings;
  readonly pastState: PastState;
  readonly administration: Administration;
  readonly backups: BackupKeeper;
  readonly copyCheck: CopyCheck;
  readonly methods: Methods;
  readonly pulse: Pulse;
};
