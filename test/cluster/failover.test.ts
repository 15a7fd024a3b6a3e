/**
 * What a user was told is saved stays saved, once, whoever dies. Members die by `kill -9` while
 * several clients write and repeat what they got no answer for.
 */
import { afterEach, expect, test } from "vitest";
import { RealCluster } from "../support/real-cluster.ts";
import type { RealMember } from "../support/real-member.ts";
import { waitUntil } from "../support/wait-until.ts";
import { MARKS_SQL, Writers } from "./writers.ts";

const KILL_COUNT = 3;
const CLIENT_NAMES = ["till", "desk", "ward", "gate", "lab", "store"];

let cluster: RealCluster | null = null;
let writers: Writers | null = null;

afterEach(async () => {
  await cluster?.dispose();
  cluster = null;
  writers = null;
});

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
  cluster = await RealCluster.create(3);
  await (await cluster.leader()).execute(MARKS_SQL);
  await cluster.verifyIdentical();
  writers = new Writers(cluster.members, CLIENT_NAMES);
  for (let round = 0; round < KILL_COUNT; round++) {
    await writers.more(100);
    const leader = await cluster.leader();
    await leader.kill();
    await writers.more(100);
    await leader.start();
    // The next one to die must not take the majority with it.
    await cluster.waitConnected();
  }
  await writers.stop();
  expect(writers.refused).toEqual([]);
  await cluster.verifyIdentical();
  for (const member of cluster.members) await expectOnceEach(member, writers);
});

test("no acknowledged write is lost when all three are killed at once under load", async () => {
  cluster = await RealCluster.create(3);
  await (await cluster.leader()).execute(MARKS_SQL);
  writers = new Writers(cluster.members, CLIENT_NAMES);
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
  cluster = await RealCluster.create(3);
  const leader = await cluster.leader();
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
  const old = await next.call("execute", write);
  expect(old.ok ? old.value : old.error.code).toBe("sequence-too-old");
});

test("a leader that is asked to leave hands over first: writes go on, nothing is lost, exit code 0", async () => {
  cluster = await RealCluster.create(3);
  const leader = await cluster.leader();
  await leader.execute(MARKS_SQL);
  writers = new Writers(cluster.members, ["till", "desk"]);
  await writers.more(50);
  const before = await leader.status();
  const left = leader.leave();
  const next = await waitUntil("another leader", async () => {
    const found = (await cluster?.leader()) ?? null;
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
  cluster = await RealCluster.create(3);
  const leader = await cluster.leader();
  await leader.execute(MARKS_SQL);
  const [target, other] = await cluster.followers();
  if (target === undefined || other === undefined) throw new Error("three members run");
  writers = new Writers(cluster.members, ["till", "desk"]);
  await writers.more(50);
  const done = await leader.command("switchover", target.name);
  expect(done).toMatchObject({ exitCode: 0, error: "" });
  expect(done.out).toContain(`${target.name} leads now`);
  await writers.more(50);
  await writers.stop();
  expect(await cluster.leader()).toBe(target);
  expect(writers.refused).toEqual([]);
  await cluster.verifyIdentical();
  for (const member of cluster.members) await expectOnceEach(member, writers);
  const unknown = await target.command("switchover", "Nobody");
  expect(unknown).toMatchObject({ exitCode: 4 });
});
