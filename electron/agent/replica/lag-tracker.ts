/**
 * Who is how far, as far as this member can know.
 *
 * The leader sends a beat with its commit position to everybody and hears back what each member
 * has received, flushed and applied. A follower judges its own lag from the beats it hears. Both
 * use their own monotonic clock only, so wrong wall clocks change nothing. What was not heard
 * is never guessed: it stays "as of" the last word.
 */
import { logIndex } from "../../../shared/base/ids.ts";
import type { LogIndex, MemberId, Term } from "../../../shared/base/ids.ts";
import { CommitTimes } from "../../../shared/cluster/lag.ts";
import type { AsOf, Lag } from "../../../shared/cluster/status.ts";
import type { BeatAckMessage, BeatMessage } from "../../../shared/protocol/beat.ts";
import { votersOf } from "../../../shared/raft/configuration.ts";
import { majorityOf, reachedBy } from "../../../shared/raft/quorum.ts";
import type { RaftStatus, Seat } from "../../../shared/raft/types.ts";
import type { Clock } from "../ports.ts";
import type { Applier } from "./applier.ts";
import { LeaderWords } from "./leader-words.ts";

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
  /** The stamp of the beat that it answered. */
  readonly answeredMs: number;
  /** Its own clock when it said so; null from a version that does not say. */
  readonly stampMs: number | null;
};

type LagTrackerOptions = {
  readonly clock: Clock;
  readonly applier: Applier;
  readonly raftStatus: () => RaftStatus;
  /** Of the entry that the log holds at an index; null when it holds none. */
  readonly termAt: (index: LogIndex) => Term | null;
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
  readonly #words: LeaderWords;
  #wasLeader = false;
  /** The last entry when it last began or ended to lead. */
  #beganWith = logIndex(0);
  #term = 0;

  constructor(options: LagTrackerOptions) {
    this.#options = options;
    this.#words = new LeaderWords(options.clock);
  }

  /** The commit index here may have moved; the leader's own is the truth for everybody's lag. */
  noteOwnCommit(status: RaftStatus): void {
    const isLeader = status.role === "leader";
    if (this.#wasLeader && !isLeader) this.#noteLed(status);
    const isOther = isLeader !== this.#wasLeader || (isLeader && status.term !== this.#term);
    if (isOther) {
      this.#commitTimes.clear(status.lastIndex);
      this.#beganWith = status.lastIndex;
    }
    // What was heard as the leader of another term may not be true any more.
    if (isLeader !== this.#wasLeader || status.term !== this.#term) this.#stages.clear();
    this.#wasLeader = isLeader;
    this.#term = status.term;
    const { clock } = this.#options;
    const now = { nowMs: clock.nowMs(), wallMs: clock.wallMs() };
    if (isLeader) this.#commitTimes.committed(status.commitIndex, now);
  }

  /** Its data is as new as the newest of its beats that a majority has answered. */
  #noteLed({ id, configuration, commitIndex }: RaftStatus): void {
    const voters = votersOf(configuration);
    const answered = voters.map((voter) =>
      voter === id ? Infinity : (this.#stages.get(voter)?.answeredMs ?? -Infinity),
    );
    this.#words.led(commitIndex, this.#beganWith, reachedBy(answered, majorityOf(voters.length)));
  }

  /** Seats come and go: one that was given anew has nothing of what it had before. */
  noteSeats(seats: readonly Seat[]): void {
    const incarnations = new Map(seats.map(({ id, incarnation }) => [id, incarnation]));
    for (const id of [...this.#stages.keys()]) {
      if (incarnations.get(id) !== this.#incarnations.get(id)) this.#stages.delete(id);
    }
    this.#incarnations = incarnations;
  }

  /** The beat this leader sends a member now. */
  beat(to: MemberId): BeatMessage {
    const { clock, applier, raftStatus, termAt } = this.#options;
    const status = raftStatus();
    const { applied, checksum } = applier.position;
    // Until an entry of its own term is committed it does not know all that its predecessors committed (§6.4).
    const knowsAll = termAt(status.commitIndex) === status.term;
    return {
      type: "beat",
      sentAtMs: this.#words.stamp(),
      wallMs: clock.wallMs(),
      commit: { term: status.term, index: status.commitIndex },
      logBytes: this.#options.bytesAfter(logIndex(0)),
      checksum: { index: applied.index, value: checksum },
      answersMs: knowsAll ? (this.#stages.get(to)?.stampMs ?? null) : null,
    };
  }

  /** A word from a leader. @returns the answer, or null when it is not the one followed here. */
  onBeat(from: MemberId, beat: BeatMessage): BeatAckMessage | null {
    const { applier, raftStatus } = this.#options;
    const status = raftStatus();
    if (status.leader !== from) return null;
    this.#words.heard(beat.commit.index, beat.answersMs);
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
      stampMs: this.#words.stamp(),
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
      stampMs: ack.stampMs,
      answeredMs: ack.echoSentAtMs,
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
    if (behindMs === null) return null;
    return silentMs > this.#options.silenceMs ? Math.max(silentMs, behindMs) : behindMs;
  }

  /** This member's own lag. */
  lag(): Lag {
    const { clock, applier, raftStatus, bytesAfter } = this.#options;
    const status = raftStatus();
    const applied = applier.position.applied.index;
    const isLeader = status.role === "leader";
    const ownMs =
      isLeader && this.#wasLeader ? this.#commitTimes.lagMs(applied, clock.nowMs()) : null;
    if (ownMs !== null) {
      const asOf = toIso(this.#commitTimes.behindSinceWallMs(applied) ?? clock.wallMs());
      const entries = Math.max(0, status.commitIndex - applied);
      const bytes = entries === 0 ? 0 : bytesAfter(applied);
      return { entries, bytes, ms: ownMs, asOf, leaderReachable: true };
    }
    // A leader that has not applied all that it began with may lack what its predecessor told as done: so far it is
    // as new as the follower that it was.
    const words = this.#words;
    const entries = Math.max(0, (words.commitIndex ?? status.commitIndex) - applied);
    const bytes = entries === 0 || words.commitIndex === null ? 0 : bytesAfter(applied);
    const asOf = words.asOf(applied);
    const { newest } = words;
    // Nothing was answered yet, just after the start: that a word came says at least that there is a leader.
    const heard = newest ?? words.arrival;
    const isHeard = heard !== null && words.ageMs(heard) <= this.#options.silenceMs;
    const leaderReachable = isLeader || (status.leader !== null && isHeard);
    if (newest === null) return { entries, bytes, ms: null, asOf: null, leaderReachable };
    const isCurrent = !isLeader && entries === 0 && leaderReachable;
    const ms = isCurrent ? 0 : asOf === null ? null : words.ageMs(asOf);
    const asOfText = asOf === null ? null : toIso(asOf.wallMs);
    return { entries, bytes, ms, asOf: asOfText, leaderReachable };
  }

  /**
   * About how old what is read here may be, ms, to tell people; null when no leader was ever heard.
   * No bound: a leader that slept does not know yet that it was replaced. Bounded reads are decided
   * by a quorum round (`reader.ts`).
   */
  stalenessMs(): number | null {
    const { applier, raftStatus, silenceMs } = this.#options;
    if (raftStatus().role === "leader") return silenceMs;
    const asOf = this.#words.asOf(applier.position.applied.index);
    return asOf === null ? null : this.#words.ageMs(asOf) + silenceMs;
  }

  /** The label of a result read now. */
  asOf(): AsOf {
    const lag = this.lag();
    const { applied } = this.#options.applier.position;
    return {
      term: applied.term,
      index: applied.index,
      at: lag.asOf,
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
