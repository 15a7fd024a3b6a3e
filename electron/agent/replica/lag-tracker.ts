/**
 * Who is how far, as far as this member can know.
 *
 * The leader sends a beat with its commit position to everybody and hears back what each member
 * has received, flushed and applied. A follower judges its own lag from the beats it hears. Both
 * use their own monotonic clock only, so wrong wall clocks change nothing. What was not heard
 * is never guessed: it stays "as of" the last word.
 */
import { logIndex } from "../../../shared/base/ids.ts";
import type { LogIndex, MemberId } from "../../../shared/base/ids.ts";
import { CommitTimes } from "../../../shared/cluster/lag.ts";
import type { AsOf, Lag } from "../../../shared/cluster/status.ts";
import type { BeatAckMessage, BeatMessage } from "../../../shared/protocol/beat.ts";
import type { RaftStatus, Seat } from "../../../shared/raft/types.ts";
import type { Clock } from "../ports.ts";
import type { Applier } from "./applier.ts";

/** What another member last said of itself. */
export type MemberStages = {
  readonly received: LogIndex;
  readonly flushed: LogIndex;
  readonly applied: LogIndex;
  readonly heardAtMs: number;
  readonly heardWallMs: number;
  /** Of the newest snapshot it could serve to others; 0 when it has none. */
  readonly snapshotIndex: LogIndex;
  readonly roundTripMs: number;
};

/** The last word from the leader. */
type LeaderWord = {
  readonly leader: MemberId;
  readonly commitIndex: LogIndex;
  readonly heardAtMs: number;
  readonly heardWallMs: number;
};

type LagTrackerOptions = {
  readonly clock: Clock;
  readonly applier: Applier;
  readonly raftStatus: () => RaftStatus;
  /** Bytes of the log after an index. */
  readonly bytesAfter: (index: LogIndex) => number;
  /** Where the newest snapshot that this member could serve stands; 0 when it has none. */
  readonly snapshotIndex: () => LogIndex;
  /** Silence of the leader longer than this is told as "unreachable". */
  readonly silenceMs: number;
  /** Two members hold different data at one index. */
  readonly onMismatch: (member: MemberId, index: LogIndex) => void;
};

/** Stages of all members, and this member's own lag. */
export class LagTracker {
  readonly #options: LagTrackerOptions;
  readonly #commitTimes = new CommitTimes();
  readonly #stages = new Map<MemberId, MemberStages>();
  /** Of the seats that `#stages` tells about. */
  #incarnations: ReadonlyMap<MemberId, number> = new Map();
  #word: LeaderWord | null = null;
  #wasLeader = false;
  #term = 0;

  constructor(options: LagTrackerOptions) {
    this.#options = options;
  }

  /** The commit index here may have moved; the leader's own is the truth for everybody's lag. */
  noteOwnCommit(status: RaftStatus): void {
    const isLeader = status.role === "leader";
    if (isLeader !== this.#wasLeader) this.#commitTimes.clear();
    // What was heard as the leader of another term may not be true any more.
    if (isLeader !== this.#wasLeader || status.term !== this.#term) this.#stages.clear();
    this.#wasLeader = isLeader;
    this.#term = status.term;
    if (isLeader) this.#commitTimes.committed(status.commitIndex, this.#options.clock.nowMs());
  }

  /** Seats come and go: one that was given anew has nothing of what it had before. */
  noteSeats(seats: readonly Seat[]): void {
    const incarnations = new Map(seats.map(({ id, incarnation }) => [id, incarnation]));
    for (const id of [...this.#stages.keys()]) {
      if (incarnations.get(id) !== this.#incarnations.get(id)) this.#stages.delete(id);
    }
    this.#incarnations = incarnations;
  }

  /** The beat this leader sends now. */
  beat(): BeatMessage {
    const { clock, applier, raftStatus } = this.#options;
    const status = raftStatus();
    const { applied, checksum } = applier.position;
    return {
      type: "beat",
      sentAtMs: clock.nowMs(),
      wallMs: clock.wallMs(),
      commit: { term: status.term, index: status.commitIndex },
      logBytes: this.#options.bytesAfter(logIndex(0)),
      checksum: { index: applied.index, value: checksum },
    };
  }

  /** A word from a leader. @returns the answer, or null when it is not the one followed here. */
  onBeat(from: MemberId, beat: BeatMessage): BeatAckMessage | null {
    const { clock, applier, raftStatus } = this.#options;
    const status = raftStatus();
    if (status.leader !== from) return null;
    if (this.#word?.leader !== from) this.#commitTimes.clear();
    const heardAtMs = clock.nowMs();
    this.#word = {
      leader: from,
      commitIndex: beat.commit.index,
      heardAtMs,
      heardWallMs: clock.wallMs(),
    };
    this.#commitTimes.committed(beat.commit.index, heardAtMs);
    this.#compare(from, beat.checksum);
    const { applied, checksum } = applier.position;
    return {
      type: "beat-ack",
      echoSentAtMs: beat.sentAtMs,
      received: status.lastIndex,
      flushed: status.flushedIndex,
      applied: applied.index,
      checksum: { index: applied.index, value: checksum },
      snapshotIndex: this.#options.snapshotIndex(),
    };
  }

  /** A member's answer to this leader's beat. */
  onBeatAck(from: MemberId, ack: BeatAckMessage): void {
    const nowMs = this.#options.clock.nowMs();
    this.#stages.set(from, {
      received: ack.received,
      flushed: ack.flushed,
      applied: ack.applied,
      snapshotIndex: ack.snapshotIndex,
      heardAtMs: nowMs,
      heardWallMs: this.#options.clock.wallMs(),
      roundTripMs: Math.max(0, nowMs - ack.echoSentAtMs),
    });
    this.#compare(from, ack.checksum);
  }

  /** What a member last said; null when it was not heard since this member leads. */
  stagesOf(member: MemberId): MemberStages | null {
    return this.#stages.get(member) ?? null;
  }

  /** The leader's view of a member's lag in ms; null when it was never heard. */
  memberLagMs(member: MemberId): number | null {
    const stages = this.#stages.get(member);
    if (stages === undefined) return null;
    const nowMs = this.#options.clock.nowMs();
    const silentMs = nowMs - stages.heardAtMs;
    const behindMs = this.#commitTimes.lagMs(stages.applied, nowMs);
    return silentMs > this.#options.silenceMs ? Math.max(silentMs, behindMs) : behindMs;
  }

  /** When the leader was last heard by this follower, monotonic; null when never. */
  get leaderHeardAtMs(): number | null {
    return this.#word?.heardAtMs ?? null;
  }

  /** This member's own lag. */
  lag(): Lag {
    const { clock, applier, raftStatus, bytesAfter } = this.#options;
    const nowMs = clock.nowMs();
    const status = raftStatus();
    if (status.role === "leader") {
      const entries = status.commitIndex - applier.position.applied.index;
      return { entries, bytes: 0, ms: 0, asOf: toIso(clock.wallMs()), leaderReachable: true };
    }
    const applied = applier.position.applied.index;
    const word = this.#word;
    if (word === null) {
      const entries = Math.max(0, status.commitIndex - applied);
      return { entries, bytes: 0, ms: null, asOf: null, leaderReachable: false };
    }
    const silentMs = nowMs - word.heardAtMs;
    const leaderReachable = status.leader !== null && silentMs <= this.#options.silenceMs;
    const behindMs = this.#commitTimes.lagMs(applied, nowMs);
    const entries = Math.max(0, word.commitIndex - applied);
    return {
      entries,
      bytes: entries === 0 ? 0 : bytesAfter(applied),
      ms: leaderReachable ? behindMs : Math.max(silentMs, behindMs),
      asOf: toIso(word.heardWallMs),
      leaderReachable,
    };
  }

  /**
   * About how old what is read here may be, ms, to tell people; null when no leader was ever heard.
   * No bound: a leader that slept does not know yet that it was replaced. Bounded reads are decided
   * by a quorum round (`reader.ts`).
   */
  stalenessMs(): number | null {
    const { clock, applier, raftStatus, silenceMs } = this.#options;
    if (raftStatus().role === "leader") return silenceMs;
    if (this.#word === null) return null;
    const nowMs = clock.nowMs();
    const behindMs = this.#commitTimes.lagMs(applier.position.applied.index, nowMs);
    return Math.max(nowMs - this.#word.heardAtMs, behindMs) + silenceMs;
  }

  /** The label of a result read now. */
  asOf(): AsOf {
    const lag = this.lag();
    const { applied } = this.#options.applier.position;
    const { clock } = this.#options;
    // Behind: newest when the next entry was not committed yet. Caught up: at the last word.
    const at =
      lag.entries === 0 || lag.ms === null ? lag.asOf : toIso(clock.wallMs() - Math.max(0, lag.ms));
    return {
      term: applied.term,
      index: applied.index,
      at,
      lagMs: lag.ms,
      lagEntries: lag.entries,
      leaderReachable: lag.leaderReachable,
    };
  }

  #compare(member: MemberId, theirs: { readonly index: LogIndex; readonly value: string }): void {
    const ours = this.#options.applier.checksumAt(theirs.index);
    if (ours !== null && theirs.value !== "" && ours !== "" && ours !== theirs.value) {
      this.#options.onMismatch(member, theirs.index);
    }
  }
}

function toIso(wallMs: number): string {
  return new Date(wallMs).toISOString();
}
