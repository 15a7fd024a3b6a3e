/**
 * `npm run sim`: runs worlds until one of them breaks a promise, and then says how to see it
 * again; or plants bugs and tells which world notices each.
 */
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { createStoreEngine } from "../../electron/store-worker/engine.ts";
import { defined } from "../../shared/base/assert.ts";
import { commandFlags } from "../support/command-flags.ts";
import { loadTestSqlite } from "../support/sqlite.ts";
import { printBugTable } from "./bug-table.ts";
import { CoverageTable } from "./coverage.ts";
import { exportSimHistory, writeSimHistory } from "./history-export.ts";
import { PLANTED_BUGS, findBug } from "./planted-bugs.ts";
import type { PlantedBug } from "./planted-bugs.ts";
import { Totals, violationLines } from "./report.ts";
import { runSeed } from "./run-seed.ts";
import { JobPool, inOrder, serveJob } from "./seed-runs.ts";
import type { RunWorld } from "./seed-runs.ts";
import type { RunTools, SimOutcome } from "./run-seed.ts";
import { shrink, withOnly } from "./shrink.ts";
import { crowded, expandSeed } from "./sim-options.ts";
import type { SimOptions } from "./sim-options.ts";

const USAGE = `npm run sim -- [options]
  --seeds N        worlds (default: 200; 2,000 with --bugs)
  --seed S         the first one's seed (default: 1)
  --minutes M      as many worlds as fit
  --jobs N         worlds in so many processes
  --twice          each world run twice: its trace must be the same
  --only KINDS     with these kinds of faults only, or "all" of them in each
  --bug NAME       with a bug planted
  --bugs           plants every bug in turn: which world notices
  --shrink         a failing world with as few kinds of faults as still fail
  --verbose        every event
  --history FILE   what the clients saw
  --coverage FILE  the table of what came how often`;

const SEED_COUNT_DEFAULT = 200;
/** A planted bug that no world notices within this many is called unnoticed. */
const BUG_SEED_COUNT_DEFAULT = 2_000;
const PROGRESS_EVERY_MS = 5_000;
/** Every so many seeds one is run twice: its two histories must be the same. */
const REPEAT_EVERY = 250;

type Work = {
  readonly firstSeed: number;
  readonly seedCount: number;
  readonly untilMs: number;
  readonly isTwice: boolean;
  /** Processes that run worlds at the same time. */
  readonly jobCount: number;
  readonly isShrinking: boolean;
  readonly coverageFile: string | null;
  readonly optionsOf: (seed: number) => SimOptions;
  readonly run: RunWorld;
  /** The same in this process, for options that no seed gives. */
  readonly runHere: RunWorld;
};

process.exitCode = await main();

async function main(): Promise<number> {
  const flags = commandFlags({
    options: {
      seeds: { type: "string" },
      seed: { type: "string", default: "1" },
      minutes: { type: "string" },
      verbose: { type: "boolean", default: false },
      bug: { type: "string" },
      bugs: { type: "boolean", default: false },
      only: { type: "string" },
      shrink: { type: "boolean", default: false },
      twice: { type: "boolean", default: false },
      coverage: { type: "string" },
      jobs: { type: "string", default: "1" },
      job: { type: "boolean", default: false },
      history: { type: "string" },
    },
  });
  if (!flags.ok) return usage(flags.error);
  const values = flags.value;
  const bug = values.bug === undefined ? null : findBug(values.bug);
  if (values.bug !== undefined && bug === null) {
    const names = PLANTED_BUGS.map((each) => each.name).join(" ");
    return usage(`No bug "${values.bug}"; there are: ${names}`);
  }
  const firstSeed = Number(values.seed);
  const seedCount = seedCountOf(values.seeds, values.minutes, values.bugs);
  if (!Number.isSafeInteger(firstSeed) || !(seedCount >= 1)) {
    return usage("--seed and --seeds are whole numbers.");
  }
  const sqlite = await loadTestSqlite();
  const tools: RunTools = {
    makeEngine: () => createStoreEngine(sqlite),
    ...(values.verbose ? { onLine: (line: string) => console.log(line) } : {}),
  };
  const { history: file } = values;
  const run = (options: SimOptions): Promise<SimOutcome> =>
    runSeed(options, {
      ...tools,
      ...(file !== undefined && {
        onHistory: (history, final) => {
          writeSimHistory(file, exportSimHistory(history, final, options.seed));
        },
      }),
    });
  const optionsFor = (seed: number): SimOptions => optionsOf(seed, bug, values.only);
  if (values.job) {
    await serveJob((seed) => run(optionsFor(seed)));
    return 0;
  }
  if (values.bugs) {
    return (await printBugTable({ first: firstSeed, count: seedCount }, run)) === 0 ? 0 : 1;
  }
  const jobCount = Number(values.jobs);
  if (!(jobCount >= 1)) return usage("--jobs is a whole number from 1.");
  const pool = jobCount === 1 ? null : startJobs(jobCount, values.bug, values.only);
  const outcome = await runSeeds({
    firstSeed,
    seedCount,
    untilMs: Date.now() + Number(values.minutes ?? Infinity) * 60_000,
    isTwice: values.twice,
    isShrinking: values.shrink,
    coverageFile: values.coverage ?? null,
    jobCount,
    optionsOf: optionsFor,
    run: pool === null ? run : (options) => pool.run(options),
    runHere: run,
  });
  pool?.close();
  return outcome;
}

function startJobs(count: number, bug: string | undefined, only: string | undefined): JobPool {
  const args = [
    ...(bug === undefined ? [] : ["--bug", bug]),
    ...(only === undefined ? [] : ["--only", only]),
  ];
  return new JobPool(count, defined(process.argv[1], "this is a script"), args);
}

function usage(text: string): number {
  console.error(`${text}\n${USAGE}`);
  return 2;
}

function seedCountOf(
  seeds: string | undefined,
  minutes: string | undefined,
  isForBugs: boolean,
): number {
  if (seeds !== undefined) return Number(seeds);
  if (isForBugs) return BUG_SEED_COUNT_DEFAULT;
  return minutes === undefined ? SEED_COUNT_DEFAULT : Infinity;
}

function optionsOf(seed: number, bug: PlantedBug | null, only: string | undefined): SimOptions {
  const options = expandSeed(seed, bug);
  if (only === "all") return crowded(options);
  return only === undefined ? options : withOnly(options, only.split(","));
}

async function runSeeds(work: Work): Promise<number> {
  const startedAtMs = Date.now();
  let shownAtMs = startedAtMs;
  const totals = new Totals();
  const coverage = new CoverageTable();
  const start = (i: number): Promise<Runs> | null =>
    i < work.seedCount && Date.now() < work.untilMs ? runOne(work, i) : null;
  for await (const { outcome, again } of inOrder(work.jobCount, start)) {
    totals.add(outcome);
    coverage.add(outcome.coverage);
    if (outcome.violation !== null) return fail(outcome, work);
    if (again !== null && again.traceHash !== outcome.traceHash) {
      return reportDifference(outcome, again);
    }
    if (Date.now() - shownAtMs >= PROGRESS_EVERY_MS) {
      shownAtMs = Date.now();
      console.log(totals.summary(shownAtMs - startedAtMs));
    }
  }
  for (const line of coverage.lines()) console.log(line);
  if (work.coverageFile !== null) {
    writeFileSync(work.coverageFile, `${coverage.lines().join("\n")}\n`);
  }
  console.log(totals.summary(Date.now() - startedAtMs));
  console.log(`sim: ${totals.seeds} seeds, 0 violations${work.isTwice ? ", each run twice" : ""}`);
  return 0;
}

type Runs = { readonly outcome: SimOutcome; readonly again: SimOutcome | null };

/** One world, and once more when it is its turn to be compared with itself. */
async function runOne(work: Work, i: number): Promise<Runs> {
  const outcome = await work.run(work.optionsOf(work.firstSeed + i));
  const isRepeated = i % REPEAT_EVERY === REPEAT_EVERY - 1 || work.seedCount === 1;
  if (outcome.violation !== null || !(work.isTwice || isRepeated)) return { outcome, again: null };
  return { outcome, again: await work.run(outcome.options) };
}

async function fail(outcome: SimOutcome, work: Work): Promise<number> {
  for (const line of violationLines(outcome, commitOf())) console.log(line);
  if (work.isShrinking) {
    console.log("\nLooking for fewer faults that do it, too ...");
    const smallest = await shrink(outcome, work.runHere, (kind) =>
      console.log(`not needed: ${kind}`),
    );
    for (const line of violationLines(smallest, commitOf())) console.log(line);
  }
  console.log("sim: 1 violation");
  return 1;
}

/** The code that ran; a failure is worth little without it. */
function commitOf(): string {
  try {
    const git = (...args: string[]): string => execFileSync("git", args, { encoding: "utf8" });
    const changed = git("status", "--porcelain", "--untracked-files=no").trim() !== "";
    return git("rev-parse", "HEAD").trim() + (changed ? " and uncommitted changes" : "");
  } catch (error) {
    return `unknown (${error instanceof Error ? error.message : String(error)})`;
  }
}

function reportDifference(first: SimOutcome, again: SimOutcome): number {
  console.log(`\nSeed ${first.options.seed} is not deterministic:`);
  console.log(`${first.traceHash} after ${first.eventCount} events, ${first.virtualMs} ms`);
  console.log(`${again.traceHash} after ${again.eventCount} events, ${again.virtualMs} ms`);
  console.log("sim: something real crept into the virtual world");
  return 1;
}
