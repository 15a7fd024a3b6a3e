/**
 * How long nobody can write when the leader is killed: from `kill -9` of its process to the next
 * acknowledged write, through whichever member takes it. Clients that do not know who leads ask
 * all that are left at once, as the windows of a room of computers would.
 *
 * What it does not measure: networks (all is loopback) and a leader that falls silent instead of
 * dying (a frozen computer); that takes an election timeout longer.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { RealCluster } from "../support/real-cluster.ts";
import type { RealMember } from "../support/real-member.ts";

/** The figures of all rounds, in ms. */
export type FailoverFigures = {
  readonly roundsMs: readonly number[];
  readonly medianMs: number;
  readonly minMs: number;
  readonly maxMs: number;
};

const RETRY_AFTER_MS = 5;
const GIVE_UP_MS = 30_000;

/** Kills the leader of three members so many times; each time the killed one comes back first. */
export async function measureFailover(rounds: number): Promise<FailoverFigures> {
  const cluster = await RealCluster.create(3);
  try {
    const leader = await cluster.leader();
    await leader.execute("CREATE TABLE beats (id INTEGER PRIMARY KEY, round INTEGER)");
    const roundsMs: number[] = [];
    for (let round = 0; round < rounds; round++) roundsMs.push(await oneRound(cluster, round));
    await cluster.verifyIdentical();
    return figuresOf(roundsMs);
  } finally {
    await cluster.dispose();
  }
}

async function oneRound(cluster: RealCluster, round: number): Promise<number> {
  const leader = await cluster.waitTogether();
  const others = cluster.running().filter((member) => member !== leader);
  const killedAtMs = performance.now();
  const ended = leader.kill();
  const attempt = { isDone: false, deadlineMs: killedAtMs + GIVE_UP_MS };
  const writes = others.map((member) => writeUntilTaken(member, round, attempt));
  const acknowledgedAtMs = await Promise.any(writes);
  attempt.isDone = true;
  await Promise.allSettled([...writes, ended]);
  await leader.start();
  return Math.round(acknowledgedAtMs - killedAtMs);
}

/** @returns when this member acknowledged; rejects when another did first, or in time nobody. */
async function writeUntilTaken(
  member: RealMember,
  round: number,
  attempt: { readonly isDone: boolean; readonly deadlineMs: number },
): Promise<number> {
  const statements = [{ sql: "INSERT INTO beats(round) VALUES (?)", params: [round] }];
  const clientId = `client-of-${member.name}`;
  let lastCode = "";
  while (!attempt.isDone && performance.now() < attempt.deadlineMs) {
    const answer = await member.call("execute", { statements, clientId, sequence: round + 1 });
    if (answer.ok) return performance.now();
    lastCode = answer.error.code;
    await sleep(RETRY_AFTER_MS);
  }
  throw new Error(`${member.name} did not take the write of round ${round}: ${lastCode}`);
}

function figuresOf(roundsMs: readonly number[]): FailoverFigures {
  const sorted = [...roundsMs].sort((a, b) => a - b);
  return {
    roundsMs,
    medianMs: sorted[Math.floor(sorted.length / 2)] ?? Number.NaN,
    minMs: sorted[0] ?? Number.NaN,
    maxMs: sorted.at(-1) ?? Number.NaN,
  };
}
