/**
 * `npm run chaos`: real members in network namespaces of their own, harmed from a seed while clients
 * work, and judged afterwards. With `--jobs` the run is shared among processes of this program.
 */
import { fork } from "node:child_process";
import { mkdirSync } from "node:fs";
import { CHAOS_USAGE, parseChaosOptions } from "./chaos-options.ts";
import type { ChaosOptions } from "./chaos-options.ts";
import { describeReport, reportOf } from "./chaos-report.ts";
import { runJob } from "./chaos-run.ts";
import type { EpochResult } from "./epoch.ts";
import { reapLeftovers } from "./lab.ts";
import { whyNoLossyDisk } from "./lab-disk.ts";
import { whyNoLab } from "./lab-network.ts";

/** Tells a process of a run which of its jobs it does. */
const JOB_VARIABLE = "TIDEMARK_CHAOS_JOB";

process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  const parsed = parseChaosOptions(args);
  if (!parsed.ok) {
    process.stderr.write(`${parsed.error}\n\n${CHAOS_USAGE}`);
    return 2;
  }
  const options = parsed.value;
  const why = (await whyNoLab()) ?? (await missingDisk(options));
  if (why !== null) {
    process.stderr.write(`no chaos here: ${why}\n`);
    return 1;
  }
  // A terminal and a parent may both send one: the second must not cut the first one's work short.
  let givingUp: Promise<void> | null = null;
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.on(signal, () => {
      givingUp ??= giveUp();
    });
  }
  const job = process.env[JOB_VARIABLE];
  if (job !== undefined) {
    await oneJob(options, Number(job), (result) => process.send?.(result));
    return 0;
  }
  await reapLeftovers(null);
  mkdirSync(options.keepFolder, { recursive: true });
  return runAll(options, args);
}

/** Somebody stopped the run: no member may go on without it. */
async function giveUp(): Promise<void> {
  await reapLeftovers(null, true);
  process.exit(130);
}

async function missingDisk({ disks }: ChaosOptions): Promise<string | null> {
  return disks.includes("lossy") ? whyNoLossyDisk() : null;
}

async function runAll(options: ChaosOptions, args: readonly string[]): Promise<number> {
  const startedMs = performance.now();
  const epochs: EpochResult[] = [];
  const failures: string[] = [];
  const note = (result: EpochResult): void => {
    epochs.push(result);
    const minutes = ((performance.now() - startedMs) / 60_000).toFixed(1);
    const told = result.anomalies.map((anomaly) => `\n  ANOMALY ${anomaly}`).join("");
    process.stderr.write(`${minutes} min: ${epochs.length} epochs, ${result.label}${told}\n`);
  };
  if (options.jobCount === 1) {
    await oneJob(options, 0, note).catch((cause: unknown) => failures.push(String(cause)));
  } else {
    const jobs = Array.from({ length: options.jobCount }, (_, job) => forkJob(job, args, note));
    failures.push(...(await Promise.all(jobs)).filter((failure) => failure !== null));
  }
  const report = reportOf(epochs, performance.now() - startedMs);
  if (options.isJson) process.stdout.write(`${JSON.stringify({ ...report, failures })}\n`);
  else process.stdout.write(`\n${describeReport(report)}\n${failures.join("\n")}\n`);
  return report.anomalies.length === 0 && failures.length === 0 ? 0 : 1;
}

function oneJob(
  options: ChaosOptions,
  job: number,
  onEpoch: (result: EpochResult) => void,
): Promise<void> {
  const log = (line: string): void => {
    if (options.isLoud) process.stderr.write(`${line}\n`);
  };
  return runJob({ job, options, onEpoch, log });
}

/** @returns how it failed; null when it did not. */
function forkJob(
  job: number,
  args: readonly string[],
  note: (result: EpochResult) => void,
): Promise<string | null> {
  const env = { ...process.env, [JOB_VARIABLE]: String(job) };
  const child = fork(process.argv[1] ?? "", args, { env });
  child.on("message", (result) => note(result as EpochResult));
  process.on("SIGTERM", () => child.kill("SIGTERM"));
  return new Promise((resolve) => {
    child.once("exit", (code) => resolve(code === 0 ? null : `job ${job} ended with ${code}`));
  });
}
