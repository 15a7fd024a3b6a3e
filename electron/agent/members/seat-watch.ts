/**
 * Looks at what the others say against what they are known to have promised (`peer-memory.ts`),
 * keeps what does not count away from the consensus core, and tells whoever lost something.
 *
 * Only a member's first hello of each process start is compared: a later connection of the same
 * process may carry a hello that was written before what an earlier one already acknowledged.
 */
import type { DoubtEvent } from "../../../shared/api/methods.ts";
import { logIndex } from "../../../shared/base/ids.ts";
import type { LogIndex, MemberId } from "../../../shared/base/ids.ts";
import type { SeatReason } from "../../../shared/cluster/status.ts";
import type { BarredMessage } from "../../../shared/protocol/barred.ts";
import type { HelloMessage } from "../../../shared/protocol/hello.ts";
import { seatOf } from "../../../shared/raft/configuration.ts";
import type { Configuration, RaftMessage, RaftStatus } from "../../../shared/raft/types.ts";
import type { Clock, Logger } from "../ports.ts";
import { barOfOldSeat } from "./peer-memory.ts";
import type { Bar, PeerMemory } from "./peer-memory.ts";

type SeatWatchOptions = {
  readonly self: MemberId;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly memory: PeerMemory;
  readonly raftStatus: () => RaftStatus;
  /** The configuration in force at an index. */
  readonly configurationAt: (index: LogIndex) => Configuration;
  readonly nameOf: (member: MemberId) => string;
  readonly send: (to: MemberId, message: BarredMessage) => void;
  readonly onEvent: (event: DoubtEvent) => void;
};

/** What the leader tells of how much a member is known to have stored. */
export type StoredRow = {
  readonly id: MemberId;
  readonly incarnation: number;
  readonly stored: number;
};

/**
 * For so many seconds what the leader tells is not counted yet. A member that was just started
 * may have stored more at the leader's word while its hello to this one, written before, is still
 * on its way or waits for the link of its former start to end; it would be found short of what it
 * did not claim. Counted in looks, not by the clock: after a sleep the hello is read first.
 */
const LOOKS_BEFORE_COUNTED = 10;
/** A member that answers as if it were believed is told again, but not at each answer. */
const TELL_SPACING_MS = 1_000;

/** The doubting part of a member. */
export class SeatWatch {
  readonly #options: SeatWatchOptions;
  /** Process starts whose first hello was compared. */
  readonly #compared = new Map<MemberId, string>();
  /** What each member last said it holds. */
  readonly #held = new Map<MemberId, HelloMessage["incarnation"]>();
  /** What people were told of each. */
  readonly #told = new Map<MemberId, string>();
  /** When each was told itself, monotonic. */
  readonly #toldAtMs = new Map<MemberId, number>();
  /** What the leader told, oldest first, not counted yet. */
  readonly #uncounted: (readonly StoredRow[])[] = [];

  constructor(options: SeatWatchOptions) {
    this.#options = options;
  }

  /** A member can be talked to. @returns the bar of one that is not believed. */
  onHello(peer: MemberId, hello: HelloMessage): Bar | null {
    this.#held.set(peer, hello.incarnation);
    const isCompared = this.#compared.get(peer) === hello.bootId;
    this.#compared.set(peer, hello.bootId);
    // Its earlier process may have stored more since the last look, a second ago.
    if (!isCompared) this.#noteStored([]);
    const bar = isCompared
      ? this.#standingBar(peer, hello.incarnation)
      : this.#options.memory.judge(peer, hello, this.#seatIncarnation(peer));
    if (bar !== null) this.#bar(peer, bar);
    return bar;
  }

  /** Another computer runs with a member's key. */
  onDuplicate(peer: MemberId): void {
    const name = this.#options.nameOf(peer);
    const sentence = `A copy of ${name}'s data folder was started on another computer. It was refused.`;
    this.#say(peer, "copy", sentence);
  }

  /** Whether the core may hear it. */
  onRaft(message: RaftMessage): boolean {
    const { from } = message;
    if ("incarnation" in message) {
      const stated = message.incarnation;
      // Its seat may have been given anew since it said hello, in an entry it never got.
      const bar =
        this.#standingBar(from, stated) ?? barOfOldSeat(stated, this.#seatIncarnation(from));
      if (bar !== null) {
        // It goes on as if it had not heard: what it was told went down with a connection.
        this.#tellAgain(from, bar);
        return false;
      }
      this.#held.set(from, message.incarnation);
      this.#noteAnswer(message);
      return true;
    }
    // What it asks for as a candidate rests on its own vote and its own log.
    if (message.type === "vote-request") {
      const bar = this.#standingBar(from, this.#held.get(from) ?? "unstated");
      if (bar !== null) this.#tell(from, bar);
      else if (!message.preVote) this.#noteTerm(message);
      return bar === null;
    }
    this.#noteTerm(message);
    return true;
  }

  /** Once a second: what the members surely hold, as far as this one knows. */
  note(rows: readonly StoredRow[]): void {
    for (const { id, incarnation } of this.#committed().seats) {
      this.#options.memory.seated(id, incarnation);
    }
    this.#uncounted.push(rows);
    const isDue = this.#uncounted.length > LOOKS_BEFORE_COUNTED;
    this.#noteStored(isDue ? (this.#uncounted.shift() ?? []) : []);
  }

  /** @param told What the leader told; as leader, this one knows it by itself. */
  #noteStored(told: readonly StoredRow[]): void {
    const { memory, raftStatus } = this.#options;
    const { progress, commitIndex } = raftStatus();
    const stored = progress.map(({ id, incarnation, matchIndex }) => {
      return { id, incarnation, stored: matchIndex };
    });
    for (const row of [...stored, ...told]) {
      if (row.stored === 0 || row.incarnation !== this.#seatIncarnation(row.id)) continue;
      const index = logIndex(Math.min(row.stored, commitIndex));
      memory.saw(row.id, { incarnation: row.incarnation, index });
    }
  }

  #noteAnswer(message: RaftMessage & { readonly incarnation: HelloMessage["incarnation"] }): void {
    const incarnation = this.#stated(message.from, message.incarnation);
    if (incarnation === null) return;
    const { term } = message;
    if (message.type !== "vote-reply") {
      this.#options.memory.saw(message.from, { incarnation, term });
      return;
    }
    // A pre-vote speaks of a term in which nobody is yet.
    if (message.preVote && message.granted) return;
    const vote = message.granted ? { votedTerm: term } : {};
    this.#options.memory.saw(message.from, { incarnation, term, ...vote });
  }

  #noteTerm({ from, term }: RaftMessage): void {
    const incarnation = this.#stated(from, this.#held.get(from) ?? null);
    if (incarnation !== null) this.#options.memory.saw(from, { incarnation, term });
  }

  /** A member of protocol version 1 speaks for whatever seat it has. */
  #stated(member: MemberId, stated: HelloMessage["incarnation"]): number | null {
    return stated === "unstated" ? this.#seatIncarnation(member) : stated;
  }

  #standingBar(peer: MemberId, stated: HelloMessage["incarnation"]): Bar | null {
    const { memory } = this.#options;
    return memory.isBelieved(peer, stated) ? null : memory.barOf(peer);
  }

  #bar(peer: MemberId, bar: Bar): void {
    this.#tell(peer, bar);
    const key = `${bar.incarnation} ${bar.reason}`;
    if (this.#told.get(peer) === key) return;
    this.#told.set(peer, key);
    const name = this.#options.nameOf(peer);
    const sentence = `${name} is not believed: ${bar.detail}. It waits for a new seat.`;
    this.#say(peer, bar.reason, sentence);
  }

  /** As an answer to what comes many times a second. */
  #tellAgain(peer: MemberId, bar: Bar): void {
    const toldAtMs = this.#toldAtMs.get(peer) ?? -Infinity;
    if (this.#options.clock.nowMs() - toldAtMs >= TELL_SPACING_MS) this.#tell(peer, bar);
  }

  #tell(peer: MemberId, { incarnation, reason, detail }: Bar): void {
    this.#toldAtMs.set(peer, this.#options.clock.nowMs());
    this.#options.send(peer, { type: "barred", incarnation, reason, detail });
  }

  #say(member: MemberId, reason: SeatReason, sentence: string): void {
    const { clock, logger, onEvent } = this.#options;
    logger.warn("seat-doubted", { member, reason, sentence });
    const at = new Date(clock.wallMs()).toISOString();
    onEvent({ type: "doubt", member, reason, at, sentence });
  }

  #committed(): Configuration {
    return this.#options.configurationAt(this.#options.raftStatus().commitIndex);
  }

  #seatIncarnation(member: MemberId): number | null {
    return seatOf(this.#committed(), member)?.incarnation ?? null;
  }
}
