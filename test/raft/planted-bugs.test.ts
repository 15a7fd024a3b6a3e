import { describe, expect, it } from "vitest";
import { NO_FAULTS, type RaftFaults } from "../../shared/raft/faults.ts";
import { DIRECTED } from "./directed-bugs.ts";
import { runSeed } from "./random-cluster.ts";

const SEED_COUNT_MAX = 1500;

/** The first seed on which the bug is noticed, with what was noticed. */
function findSeed(faults: RaftFaults): string | null {
  for (let seed = 1; seed <= SEED_COUNT_MAX; seed++) {
    const { violation } = runSeed(seed, faults);
    if (violation !== null) return violation;
  }
  return null;
}

const BUGS = (Object.keys(NO_FAULTS) as (keyof RaftFaults)[]).filter(
  (name) => name !== "skipInvariants",
);

// Goal: the tests are believed only because they notice each of these.
describe("a planted bug is noticed", () => {
  for (const name of BUGS.filter((each) => DIRECTED[each] === undefined)) {
    it(`by the checkers alone, in random histories: ${name}`, () => {
      const found = findSeed({ ...NO_FAULTS, [name]: true, skipInvariants: true });
      expect(found).toMatch(/^(Violation|InvariantError): /);
    }, 120_000);
  }

  for (const [name, tell] of Object.entries(DIRECTED)) {
    it(`by a story of its own: ${name}`, () => {
      const withBug = told(() => tell({ ...NO_FAULTS, [name]: true, skipInvariants: true }));
      expect(withBug).not.toEqual(told(() => tell(NO_FAULTS)));
    });
  }

  it("each of at least 25", () => {
    expect(BUGS.length).toBeGreaterThanOrEqual(25);
  });
});

function told(story: () => unknown): unknown {
  try {
    return story();
  } catch (error) {
    return String(error);
  }
}
