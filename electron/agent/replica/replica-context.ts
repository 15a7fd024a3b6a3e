import type { MemberId } from "../../../shared/base/ids.ts";
import type { ApiError, ApiParams, ApiResult } from "../../../shared/api/methods.ts";
import type { Result } from "../../../shared/base/result.ts";
import type { VersionRange } from "../../../shared/protocol/version.ts";
import type { RaftFaults } from "../../../shared/raft/faults.ts";
import type { RaftSettings } from "../../../shared/raft/types.ts";
import type { LogFaults } from "../log/replication-log.ts";
import type { SeatFaults } from "../members/peer-memory.ts";
import type { NewInvite } from "../members/invite-record.ts";
import type { AddressBook } from "../transport/address-book.ts";
import type { ClusterRecord, RecordChanges } from "../members/cluster-record.ts";
import type { DiskError, Ports } from "../ports.ts";

/** Timing and sizes of one replica. */
export type ReplicaSettings = {
  readonly raft: RaftSettings;
  /** A new snapshot is made when the log has grown by this many bytes since the last. */
  readonly snapshotAfterBytes: number;
  /** Log kept behind the snapshot for members that come back, in bytes. */
  readonly retentionBytes: number;
  /** Log older than this is not kept for them, in ms; whichever comes first. */
  readonly retentionMs: number;
  /** The log is dropped by whole files of this size. */
  readonly segmentBytesMax: number;
  /** How long session and linearizable reads wait before they give up, ms. */
  readonly readWaitMs: number;
};

/** Defaults: design section 4 (timing) and 5 (retention). */
export const DEFAULT_SETTINGS: ReplicaSettings = {
  raft: {
    heartbeatMs: 100,
    electionMs: 1000,
    appendBytesMax: 512 * 1024,
    inflightBytesMax: 8 * 1024 * 1024,
    uncommittedBytesMax: 96 * 1024 * 1024,
  },
  snapshotAfterBytes: 32 * 1024 * 1024,
  retentionBytes: 64 * 1024 * 1024,
  retentionMs: 30 * 24 * 60 * 60 * 1000,
  segmentBytesMax: 8 * 1024 * 1024,
  readWaitMs: 5000,
};

/** What a replica is made of. */
export type ReplicaOptions = {
  readonly ports: Ports;
  readonly self: MemberId;
  readonly record: ClusterRecord;
  readonly settings: ReplicaSettings;
  /** Of the application, shown to others. */
  readonly version: string;
  /** This member's own loopback URL, told to members on the same computer. */
  readonly httpUrl: () => string | null;
  /** Where members were last reached. */
  readonly addressBook: AddressBook;
  /** Makes a join link on this member; needs its key and addresses, which a replica has not. */
  readonly makeInvite: (
    params: ApiParams<"invite">,
    record: (invite: NewInvite) => Promise<Result<null, ApiError>>,
  ) => Promise<Result<ApiResult<"invite">, ApiError>>;
  /** Addresses given by a person (`--peer`). */
  readonly manualPeers: readonly string[];
  /** Keeps changes in `cluster.json`: durable when it answers ok, in the order of the calls. */
  readonly saveRecord: (changes: RecordChanges) => Promise<Result<null, DiskError>>;
  /** The folder as people see it, for the status. */
  readonly folder: string;
  /** Protocol versions to speak; all that this build knows when not given. */
  readonly versions?: VersionRange;
  /**
   * This run cannot go on, but a new start can: a record of the log went bad, or the database
   * has to be rebuilt from nothing. Close it and start it anew. Not called again.
   */
  readonly onBroken: (reason: string) => void;
  /** Planted bugs; tests only. */
  readonly faults?: {
    readonly raft?: RaftFaults;
    readonly log?: LogFaults;
    readonly seats?: SeatFaults;
  };
};

/** What the parts of a running replica share. */
export type ReplicaContext = {
  readonly ports: Ports;
  readonly self: MemberId;
  readonly record: ClusterRecord;
  readonly version: string;
  readonly nameOf: (member: MemberId) => string;
  readonly shownSettings: () => { readonly [key: string]: string | number };
};
