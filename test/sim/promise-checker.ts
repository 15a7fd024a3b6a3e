/**
 * What a member has promised to others, and whether it still stands by it after a restart: its
 * term, its vote, and the entries it said were on its disk. It reads the frames that leave.
 */
import { decodePeerMessage } from "../../shared/protocol/messages.ts";
import { FRAME_TYPE } from "../../shared/protocol/fields.ts";
import type { MemberId } from "../../shared/base/ids.ts";
import type { RaftMessage, RaftStatus } from "../../shared/raft/types.ts";
import { uphold } from "./violation.ts";

type Promised = {
  term: number;
  /** Whom it voted for in that term; null when nobody heard of a vote. */
  votedFor: MemberId | null;
  /** The highest index it called stored to a leader of that term. */
  storedIndex: number;
};

const PROMISING_FRAMES: readonly number[] = [
  FRAME_TYPE["vote-request"],
  FRAME_TYPE["vote-reply"],
  FRAME_TYPE["append-ack"],
];

/** The promises of all members of a world. */
export class PromiseChecker {
  readonly #promised = new Map<MemberId, Promised>();

  /** A frame leaves a member. */
  sent(from: MemberId, to: MemberId, frame: Uint8Array): void {
    if (!PROMISING_FRAMES.includes(frame[0] ?? -1)) return;
    const decoded = decodePeerMessage(frame, { from, to });
    if (!decoded.ok || decoded.value.type !== "raft") return;
    this.#note(from, decoded.value.message);
  }

  /** A member has started again and knows what its disk knew. */
  booted(status: RaftStatus): void {
    const promised = this.#promised.get(status.id);
    if (promised === undefined) return;
    const { term, votedFor, storedIndex } = promised;
    uphold(status.term >= term, "promises-survive-restarts", () => {
      return `${status.id} starts in term ${status.term}; it had spoken in term ${term}`;
    });
    if (status.term > term) return;
    uphold(votedFor === null || votedFor === status.votedFor, "promises-survive-restarts", () => {
      return `${status.id} voted for ${String(votedFor)} in ${term}, now ${String(status.votedFor)}`;
    });
    uphold(status.lastIndex >= storedIndex, "promises-survive-restarts", () => {
      return `${status.id} said it had stored ${storedIndex}, and has ${status.lastIndex}`;
    });
  }

  #note(from: MemberId, message: RaftMessage): void {
    switch (message.type) {
      case "vote-request":
        if (!message.preVote) this.#of(from, message.term).votedFor = from;
        return;
      case "vote-reply":
        if (message.granted && !message.preVote) {
          this.#of(from, message.term).votedFor = message.to;
        }
        return;
      case "append-ack":
        if (message.accepted) {
          const promised = this.#of(from, message.term);
          promised.storedIndex = Math.max(promised.storedIndex, message.matchIndex);
        }
        return;
      default:
    }
  }

  /** The promises of a term; a newer term makes those of older ones void. */
  #of(member: MemberId, term: number): Promised {
    const known = this.#promised.get(member);
    if (known !== undefined && known.term >= term) return known;
    const fresh: Promised = { term, votedFor: null, storedIndex: 0 };
    this.#promised.set(member, fresh);
    return fresh;
  }
}
