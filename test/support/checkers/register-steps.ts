/**
 * Turns the operations on one register into steps of the search, as few and as narrow as they can
 * be without changing the answer.
 *
 * Operations of unknown outcome are what makes such searches explode, so each is decided where it
 * can be: a value that only it wrote and that somebody found must have been written by then; a
 * value that nobody ever found may as well never have been written.
 */
import { assert } from "../../../shared/base/assert.ts";
import { endOf } from "./history.ts";
import type { CasOperation, ReadOperation, Value, WriteOperation } from "./history.ts";
import { ANY_STATE } from "./register-search.ts";
import type { RegisterStep, StateNumber } from "./register-search.ts";

/** An operation on a register. */
export type RegisterOperation = ReadOperation | WriteOperation | CasOperation;

/** A step that may still be narrowed. */
export type LooseStep = { -readonly [field in keyof RegisterStep]: RegisterStep[field] } & {
  /** Whether no other operation of the whole history leaves the same value. */
  readonly isOnlyWriter: boolean;
};

/** What a register holds before anybody wrote to it. */
export const EMPTY_STATE: StateNumber = 1;

/**
 * The steps of operations on one register, in the order of the operations. What failed for
 * certain and reads without an answer leave none.
 *
 * @param lateMs Added to every end: times may be off by that much.
 */
export function stepsOf(operations: readonly RegisterOperation[], lateMs: number): LooseStep[] {
  const numbers = new Map<Value, StateNumber>([[null, EMPTY_STATE]]);
  const numberOf = (value: Value): StateNumber => {
    const known = numbers.get(value);
    if (known !== undefined) return known;
    numbers.set(value, numbers.size + 1);
    return numbers.size;
  };
  const steps = operations.flatMap((operation) => stepOf(operation, numberOf) ?? []);
  const writers = writersOf(steps);
  return steps.map((step) => {
    const isOnlyWriter = step.to !== EMPTY_STATE && writers.get(step.to) === 1;
    return { ...step, end: step.end + lateMs, isOnlyWriter };
  });
}

/** The same question with fewer open steps. The input stays as it is. */
export function narrowed(steps: readonly LooseStep[]): RegisterStep[] {
  let rest = steps.map((step) => ({ ...step }));
  for (;;) {
    const finders = findersOf(rest);
    const mayDrop = rest.every((step) => step.kind !== "differ");
    let isChanged = false;
    const kept: LooseStep[] = [];
    for (const step of rest) {
      if (step.end !== Infinity || step.kind === "read" || step.kind === "differ") {
        kept.push(step);
        continue;
      }
      const found = (finders.get(step.to) ?? []).filter((other) => other !== step);
      if (found.length === 0 && mayDrop) {
        isChanged = true;
        continue;
      }
      kept.push(step);
      // It is the only one who could have left what another found: done before that one's end.
      const foundBy = Math.min(...found.map((other) => other.end));
      if (step.isOnlyWriter && foundBy !== Infinity && foundBy >= step.start) {
        step.end = foundBy;
        isChanged = true;
      }
    }
    rest = kept;
    if (!isChanged) return rest;
  }
}

function stepOf(
  operation: RegisterOperation,
  numberOf: (value: Value) => StateNumber,
): RegisterStep | null {
  const { id, start, outcome } = operation;
  if (outcome === "fail") return null;
  // An ack of one disk promises nothing to the others: it may be gone, as if it never was.
  const isBelieved = outcome === "ok" && !("ack" in operation && operation.ack === "flushed");
  const end = isBelieved ? endOf(operation) : Infinity;
  switch (operation.kind) {
    case "read": {
      if (!isBelieved) return null;
      const { value } = operation;
      assert(value !== undefined, "an answered read has a value");
      return { id, kind: "read", from: numberOf(value), to: ANY_STATE, start, end };
    }
    case "write":
      return { id, kind: "write", from: ANY_STATE, to: numberOf(operation.value), start, end };
    case "cas": {
      const from = numberOf(operation.from);
      if (isBelieved && operation.swapped === false) {
        return { id, kind: "differ", from, to: ANY_STATE, start, end };
      }
      return { id, kind: "swap", from, to: numberOf(operation.to), start, end };
    }
  }
}

function findersOf(steps: readonly RegisterStep[]): Map<StateNumber, RegisterStep[]> {
  const finders = new Map<StateNumber, RegisterStep[]>();
  for (const step of steps) {
    if (step.kind !== "read" && step.kind !== "swap") continue;
    const known = finders.get(step.from);
    if (known === undefined) finders.set(step.from, [step]);
    else known.push(step);
  }
  return finders;
}

function writersOf(steps: readonly RegisterStep[]): Map<StateNumber, number> {
  const writers = new Map<StateNumber, number>();
  for (const { kind, to } of steps) {
    if (kind === "write" || kind === "swap") writers.set(to, (writers.get(to) ?? 0) + 1);
  }
  return writers;
}
