/**
 * What a member has promised to others, and whether it still stands by it after a restart: its
 * term, its vote, and the entries it said were on its disk. It reads the frames that leave, and
 * what of the hard state would survive a power loss at that moment (I1, I8, I9).
 */
import { decodePeerMessage } from "../../shared/protocol/messages.ts";
import { PROTOCOL_VERSION_MIN } from "../../shared/protocol/version.ts";
import { FRAME_TYPE } from "../../shared/protocol/fields.ts";
import type { MemberId } from "../../shared/base/ids.ts";
import type { HardState, RaftMessage, RaftStatus } from "../../shared/raft/types.ts";
import { uphold } from "./violation.ts";

type Promised = {
  term: number;
  /** The highest index it called stored to a leader of that term. */
  storedIndex: number;
};

/** What of a member's term and vote is safe from a power loss; null when nothing is. */
export type StoredVoteOf = (member: MemberId) => Pick<HardState, "term" | "votedFor"> | null;

const PROMISING_FRAMES: readonly number[] = [
  FRAME_TYPE["vote-request"],
  FRAME_TYPE["vote-reply"],
  FRAME_TYPE["append-ack"],
];

/** The promises of all members of a world. */
export class PromiseChecker {
  readonly #storedVoteOf: StoredVoteOf;
  readonly #promised = new Map<MemberId, Promised>();
  /** Votes up to this term were on a disk that was hurt. */
  readonly #excusedTerm = new Map<MemberId, number>();
  /** Members of whose folders a copy runs: what is said in their name may be the copy's. */
  readonly #copied = new Set<MemberId>();
  /** By term: who voted for whom. */
  readonly #votes = new Map<number, Map<MemberId, MemberId>>();

  constructor(storedVoteOf: StoredVoteOf) {
    this.#storedVoteOf = storedVoteOf;
  }

  /** A frame leaves a member. */
  sent(from: MemberId, to: MemberId, frame: Uint8Array): void {
    if (!PROMISING_FRAMES.includes(frame[0] ?? -1)) return;
    // What is looked at here stands in these frames since the first version.
    const decoded = decodePeerMessage(frame, { from, to }, PROTOCOL_VERSION_MIN);
    if (!decoded.ok || decoded.value.type !== "raft") return;
    this.#note(from, decoded.value.message);
  }

  /** A member has started again and knows what its disk knew. */
  booted(status: RaftStatus): void {
    const promised = this.#promised.get(status.id);
    if (promised === undefined || this.#copied.has(status.id)) return;
    const { term, storedIndex } = promised;
    uphold(status.term >= term, "promises-survive-restarts", () => {
      return `${status.id} starts in term ${status.term}; it had spoken in term ${term}`;
    });
    if (status.term > term) return;
    const isExcused = term <= (this.#excusedTerm.get(status.id) ?? -1);
    const votedFor = isExcused ? undefined : this.#votes.get(term)?.get(status.id);
    uphold(
      votedFor === undefined || votedFor === status.votedFor,
      "promises-survive-restarts",
      () => {
        return `${status.id} voted for ${String(votedFor)} in ${term}, now ${String(status.votedFor)}`;
      },
    );
    uphold(status.lastIndex >= storedIndex, "promises-survive-restarts", () => {
      return `${status.id} said it had stored ${storedIndex}, and has ${status.lastIndex}`;
    });
  }

  /**
   * Something was taken from a member's disk: at its next start less may be there than it
   * promised. It may not vote again in a term all the same.
   *
   * @returns the highest index that it had called stored.
   */
  wounded(member: MemberId): number {
    const { term, storedIndex } = this.#promised.get(member) ?? { term: 0, storedIndex: 0 };
    this.#promised.delete(member);
    this.#excusedTerm.set(member, term);
    return storedIndex;
  }

  /** From now on a copy of a member's folder runs, or no more. */
  copied(member: MemberId, isRunning: boolean): void {
    if (isRunning) this.#copied.add(member);
    else this.#copied.delete(member);
  }

  /** Whether a member's term would survive a power loss now. */
  isTermStored(member: MemberId, term: number): boolean {
    return (this.#storedVoteOf(member)?.term ?? 0) >= term;
  }

  /** Who said that they voted for this candidate. */
  votersFor(candidate: MemberId, term: number): readonly MemberId[] {
    const votes = [...(this.#votes.get(term) ?? [])];
    return votes.flatMap(([voter, votedFor]) => (votedFor === candidate ? [voter] : []));
  }

  #note(from: MemberId, message: RaftMessage): void {
    switch (message.type) {
      case "vote-request":
        if (!message.preVote) this.#voted(from, from, message.term);
        return;
      case "vote-reply":
        if (message.granted && !message.preVote) this.#voted(from, message.to, message.term);
        return;
      case "append-ack":
        if (message.accepted) {
          const promised = this.#of(from, message.term);
          if (promised.term > message.term) return;
          promised.storedIndex = Math.max(promised.storedIndex, message.matchIndex);
        }
        return;
      default:
    }
  }

  #voted(voter: MemberId, candidate: MemberId, term: number): void {
    this.#of(voter, term);
    const votes = this.#votes.get(term) ?? new Map<MemberId, MemberId>();
    const before = votes.get(voter) ?? candidate;
    uphold(before === candidate, "one-vote-per-term", () => {
      return `${voter} voted for ${before} and for ${candidate} in term ${term}`;
    });
    this.#votes.set(term, votes.set(voter, candidate));
    const stored = this.#storedVoteOf(voter);
    const isSafe =
      stored !== null &&
      (stored.term > term || (stored.term === term && stored.votedFor === candidate));
    uphold(isSafe, "votes-are-stored-before-they-leave", () => {
      return `${voter} votes for ${candidate} in ${term}; its disk has ${JSON.stringify(stored)}`;
    });
  }

  /** The promises of a term; a newer term makes those of older ones void. */
  #of(member: MemberId, term: number): Promised {
    const known = this.#promised.get(member);
    if (known !== undefined && known.term >= term) return known;
    const fresh: Promised = { term, storedIndex: 0 };
    this.#promised.set(member, fresh);
    return fresh;
  }
}
