/**
 * Whether operations on one register can be put into one order that respects time.
 *
 * Just-in-time linearization: the search walks through invocations and answers in the order of
 * time and decides only when an answer forces it to which of the operations under way have taken
 * effect. A place in the search is (event, which of those under way are done, value), so it knows
 * nothing of what lies behind it, and a moment with nothing under way cuts the work in two. Places
 * that led nowhere are remembered.
 *
 * Source: Wing and Gong, "Testing and Verifying Concurrent Objects" (1993); Lowe, "Testing for
 * linearizability" (2017), section 4. The pruning rules are argued in DESIGN.md.
 */
import { assert, defined } from "../../../shared/base/assert.ts";

/** A value by number; `ANY_STATE` before anything is known. */
export type StateNumber = number;

/** The register may hold anything: where a window begins in the middle of a history. */
export const ANY_STATE: StateNumber = 0;

/** One operation on the register, reduced to what the search needs. */
export type RegisterStep = {
  readonly id: number;
  /** `differ`: a failed swap; the register held something else than `from`. */
  readonly kind: "read" | "write" | "swap" | "differ";
  /** What it must find; of a `write` unused. */
  readonly from: StateNumber;
  /** What it leaves, of `write` and `swap`. */
  readonly to: StateNumber;
  readonly start: number;
  /** Invariant: Infinity for steps that need never take effect. */
  readonly end: number;
};

/** What came of a search. */
export type SearchVerdict = "linearizable" | "impossible" | "undecided";

type Frame = { readonly trailLength: number; readonly choices: readonly number[]; next: number };

/** Steps under way by slot; those that need never take effect have slots from `openFrom` on. */
type Slots = {
  readonly slotOf: Int32Array;
  /** Invariant: the beginning of a word of the mask. */
  readonly openFrom: number;
  readonly slotCount: number;
};

const SLOTS_OF_WORD = 32;
const STATES_OF_SHORT_KEY = 1 << 20;

/** One search, used once. */
export class RegisterSearch {
  readonly #steps: readonly RegisterStep[];
  /** Step `i` begins: `i`. It ends: `-1 - i`. */
  readonly #events: readonly number[];
  readonly #slots: Slots;
  /** Where a step is while it is under way; the same however the search came there. */
  readonly #slotOf: Int32Array;
  /** Which slots hold a step that is done. */
  readonly #mask: Int32Array;
  readonly #stepInSlot: number[];
  /** How many undone steps must find a value, may find it, leave it. */
  readonly #mustFind: Int32Array;
  readonly #mayFind: Int32Array;
  readonly #leave: Int32Array;
  readonly #hasDiffer: boolean;
  /** Of a step that need not take effect the one before it that does the same; else -1. */
  readonly #twinBefore: Int32Array;
  /** What to undo: `2 * step` for one done (then the state before), `1` for an event passed. */
  readonly #trail: number[] = [];
  readonly #frames: Frame[] = [];
  /** By event and place: which steps that need never take effect had been used up there. */
  readonly #seen: (Map<number | string, readonly Int32Array[]> | undefined)[] = [];
  #placeCount = 0;
  #event = 0;
  #furthestEvent = 0;
  #state: StateNumber;

  /** @param steps At most one per id. @param initial What the register holds before all of them. */
  constructor(steps: readonly RegisterStep[], initial: StateNumber) {
    this.#steps = steps;
    this.#state = initial;
    this.#events = eventsOf(steps);
    this.#slots = assignSlots(this.#events, steps);
    const { slotOf, slotCount } = this.#slots;
    this.#slotOf = slotOf;
    this.#mask = new Int32Array(Math.ceil(slotCount / SLOTS_OF_WORD));
    this.#stepInSlot = new Array<number>(slotCount).fill(-1);
    this.#twinBefore = twinsOf(steps);
    this.#hasDiffer = steps.some((step) => step.kind === "differ");
    const stateCount =
      steps.reduce((most, step) => Math.max(most, step.from, step.to), initial) + 1;
    this.#mustFind = new Int32Array(stateCount);
    this.#mayFind = new Int32Array(stateCount);
    this.#leave = new Int32Array(stateCount);
    for (const step of steps) this.#count(step, 1);
  }

  /** @param placesMax After so many places it gives up: `undecided`. */
  run(placesMax: number): SearchVerdict {
    for (;;) {
      const choices = this.#forward();
      if (choices === "through") return "linearizable";
      if (choices.length > 0) {
        if (++this.#placeCount > placesMax) return "undecided";
        this.#frames.push({ trailLength: this.#trail.length, choices, next: 0 });
      }
      if (!this.#takeNextChoice()) return "impossible";
    }
  }

  /** The time of the answer that no order got past; where to look when it is impossible. */
  get stuckAtMs(): number {
    const event = this.#events[this.#furthestEvent] ?? -1;
    const step = this.#step(event >= 0 ? event : -1 - event);
    return event >= 0 ? step.start : step.end;
  }

  /** Passes events until one forces a choice. No choices: a dead end. */
  #forward(): "through" | readonly number[] {
    for (;;) {
      const event = this.#events[this.#event];
      if (event === undefined) return "through";
      if (event >= 0) {
        this.#begin(event);
        this.#doWhatChangesNothing(event);
      } else {
        const step = -1 - event;
        this.#furthestEvent = Math.max(this.#furthestEvent, this.#event);
        if (!this.#isDone(step)) return this.#isSeen() ? [] : this.#choicesFor(step);
        this.#finish(step);
      }
      this.#event++;
      this.#trail.push(1);
    }
  }

  #takeNextChoice(): boolean {
    for (let frame = this.#frames.at(-1); frame !== undefined; frame = this.#frames.at(-1)) {
      this.#undoTo(frame.trailLength);
      while (frame.next < frame.choices.length) {
        const step = defined(frame.choices[frame.next++], "a choice inside the list");
        if (this.#take(step)) return true;
        this.#undoTo(frame.trailLength);
      }
      this.#frames.pop();
    }
    return false;
  }

  /** Steps that may come next, the most promising first, now that `forced` may wait no longer. */
  #choicesFor(forced: number): readonly number[] {
    const wanted = this.#step(forced);
    const choices: number[] = [];
    for (const step of this.#stepInSlot) {
      if (step < 0 || this.#isDone(step)) continue;
      const { kind, from, to } = this.#step(step);
      if (kind === "differ") continue;
      if (kind !== "write" && from !== this.#state && this.#state !== ANY_STATE) continue;
      if (this.#hasTwinBefore(step)) continue;
      const isFirst = step === forced || (wanted.kind !== "write" && to === wanted.from);
      if (isFirst) choices.unshift(step);
      else choices.push(step);
    }
    return choices;
  }

  /** Of steps that may take effect or not and do the same, one is as good as the other. */
  #hasTwinBefore(index: number): boolean {
    for (let twin = this.#at(this.#twinBefore, index); twin >= 0;) {
      if (this.#stepInSlot[this.#at(this.#slotOf, twin)] === twin && !this.#isDone(twin))
        return true;
      twin = this.#at(this.#twinBefore, twin);
    }
    return false;
  }

  /** Lets the step take effect. @returns false when that can lead nowhere. */
  #take(step: number): boolean {
    const { kind } = this.#step(step);
    if (kind === "write" && !this.#hasDiffer) this.#hideUnseenWrites(step);
    const before = this.#state;
    this.#do(step);
    const isLeft = before !== ANY_STATE && before !== this.#state;
    // Somebody must still find the old value, and nobody will ever write it again.
    if (isLeft && this.#at(this.#mustFind, before) > 0 && this.#at(this.#leave, before) === 0) {
      return false;
    }
    for (const other of this.#stepInSlot) if (other >= 0) this.#doWhatChangesNothing(other);
    return true;
  }

  /** A write that nobody will ever see may as well come just before one that overwrites it. */
  #hideUnseenWrites(overwriting: number): void {
    for (const step of this.#stepInSlot) {
      if (step < 0 || step === overwriting || this.#isDone(step)) continue;
      const { kind, to, end } = this.#step(step);
      if (kind === "write" && end !== Infinity && this.#at(this.#mayFind, to) === 0) {
        const before = this.#state;
        this.#do(step);
        this.#state = before;
      }
    }
  }

  /** A step that finds what it must and leaves the value alone never does better by waiting. */
  #doWhatChangesNothing(step: number): void {
    const { kind, from } = this.#step(step);
    const isFitting =
      (kind === "read" && from === this.#state) || (kind === "differ" && from !== this.#state);
    if (isFitting && !this.#isDone(step)) this.#do(step);
  }

  #do(index: number): void {
    const step = this.#step(index);
    this.#trail.push(this.#state, 2 * index);
    this.#setDone(index, true);
    this.#count(step, -1);
    if (step.kind === "read") this.#state = step.from;
    else if (step.kind !== "differ") this.#state = step.to;
  }

  #undoTo(length: number): void {
    while (this.#trail.length > length) {
      const entry = defined(this.#trail.pop(), "an entry above the mark");
      if (entry === 1) this.#undoEvent();
      else {
        const index = entry / 2;
        this.#state = defined(this.#trail.pop(), "the state before");
        this.#setDone(index, false);
        this.#count(this.#step(index), 1);
      }
    }
  }

  #undoEvent(): void {
    const event = defined(this.#events[--this.#event], "an event that was passed");
    if (event >= 0) {
      this.#stepInSlot[this.#at(this.#slotOf, event)] = -1;
    } else {
      this.#begin(-1 - event);
      this.#setDone(-1 - event, true);
    }
  }

  #begin(step: number): void {
    this.#stepInSlot[this.#at(this.#slotOf, step)] = step;
  }

  #finish(step: number): void {
    this.#setDone(step, false);
    this.#stepInSlot[this.#at(this.#slotOf, step)] = -1;
  }

  #isDone(step: number): boolean {
    const slot = this.#at(this.#slotOf, step);
    return ((this.#at(this.#mask, slot >>> 5) >>> (slot & 31)) & 1) === 1;
  }

  #setDone(step: number, isDone: boolean): void {
    const slot = this.#at(this.#slotOf, step);
    const word = this.#at(this.#mask, slot >>> 5);
    const bit = 1 << (slot & 31);
    this.#mask[slot >>> 5] = isDone ? word | bit : word & ~bit;
  }

  /**
   * Notes the place. @returns whether the search has been there, or where it had used up fewer
   * of the steps that need never take effect: from there it could do all it can from here.
   */
  #isSeen(): boolean {
    const { openFrom } = this.#slots;
    const isShort = openFrom === SLOTS_OF_WORD && this.#state < STATES_OF_SHORT_KEY;
    const key = isShort
      ? (this.#at(this.#mask, 0) >>> 0) * STATES_OF_SHORT_KEY + this.#state
      : `${this.#state}:${this.#mask.subarray(0, openFrom / SLOTS_OF_WORD).join()}`;
    const seen = (this.#seen[this.#event] ??= new Map<number | string, readonly Int32Array[]>());
    const used = this.#mask.slice(openFrom / SLOTS_OF_WORD);
    const before = seen.get(key) ?? [];
    if (before.some((fewer) => fewer.every((word, i) => (word & ~(used[i] ?? 0)) === 0)))
      return true;
    seen.set(key, [...before, used]);
    return false;
  }

  #count(step: RegisterStep, by: number): void {
    if (step.kind === "read" || step.kind === "swap") {
      this.#mayFind[step.from] = this.#at(this.#mayFind, step.from) + by;
      if (step.end !== Infinity) {
        this.#mustFind[step.from] = this.#at(this.#mustFind, step.from) + by;
      }
    }
    if (step.kind === "write" || step.kind === "swap") {
      this.#leave[step.to] = this.#at(this.#leave, step.to) + by;
    }
  }

  #step(index: number): RegisterStep {
    return defined(this.#steps[index], "a step of this search");
  }

  #at(numbers: Int32Array, index: number): number {
    const value = numbers[index];
    assert(value !== undefined, "an index inside the array");
    return value;
  }
}

/** In the order of time; what begins when another ends was under way together with it. */
function eventsOf(steps: readonly RegisterStep[]): readonly number[] {
  const events = steps.flatMap((step, i) => [
    { event: i, time: step.start, rank: 0 },
    ...(step.end === Infinity ? [] : [{ event: -1 - i, time: step.end, rank: 1 }]),
  ]);
  events.sort((a, b) => a.time - b.time || a.rank - b.rank);
  return events.map(({ event }) => event);
}

/** Gives every step a slot that no other step has at the same time. */
function assignSlots(events: readonly number[], steps: readonly RegisterStep[]): Slots {
  const slotOf = new Int32Array(steps.length);
  const free: number[] = [];
  let slotCount = 0;
  for (const event of events) {
    if (event < 0) free.push(slotOf[-1 - event] ?? 0);
    else if (steps[event]?.end !== Infinity) slotOf[event] = free.pop() ?? slotCount++;
  }
  const openFrom = Math.max(1, Math.ceil(slotCount / SLOTS_OF_WORD)) * SLOTS_OF_WORD;
  slotCount = openFrom;
  for (const [i, step] of steps.entries()) if (step.end === Infinity) slotOf[i] = slotCount++;
  return { slotOf, openFrom, slotCount };
}

/** Chains open steps that do the same, in the order in which they began. */
function twinsOf(steps: readonly RegisterStep[]): Int32Array {
  const twinBefore = new Int32Array(steps.length).fill(-1);
  const last = new Map<string, number>();
  const open = [...steps.keys()].filter((i) => steps[i]?.end === Infinity);
  for (const i of open.sort((a, b) => (steps[a]?.start ?? 0) - (steps[b]?.start ?? 0))) {
    const { kind, from, to } = defined(steps[i], "a step of this search");
    const deed = `${kind} ${from} ${to}`;
    twinBefore[i] = last.get(deed) ?? -1;
    last.set(deed, i);
  }
  return twinBefore;
}
