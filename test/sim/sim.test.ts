import { beforeAll, describe, expect, it } from "vitest";
import { createStoreEngine } from "../../electron/store-worker/engine.ts";
import { loadTestSqlite } from "../support/sqlite.ts";
import { runSeed } from "./run-seed.ts";
import type { RunTools, SimOutcome } from "./run-seed.ts";
import { expandSeed, findBug } from "./sim-options.ts";

/** As many as a patient person waits for; `npm run sim` runs any number. */
const FIXED_SEED_COUNT = 60;
const BUG_SEED_COUNT = 500;

let tools: RunTools;

beforeAll(async () => {
  const sqlite = await loadTestSqlite();
  tools = { makeEngine: () => createStoreEngine(sqlite) };
});

describe("a simulated cluster", () => {
  it(`keeps every promise in worlds 1 to ${FIXED_SEED_COUNT}`, { timeout: 300_000 }, async () => {
    const totals = { acknowledged: 0, elections: 0, reads: 0 };
    for (let seed = 1; seed <= FIXED_SEED_COUNT; seed++) {
      const outcome = await runSeed(expandSeed(seed, null), tools);
      expect(outcome.violation, report(outcome)).toBeNull();
      totals.acknowledged += outcome.acknowledgedCount;
      totals.elections += outcome.electionCount;
      totals.reads += outcome.readCount;
    }
    // A world in which nothing happens keeps its promises too: that must not be the reason.
    expect(totals.acknowledged).toBeGreaterThan(FIXED_SEED_COUNT * 10);
    expect(totals.elections).toBeGreaterThan(FIXED_SEED_COUNT);
    expect(totals.reads).toBeGreaterThan(FIXED_SEED_COUNT * 5);
  });

  it("has the same history, byte for byte, when its seed is run again", async () => {
    const first = await runSeed(expandSeed(11, null), tools);
    const again = await runSeed(expandSeed(11, null), tools);
    expect(again.traceHash).toBe(first.traceHash);
    expect(again.eventCount).toBe(first.eventCount);
    const other = await runSeed(expandSeed(12, null), tools);
    expect(other.traceHash).not.toBe(first.traceHash);
  });
});

describe("a planted bug is noticed within 500 worlds", () => {
  it.each([
    "vote-not-persisted",
    "hard-state-never-written",
    "ack-before-fsync",
    "ack-before-persist",
    "commit-of-old-term-by-counting",
    "vote-for-a-shorter-log",
    "append-always-truncates",
    "mirrors-count-for-commit",
    "two-votes-in-one-term",
    "commit-beyond-what-was-compared",
    "read-without-asking-the-quorum",
  ])("%s", { timeout: 300_000 }, async (name) => {
    const bug = findBug(name);
    expect(bug).not.toBeNull();
    let caught: SimOutcome | null = null;
    for (let seed = 1; seed <= BUG_SEED_COUNT && caught === null; seed++) {
      const outcome = await runSeed(expandSeed(seed, bug), tools);
      if (outcome.violation !== null) caught = outcome;
    }
    expect(caught?.violation).not.toBeNull();
    expect(caught).not.toBeNull();
  });
});

function report(outcome: SimOutcome): string {
  const { options, violation, tail } = outcome;
  const lines = [`seed ${options.seed}: ${violation?.detail ?? ""}`, ...tail];
  return [...lines, `npm run sim -- --seeds 1 --seed ${options.seed} --verbose`].join("\n");
}
