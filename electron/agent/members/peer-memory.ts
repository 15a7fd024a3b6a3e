/**
 * What this member knows the others to have promised, kept in `peers.json`.
 *
 * A data folder that was restored from an older copy looks healthy to its own member: only the
 * others can tell that it promised more than it holds. So each member remembers of every other
 * one, per incarnation of its seat, the highest term it was seen in, the highest index that it
 * must hold for ever, and the last term in which it voted for this member. One that comes back
 * with less is barred: nothing it says under that incarnation counts here any more.
 *
 * It decides nothing about what happens then, and knows nothing of connections. Raft's safety
 * never rests on it: a memory that is lost or late only finds less.
 */
import { memberId } from "../../../shared/base/ids.ts";
import type { LogIndex, MemberId, Term } from "../../../shared/base/ids.ts";
import type { BarredReason } from "../../../shared/protocol/barred.ts";
import type { StatedIncarnation } from "../../../shared/raft/types.ts";
import type { Clock, Timer } from "../ports.ts";

/** A member that lost what it had promised under this incarnation. */
export type Bar = {
  readonly incarnation: number;
  readonly reason: BarredReason;
  /** One sentence, for the other side to show. */
  readonly detail: string;
};

/** What a member says of itself at hello. */
export type Claim = {
  readonly incarnation: StatedIncarnation;
  readonly term: number;
  readonly lastIndex: number;
  /** Not known of a member of protocol version 1. */
  readonly votedFor: MemberId | null | "unstated";
};

/** Something a member was seen to promise. What is left out was not seen. */
export type Sighted = {
  readonly incarnation: number;
  readonly term?: Term;
  readonly index?: LogIndex;
  /** It voted for this member in this term. */
  readonly votedTerm?: Term;
};

type Memory = {
  incarnation: number;
  term: number;
  index: number;
  votedTerm: number;
  bar: Bar | null;
};

/** Bugs that can be planted; tests only. */
export type SeatFaults = {
  /** Nothing is remembered of what the others promised. */
  readonly forgetPeers?: boolean;
};

type PeerMemoryOptions = {
  readonly self: MemberId;
  readonly clock: Clock;
  /** The content of `peers.json`; what cannot be read in it is left out. */
  readonly saved: unknown;
  /** Called at most once a second. @returns whether it was stored; if not, it is tried again. */
  readonly save: (json: unknown) => Promise<boolean>;
  readonly faults?: SeatFaults | undefined;
};

/** Losing a second of it only finds less; more writes would cost every commit a disk sync. */
const SAVE_SPACING_MS = 1_000;
const FORMAT = 1;
const REASONS: readonly BarredReason[] = [
  "older-term",
  "missing-entries",
  "forgotten-vote",
  "superseded",
];

/** One memory per member. */
export class PeerMemory {
  readonly #options: PeerMemoryOptions;
  readonly #members: Map<MemberId, Memory>;
  #timer: Timer | null = null;
  #saving: Promise<void> = Promise.resolve();
  #isChanged = false;
  #isClosed = false;

  constructor(options: PeerMemoryOptions) {
    this.#options = options;
    this.#members = parseSaved(options.saved);
  }

  /** A member was seen to promise something under an incarnation. */
  saw(member: MemberId, sighted: Sighted): void {
    if (member === this.#options.self || this.#options.faults?.forgetPeers === true) return;
    const memory = this.#memoryOf(member, sighted.incarnation);
    if (memory === null) return;
    const { term = 0, index = 0, votedTerm = 0 } = sighted;
    const isNews = term > memory.term || index > memory.index || votedTerm > memory.votedTerm;
    if (!isNews) return;
    memory.term = Math.max(memory.term, term, votedTerm);
    memory.index = Math.max(memory.index, index);
    memory.votedTerm = Math.max(memory.votedTerm, votedTerm);
    this.#changed();
  }

  /**
   * Compares what a member says of itself with what it is known to have promised.
   *
   * @param seatIncarnation Of its seat in the committed configuration; null when it has none.
   * @returns null when it may be believed, and for one that claims nothing.
   */
  judge(member: MemberId, claim: Claim, seatIncarnation: number | null): Bar | null {
    const incarnation = claim.incarnation === "unstated" ? seatIncarnation : claim.incarnation;
    if (incarnation === null) return null;
    const over = barOfOldSeat(incarnation, seatIncarnation);
    if (over !== null) return over;
    const memory = this.#memoryOf(member, incarnation);
    if (memory === null) return superseded(incarnation, this.#members.get(member)?.incarnation);
    memory.bar ??= shortfall(memory, claim, this.#options.self);
    // Nothing is learnt from the claim: a hello may name a term that is not on its disk yet.
    if (memory.bar !== null) this.#changed();
    return memory.bar;
  }

  /** The standing bar of a member; null for one that is believed. */
  barOf(member: MemberId): Bar | null {
    return this.#members.get(member)?.bar ?? null;
  }

  /** Whether an answer given under this incarnation counts here. */
  isBelieved(member: MemberId, stated: StatedIncarnation): boolean {
    const bar = this.barOf(member);
    if (bar === null) return true;
    return stated !== "unstated" && (stated === null || stated > bar.incarnation);
  }

  /** The seat has a newer incarnation: what was promised under older ones is over. */
  seated(member: MemberId, incarnation: number): void {
    const known = this.#members.get(member);
    if (known !== undefined && known.incarnation < incarnation) {
      this.#memoryOf(member, incarnation);
      this.#changed();
    }
  }

  /** Writes what was not written yet; nothing is remembered after it. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#timer?.cancel();
    this.#timer = null;
    await this.#saving;
    if (this.#isChanged) await this.#options.save(this.#toJson());
  }

  /** null for an incarnation that is over. */
  #memoryOf(member: MemberId, incarnation: number): Memory | null {
    const known = this.#members.get(member);
    if (known?.incarnation === incarnation) return known;
    if (known !== undefined && known.incarnation > incarnation) return null;
    const fresh = { incarnation, term: 0, index: 0, votedTerm: 0, bar: null };
    this.#members.set(member, fresh);
    return fresh;
  }

  #changed(): void {
    this.#isChanged = true;
    if (this.#isClosed || this.#timer !== null) return;
    this.#timer = this.#options.clock.after(SAVE_SPACING_MS, () => {
      this.#timer = null;
      this.#saving = this.#saving.then(() => this.#save());
    });
  }

  async #save(): Promise<void> {
    this.#isChanged = false;
    if (!(await this.#options.save(this.#toJson()))) this.#changed();
  }

  #toJson(): unknown {
    return { format: FORMAT, members: Object.fromEntries(this.#members) };
  }
}

/**
 * The bar of what is said for a seat that was given anew since; null for any other.
 *
 * @param seatIncarnation Of the committed configuration; null when there is no seat.
 */
export function barOfOldSeat(
  stated: StatedIncarnation,
  seatIncarnation: number | null,
): Bar | null {
  if (stated === "unstated" || stated === null || seatIncarnation === null) return null;
  return stated < seatIncarnation ? superseded(stated, seatIncarnation) : null;
}

function superseded(incarnation: number, newer: number | undefined): Bar {
  const detail =
    `this computer speaks for seat ${incarnation}, but was given seat ` +
    `${newer ?? "a newer one"} since; an old copy of its data folder is running`;
  return { incarnation, reason: "superseded", detail };
}

/** What is missing of what was promised; null when nothing is. */
function shortfall(memory: Memory, claim: Claim, self: MemberId): Bar | null {
  const { incarnation, term, index, votedTerm } = memory;
  const bar = (reason: BarredReason, detail: string): Bar => ({ incarnation, reason, detail });
  if (claim.lastIndex < index) {
    const detail =
      `it had stored changes up to ${index} and now has them up to ${claim.lastIndex} only: ` +
      `its data folder is older than it should be`;
    return bar("missing-entries", detail);
  }
  if (claim.term < term) {
    const detail =
      `it had been in term ${term} and is back in term ${claim.term}: ` +
      `its data folder is older than it should be`;
    return bar("older-term", detail);
  }
  const hasForgotten =
    votedTerm > 0 &&
    claim.term === votedTerm &&
    claim.votedFor !== "unstated" &&
    claim.votedFor !== self;
  if (!hasForgotten) return null;
  return bar("forgotten-vote", `it voted in term ${term} and has forgotten for whom`);
}

/** Anything unreadable is left out: a memory that is lost only finds less. */
function parseSaved(json: unknown): Map<MemberId, Memory> {
  const members = new Map<MemberId, Memory>();
  const { format, members: saved } = fieldsOf(json);
  if (format !== FORMAT) return members;
  for (const [id, value] of Object.entries(fieldsOf(saved))) {
    const { incarnation, term, index, votedTerm, bar } = fieldsOf(value);
    if (!/^[!-~]{1,64}$/.test(id)) continue;
    if (!isCount(incarnation) || !isCount(term) || !isCount(index) || !isCount(votedTerm)) continue;
    members.set(memberId(id), { incarnation, term, index, votedTerm, bar: parseBar(bar) });
  }
  return members;
}

function parseBar(value: unknown): Bar | null {
  const { incarnation, reason, detail } = fieldsOf(value);
  if (!isCount(incarnation) || typeof detail !== "string") return null;
  const known = REASONS.find((each) => each === reason);
  return known === undefined ? null : { incarnation, reason: known, detail };
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
