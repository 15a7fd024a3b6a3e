import { describe, expect, it } from "vitest";
import { runSeed } from "./random-cluster.ts";

const SEED_COUNT = Number(process.env["RAFT_SEEDS"] ?? 300);
const FIRST_SEED = Number(process.env["RAFT_SEED"] ?? 1);

describe("§3.6.3 safety, on random histories", () => {
  it(
    "keeps every promise on every seed, and recovers",
    () => {
      const violations: string[] = [];
      let committedCount = 0;
      let electionCount = 0;
      for (let seed = FIRST_SEED; seed < FIRST_SEED + SEED_COUNT; seed++) {
        const outcome = runSeed(seed);
        if (outcome.violation) violations.push(`seed ${seed}: ${outcome.violation}`);
        committedCount += outcome.committedCount;
        electionCount += outcome.electionCount;
      }
      expect(violations).toEqual([]);
      // The histories must be worth something: elections and commits in each, on average.
      expect(committedCount / SEED_COUNT).toBeGreaterThan(10);
      expect(electionCount / SEED_COUNT).toBeGreaterThan(2);
    },
    120_000 + SEED_COUNT * 100,
  );

  it("replays a seed exactly", () => {
    expect(runSeed(42)).toEqual(runSeed(42));
  });
});
