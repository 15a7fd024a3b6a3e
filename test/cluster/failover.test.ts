/**
 * What a user was told is saved stays saved, once, whoever dies. Members die by `kill -9` while
 * several clients write and repeat what they got no answer for.
 */
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { RealCluster } from "../support/real-cluster.ts";
import type { RealMember } from "../support/real-member.ts";
import { waitUntil } from "../support/wait-until.ts";
import { MARKS_SQL, Writers } from "./writers.ts";

const KILL_COUNT = 3;
const CLIENT_COUNT = 6;

let cluster: RealCluster;
let leader: RealMember;
let writers: Writers;
let testCount = 0;

// One cluster for all: each test leaves it whole, and the next one checks that before it begins.
beforeAll(async () => {
  cluster = await RealCluster.create(3);
});

beforeEach(async () => {
  leader = await cluster.waitTogether();
  await leader.execute("DROP TABLE IF EXISTS marks");
  await leader.execute(MARKS_SQL);
  testCount++;
});

afterAll(() => cluster.dispose());

/** Clients of this test: a name used before would repeat writes of the test before. */
function startWriters(count: number): Writers {
  const names = Array.from({ length: count }, (_, i) => `client-${testCount}-${i}`);
  return new Writers(cluster.members, names);
}

/** Every acknowledged write is in `marks` exactly once, and no write is there twice. */
async function expectOnceEach(member: RealMember, { acknowledged }: Writers): Promise<void> {
  const rows = await member.rows(
    "SELECT client || ' ' || sequence, count(*) FROM marks GROUP BY 1",
  );
  const counts = new Map(rows.map(([mark, count]) => [mark, count]));
  const wrong = acknowledged
    .map(({ client, sequence }) => `${client} ${sequence}`)
    .filter((mark) => counts.get(mark) !== 1);
  expect(wrong).toEqual([]);
  expect(rows.filter(([, count]) => count !== 1)).toEqual([]);
}

test("no acknowledged write is lost or doubled when the leader is killed under load, again and again", async () => {
  writers = startWriters(CLIENT_COUNT);
  for (let round = 0; round < KILL_COUNT; round++) {
    await writers.more(100);
    const killed = await cluster.leader();
    await killed.kill();
    await writers.more(100);
    await killed.start();
    // The next one to die must not take the majority with it.
    await cluster.waitConnected();
  }
  await writers.stop();
  expect(writers.refused).toEqual([]);
  await cluster.verifyIdentical();
  for (const member of cluster.members) await expectOnceEach(member, writers);
});

test("no acknowledged write is lost when all three are killed at once under load", async () => {
  writers = startWriters(CLIENT_COUNT);
  await writers.more(150);
  await Promise.all(cluster.members.map((member) => member.kill()));
  await Promise.all(cluster.members.map((member) => member.start()));
  await writers.more(50);
  await writers.stop();
  expect(writers.refused).toEqual([]);
  await cluster.verifyIdentical();
  for (const member of cluster.members) await expectOnceEach(member, writers);
});

test("a write repeated with its client and sequence at the next leader gets the first result and changes nothing", async () => {
  await leader.execute("CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT)");
  const write = {
    statements: [{ sql: "INSERT INTO people(name) VALUES ('Ada') RETURNING id, name" }],
    clientId: "desk",
    sequence: 1,
  };
  const first = await leader.must("execute", write);
  expect(await leader.must("execute", write)).toEqual(first);
  await leader.kill();
  const next = await cluster.leader();
  expect(await next.must("execute", write)).toEqual(first);
  expect(await next.rows("SELECT name FROM people")).toEqual([["Ada"]]);
  expect(await next.must("execute", { ...write, sequence: 2 })).toMatchObject({
    results: [{ rows: [[2, "Ada"]] }],
  });
  const seen = { table: "people", key: { id: 1 }, row: { name: "somebody else" } };
  const conflict = await next.call("execute", { ...write, sequence: 3, expect: [seen] });
  expect(conflict).toMatchObject({ ok: false, error: { code: "row-conflict" } });
  const old = await next.call("execute", write);
  expect(old.ok ? old.value : old.error.code).toBe("sequence-too-old");
  await leader.start();
});

test("a leader that is asked to leave hands over first: writes go on, nothing is lost, exit code 0", async () => {
  writers = startWriters(2);
  await writers.more(50);
  const before = await leader.status();
  const left = leader.leave();
  const next = await waitUntil("another leader", async () => {
    const found = await cluster.leader();
    return found !== leader && found;
  });
  expect(await left).toBe(0);
  // Exactly one term later: it was handed over, not fought for.
  expect((await next.status())?.term).toBe((before?.term ?? 0) + 1);
  await writers.more(50);
  await writers.stop();
  expect(writers.refused).toEqual([]);
  await leader.start();
  await cluster.verifyIdentical();
  for (const member of cluster.members) await expectOnceEach(member, writers);
});

test("switchover by the command line makes the named member lead under load and loses nothing", async () => {
  const [target, other] = await cluster.followers();
  if (target === undefined || other === undefined) throw new Error("three members run");
  writers = startWriters(2);
  await writers.more(50);
  const done = await leader.command("switchover", target.name);
  expect(done).toMatchObject({ exitCode: 0, error: "" });
  expect(done.out).toContain(`${target.name} leads now`);
  expect(await cluster.leader()).toBe(target);
  await writers.more(50);
  await writers.stop();
  expect(writers.refused).toEqual([]);
  await cluster.verifyIdentical();
  for (const member of cluster.members) await expectOnceEach(member, writers);
  const unknown = await target.command("switchover", "Nobody");
  expect(unknown).toMatchObject({ exitCode: 4 });
});
