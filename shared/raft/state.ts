/**
 * Everything one member's core knows, and the few verbs that every part of it needs.
 *
 * The rules live elsewhere, one file per concern, as functions over this object: election,
 * following, replication, reads, membership, transfer, timers. Nothing here decides anything.
 */
import type { LogIndex, MemberId, Term } from "../base/ids.ts";
import { type Rng, randomBetween } from "../base/rng.ts";
import type { ByteWindow } from "./byte-window.ts";
import { ConfigurationHistory } from "./configuration-history.ts";
import { seatOf, votersOf } from "./configuration.ts";
import type { RaftFaults } from "./faults.ts";
import type { RaftOptions } from "./interface.ts";
import type { MemberProgress } from "./progress.ts";
import { RaftLog } from "./raft-log.ts";
import type {
  Configuration,
  HardState,
  LogEntry,
  RaftAlarm,
  RaftMessage,
  RaftSettings,
  ReadAnswer,
} from "./types.ts";

/** A linearizable read at the leader. */
export type WaitingRead = {
  /** null: asked on this member. */
  readonly requester: MemberId | null;
  readonly requestId: number;
  /** What it may see; null until an entry of this term is committed (§6.4). */
  index: LogIndex | null;
  /** The heartbeat round that must confirm it; 0 until one started after the read came. */
  round: number;
};

/** A linearizable read this follower passed on. */
export type ForwardedRead = { readonly requestId: number; readonly sentAtMs: number };

/** What only a leader has. Gone with the leadership. */
export type Leadership = {
  readonly name: "leader";
  /** The other members of the latest configuration. */
  readonly progress: Map<MemberId, MemberProgress>;
  /** Index of the no-op that opened the term. */
  readonly termStartIndex: number;
  /** Proposed here and not committed. */
  readonly uncommitted: ByteWindow;
  round: number;
  nextHeartbeatAtMs: number;
  commitIndexAtHeartbeat: number;
  reads: WaitingRead[];
  transfer: { readonly target: MemberId; readonly deadlineMs: number; isSent: boolean } | null;
};

/** What this member is in the current term. */
export type Role =
  | { readonly name: "follower" }
  | {
      readonly name: "pre-candidate" | "candidate";
      /** Answers by voter; a second answer replaces the first. */
      readonly votes: Map<MemberId, boolean>;
    }
  | Leadership;

/** A batch the disk is busy with. */
export type OutstandingBatch = {
  readonly id: number;
  readonly hardState: HardState | null;
  sinceMs: number;
};

/** One member's core. Fields are changed by the files of this folder only. */
export class Core {
  readonly id: MemberId;
  readonly settings: RaftSettings;
  readonly rng: Rng;
  readonly faults: RaftFaults;
  readonly log: RaftLog;
  readonly configurations: ConfigurationHistory;

  nowMs: number;
  term: Term;
  votedFor: MemberId | null;
  /** What this disk vouches for; null: nothing, so no vote, no ack, no campaign. */
  incarnation: number | null;
  role: Role = { name: "follower" };
  leader: MemberId | null = null;
  commitIndex: LogIndex;
  /** Committed entries up to here were given to the driver. */
  handedOutIndex: LogIndex;
  /** Up to here the log was compared with the log of the current term's leader. */
  verifiedIndex: number;

  /** When the leader of this term was last heard; the lease that refuses candidates. */
  heardLeaderAtMs = -Infinity;
  /** From when the election timeout counts. */
  timerStartMs: number;
  electionTimeoutMs: number;
  /** Not null: campaign already then, because the leader seems gone. */
  hurryAtMs: number | null = null;
  /** Whose connection was lost; the order of those who ask leaves it out. */
  hintedLeader: MemberId | null = null;
  /** Early elections still to be tried after a lost connection. */
  hintRetriesLeft = 0;

  handedHardState: HardState;
  flushedHardState: HardState;
  outstanding: OutstandingBatch | null = null;
  nextBatchId = 1;
  /** Leave at once. */
  outbox: RaftMessage[] = [];
  /** Leave once everything appended and promised so far is on disk. */
  durableOutbox: RaftMessage[] = [];
  answers: ReadAnswer[] = [];
  snapshotsFor: MemberId[] = [];
  /** The first proof that a member breaks the rules; see `RaftAlarm`. */
  alarm: RaftAlarm | null = null;
  readonly forwardedReads = new Map<number, ForwardedRead>();
  nextForwardId: number;

  constructor(options: RaftOptions, faults: RaftFaults) {
    this.id = options.id;
    this.settings = options.settings;
    this.rng = options.rng;
    this.faults = faults;
    this.log = new RaftLog(options.log);
    this.configurations = new ConfigurationHistory({
      index: options.configurationPosition.index,
      configuration: options.configuration,
    });
    this.nowMs = options.nowMs;
    this.timerStartMs = options.nowMs;
    this.term = options.hardState.term;
    this.votedFor = options.hardState.votedFor;
    this.incarnation = options.hardState.incarnation;
    this.handedHardState = options.hardState;
    this.flushedHardState = options.hardState;
    this.commitIndex = Math.max(options.commitIndex, options.appliedIndex) as LogIndex;
    this.handedOutIndex = options.appliedIndex;
    this.verifiedIndex = this.commitIndex;
    this.electionTimeoutMs = this.drawTimeout();
    // A reply meant for this member's life before a restart must not match a read of this one.
    this.nextForwardId = options.rng.uint32() * 0x10_0000 + 1;
  }

  get configuration(): Configuration {
    return this.configurations.latest.configuration;
  }

  /** Whether it counts itself: it has a vote, and its disk vouches for that very seat. */
  get isSelfVoter(): boolean {
    return this.holdsVoteIn(this.configuration);
  }

  /**
   * Whether it may campaign: as a voter, or as one that is to be voter no more while that is not
   * committed. The others may need it: only its log may hold the change (§4.2.2). It does not
   * count its own vote then.
   */
  get isElectable(): boolean {
    if (this.isSelfVoter) return true;
    const { latest, previous } = this.configurations;
    if (previous === null || latest.index <= this.commitIndex) return false;
    return this.holdsVoteIn(previous.configuration);
  }

  get isSoleVoter(): boolean {
    const voters = votersOf(this.configuration);
    return voters.length === 1 && voters[0] === this.id;
  }

  /** The batch at the disk is so old that the disk must be called stuck. */
  get isDiskStuck(): boolean {
    if (this.faults.leadWithStuckDisk) return false;
    const since = this.outstanding?.sinceMs ?? this.nowMs;
    return this.nowMs - since > this.settings.electionMs;
  }

  /** A leader is known to be at work: candidates are refused (§4.2.3, §6.4.1). */
  get hasLease(): boolean {
    if (this.role.name === "leader") return true;
    if (this.faults.noLease) return false;
    return this.leader !== null && this.nowMs - this.heardLeaderAtMs < this.settings.electionMs;
  }

  /** Whether it votes there under the incarnation that this disk holds. */
  holdsVoteIn(configuration: Configuration): boolean {
    const seat = seatOf(configuration, this.id);
    return seat?.kind === "voter" && seat.incarnation === this.incarnation;
  }

  drawTimeout(): number {
    return randomBetween(this.rng, this.settings.electionMs, 2 * this.settings.electionMs);
  }

  /** Starts waiting anew, with a fresh random timeout. */
  resetElectionTimer(): void {
    this.timerStartMs = this.nowMs;
    this.electionTimeoutMs = this.drawTimeout();
    this.hurryAtMs = null;
  }

  /**
   * Sends what promises nothing. Still never ahead of the term it speaks of, or the incarnation
   * it speaks under, reaching the disk.
   */
  send(message: RaftMessage): void {
    const { term, incarnation } = this.flushedHardState;
    if (term === this.term && incarnation === this.incarnation) this.outbox.push(message);
    else this.durableOutbox.push(message);
  }

  /** Sends what promises that the log and the vote as they are now survive a crash. */
  sendDurable(message: RaftMessage): void {
    if (this.faults.ackBeforePersist) this.outbox.push(message);
    else this.durableOutbox.push(message);
  }

  /** Notes a message that breaks the rules; the caller takes nothing of it. */
  raiseAlarm(code: RaftAlarm["code"], member: MemberId, detail: string): void {
    this.alarm ??= { code, member, detail };
  }

  appendToLog(entries: readonly LogEntry[]): void {
    this.log.append(entries);
    this.configurations.append(entries);
  }
}
