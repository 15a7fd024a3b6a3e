/**
 * `npm run bench`: what this machine makes of Tidemark, each figure beside what the machine does
 * by itself. Three members as processes, durable on two of three, everything on loopback.
 */
import { mkdirSync } from "node:fs";
import { BenchCluster } from "./bench-cluster.ts";
import {
  BENCH_USAGE,
  parseBenchOptions,
  type BenchOptions,
  type SectionName,
} from "./bench-options.ts";
import {
  measureApiImport,
  measureCliImport,
  measureColdStart,
  measureMemory,
  measureNewMirror,
  measureStoppedQuery,
} from "./bulk.ts";
import { measureCommits } from "./commits.ts";
import { measureFailover, type FailoverFigures } from "./failover.ts";
import type { Figure } from "./figures.ts";
import { measureLargeFile } from "./large-file.ts";
import { maybeServeLimit } from "./limit-process.ts";
import { limitFigures, measureLimits, type Limits } from "./limits.ts";
import { jsonReport, machine, textReport } from "./report.ts";
import { measureStoreStages } from "./store-stages.ts";

type Part = {
  readonly names: readonly SectionName[];
  readonly measure: (options: BenchOptions, limits: Limits) => Promise<readonly Figure[]>;
};

const PARTS: readonly Part[] = [
  { names: ["limits"], measure: () => Promise.resolve([]) },
  { names: ["store"], measure: measureStoreStages },
  { names: ["commits", "failover"], measure: measureSmall },
  { names: ["cli-import"], measure: measureCommandLine },
  { names: ["import", "mirror", "start", "memory"], measure: measureBulk },
  { names: ["large-file"], measure: measureFile },
];

/** The default settings' shortest election timeout: what it takes without a dropped connection. */
const ELECTION_MS = 1_000;

const args = process.argv.slice(2);
if (!(await maybeServeLimit(args))) process.exitCode = await main();

async function main(): Promise<number> {
  const options = parseBenchOptions(args);
  if (!options.ok) {
    process.stderr.write(`${options.error}\n\n${BENCH_USAGE}`);
    return 2;
  }
  if (options.value.profileFolder !== null) {
    mkdirSync(options.value.profileFolder, { recursive: true });
  }
  const figures = await measureAll(options.value);
  if (options.value.isJson) process.stdout.write(jsonReport(figures));
  else process.stdout.write(`\n${machine()}\n\n${textReport(figures)}`);
  return 0;
}

async function measureAll(options: BenchOptions): Promise<readonly Figure[]> {
  const figures: Figure[] = [];
  const parts = PARTS.filter(({ names }) => names.some((name) => options.sections.includes(name)));
  // The limits are measured again before each part: a shared machine changes within minutes.
  for (const { measure } of parts) {
    progress("the machine's limits");
    const limits = await measureLimits(options);
    figures.push(...limitFigures(limits), ...(await measure(options, limits)));
  }
  return figures;
}

async function measureSmall(options: BenchOptions, limits: Limits): Promise<readonly Figure[]> {
  const { sizes, sections } = options;
  const figures: Figure[] = [];
  if (sections.includes("commits")) {
    progress("commits with 1, 16 and 64 clients");
    const measure = (cluster: BenchCluster) => measureCommits(cluster, sizes.commitMs, limits);
    figures.push(...(await inCluster(options, measure)));
  }
  if (sections.includes("failover")) {
    progress(`failover, ${sizes.failoverCount} times`);
    figures.push(...failoverFigures(await measureFailover(sizes.failoverCount)));
  }
  return figures;
}

function failoverFigures({ roundsMs, medianMs, maxMs }: FailoverFigures): readonly Figure[] {
  const limit = { name: "shortest election timeout", value: ELECTION_MS };
  const count = roundsMs.length;
  return [
    { name: `failover, median of ${count}`, value: medianMs, unit: "ms", limit },
    { name: `failover, worst of ${count}`, value: maxMs, unit: "ms", limit },
  ];
}

async function measureCommandLine(
  options: BenchOptions,
  limits: Limits,
): Promise<readonly Figure[]> {
  const { rowCount } = options.sizes;
  progress(`import of ${rowCount} rows by the command line`);
  return inCluster(options, (cluster) => measureCliImport(cluster, rowCount, limits));
}

async function measureBulk(options: BenchOptions, limits: Limits): Promise<readonly Figure[]> {
  const { rowCount } = options.sizes;
  const wants = (name: SectionName): boolean => options.sections.includes(name);
  return inCluster(options, async (cluster) => {
    progress(`import of ${rowCount} rows by the API`);
    const figures = [...(await measureApiImport(cluster, rowCount, limits))];
    if (wants("start")) {
      progress("cold start");
      figures.push(await measureColdStart(cluster, rowCount, options.program));
      progress("a query without end");
      figures.push(await measureStoppedQuery(cluster, rowCount));
    }
    if (wants("mirror")) {
      progress("a new mirror");
      figures.push(await measureNewMirror(cluster, rowCount, limits));
    }
    if (wants("memory")) figures.push(...(await measureMemory(cluster)));
    return figures;
  });
}

function measureFile(options: BenchOptions): Promise<readonly Figure[]> {
  const { fileMib } = options.sizes;
  progress(`memory while a CSV file of ${fileMib} MiB is imported`);
  return measureLargeFile(options, fileMib, progress);
}

async function inCluster(
  options: BenchOptions,
  measure: (cluster: BenchCluster) => Promise<readonly Figure[]>,
): Promise<readonly Figure[]> {
  const cluster = await BenchCluster.start(options);
  try {
    return await measure(cluster);
  } finally {
    await cluster.dispose();
  }
}

function progress(what: string): void {
  process.stderr.write(`measuring: ${what}\n`);
}
