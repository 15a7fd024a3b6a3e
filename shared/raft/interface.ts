import type { LogIndex, MemberId, Position } from "../base/ids.ts";
import type { Result } from "../base/result.ts";
import type { Rng } from "../base/rng.ts";
import type {
  Configuration,
  ConfigurationChange,
  HardState,
  LogView,
  RaftError,
  RaftMessage,
  RaftSettings,
  RaftStatus,
  Ready,
  SnapshotMark,
} from "./types.ts";

/** What a core starts from: all of it read back from this member's disk. */
export type RaftOptions = {
  readonly id: MemberId;
  readonly settings: RaftSettings;
  readonly rng: Rng;
  readonly log: LogView;
  readonly hardState: HardState;
  /** The configuration at the snapshot (or of the founder); later ones are found in the log. */
  readonly configuration: Configuration;
  /** Position of that configuration: the snapshot's, or zero. */
  readonly configurationPosition: Position;
  /** An index known to be committed; from the snapshot's index up to the log's last. */
  readonly commitIndex: LogIndex;
  /** Highest index the store already holds; `Ready.committed` starts above it. */
  readonly appliedIndex: LogIndex;
  readonly nowMs: number;
};

/**
 * One member's consensus. Synchronous: every call finishes its thought, and `ready()` then says
 * what is to be done. After every call the invariants are asserted.
 */
export interface Raft {
  /** A message from another member. Old, duplicate and impossible ones change nothing. */
  step(message: RaftMessage): void;
  /**
   * Time has come. Call at least every heartbeat. After a gap (sleep, stall) the messages that waited may
   * be stepped before or after: a gap is not counted as the leader's silence.
   */
  advance(nowMs: number): void;
  /**
   * When `advance` should come, if that is before the next regular call: an election is due then,
   * unless something is heard. Infinity for a leader. May have passed; the next call sees to it.
   */
  wakeAtMs(): number;
  /** The connection to a member dropped: for a follower of it, a hint to pre-vote soon. */
  connectionLost(member: MemberId): void;
  /** Appends as leader; one entry per payload. @returns the first and last position. */
  propose(
    payloads: readonly Uint8Array[],
  ): Result<{ readonly first: Position; readonly last: Position }, RaftError>;
  /** Proposes one change of the configuration as leader. */
  changeConfiguration(change: ConfigurationChange): Result<Position, RaftError>;
  /** Switchover: stop taking proposals, let the target catch up, let it start its election. */
  transferLeadership(target: MemberId): Result<null, RaftError>;
  /** Leader: step down at once (storage failed, or leaving). */
  stepDown(): void;
  /**
   * Changes what this disk vouches for. Stored by the next batch, before anything that depends
   * on it leaves. null ends a leadership or candidacy at once, and every promise not handed out.
   * A number must be the incarnation of a seat created for this very member after it lost its
   * old one, and be held once only: never again after the disk lost anything.
   */
  holdIncarnation(incarnation: number | null): void;
  /** What may a linearizable read started now see? Answered in a later `Ready.reads`. */
  readIndex(requestId: number): void;
  /**
   * A complete, verified snapshot arrived that the leader of `term` sent, or had sent.
   *
   * @returns whether a `persist` to come installs it; otherwise it is not needed.
   */
  receiveSnapshot(mark: SnapshotMark, from: MemberId, term: number): boolean;
  /** The sending of a snapshot ended. After "sent" the member's own ack moves it on. */
  reportSnapshot(member: MemberId, outcome: "sent" | "failed"): void;
  /** The work there is now. Taking it makes it the caller's duty. */
  ready(): Ready;
  /** The batch is on disk and its messages are sent. */
  persisted(batchId: number): void;
  status(): RaftStatus;
  /** The configuration in force at an applied index: what a snapshot there must carry. */
  configurationAt(index: LogIndex): Configuration;
}
