import { describe, expect, it } from "vitest";
import { NO_FAULTS, type RaftFaults } from "../../shared/raft/faults.ts";
import { runSeed } from "./random-cluster.ts";

const SEED_COUNT_MAX = 500;

/** The first seed on which the bug is noticed, with what was noticed. */
function findSeed(faults: RaftFaults): string | null {
  for (let seed = 1; seed <= SEED_COUNT_MAX; seed++) {
    const { violation } = runSeed(seed, faults);
    if (violation !== null) return violation;
  }
  return null;
}

// Goal: the random test is believed only because it notices each of these.
describe("a planted bug is noticed within 500 seeds", () => {
  for (const name of Object.keys(NO_FAULTS)) {
    it(
      name,
      () => {
        expect(findSeed({ ...NO_FAULTS, [name]: true })).toMatch(/^(Violation|InvariantError): /);
      },
      120_000,
    );
  }
});
