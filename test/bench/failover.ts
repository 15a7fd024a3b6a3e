import type { BenchClient } from "./bench-client.ts";
import type { BenchCluster } from "./bench-cluster.ts";
import type { BenchMember } from "./bench-member.ts";
import { distributionOf, type Figure } from "./figures.ts";

const RETRY_MS = 5;
const GIVE_UP_MS = 30_000;

/** The election timeout of the default settings, from its shortest to its longest. */
const ELECTION_MS = 1_000;

/** From `kill -9` of the leader to the next acknowledged write of a client that tries on. */
export async function measureFailover(
  cluster: BenchCluster,
  count: number,
): Promise<readonly Figure[]> {
  const { leader } = await cluster.roles();
  const sql = "CREATE TABLE failover (id INTEGER PRIMARY KEY, round INTEGER NOT NULL)";
  await leader.client.result("execute", { statements: [{ sql }] });
  const tookMs: number[] = [];
  for (let round = 0; round < count; round++) tookMs.push(await oneRound(cluster, round));
  const { p50 } = distributionOf(tookMs);
  const limit = { name: "election timeout", value: ELECTION_MS };
  return [
    { name: `failover, median of ${count}`, value: p50, unit: "ms", limit },
    { name: `failover, worst of ${count}`, value: Math.max(...tookMs), unit: "ms", limit },
  ];
}

async function oneRound(cluster: BenchCluster, round: number): Promise<number> {
  const { leader, others } = await cluster.roles();
  const clients = others.map((member) => member.newClient());
  const killedMs = performance.now();
  const ended = leader.kill();
  await firstAcknowledged(clients, round);
  const tookMs = performance.now() - killedMs;
  for (const client of clients) client.close();
  await ended;
  await comeBack(cluster, leader);
  return tookMs;
}

async function comeBack(cluster: BenchCluster, member: BenchMember): Promise<void> {
  await member.start();
  await cluster.together();
}

/** Asks the survivors in turn, as a client does that was told nothing. */
async function firstAcknowledged(clients: readonly BenchClient[], round: number): Promise<void> {
  const deadlineMs = performance.now() + GIVE_UP_MS;
  let last = "";
  const write = {
    statements: [{ sql: "INSERT INTO failover (round) VALUES (?)", params: [round] }],
  };
  while (performance.now() < deadlineMs) {
    for (const client of clients) {
      const answer = await client.call("execute", write);
      if (answer.status === 200) return;
      last = JSON.stringify(answer.body);
    }
    await new Promise((resume) => setTimeout(resume, RETRY_MS));
  }
  throw new Error(`no member took the write over: ${last}`);
}
