/**
 * How new a follower's data is, by moments of its own clock.
 *
 * The follower stamps its answers, and the leader's next word says which of them it answers. A word that answers
 * moment T was sent after T; so a follower that has applied what the word names as committed holds everything that
 * was committed at T, however long the word was on its way, and however long either of them stood still. A word
 * that waited in a socket answers an old moment and makes nothing look new.
 *
 * What the wall clock jumped since a moment counts as age: the computer may have slept (`own-moment.ts`).
 */
import { logIndex } from "../../../shared/base/ids.ts";
import type { LogIndex } from "../../../shared/base/ids.ts";
import type { Clock } from "../ports.ts";
import { momentOf, since } from "./own-moment.ts";
import type { OwnMoment } from "./own-moment.ts";

/** Who has applied everything up to here has all that was committed at that moment. */
type Word = { readonly neededIndex: LogIndex; readonly moment: OwnMoment };

/** Answers on their way, or words to twenty members: several seconds at the usual pace. */
const SENT_COUNT_MAX = 1_024;
const WORD_COUNT_MAX = 4_096;

/** What the leaders said to this follower. */
export class LeaderWords {
  readonly #clock: Clock;
  #sent: OwnMoment[] = [];
  /** Of commits that are not applied here yet, ascending in both. */
  #words: Word[] = [];
  #newest: OwnMoment | null = null;
  #asOf: OwnMoment | null = null;
  #commitIndex: LogIndex | null = null;
  #arrival: OwnMoment | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The highest commit that any leader named; null when none was heard. */
  get commitIndex(): LogIndex | null {
    return this.#commitIndex;
  }

  /** The newest moment that was answered; null when none was. */
  get newest(): OwnMoment | null {
    return this.#newest;
  }

  /** When the last word arrived, answer or not; null when none did. */
  get arrival(): OwnMoment | null {
    return this.#arrival;
  }

  /** An answer goes out now. @returns its stamp. */
  stamp(): number {
    const moment = momentOf(this.#clock);
    this.#sent.push(moment);
    if (this.#sent.length > SENT_COUNT_MAX) this.#sent.shift();
    return moment.atMs;
  }

  /**
   * @param answersAtMs The stamp that the leader answers; null when it has heard none yet; "unstated" from one of
   *   an older version, whose word is taken to be as new as its arrival.
   */
  heard(commitIndex: LogIndex, answersAtMs: number | null | "unstated"): void {
    this.#arrival = momentOf(this.#clock);
    this.#hold(
      commitIndex,
      answersAtMs === "unstated" ? momentOf(this.#clock) : this.#answered(answersAtMs),
    );
  }

  /**
   * This member led, and a majority followed it after it had stamped this: up to then nobody else committed.
   *
   * @param commitIndex Its own.
   * @param beganWith The last entry it began with: what its predecessors had told as done is among those, known to
   *   be committed or not.
   */
  led(commitIndex: LogIndex, beganWith: LogIndex, stampMs: number): void {
    const moment = this.#sent.find(({ atMs }) => atMs === stampMs) ?? null;
    this.#hold(commitIndex, moment, beganWith);
  }

  #hold(commitIndex: LogIndex, moment: OwnMoment | null, beganWith = logIndex(0)): void {
    // A leader that is new may name less than its predecessor: what was committed stays committed.
    const named = logIndex(Math.max(commitIndex, this.#commitIndex ?? 0));
    this.#commitIndex = named;
    if (moment === null) return;
    if (moment.atMs <= (this.#newest?.atMs ?? -Infinity)) return;
    this.#newest = moment;
    const neededIndex = logIndex(Math.max(named, beganWith));
    while ((this.#words.at(-1)?.neededIndex ?? -1) >= neededIndex) this.#words.pop();
    this.#words.push({ neededIndex, moment });
    if (this.#words.length > WORD_COUNT_MAX) this.#thin();
  }

  /** Of when the data is once everything up to `applied` is in it; null when nobody ever answered. */
  asOf(applied: LogIndex): OwnMoment | null {
    for (let first = this.#words[0]; first !== undefined; first = this.#words[0]) {
      if (first.neededIndex > applied) break;
      this.#asOf = first.moment;
      this.#words.shift();
    }
    return this.#asOf;
  }

  /** How long ago a moment was, in ms, sleep included. */
  ageMs(moment: OwnMoment): number {
    const { elapsedMs, jumpMs } = since(this.#clock, moment);
    return elapsedMs + jumpMs;
  }

  /** Stamps are unique enough: what another start of this program stamped is not among them. */
  #answered(answersAtMs: number | null): OwnMoment | null {
    const place = this.#sent.findIndex(({ atMs }) => atMs === answersAtMs);
    if (place < 0) return null;
    const [moment = null] = this.#sent.splice(0, place + 1).slice(-1);
    return moment;
  }

  /** Of each two older words the later one goes: the data may then look older than it is. */
  #thin(): void {
    const half = this.#words.length >> 1;
    this.#words = this.#words.filter((_, place) => place > half || place % 2 === 0);
  }
}
