/**
 * `npm run sim -- --seeds N --seed S [--verbose] [--bug NAME] [--minutes M]`: runs worlds until
 * one of them breaks a promise, and then says how to see it again.
 */
import { parseArgs } from "node:util";
import { createStoreEngine } from "../../electron/store-worker/engine.ts";
import { loadTestSqlite } from "../support/sqlite.ts";
import { PLANTED_BUGS } from "./planted-bugs.ts";
import { runSeed } from "./run-seed.ts";
import type { RunTools, SimOutcome } from "./run-seed.ts";
import { expandSeed, findBug } from "./sim-options.ts";

const SEED_COUNT_DEFAULT = 200;
const PROGRESS_EVERY_MS = 5_000;
/** Every so many seeds one is run twice: its two histories must be the same. */
const REPEAT_EVERY = 250;

type Totals = {
  seeds: number;
  virtualMs: number;
  events: number;
  acknowledged: number;
  reads: number;
  elections: number;
  applied: number;
  installs: number;
};

process.exitCode = await main();

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      seeds: { type: "string" },
      seed: { type: "string", default: "1" },
      minutes: { type: "string" },
      verbose: { type: "boolean", default: false },
      bug: { type: "string" },
    },
  });
  const bug = values.bug === undefined ? null : findBug(values.bug);
  if (values.bug !== undefined && bug === null) {
    console.error(
      `No bug "${values.bug}"; there are: ${PLANTED_BUGS.map((b) => b.name).join(" ")}`,
    );
    return 2;
  }
  const firstSeed = Number(values.seed);
  const seedCount = seedCountOf(values.seeds, values.minutes);
  if (!Number.isSafeInteger(firstSeed) || !(seedCount >= 1)) {
    console.error("--seed and --seeds are whole numbers.");
    return 2;
  }
  const sqlite = await loadTestSqlite();
  const tools: RunTools = {
    makeEngine: () => createStoreEngine(sqlite),
    ...(values.verbose ? { onLine: (line: string) => console.log(line) } : {}),
  };
  const untilMs = Date.now() + Number(values.minutes ?? Infinity) * 60_000;
  return runSeeds({
    firstSeed,
    seedCount,
    untilMs,
    run: (seed) => runSeed(expandSeed(seed, bug), tools),
  });
}

function seedCountOf(seeds: string | undefined, minutes: string | undefined): number {
  if (seeds !== undefined) return Number(seeds);
  return minutes === undefined ? SEED_COUNT_DEFAULT : Infinity;
}

async function runSeeds(work: {
  firstSeed: number;
  seedCount: number;
  untilMs: number;
  run: (seed: number) => Promise<SimOutcome>;
}): Promise<number> {
  const startedAtMs = Date.now();
  let shownAtMs = startedAtMs;
  const totals: Totals = {
    seeds: 0,
    virtualMs: 0,
    events: 0,
    acknowledged: 0,
    reads: 0,
    elections: 0,
    applied: 0,
    installs: 0,
  };
  for (let i = 0; i < work.seedCount && Date.now() < work.untilMs; i++) {
    const seed = work.firstSeed + i;
    const outcome = await work.run(seed);
    addTo(totals, outcome);
    if (outcome.violation !== null) return reportViolation(outcome, totals);
    if (i % REPEAT_EVERY === REPEAT_EVERY - 1 || work.seedCount === 1) {
      const again = await work.run(seed);
      if (again.traceHash !== outcome.traceHash) return reportDifference(outcome, again);
    }
    if (Date.now() - shownAtMs >= PROGRESS_EVERY_MS) {
      shownAtMs = Date.now();
      console.log(summary(totals, shownAtMs - startedAtMs));
    }
  }
  console.log(summary(totals, Date.now() - startedAtMs));
  console.log(`sim: ${totals.seeds} seeds, 0 violations`);
  return 0;
}

function addTo(totals: Totals, outcome: SimOutcome): void {
  totals.seeds++;
  totals.virtualMs += outcome.virtualMs;
  totals.events += outcome.eventCount;
  totals.acknowledged += outcome.acknowledgedCount;
  totals.reads += outcome.readCount;
  totals.elections += outcome.electionCount;
  totals.applied += outcome.appliedCount;
  totals.installs += outcome.installCount;
}

function summary(totals: Totals, realMs: number): string {
  const perMinute = Math.round((totals.seeds / Math.max(1, realMs)) * 60_000);
  const speed = Math.round(totals.virtualMs / Math.max(1, realMs));
  return (
    `${totals.seeds} seeds, ${perMinute}/min, ${speed} simulated s/s, ` +
    `${Math.round(totals.events / 1_000)}k events, ${totals.acknowledged} writes, ` +
    `${totals.reads} reads, ${totals.elections} elections, ${totals.applied} applied, ` +
    `${totals.installs} snapshots installed`
  );
}

function reportViolation(outcome: SimOutcome, totals: Totals): number {
  const { options, violation, tail } = outcome;
  const bug = options.bug === null ? "" : ` --bug ${options.bug.name}`;
  console.log(`\nVIOLATION of ${violation?.invariant ?? ""} in seed ${options.seed}`);
  console.log(violation?.detail);
  console.log(`\nThe last ${tail.length} events (frames left out):`);
  for (const line of tail) console.log(line);
  console.log(`\nThe world: ${JSON.stringify({ ...options, bug: options.bug?.name ?? null })}`);
  console.log(`Again:  npm run sim -- --seeds 1 --seed ${options.seed}${bug} --verbose`);
  console.log(`sim: ${totals.seeds} seeds, 1 violation`);
  return 1;
}

function reportDifference(first: SimOutcome, again: SimOutcome): number {
  console.log(`\nSeed ${first.options.seed} is not deterministic:`);
  console.log(`${first.traceHash} after ${first.eventCount} events, ${first.virtualMs} ms`);
  console.log(`${again.traceHash} after ${again.eventCount} events, ${again.virtualMs} ms`);
  console.log("sim: something real crept into the virtual world");
  return 1;
}
