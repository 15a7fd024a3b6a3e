/**
 * What a member says of itself and of the others: one shape for window, CLI and HTTP
 * (`GET /api/status`). Everything here is plain JSON.
 */
import type { LogIndex, MemberId, Term } from "../base/ids.ts";

/** `mirror` is a member that never votes; the rest are Raft's. */
export type MemberRole = "leader" | "follower" | "candidate" | "mirror";

/**
 * How far this member is behind, as far as it can know. `asOf` is this member's wall clock at
 * the last word from the leader: what is shown is true as of then, not as of now.
 */
export type Lag = {
  /** Entries committed by the leader and not applied here. */
  readonly entries: number;
  /** Bytes of the log committed by the leader and not applied here, as far as known. */
  readonly bytes: number;
  /** 0 when caught up and recently heard; null when the leader was never heard. */
  readonly ms: number | null;
  /** ISO 8601; null when the leader was never heard. */
  readonly asOf: string | null;
  readonly leaderReachable: boolean;
};

/** One row of the list of computers. */
export type MemberStatus = {
  readonly id: MemberId;
  readonly name: string;
  readonly seat: "voter" | "mirror";
  readonly isSelf: boolean;
  readonly isLeader: boolean;
  /** Whether this member has a live connection to it (true for itself). */
  readonly connected: boolean;
  /** Stages as last reported by it; null when never heard of since this member started. */
  readonly received: LogIndex | null;
  readonly flushed: LogIndex | null;
  readonly applied: LogIndex | null;
  readonly lagEntries: number | null;
  readonly lagMs: number | null;
  readonly roundTripMs: number | null;
  /** ISO 8601, by this member's wall clock; null when never. */
  readonly lastSeen: string | null;
  /** host:port it was last reached at. */
  readonly address: string | null;
  readonly version: string | null;
  /** Why the last connection to it did not come about; null while it is connected, or unknown. */
  readonly refusal: MemberRefusal | null;
};

/** A connection that one of both ends refused. */
export type MemberRefusal = {
  /** Stable, as the protocol has it: `version-mismatch`, `not-a-member` and so on. */
  readonly code: string;
  /** One sentence, for people. */
  readonly detail: string;
};

/**
 * Why a member gave up what its seat had promised.
 *
 * `wiped`: its log is gone. `damaged`: bytes of its log, or of its term and vote, are wrong.
 * `older-term`, `missing-entries`, `forgotten-vote`: another member remembers more than this disk
 * holds, so an older copy of the data folder was restored. `superseded`: the seat was given anew
 * since. `copy`: another computer runs with the same key. `withdrawn`: the reason was not kept.
 */
export type SeatReason =
  | "wiped"
  | "damaged"
  | "older-term"
  | "missing-entries"
  | "forgotten-vote"
  | "superseded"
  | "copy"
  | "withdrawn";

/**
 * Whether this member's disk vouches for what its seat promised. In any state but `ok` and
 * `reseeding` it neither votes nor confirms a change.
 *
 * `barred`: it waits for a new seat from the leader. `reseeding`: it has one and is being filled.
 * `copy`: another computer runs with the same key, and this one stands back. `damaged`: as
 * `barred`, and some of what it has cannot be read; `detail` names the places.
 */
export type SeatStatus = {
  readonly state: "ok" | "barred" | "reseeding" | "copy" | "damaged";
  readonly reason: SeatReason | null;
  /** One sentence with figures; null when `ok`. */
  readonly detail: string | null;
  /** ISO 8601, by this member's wall clock; null when `ok`. */
  readonly since: string | null;
};

/**
 * Something another member said that a sound one never says: its program or its disk is broken.
 * It was not believed; the first since this member started stays shown.
 */
export type StatusAlarm = {
  /** Stable: `two-leaders`, `committed-differs`, `impossible-message`. */
  readonly code: string;
  /** Name of the member that said it. */
  readonly member: string;
  /** One sentence with figures. */
  readonly detail: string;
};

/** Why this member may or may not edit; the banner's sentence is chosen by `kind`. */
export type Durability = "asynchronous" | "semi-synchronous" | "synchronous";

/** May the lid be closed? `alone`: nobody else has anything. */
export type ClosingState =
  /** All confirmed changes are on another computer, and editing goes on without this one. */
  | "safe"
  /** The same, but without this computer nobody can edit until it is back. */
  | "stops-editing"
  /** Some confirmed changes are on this computer's disk only, as far as it knows. */
  | "only-here"
  /** No other computer belongs to the workspace: a backup is the only other copy. */
  | "alone";

/** See `safety.ts`. */
export type Safety = {
  readonly closing: ClosingState;
  /** The most confirmed changes that would be lost with this computer, in entries of the log. */
  readonly onlyHereMax: number;
  /** How many of the other computers have every confirmed change on their disks, as far as is known here. */
  readonly wholeCopies: number;
};

/** The whole picture. `cluster` is null before a cluster was created or joined. */
export type Status = {
  readonly cluster: {
    readonly id: string;
    readonly name: string;
    readonly timeline: number;
  } | null;
  readonly member: {
    readonly id: MemberId;
    readonly name: string;
    readonly seat: "voter" | "mirror" | null;
  };
  readonly seat: SeatStatus;
  readonly alarm: StatusAlarm | null;
  readonly role: MemberRole;
  readonly term: Term;
  readonly leader: {
    readonly id: MemberId;
    readonly name: string;
    readonly address: string | null;
    /** Where the leader's own window answers, when it told; loopback members only. */
    readonly http?: string | null;
  } | null;
  /** Whether a write sent here now would be taken. */
  readonly canWrite: boolean;
  readonly log: {
    readonly firstIndex: LogIndex;
    readonly lastIndex: LogIndex;
    readonly commitIndex: LogIndex;
    readonly appliedIndex: LogIndex;
    readonly bytes: number;
  };
  readonly checksum: { readonly index: LogIndex; readonly value: string };
  readonly lag: Lag;
  readonly members: readonly MemberStatus[];
  readonly durability: Durability;
  /** What would be lost with this computer, and what stops when it is closed. */
  readonly safety: Safety;
  readonly storage: {
    /** `damaged`: this computer is alone and its log has wrong bytes; it can be read, as far as whole. */
    readonly state: "ok" | "full" | "failed" | "diverged" | "damaged";
    readonly detail: string | null;
    readonly folder: string;
  };
  readonly settings: { readonly [key: string]: string | number };
  readonly version: string;
  /** ISO 8601: when this answer was made, by this member's wall clock. */
  readonly at: string;
};

/** What a result stands for: printed on every grid, query, export and backup. */
export type AsOf = {
  readonly term: Term;
  readonly index: LogIndex;
  /** ISO 8601; the last moment at which this state was known to be the leader's newest. */
  readonly at: string | null;
  readonly lagMs: number | null;
  readonly lagEntries: number;
  readonly leaderReachable: boolean;
  /**
   * Only with a former state: when its newest transaction was made, by the clock of who led then (ISO 8601);
   * null when that is not kept here.
   */
  readonly past?: { readonly at: string | null };
};

/** One point of the lag chart. */
export type LagSample = {
  /** ms since 1970, by this member's wall clock. */
  readonly atMs: number;
  readonly memberId: MemberId;
  readonly entries: number;
  /** null: not heard from. */
  readonly ms: number | null;
};
