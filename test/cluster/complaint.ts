import { expect } from "vitest";
import type { CommandOutcome } from "../support/real-process.ts";

/**
 * Expects a failure that a person can read: one sentence on stderr, the exit code that scripts
 * rely on, nothing on stdout, and no trace of the program's inside.
 */
export function expectComplaint(
  outcome: CommandOutcome | null,
  { exitCode, says }: { readonly exitCode: number; readonly says: RegExp },
): void {
  if (outcome === null) throw new Error("it started, although it should have refused");
  expect(outcome.error).toMatch(says);
  expect(outcome.error).toMatch(/^tidemark: [^\n]+[.!:)]?\n$/);
  expect(outcome.error).not.toMatch(/ {4}at |error of Tidemark itself|undefined|\[object/);
  expect(outcome.out).toBe("");
  expect(outcome.exitCode).toBe(exitCode);
}
