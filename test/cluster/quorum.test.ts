/**
 * What a member may say and do when it cannot reach the others. They are frozen rather than
 * killed where it matters: their connections stay open, as those of a sleeping laptop do.
 */
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { DEFAULT_SETTINGS } from "../../electron/agent/replica/replica-context.ts";
import { RealCluster } from "../support/real-cluster.ts";
import type { RealMember } from "../support/real-member.ts";
import { waitUntil } from "../support/wait-until.ts";

const WRITE = { statements: [{ sql: "INSERT INTO notes(text) VALUES ('lost?')" }] };
const COUNT = "SELECT count(*) FROM notes";

let cluster: RealCluster;
let leader: RealMember;
let followers: readonly RealMember[];
/** Rows of `notes`: every test adds some. */
let noteCount = 1;

// One cluster for all: each test leaves it whole, and the next one checks that before it begins.
beforeAll(async () => {
  cluster = await RealCluster.create(3);
  leader = await cluster.leader();
  await leader.execute("CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT)");
  await leader.execute("INSERT INTO notes(text) VALUES ('first')");
});

beforeEach(async () => {
  leader = await cluster.waitTogether();
  followers = await cluster.followers();
  noteCount = Number((await leader.rows(COUNT))[0]?.[0]);
});

afterAll(() => cluster.dispose());

/** Waits until the member has noticed that it is alone. */
function noticed(member: RealMember): Promise<unknown> {
  return waitUntil("it knows that it has no quorum", async () => {
    const status = await member.status();
    return status !== null && status.leader === null && !status.canWrite && status;
  });
}

async function codeOf(call: ReturnType<RealMember["call"]>): Promise<string> {
  const answer = await call;
  return answer.ok ? "ok" : answer.error.code;
}

test("a leader whose followers fall silent stops taking writes within an election timeout, and reads go on", async () => {
  for (const follower of followers) follower.freeze();
  const frozenAtMs = performance.now();
  await waitUntil("it does not take writes any more", async () => {
    return (await leader.status())?.canWrite === false;
  });
  const { electionMs } = DEFAULT_SETTINGS.raft;
  // Its own check comes at the latest one timeout after the last answer, and one after that.
  expect(performance.now() - frozenAtMs).toBeLessThan(electionMs * 4);
  expect(await codeOf(leader.call("execute", WRITE))).toBe("no-quorum");
  expect(await leader.rows(COUNT)).toEqual([[noteCount]]);
  const command = await leader.command("sql", "DELETE FROM notes");
  expect(command.exitCode).toBe(3);
  expect(command.error).toMatch(/^tidemark: .*majority.*\n$/);

  for (const follower of followers) follower.wake();
  await cluster.leader();
  await cluster.verifyIdentical();
  expect(await followers[0]?.rows(COUNT)).toEqual([[noteCount]]);
});

test("the last of three voters refuses writes and linearizable reads with no-quorum and says how old its data is", async () => {
  const [survivor, other] = followers;
  if (survivor === undefined || other === undefined) throw new Error("three members run");
  await Promise.all([leader.kill(), other.kill()]);
  await noticed(survivor);
  expect(await codeOf(survivor.call("execute", WRITE))).toBe("no-quorum");
  const newest = survivor.call("query", { sql: COUNT, readLevel: "linearizable" });
  expect(await codeOf(newest)).toBe("no-quorum");
  const local = await survivor.must("query", { sql: COUNT });
  expect(local.rows).toEqual([[noteCount]]);
  expect(local.asOf.leaderReachable).toBe(false);
  expect(Date.parse(local.asOf.at ?? "")).toBeLessThanOrEqual(Date.now());
  expect(await survivor.must("verify", {})).toMatchObject({ isIdentical: true });

  await other.start();
  await (await cluster.leader()).must("execute", WRITE);
  await leader.start();
  await cluster.verifyIdentical();
  expect(await survivor.rows(COUNT)).toEqual([[noteCount + 1]]);
});

test("a frozen follower misses nothing: its local reads are of the past until it wakes, then it catches up", async () => {
  const [sleeper] = followers;
  if (sleeper === undefined) throw new Error("three members run");
  sleeper.freeze();
  for (let i = 0; i < 20; i++) await leader.must("execute", WRITE);
  const shown = await waitUntil("the leader counts what the sleeper lacks", async () => {
    const status = await leader.status();
    const seen = status?.members.find(({ name }) => name === sleeper.name);
    return seen !== undefined && (seen.lagEntries ?? 0) >= 20 && seen;
  });
  expect(shown.isLeader).toBe(false);
  sleeper.wake();
  await cluster.verifyIdentical();
  expect(await sleeper.rows(COUNT)).toEqual([[noteCount + 20]]);
});

test("a session read on a follower waits for the write it names, and a linearizable one sees every acknowledged write", async () => {
  const [reader] = followers;
  if (reader === undefined) throw new Error("three members run");
  for (let i = 1; i <= 30; i++) {
    const index = await leader.execute("INSERT INTO notes(text) VALUES ('next')");
    const isSession = i % 2 === 0;
    const level = isSession ? "session" : "linearizable";
    const params = isSession ? { afterIndex: index } : {};
    const seen = await reader.must("query", { sql: COUNT, readLevel: level, ...params });
    expect(seen.rows).toEqual([[noteCount + i]]);
    expect(seen.asOf.index).toBeGreaterThanOrEqual(index);
  }
  const future = (await leader.status())?.log.lastIndex ?? 0;
  const early = reader.call("query", {
    sql: COUNT,
    readLevel: "session",
    afterIndex: future + 100,
  });
  expect(await codeOf(early)).toBe("stale");
});

test("a leader that was frozen and wakes neither takes a write nor passes old data off as the newest", async () => {
  leader.freeze();
  const next = await waitUntil("a follower leads", async () => {
    for (const follower of followers) {
      if ((await follower.status())?.canWrite === true) return follower;
    }
    return null;
  });
  await next.must("execute", WRITE);
  // Both calls wait in its sockets and are the first things it sees when it wakes.
  const read = leader.call("query", { sql: COUNT, readLevel: "linearizable" });
  const write = leader.call("execute", WRITE);
  leader.wake();
  const seen = await read;
  if (seen.ok) expect(seen.value.rows).toEqual([[noteCount + 1]]);
  else expect(seen.error.code).toBe("no-quorum");
  const code = await codeOf(write);
  expect(["not-leader", "no-quorum", "unknown-outcome"]).toContain(code);
  await cluster.verifyIdentical();
  for (const member of cluster.members) {
    expect(await member.rows(COUNT)).toEqual([[noteCount + 1]]);
  }
});
