import { expect } from "vitest";
import { Violation } from "./violation.ts";

/** Expects that this breaks exactly this promise: `invariants.test.ts` counts it as shown to fire. */
export function expectViolation(invariant: string, work: () => unknown): void {
  let thrown: unknown = null;
  try {
    work();
  } catch (error) {
    thrown = error;
  }
  expect(thrown, `${invariant} should have fired`).toBeInstanceOf(Violation);
  expect((thrown as Violation).invariant).toBe(invariant);
}
