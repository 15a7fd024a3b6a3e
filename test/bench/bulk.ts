/**
 * A million rows: bringing them in, giving them to a new member, starting with them, and what
 * they weigh. Every time ends when the rows can be read, not when somebody promised them.
 */
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { dirname, join } from "node:path";
import type { BenchClient } from "./bench-client.ts";
import { pause, waitApplied, type BenchCluster } from "./bench-cluster.ts";
import type { BenchMember } from "./bench-member.ts";
import { BENCH_COLUMNS, benchRow, tableSql } from "./bench-rows.ts";
import { distributionOf, type Figure } from "./figures.ts";
import { answerOf, startLimitProcess } from "./limit-process.ts";
import type { Limits } from "./limits.ts";

const BATCH_ROWS = 5_000;
const LANE_COUNT = 4;
const COLD_START_COUNT = 5;
/** A member at rest makes a snapshot after ten seconds: nobody starts a computer anew within those. */
const REST_MS = 15_000;
/** How often a member is asked how it is while it takes a million rows. */
const ASK_EVERY_MS = 20;
const MIB = 1024 * 1024;

/** The API's way: batches of rows, several on their way. */
export async function measureApiImport(
  cluster: BenchCluster,
  rowCount: number,
  limits: Limits,
): Promise<readonly Figure[]> {
  const { leader } = await cluster.roles();
  await leader.client.result("execute", { statements: [{ sql: tableSql("api_rows") }] });
  const bodies = bodiesOf("api_rows", rowCount);
  const clients = Array.from({ length: LANE_COUNT }, () => leader.newClient());
  const before = await processorMs(cluster);
  const { term } = await leader.status();
  const asking = new Asking(cluster);
  const startMs = performance.now();
  const lastIndexes = await Promise.all(clients.map((client) => sendAll(client, bodies)));
  await appliedEverywhere(cluster, Math.max(...lastIndexes));
  const tookMs = performance.now() - startMs;
  const waitMs = await asking.end();
  for (const client of clients) client.close();
  const used = (await processorMs(cluster)) - before;
  const elections = (await leader.status()).term - term;
  return [
    ...importFigures("import by the API", { rowCount, tookMs, used }, limits),
    { name: "a member's status meanwhile, p99", value: waitMs.p99, unit: "ms" },
    { name: "the longest wait for one", value: waitMs.max, unit: "ms" },
    { name: "elections meanwhile", value: elections, unit: "" },
  ];
}

/** Asks every member how it is, again and again, as a window does. */
class Asking {
  #isEnded = false;
  readonly #waitsMs: number[] = [];
  readonly #done: Promise<unknown>;

  constructor(cluster: BenchCluster) {
    this.#done = Promise.all(cluster.members.map((member) => this.#ask(member)));
  }

  async end(): Promise<{ readonly p99: number; readonly max: number }> {
    this.#isEnded = true;
    await this.#done;
    return { p99: distributionOf(this.#waitsMs).p99, max: Math.max(...this.#waitsMs) };
  }

  async #ask(member: BenchMember): Promise<void> {
    const client = member.newClient();
    while (!this.#isEnded) {
      this.#waitsMs.push(await timed(() => client.result("status", {}).then(() => undefined)));
      await pause(ASK_EVERY_MS);
    }
    client.close();
  }
}

/** The command line's way: a CSV file. */
export async function measureCliImport(
  cluster: BenchCluster,
  rowCount: number,
  limits: Limits,
): Promise<readonly Figure[]> {
  const { leader } = await cluster.roles();
  await leader.client.result("execute", { statements: [{ sql: tableSql("cli_rows") }] });
  const file = join(cluster.folder, "rows.csv");
  await writeCsv(file, rowCount);
  const before = await processorMs(cluster);
  const startMs = performance.now();
  const printed = await leader.command("import", file, "--table", "cli_rows", "--json");
  await appliedEverywhere(cluster, (JSON.parse(printed) as { lastIndex: number }).lastIndex);
  const tookMs = performance.now() - startMs;
  const used = (await processorMs(cluster)) - before;
  return importFigures("import by the command line", { rowCount, tookMs, used }, limits);
}

/** From starting a member that has only just joined until it holds every row. */
export async function measureNewMirror(
  cluster: BenchCluster,
  rowCount: number,
  limits: Limits,
): Promise<Figure> {
  const { leader } = await cluster.roles();
  const { appliedIndex } = (await leader.status()).log;
  const mirror = await cluster.join("mirror");
  const startMs = performance.now();
  await mirror.start();
  await waitApplied(mirror, appliedIndex);
  const value = (performance.now() - startMs) / 1_000;
  return {
    name: `new mirror with ${rows(rowCount)}`,
    value,
    unit: "s",
    limit: rawTime(rowCount, limits),
  };
}

/**
 * From starting a stopped member until it answers a query with every row, beside a process that only opens the
 * same rows as a file. Both once before, so that the files are in the system's memory.
 */
export async function measureColdStart(
  cluster: BenchCluster,
  rowCount: number,
  program: string,
): Promise<Figure> {
  const { leader, others } = await cluster.roles();
  const member = others[0];
  if (member === undefined) throw new Error("a cluster has followers");
  const { appliedIndex } = (await leader.status()).log;
  const file = join(cluster.folder, "bare.sqlite");
  await leader.command("export", "--format", "sqlite", "--file", file);
  const wasm = join(dirname(program), "sql-wasm.wasm");
  const open = async (): Promise<void> => {
    const child = startLimitProcess("bare-image", wasm, file);
    const counted = await answerOf<number>(child);
    child.disconnect();
    if (counted !== rowCount) throw new Error(`the bare image has ${counted} rows`);
  };
  const start = async (): Promise<void> => {
    await member.start();
    await waitApplied(member, appliedIndex);
    await member.client.result("query", { sql: "SELECT count(*) FROM api_rows" });
  };
  await pause(REST_MS);
  const tookMs = { start: [] as number[], open: [] as number[] };
  for (let i = 0; i < COLD_START_COUNT; i++) {
    tookMs.open.push(await timed(open));
    await member.stop();
    tookMs.start.push(await timed(start));
  }
  return {
    name: `cold start with ${rows(rowCount)}, median of ${COLD_START_COUNT}`,
    value: distributionOf(tookMs.start).p50 / 1_000,
    unit: "s",
    limit: { name: "SQL.js opens the bare image", value: distributionOf(tookMs.open).p50 / 1_000 },
  };
}

/** A query without end takes the store's thread with it: until the rows can be read again, after its limit. */
export async function measureStoppedQuery(
  cluster: BenchCluster,
  rowCount: number,
): Promise<Figure> {
  const { others } = await cluster.roles();
  const client = others[0]?.newClient();
  if (client === undefined) throw new Error("a cluster has followers");
  const endless =
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n";
  const stopped = await client.call("query", { sql: endless });
  if (stopped.status === 200) throw new Error("the query was not stopped");
  const tookMs = await timed(() =>
    client.result("query", { sql: "SELECT count(*) FROM api_rows" }).then(() => undefined),
  );
  client.close();
  return {
    name: `readable again after a stopped query, ${rows(rowCount)}`,
    value: tookMs,
    unit: "ms",
  };
}

async function timed(action: () => Promise<void>): Promise<number> {
  const startMs = performance.now();
  await action();
  return performance.now() - startMs;
}

/** Resident memory of a leader and a mirror, after everything before. */
export async function measureMemory(cluster: BenchCluster): Promise<readonly Figure[]> {
  const { leader, others } = await cluster.roles();
  const figures: Figure[] = [];
  const named = [{ name: "leader", member: leader }];
  const mirror = others.at(-1);
  if (mirror !== undefined) named.push({ name: "mirror", member: mirror });
  for (const { name, member } of named) {
    const memory = await member.memory();
    if (memory === null) continue;
    figures.push({ name: `memory of the ${name}`, value: memory.nowBytes / MIB, unit: "MiB" });
    figures.push({ name: `its peak`, value: memory.peakBytes / MIB, unit: "MiB" });
  }
  return figures;
}

function rows(count: number): string {
  return `${count.toLocaleString("en")} rows`;
}

function importFigures(
  name: string,
  measured: { readonly rowCount: number; readonly tookMs: number; readonly used: number },
  { raw }: Limits,
): readonly Figure[] {
  const { rowCount, tookMs, used } = measured;
  const limit = { name: "SQL.js alone", value: raw.single };
  const perSecond = (rowCount / tookMs) * 1_000;
  const figures: Figure[] = [
    { name: `${name}, until on all three`, value: perSecond, unit: "rows/s", limit },
  ];
  if (used === 0) return figures;
  // Says what the wall clock cannot on a busy machine.
  const value = (used / rowCount) * 1_000;
  return [...figures, { name: "the members' processor time, 1,000 rows", value, unit: "ms" }];
}

/** Of all members together; 0 where the system does not tell. */
async function processorMs(cluster: BenchCluster): Promise<number> {
  const each = await Promise.all(cluster.members.map((member) => member.processorMs()));
  return each.reduce<number>((sum, ms) => sum + (ms ?? 0), 0);
}

/** How long SQL.js alone would insert those rows. */
function rawTime(rowCount: number, { raw }: Limits): { name: string; value: number } {
  return { name: "SQL.js alone", value: rowCount / raw.single };
}

async function appliedEverywhere(cluster: BenchCluster, index: number): Promise<void> {
  await Promise.all(cluster.members.map((member) => waitApplied(member, index)));
}

/** Takes the next body until there is none. @returns the index of its last batch. */
async function sendAll(client: BenchClient, bodies: Iterator<string>): Promise<number> {
  let lastIndex = 0;
  for (let next = bodies.next(); next.done !== true; next = bodies.next()) {
    const answer = await client.callText("insertRows", next.value);
    if (answer.status !== 200) throw new Error(`import: ${JSON.stringify(answer.body)}`);
    lastIndex = (answer.body as { index: number }).index;
  }
  return lastIndex;
}

function* bodiesOf(table: string, rowCount: number): Generator<string> {
  for (let at = 0; at < rowCount; at += BATCH_ROWS) {
    const count = Math.min(BATCH_ROWS, rowCount - at);
    const batch = Array.from({ length: count }, (_, i) => benchRow(at + i));
    yield JSON.stringify({ table, columns: BENCH_COLUMNS, rows: batch });
  }
}

async function writeCsv(file: string, rowCount: number): Promise<void> {
  const out = createWriteStream(file);
  out.write(`${BENCH_COLUMNS.join(",")}\n`);
  for (let at = 0; at < rowCount; at += BATCH_ROWS) {
    const count = Math.min(BATCH_ROWS, rowCount - at);
    const lines = Array.from({ length: count }, (_, i) => `${benchRow(at + i).join(",")}\n`);
    if (!out.write(lines.join(""))) await once(out, "drain");
  }
  out.end();
  await once(out, "finish");
}
