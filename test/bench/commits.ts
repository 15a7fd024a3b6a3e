import type { BenchClient } from "./bench-client.ts";
import type { BenchCluster } from "./bench-cluster.ts";
import { benchRow, tableSql } from "./bench-rows.ts";
import { distributionOf, type Distribution, type Figure } from "./figures.ts";
import { rateOfSync, type Limits } from "./limits.ts";

const CLIENT_COUNTS = [1, 16, 64] as const;
const WARM_UP_PART = 0.2;
const TABLE = "commits";
/** Keys of different loads do not meet. */
const KEYS_PER_LOAD = 100_000_000;

/** One INSERT per commit, with several numbers of clients that each wait for their answer. */
export async function measureCommits(
  cluster: BenchCluster,
  commitMs: number,
  limits: Limits,
): Promise<readonly Figure[]> {
  const { leader } = await cluster.roles();
  await leader.client.result("execute", { statements: [{ sql: tableSql(TABLE) }] });
  const figures: Figure[] = [];
  for (const [place, clientCount] of CLIENT_COUNTS.entries()) {
    const clients = Array.from({ length: clientCount }, () => leader.newClient());
    const load = { clients, firstKey: place * KEYS_PER_LOAD };
    await runLoad({ ...load, forMs: commitMs * WARM_UP_PART });
    const firstKey = load.firstKey + KEYS_PER_LOAD / 2;
    const { latencyMs, perSecond } = await runLoad({ ...load, firstKey, forMs: commitMs });
    for (const client of clients) client.close();
    figures.push(...figuresOf(clientCount, latencyMs, perSecond, limits));
  }
  return figures;
}

function figuresOf(
  clientCount: number,
  latencyMs: Distribution,
  perSecond: number,
  limits: Limits,
): readonly Figure[] {
  const who = clientCount === 1 ? "1 client" : `${clientCount} clients`;
  const { syncMs, roundTripMs } = limits;
  const floor = (part: "p50" | "p99") => ({
    name: "one sync + one round trip",
    value: syncMs[part] + roundTripMs[part],
  });
  const rate: Figure = {
    name: `commits, ${who}`,
    value: perSecond,
    unit: "commits/s",
    limit: { name: "syncs/s", value: rateOfSync(syncMs) },
  };
  return [
    { name: `commit, ${who}, p50`, value: latencyMs.p50, unit: "ms", limit: floor("p50") },
    { name: `commit, ${who}, p99`, value: latencyMs.p99, unit: "ms", limit: floor("p99") },
    rate,
  ];
}

async function runLoad(load: {
  readonly clients: readonly BenchClient[];
  readonly firstKey: number;
  readonly forMs: number;
}): Promise<{ readonly latencyMs: Distribution; readonly perSecond: number }> {
  const tookMs: number[] = [];
  let key = load.firstKey;
  const startMs = performance.now();
  const endMs = startMs + load.forMs;
  const one = async (client: BenchClient): Promise<void> => {
    for (let sentMs = performance.now(); sentMs < endMs;) {
      await client.result("execute", insertOf(key++));
      const doneMs = performance.now();
      tookMs.push(doneMs - sentMs);
      sentMs = doneMs;
    }
  };
  await Promise.all(load.clients.map(one));
  const perSecond = (tookMs.length / (performance.now() - startMs)) * 1_000;
  return { latencyMs: distributionOf(tookMs), perSecond };
}

/** The write of one row. */
function insertOf(key: number): unknown {
  const sql = `INSERT INTO ${TABLE} VALUES (?, ?, ?)`;
  return { statements: [{ sql, params: benchRow(key) }] };
}
