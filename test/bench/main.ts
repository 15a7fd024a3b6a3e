/**
 * `npm run bench`: what this machine makes of Tidemark, each figure beside what the machine does
 * by itself. Three members as processes, durable on two of three, everything on loopback.
 */
import { mkdirSync } from "node:fs";
import { BenchCluster } from "./bench-cluster.ts";
import { BENCH_USAGE, parseBenchOptions, type BenchOptions } from "./bench-options.ts";
import {
  measureApiImport,
  measureCliImport,
  measureColdStart,
  measureMemory,
  measureNewMirror,
} from "./bulk.ts";
import { measureCommits } from "./commits.ts";
import { measureFailover, type FailoverFigures } from "./failover.ts";
import type { Figure } from "./figures.ts";
import { maybeServeLimit } from "./limit-process.ts";
import { limitFigures, measureLimits, type Limits } from "./limits.ts";
import { jsonReport, machine, textReport } from "./report.ts";

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
  // The limits are measured again before each part: a shared machine changes within minutes.
  for (const measure of [measureSmall, measureCommandLine, measureBulk]) {
    progress("the machine's limits");
    const limits = await measureLimits(options);
    const measured = await measure(options, limits);
    if (measured.length > 0 || figures.length === 0) figures.push(...limitFigures(limits));
    figures.push(...measured);
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

/** The default settings' shortest election timeout: what it takes without a dropped connection. */
const ELECTION_MS = 1_000;

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
  if (!options.sections.includes("cli-import")) return [];
  const { rowCount } = options.sizes;
  progress(`import of ${rowCount} rows by the command line`);
  return inCluster(options, async (cluster) => [await measureCliImport(cluster, rowCount, limits)]);
}

async function measureBulk(options: BenchOptions, limits: Limits): Promise<readonly Figure[]> {
  const { rowCount } = options.sizes;
  const wants = (name: BenchOptions["sections"][number]) => options.sections.includes(name);
  if (!["import", "mirror", "start", "memory"].some((name) => wants(name as "import"))) return [];
  return inCluster(options, async (cluster) => {
    progress(`import of ${rowCount} rows by the API`);
    const figures = [...(await measureApiImport(cluster, rowCount, limits))];
    if (wants("start")) {
      progress("cold start");
      figures.push(await measureColdStart(cluster, rowCount, limits));
    }
    if (wants("mirror")) {
      progress("a new mirror");
      figures.push(await measureNewMirror(cluster, rowCount, limits));
    }
    if (wants("memory")) figures.push(...(await measureMemory(cluster)));
    return figures;
  });
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
