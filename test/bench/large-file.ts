/**
 * A CSV file far larger than any batch, imported by the command line into a member that is alone: what both processes
 * take of memory from beginning to end, and how long the member stays without answering meanwhile.
 */
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { join } from "node:path";
import { BenchCluster } from "./bench-cluster.ts";
import type { BenchMember, RunningCommand } from "./bench-member.ts";
import type { MemberSetup } from "./bench-member.ts";
import { distributionOf, type Figure } from "./figures.ts";

const MIB = 1024 * 1024;
const COLUMNS = "id,place,latitude,longitude,note,counted";
const ROWS_AT_ONCE = 10_000;
const SAMPLE_EVERY_MS = 5_000;
const ASK_EVERY_MS = 100;

/** Resident memory at one moment of the import. */
type Sample = {
  readonly seconds: number;
  readonly importerMib: number;
  readonly memberMib: number;
  readonly rowCount: number;
};

/** Imports a file of `fileMib`, in all of it. @param told Hears each sample as a line. */
export async function measureLargeFile(
  setup: MemberSetup,
  fileMib: number,
  told: (line: string) => void,
): Promise<readonly Figure[]> {
  const cluster = await BenchCluster.startAlone(setup);
  try {
    const { leader } = await cluster.roles();
    const file = join(cluster.folder, "large.csv");
    const rowCount = await writeCsv(file, fileMib * MIB);
    told(`${rowCount.toLocaleString("en")} rows in ${fileMib} MiB`);
    const running = leader.startCommand("import", file, "--table", "large", "--json");
    const [waitsMs, samples] = await Promise.all([
      waitsForStatus(leader, running),
      sampleUntilEnd(leader, running, told),
    ]);
    const { seconds } = JSON.parse(await running.printed) as { readonly seconds: number };
    const verified = await leader.client.result<{ readonly isIdentical: boolean }>("verify", {});
    if (!verified.isIdentical) throw new Error("the checksum does not fit the rows");
    return figuresOf({ rowCount, seconds, samples, waitsMs });
  } finally {
    await cluster.dispose();
  }
}

function figuresOf(measured: {
  readonly rowCount: number;
  readonly seconds: number;
  readonly samples: readonly Sample[];
  readonly waitsMs: readonly number[];
}): readonly Figure[] {
  const { rowCount, seconds, samples, waitsMs } = measured;
  return [
    { name: "import of a large file", value: rowCount / seconds, unit: "rows/s" },
    ...memoryFigures(samples),
    { name: "wait for its status, p99", value: distributionOf(waitsMs).p99, unit: "ms" },
    { name: "wait for its status, longest", value: Math.max(...waitsMs), unit: "ms" },
  ];
}

/** None of an import that was over before memory could be looked at twice. */
function memoryFigures(samples: readonly Sample[]): readonly Figure[] {
  if (samples.length < 2) return [];
  // Flat is what takes no more in its second half than in its first.
  const half = Math.floor(samples.length / 2);
  const importer = (name: string, of: readonly Sample[]): Figure => {
    const value = Math.max(...of.map(({ importerMib }) => importerMib));
    return { name: `importing program, peak in the ${name} half`, value, unit: "MiB" };
  };
  const memberMib = Math.max(...samples.map((sample) => sample.memberMib));
  return [
    importer("first", samples.slice(0, half)),
    importer("second", samples.slice(half)),
    { name: "member that takes it, peak", value: memberMib, unit: "MiB" },
  ];
}

async function sampleUntilEnd(
  leader: BenchMember,
  running: RunningCommand,
  told: (line: string) => void,
): Promise<readonly Sample[]> {
  const startMs = performance.now();
  const samples: Sample[] = [];
  while (!(await running.endsWithin(SAMPLE_EVERY_MS))) {
    const [importer, member] = await Promise.all([running.memory(), leader.memory()]);
    if (importer === null || member === null) continue;
    const sample = {
      seconds: (performance.now() - startMs) / 1_000,
      importerMib: importer.nowBytes / MIB,
      memberMib: member.nowBytes / MIB,
      rowCount: await countRows(leader),
    };
    samples.push(sample);
    const [seconds, importerMib, memberMib] = [
      sample.seconds,
      sample.importerMib,
      sample.memberMib,
    ].map(Math.round);
    const rows = sample.rowCount.toLocaleString("en");
    told(`${seconds} s: importer ${importerMib} MiB, member ${memberMib} MiB, ${rows} rows`);
  }
  return samples;
}

/** By the highest rowid: counting them would be a load of its own. */
async function countRows(leader: BenchMember): Promise<number> {
  const { rows } = await leader.client
    .result<{ readonly rows: readonly (readonly number[])[] }>("query", {
      sql: "SELECT coalesce(max(rowid), 0) FROM large",
      rowsMax: 1,
    })
    .catch(() => ({ rows: [] }));
  return rows[0]?.[0] ?? 0;
}

/** Asks for the status all the time. @returns how long each answer took, in ms. */
async function waitsForStatus(
  leader: BenchMember,
  running: RunningCommand,
): Promise<readonly number[]> {
  const client = leader.newClient();
  const waitsMs: number[] = [];
  while (!(await running.endsWithin(ASK_EVERY_MS))) {
    const askedMs = performance.now();
    await client.result("status", {});
    waitsMs.push(performance.now() - askedMs);
  }
  client.close();
  return waitsMs;
}

/** Rows of six columns, about 65 bytes each. @returns how many. */
async function writeCsv(file: string, sizeBytes: number): Promise<number> {
  const out = createWriteStream(file);
  out.write(`${COLUMNS}\n`);
  let rowCount = 0;
  for (let written = 0; written < sizeBytes; rowCount += ROWS_AT_ONCE) {
    const lines = Array.from({ length: ROWS_AT_ONCE }, (_, i) => csvLine(rowCount + i)).join("");
    written += lines.length;
    if (!out.write(lines)) await once(out, "drain");
  }
  out.end();
  await once(out, "finish");
  return rowCount;
}

function csvLine(id: number): string {
  const latitude = ((id * 7_919) % 18_000_000) / 100_000 - 90;
  const longitude = ((id * 104_729) % 36_000_000) / 100_000 - 180;
  const note = id % 5 === 0 ? "" : `"seen ${id % 97}, told again"`;
  return `${id + 1},Harbour ${id % 9_973},${latitude},${longitude},${note},${id % 1_000}\n`;
}
