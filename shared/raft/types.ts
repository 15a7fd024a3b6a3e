/**
 * What goes into the consensus core and what comes out of it.
 *
 * The core decides and never acts: no clock, no disk, no network, no randomness of its own.
 * Entry payloads and member contexts are bytes it never looks into.
 *
 * Source of the algorithm: Ongaro, "Consensus: Bridging Theory and Practice" (2014); section
 * numbers in this folder refer to it.
 */
import type { LogIndex, MemberId, Position, Term } from "../base/ids.ts";

/** A voter counts in every majority; a mirror only receives the log (a learner, §4.2.1). */
export type SeatKind = "voter" | "mirror";

/** One member's place in the cluster. */
export type Seat = {
  readonly id: MemberId;
  readonly kind: SeatKind;
  /**
   * Log index of the configuration entry that created this seat; 0 for the founder. A member
   * that lost its data must come back under a new one, so its old promises cannot be taken
   * for its new ones (as in Kafka's KIP-853).
   */
  readonly incarnation: number;
  /** Name, role and so on, encoded by `shared/cluster`; at most 4 KiB. The core only carries it. */
  readonly context: Uint8Array;
};

/** Who belongs to the cluster. Takes effect as soon as it is appended (§4.1). */
export type Configuration = {
  /** At least one voter; ids are distinct; at most 7 voters and 64 seats. Sorted by id. */
  readonly seats: readonly Seat[];
};

/** One change at a time; the next only after this one is committed (§4.1). */
export type ConfigurationChange =
  | { readonly type: "add-mirror"; readonly id: MemberId; readonly context: Uint8Array }
  | { readonly type: "promote"; readonly id: MemberId }
  | { readonly type: "demote"; readonly id: MemberId }
  | { readonly type: "remove"; readonly id: MemberId }
  /**
   * The member lost what it had promised, in part or whole: its seat begins anew, as a mirror's
   * and under a new incarnation, so that nothing it said before counts any more.
   */
  | { readonly type: "reseat"; readonly id: MemberId }
  | { readonly type: "set-context"; readonly id: MemberId; readonly context: Uint8Array };

/** `data` is a transaction of the store; the other two are the core's own. */
export type EntryKind = "noop" | "configuration" | "data";

/** One record of the replication log. Never changed after it was made. */
export type LogEntry = {
  readonly term: Term;
  readonly index: LogIndex;
  readonly kind: EntryKind;
  /** `noop`: empty. `configuration`: see `encodeConfiguration`. `data`: opaque, at most 1 MiB. */
  readonly payload: Uint8Array;
};

/** What must survive a crash besides the log. Stored before any message of the term leaves. */
export type HardState = {
  readonly term: Term;
  readonly votedFor: MemberId | null;
  /**
   * The held incarnation: everything that the seat of this incarnation ever promised is on this
   * disk. null: this disk vouches for nothing, so the member neither votes nor acknowledges.
   */
  readonly incarnation: number | null;
};

/**
 * The held incarnation of the member that answers; whoever counts compares it with the seat's.
 * `unstated`: a member of protocol version 1, which knows of none, and is believed.
 */
export type StatedIncarnation = number | null | "unstated";

/** Where a database image stands, and who belonged to the cluster there. */
export type SnapshotMark = {
  readonly position: Position;
  readonly configuration: Configuration;
};

/**
 * The stored log, read without waiting (the driver keeps recent entries in memory and reads
 * older ones from the page cache). Changes only between calls into the core.
 */
export interface LogView {
  /** Lowest index kept; `lastIndex + 1` when no entry is kept. */
  readonly firstIndex: LogIndex;
  /** Highest index stored; the snapshot's index when the log is empty; 0 at the very start. */
  readonly lastIndex: LogIndex;
  /** The term at an index from `firstIndex - 1` to `lastIndex`; null outside. Index 0 has term 0. */
  termAt(index: LogIndex): Term | null;
  /**
   * Entries from `from` on, contiguous: as many as fit into `bytesMax` payload bytes, but at
   * least one. @param from `firstIndex` to `lastIndex`.
   */
  entriesFrom(from: LogIndex, bytesMax: number): readonly LogEntry[];
}

type Envelope = { readonly from: MemberId; readonly to: MemberId; readonly term: Term };

/** Leader to others: entries after `previous`. An empty list probes for the match. */
export type AppendMessage = Envelope & {
  readonly type: "append";
  readonly previous: Position;
  readonly entries: readonly LogEntry[];
  readonly commitIndex: LogIndex;
};

/** Answer to an append, or to an installed snapshot. Sent only after the entries are on disk. */
export type AppendAckMessage = Envelope & {
  readonly type: "append-ack";
  readonly incarnation: StatedIncarnation;
} & (
    | { readonly accepted: true; readonly matchIndex: LogIndex }
    | {
        readonly accepted: false;
        /** `previous.index` of the append that did not fit. */
        readonly rejectedIndex: LogIndex;
        /** The last position the follower could agree on: skips a whole conflicting term. */
        readonly hint: Position;
      }
  );

/**
 * Leader to all, also when idle. `round` ties the answer to one quorum round (ReadIndex, §6.4);
 * round 0 only announces a commit index and asks for no answer.
 */
export type HeartbeatMessage = Envelope & {
  readonly type: "heartbeat";
  /** Never above what the receiver is known to hold. */
  readonly commitIndex: LogIndex;
  readonly round: number;
};

/**
 * Answer to a heartbeat. Round 0 answers none: it tells a leader that its term is over, or that
 * the sender holds an incarnation now.
 */
export type HeartbeatAckMessage = Envelope & {
  readonly type: "heartbeat-ack";
  readonly incarnation: StatedIncarnation;
  readonly round: number;
};

/** A candidate asks. A pre-vote asks "would you?", and changes nobody's term or vote (§9.6). */
export type VoteRequestMessage = Envelope & {
  readonly type: "vote-request";
  readonly preVote: boolean;
  readonly last: Position;
  /** Part of a leadership transfer: voters answer although they hear the leader (§3.10). */
  readonly transfer: boolean;
};

/** The answer. A granted pre-vote's term is the one asked about, a refusal's the voter's own. */
export type VoteReplyMessage = Envelope & {
  readonly type: "vote-reply";
  readonly incarnation: StatedIncarnation;
  readonly preVote: boolean;
  readonly granted: boolean;
};

/** Leader to the member that is to take over: start an election now (§3.10). */
export type TimeoutNowMessage = Envelope & { readonly type: "timeout-now" };

/** Follower or mirror to leader: what may a linearizable read see? `requestId` is the sender's. */
export type ReadIndexMessage = Envelope & {
  readonly type: "read-index";
  readonly requestId: number;
};

/** The answer. `index` is null when the leader cannot tell (not leader any more). */
export type ReadIndexReplyMessage = Envelope & {
  readonly type: "read-index-reply";
  readonly requestId: number;
  readonly index: LogIndex | null;
};

/** Everything members say to each other about consensus. */
export type RaftMessage =
  | AppendMessage
  | AppendAckMessage
  | HeartbeatMessage
  | HeartbeatAckMessage
  | VoteRequestMessage
  | VoteReplyMessage
  | TimeoutNowMessage
  | ReadIndexMessage
  | ReadIndexReplyMessage;

/**
 * Work for the disk. One batch is outstanding at a time; `Raft.persisted(id)` ends it. A crash may
 * leave it half done in this order only: hard state, snapshot, entries from the lowest up.
 */
export type PersistBatch = {
  readonly id: number;
  /** null when unchanged since the previous batch. */
  readonly hardState: HardState | null;
  /** Not null: the received snapshot replaces the whole log, before `entries` are appended. */
  readonly snapshot: SnapshotMark | null;
  /** Contiguous. When the first index is not above the log's last, cut the log there first. */
  readonly entries: readonly LogEntry[];
  /** To send only after all of the above is on disk: a forgotten vote could be cast twice. */
  readonly messages: readonly RaftMessage[];
};

/** The answer to `readIndex`: serve the read once `applied >= index`, or refuse it. */
export type ReadAnswer =
  | { readonly requestId: number; readonly index: LogIndex }
  | { readonly requestId: number; readonly index: null };

/**
 * Work the core wants done. The driver does, in this order:
 *
 *   1. send `messages` (none of them depends on the disk);
 *   2. store `persist`, wait until it is on disk, send `persist.messages`, call `persisted(id)`;
 *      1 and 3 go on for later Readys meanwhile, a second `persist` does not come before;
 *   3. hand `committed` to the store, lowest index first;
 *   4. answer `reads`; start sending the newest snapshot to each of `snapshotsFor`.
 *
 * Invariant: `persist.entries` and `committed` are contiguous and ascend by 1; `committed`
 * entries are on this member's disk.
 */
export type Ready = {
  readonly messages: readonly RaftMessage[];
  readonly persist: PersistBatch | null;
  readonly committed: readonly LogEntry[];
  readonly reads: readonly ReadAnswer[];
  /** Members whose next entry is no longer kept. End each with `reportSnapshot`. */
  readonly snapshotsFor: readonly MemberId[];
};

/** `pre-candidate` asks for pre-votes, `candidate` for votes. */
export type RaftRole = "follower" | "pre-candidate" | "candidate" | "leader";

/** What the leader knows of another member. */
export type Progress = {
  readonly id: MemberId;
  /** Of the seat that this tells about; a new incarnation starts from nothing. */
  readonly incarnation: number;
  /** Highest index known stored on it. */
  readonly matchIndex: LogIndex;
  /** `probe`: looking for the match; `replicate`: pipelining; `snapshot`: waits for an image. */
  readonly mode: "probe" | "replicate" | "snapshot";
  /** Heard within an election timeout. */
  readonly isActive: boolean;
};

/**
 * Proof that some member does not keep the rules: its disk was rolled back, its folder runs
 * twice, or its software is broken. Nothing of the message was taken; a person must be told.
 */
export type RaftAlarm = {
  /**
   * `two-leaders`: two members say that they lead one term. `committed-differs`: a leader's log
   * contradicts what is committed here. `impossible-message`: nobody could rightly send it.
   */
  readonly code: "two-leaders" | "committed-differs" | "impossible-message";
  /** Who sent it. */
  readonly member: MemberId;
  readonly detail: string;
};

/** A picture for status pages and tests; costs an allocation, so not for the hot path. */
export type RaftStatus = {
  readonly id: MemberId;
  readonly role: RaftRole;
  readonly term: Term;
  readonly votedFor: MemberId | null;
  /** The held incarnation; null while this member vouches for nothing. */
  readonly incarnation: number | null;
  readonly leader: MemberId | null;
  readonly lastIndex: LogIndex;
  readonly flushedIndex: LogIndex;
  readonly commitIndex: LogIndex;
  readonly configuration: Configuration;
  /** Whether an appended configuration is not committed yet. */
  readonly isChangingConfiguration: boolean;
  readonly transferTarget: MemberId | null;
  /** Of the leader only; empty elsewhere. */
  readonly progress: readonly Progress[];
  /** The first one since the start; it stays. */
  readonly alarm: RaftAlarm | null;
};

/** Why a request was not taken. Stable codes. */
export type RaftErrorCode =
  | "not-leader"
  | "transfer-in-progress"
  | "change-in-progress"
  | "term-not-settled"
  | "unknown-member"
  | "already-so"
  | "not-caught-up"
  | "would-leave-no-voter"
  | "would-lose-quorum"
  | "too-many-members"
  | "queue-full";

/** A refusal with its reason in words. */
export type RaftError = { readonly code: RaftErrorCode; readonly detail: string };

/** Timing and limits; everything in ms or bytes. */
export type RaftSettings = {
  readonly heartbeatMs: number;
  /** Election timeouts are drawn from `electionMs` to `2 * electionMs`. At least 3 heartbeats. */
  readonly electionMs: number;
  /** Payload bytes in one append. */
  readonly appendBytesMax: number;
  /** Payload bytes sent to one member and not acknowledged. */
  readonly inflightBytesMax: number;
  /** Payload bytes appended here and not committed; `propose` answers `queue-full` beyond. */
  readonly uncommittedBytesMax: number;
};
