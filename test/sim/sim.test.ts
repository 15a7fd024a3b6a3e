import { beforeAll, describe, expect, it } from "vitest";
import { createStoreEngine } from "../../electron/store-worker/engine.ts";
import { loadTestSqlite } from "../support/sqlite.ts";
import { huntBug } from "./bug-table.ts";
import { CoverageTable } from "./coverage.ts";
import { FAILPOINTS, isRepairStep, momentsOf } from "./failpoints.ts";
import { NOTICED_BY } from "./noticed-by.ts";
import { PLANTED_BUGS, findBug } from "./planted-bugs.ts";
import { violationLines } from "./report.ts";
import { runSeed } from "./run-seed.ts";
import type { RunTools, SimOutcome } from "./run-seed.ts";
import { shrink, withOnly } from "./shrink.ts";
import { crowded, expandSeed } from "./sim-options.ts";
import type { SimOptions } from "./sim-options.ts";

/** As many as a patient person waits for; `npm run sim` runs any number. */
const FIXED_SEED_COUNT = 60;
/** Worlds in which every kind of fault is on. */
const CROWDED_SEED_COUNT = 40;
/** How many more there are until every kind of fault came. */
const CROWDED_SEED_COUNT_MAX = 200;
/** Worlds to wait in for a moment that those did not come by. */
const RARE_SEED_COUNT = 100;
/** What needs many faults at once, and from which crowded world on to look. */
const IN_CROWDS: { readonly [name: string]: number } = {
  "write-receiving-snapshot": 36,
  "sync-receiving-snapshot": 36,
  "write-receiving-sums": 36,
  "write-reserve": 3,
  "sync-reserve": 3,
  "mark-sync-failed": 13,
};
const BUG_SEED_COUNT = 400;
let tools: RunTools;

beforeAll(async () => {
  const sqlite = await loadTestSqlite();
  tools = { makeEngine: () => createStoreEngine(sqlite) };
});

describe("a simulated cluster", () => {
  it(`keeps every promise in worlds 1 to ${FIXED_SEED_COUNT}`, { timeout: 600_000 }, async () => {
    const totals = { acknowledged: 0, elections: 0, reads: 0, installs: 0 };
    for (let seed = 1; seed <= FIXED_SEED_COUNT; seed++) {
      const outcome = await runSeed(expandSeed(seed, null), tools);
      expect(outcome.violation, violationLines(outcome, "this one").join("\n")).toBeNull();
      totals.acknowledged += outcome.acknowledgedCount;
      totals.elections += outcome.electionCount;
      totals.reads += outcome.readCount;
      totals.installs += outcome.installCount;
    }
    // A world in which nothing happens keeps its promises too: that must not be the reason.
    expect(totals.acknowledged).toBeGreaterThan(FIXED_SEED_COUNT * 10);
    expect(totals.elections).toBeGreaterThan(FIXED_SEED_COUNT);
    expect(totals.reads).toBeGreaterThan(FIXED_SEED_COUNT * 5);
    expect(totals.installs).toBeGreaterThan(FIXED_SEED_COUNT / 5);
  });

  it(
    "has every kind of fault and every failpoint in its worlds",
    { timeout: 600_000 },
    async () => {
      const coverage = new CoverageTable();
      for (let seed = 1; seed <= CROWDED_SEED_COUNT_MAX; seed++) {
        const outcome = await runSeed(crowded(expandSeed(seed, null)), tools);
        expect(outcome.violation, violationLines(outcome, "this one").join("\n")).toBeNull();
        coverage.add(outcome.coverage);
        const isFaultMissing = coverage.missing().some((name) => name.startsWith("fault "));
        if (seed >= CROWDED_SEED_COUNT && !isFaultMissing) break;
      }
      // What few worlds come by is waited for on purpose.
      for (const name of FAILPOINTS) {
        const first = IN_CROWDS[name] ?? 1;
        const isCrowd = name in IN_CROWDS || isRepairStep(name);
        for (const moment of momentsOf(name)) {
          const isMissing = (): boolean =>
            coverage.missing().includes(`failpoint ${moment} ${name}`);
          for (let seed = first; isMissing() && seed < first + RARE_SEED_COUNT; seed++) {
            const world = expandSeed(seed, null);
            const fitting = isCrowd ? crowded(world) : world;
            const options = { ...fitting, firstFailpoint: { name, moment } };
            coverage.add((await runSeed(options, tools)).coverage);
          }
        }
      }
      expect(coverage.missing()).toEqual([]);
    },
  );

  it("has the same history, byte for byte, when its seed is run again", async () => {
    const first = await runSeed(expandSeed(11, null), tools);
    const again = await runSeed(expandSeed(11, null), tools);
    expect(again.traceHash).toBe(first.traceHash);
    expect(again.eventCount).toBe(first.eventCount);
    const other = await runSeed(expandSeed(12, null), tools);
    expect(other.traceHash).not.toBe(first.traceHash);
  });

  it("keeps what the other faults draw when one kind is switched off", () => {
    const options = crowded(expandSeed(27, null));
    const kinds = Object.keys(options.faultEveryMs);
    expect(kinds.length).toBeGreaterThan(1);
    const fewer = withOnly(options, kinds.slice(1));
    for (const kind of kinds.slice(1)) {
      expect(Object.entries(fewer.faultEveryMs)).toContainEqual(
        Object.entries(options.faultEveryMs).find(([each]) => each === kind),
      );
    }
  });
});

describe("a failing world", () => {
  it("shrinks to the faults it needs and tells how to see it again", async () => {
    const bug = findBug("folder-sync-does-nothing");
    const run = (options: SimOptions): Promise<SimOutcome> => runSeed(options, tools);
    const failed = await huntBug(bug ?? fail(), { first: 1, count: BUG_SEED_COUNT }, run);
    const smallest = await shrink(failed ?? fail(), run, () => undefined);
    expect(smallest.violation).not.toBeNull();
    const lines = violationLines(smallest, "abc").join("\n");
    expect(lines).toContain(`--seed ${smallest.options.seed} --bug folder-sync-does-nothing`);
    expect(lines).toContain("VIOLATION of");
    expect(lines).toContain("Commit: abc");
  });
});

describe("a planted bug is noticed, by the invariant that it breaks", () => {
  it("of which there are enough", () => {
    expect(Object.keys(NOTICED_BY).length).toBeGreaterThanOrEqual(25);
    for (const name of Object.keys(NOTICED_BY)) expect(findBug(name)).not.toBeNull();
    expect(new Set(PLANTED_BUGS.map((bug) => bug.name)).size).toBe(PLANTED_BUGS.length);
  });

  it.each(Object.entries(NOTICED_BY))(
    "%s",
    { timeout: 300_000 },
    async (name, [first, invariant]) => {
      const seeds = { first, count: BUG_SEED_COUNT };
      const run = (options: SimOptions): Promise<SimOutcome> => runSeed(options, tools);
      const caught = await huntBug(findBug(name) ?? fail(), seeds, run);
      expect(caught?.violation?.invariant).toBe(invariant);
    },
  );
});

function fail(): never {
  throw new Error("the world should have failed");
}
