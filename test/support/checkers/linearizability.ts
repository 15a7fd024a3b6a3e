/**
 * Linearizability of registers, key by key: a history of several objects is linearizable exactly
 * when that of each object is (Herlihy and Wing 1990).
 *
 * Writes, swaps, and reads that are linearizable or went through the log are held to it. When a
 * key fails, the finding names the fewest operations that already exclude each other.
 */
import { describeOperation } from "./anomaly.ts";
import type { Anomaly } from "./anomaly.ts";
import type { Operation } from "./history.ts";
import { ANY_STATE, RegisterSearch } from "./register-search.ts";
import type { StateNumber } from "./register-search.ts";
import { EMPTY_STATE, narrowed, stepsOf } from "./register-steps.ts";
import type { LooseStep, RegisterOperation } from "./register-steps.ts";

/** What can be set. */
export type LinearizabilityOptions = {
  /** Two times of the history may be off by so much, ms; 0 when left out. */
  readonly clockUncertaintyMs?: number;
  /** The search of one key gives up after so many places; 2,000,000 when left out. */
  readonly placesMax?: number;
};

/** What came of it. */
export type LinearizabilityReport = {
  readonly anomalies: readonly Anomaly[];
  /** Keys whose search was given up. Neither right nor wrong. */
  readonly undecided: readonly string[];
  readonly keyCount: number;
};

/** Part of a key's operations. What does not lie wholly inside may have happened or not. */
type Window = {
  readonly steps: readonly LooseStep[];
  /** What the register holds at its beginning. */
  readonly initial: StateNumber;
};

const PLACES_MAX = 2_000_000;
/** A right history is through long before; a wrong one is then looked at where it got stuck. */
const PLACES_FIRST = 20_000;
const PLACES_OF_WINDOW = 100_000;
/** How many moments before the one that fails make a window. */
const REACHES: readonly number[] = [8, 16, 32, 64, 128, 256, 512, 1_024];
/** Sizes of the pieces that are left out for a try when a finding is made smaller. */
const PIECES: readonly number[] = [256, 64, 16, 4, 1];

/** Checks every register of the history. */
export function checkLinearizability(
  operations: Iterable<Operation>,
  options: LinearizabilityOptions = {},
): LinearizabilityReport {
  const { clockUncertaintyMs = 0, placesMax = PLACES_MAX } = options;
  const anomalies: Anomaly[] = [];
  const undecided: string[] = [];
  const byKey = strictOperationsByKey(operations);
  for (const [key, ofKey] of byKey) {
    const steps = stepsOf(ofKey, clockUncertaintyMs);
    const outcome = judge({ steps, initial: EMPTY_STATE }, placesMax);
    if (outcome === "undecided") undecided.push(key);
    else if (outcome !== "linearizable") anomalies.push(findingOf(key, ofKey, outcome));
  }
  return { anomalies, undecided, keyCount: byKey.size };
}

function strictOperationsByKey(operations: Iterable<Operation>): Map<string, RegisterOperation[]> {
  const byKey = new Map<string, RegisterOperation[]>();
  for (const operation of operations) {
    if (operation.kind === "txn" || operation.outcome === "fail") continue;
    const level = operation.kind === "read" ? operation.level : undefined;
    if (level !== undefined && level !== "linearizable") continue;
    const known = byKey.get(operation.key);
    if (known === undefined) byKey.set(operation.key, [operation]);
    else known.push(operation);
  }
  return byKey;
}

/** @returns a part that is wrong by itself and small, if the whole is wrong. */
function judge(whole: Window, placesMax: number): "linearizable" | "undecided" | Window {
  for (const places of [Math.min(PLACES_FIRST, placesMax), placesMax]) {
    const search = new RegisterSearch(narrowed(whole.steps), whole.initial);
    const verdict = search.run(places);
    if (verdict === "linearizable") return verdict;
    if (verdict === "impossible") return smallestImpossible(whole);
    const stuck = impossibleBefore(whole, search.stuckAtMs);
    if (stuck !== null) return smallestImpossible(stuck);
  }
  return "undecided";
}

/** The earliest end first, then a beginning close to it, then the fewest operations. */
function smallestImpossible(whole: Window): Window {
  const ends = sortedTimes(whole.steps.map((step) => step.end));
  const last = firstWhere(ends.length, (i) => isImpossible(until(whole, ends[i] ?? Infinity)));
  const cut = until(whole, ends[last] ?? Infinity);
  return fewest(impossibleBefore(cut, ends[last] ?? Infinity) ?? (isImpossible(cut) ? cut : whole));
}

/** The shortest window up to the moment that is wrong whatever happened before. */
function impossibleBefore(whole: Window, momentMs: number): Window | null {
  const known = until(whole, momentMs);
  const times = sortedTimes(known.steps.flatMap((step) => [step.start, step.end]));
  for (const reach of REACHES) {
    const first = times[times.length - reach];
    if (first === undefined) return null;
    const window = from(known, first);
    if (isImpossible(window)) return window;
  }
  return null;
}

function isImpossible(window: Window): boolean {
  const search = new RegisterSearch(narrowed(window.steps), window.initial);
  return search.run(PLACES_OF_WINDOW) === "impossible";
}

/** What is known by the given moment. */
function until(window: Window, time: number): Window {
  const begun = window.steps.filter((step) => step.start <= time);
  return { ...window, steps: begun.flatMap((step) => (step.end <= time ? [step] : loose(step))) };
}

/** What is left when everything before the moment is forgotten, and what the register held. */
function from(window: Window, time: number): Window {
  const rest = window.steps.filter((step) => step.end >= time);
  return {
    initial: ANY_STATE,
    steps: rest.flatMap((step) => (step.start >= time ? [step] : loose(step))),
  };
}

/** Leaves out what can be left out, piece by piece. */
function fewest(window: Window): Window {
  let smallest = window;
  for (const size of PIECES) {
    for (let at = 0; at < smallest.steps.length; at += size) {
      const piece = smallest.steps.slice(at, at + size);
      if (piece.every((step) => step.end === Infinity)) continue;
      const before = smallest.steps.slice(0, at);
      const without = [...before, ...piece.flatMap(loose), ...smallest.steps.slice(at + size)];
      const tried = { ...smallest, steps: without };
      if (!isImpossible(tried)) continue;
      at += without.length - smallest.steps.length;
      smallest = tried;
    }
  }
  return smallest;
}

/** The step when it need not take effect: what asks for nothing more is gone. */
function loose(step: LooseStep): LooseStep[] {
  if (step.kind === "read" || step.kind === "differ") return [];
  return [{ ...step, end: Infinity }];
}

function findingOf(key: string, operations: readonly RegisterOperation[], window: Window): Anomaly {
  const binding = window.steps.filter((step) => step.end !== Infinity);
  const found = new Set(binding.map((step) => step.from));
  // Who left what the others found belongs to the picture, even if it never got an answer.
  const ids = new Set(
    [...binding, ...window.steps.filter((step) => found.has(step.to))].map((step) => step.id),
  );
  const shown = operations.filter((operation) => ids.has(operation.id));
  shown.sort((a, b) => a.start - b.start);
  const before = window.initial === ANY_STATE ? "whatever it held before" : "null at first";
  const lines = shown.map((operation) => `\n  ${describeOperation(operation)}`);
  return {
    name: "not-linearizable",
    detail: `register ${key}, ${before}: no order of these fits${lines.join("")}`,
    operations: shown.map((operation) => operation.id),
  };
}

function sortedTimes(times: readonly number[]): readonly number[] {
  return [...new Set(times)].filter((time) => time !== Infinity).sort((a, b) => a - b);
}

/** The first of `count` places for which it holds, given that it holds for all behind it. */
function firstWhere(count: number, holds: (place: number) => boolean): number {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (holds(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}
