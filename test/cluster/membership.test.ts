/** Who belongs to the cluster, how a newcomer gets the data, and that a power cut keeps it all. */
import { afterEach, expect, test } from "vitest";
import { RealCluster } from "../support/real-cluster.ts";
import type { RealMember } from "../support/real-member.ts";
import { waitUntil } from "../support/wait-until.ts";

/** Three snapshots' worth of log and more: then its beginning has been let go. */
const BIG_WRITE_COUNT_MAX = 60;
const BLOB_BYTES = 1_000_000;
const BLOB_COUNT = 4;

let cluster: RealCluster | null = null;

afterEach(async () => {
  await cluster?.dispose();
  cluster = null;
});

/** Rewrites a few large cells until the log no longer begins at its beginning. */
async function outgrowLog(member: RealMember): Promise<void> {
  const cell = `zeroblob(${BLOB_BYTES})`;
  await member.execute("CREATE TABLE scans (id INTEGER PRIMARY KEY, image BLOB, version INTEGER)");
  const rows = Array.from({ length: BLOB_COUNT }, () => `(${cell}, 0)`).join(", ");
  await member.execute(`INSERT INTO scans(image, version) VALUES ${rows}`);
  for (let count = 0; count < BIG_WRITE_COUNT_MAX; count++) {
    await member.execute(`UPDATE scans SET image = ${cell}, version = version + 1`);
    const status = await member.status();
    if (status !== null && status.log.firstIndex > 1) return;
  }
  throw new Error(`the log still begins at 1 after ${BIG_WRITE_COUNT_MAX} large writes`);
}

test("a new mirror gets a snapshot when the log's beginning is gone, and is identical", async () => {
  cluster = await RealCluster.create(1);
  const leader = cluster.member(0);
  await outgrowLog(leader);
  const mirror = await cluster.add("mirror");
  await cluster.verifyIdentical();
  const { log, members } = await mirror.must("status", {});
  expect(log.firstIndex).toBeGreaterThan(1);
  expect(members.find(({ isSelf }) => isSelf)?.seat).toBe("mirror");
  const index = await leader.execute("INSERT INTO scans(version) VALUES (-1)");
  const sql = "SELECT min(version), count(*) FROM scans";
  const read = { sql, readLevel: "session", afterIndex: index } as const;
  expect((await mirror.must("query", read)).rows).toEqual([[-1, BLOB_COUNT + 1]]);
  await mirror.kill();
  await leader.execute("DELETE FROM scans WHERE version = -1");
  await mirror.start();
  await cluster.verifyIdentical();
  expect(await mirror.rows("SELECT count(*) FROM scans")).toEqual([[BLOB_COUNT]]);
});

test("a removed member is refused from then on, also after it was started again", async () => {
  cluster = await RealCluster.create(3);
  const leader = await cluster.leader();
  const [removed] = await cluster.followers();
  if (removed === undefined) throw new Error("three members run");
  await leader.execute("CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT)");
  await cluster.verifyIdentical();
  const done = await leader.command("remove", removed.name);
  expect(done).toMatchObject({ exitCode: 0, out: `${removed.name} was removed.\n` });
  await leader.execute("INSERT INTO notes(text) VALUES ('after the removal')");
  for (const isRestarted of [false, true]) {
    if (isRestarted) {
      await removed.kill();
      await removed.start();
    }
    await waitUntil("the removed member hears of nobody any more", async () => {
      const status = await removed.status();
      return status !== null && status.leader === null && !status.lag.leaderReachable && status;
    });
    const write = { statements: [{ sql: "INSERT INTO notes(text) VALUES ('mine')" }] };
    const refused = await waitUntil("the removed member knows why", async () => {
      const outcome = await removed.call("execute", write);
      return !outcome.ok && outcome.error.message.includes("was removed") && outcome.error;
    });
    expect(refused.code).toBe("not-leader");
    expect(await removed.rows("SELECT text FROM notes")).toEqual([]);
    const { members } = await leader.must("status", {});
    expect(members.map(({ name }) => name)).not.toContain(removed.name);
  }
  await cluster.drop(removed);
  expect(await cluster.leader()).toBe(leader);
  expect((await leader.status())?.members).toHaveLength(2);
  const again = await leader.command("remove", removed.name);
  expect(again).toMatchObject({ exitCode: 4 });
});

test("everything is there after all three were killed at once, and after all three left", async () => {
  cluster = await RealCluster.create(3);
  const leader = await cluster.leader();
  await leader.execute("CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT)");
  for (let i = 0; i < 50; i++)
    await leader.execute("INSERT INTO notes(text) VALUES (?)", [`n${i}`]);
  const { members } = cluster;
  const before = await cluster.verifyIdentical();
  await Promise.all(members.map((member) => member.kill()));
  await Promise.all(members.map((member) => member.start()));
  const killed = await cluster.verifyIdentical();
  expect(killed.recomputed).toBe(before.recomputed);
  expect(killed.index).toBeGreaterThan(before.index);
  const exitCodes = await Promise.all(members.map((member) => member.leave()));
  expect(exitCodes).toEqual([0, 0, 0]);
  await Promise.all(members.map((member) => member.start()));
  const left = await cluster.verifyIdentical();
  expect(left.recomputed).toBe(before.recomputed);
  await (await cluster.leader()).execute("INSERT INTO notes(text) VALUES ('goes on')");
});
