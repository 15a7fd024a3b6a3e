/**
 * The main story of the product on three real processes: import, equal rows, edits only through
 * the leader, its death, the next leader, and its return.
 */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { RealCluster } from "../support/real-cluster.ts";
import { waitUntil } from "../support/wait-until.ts";

const ROW_COUNT = 2_000;

let cluster: RealCluster | null = null;

afterEach(async () => {
  await cluster?.dispose();
  cluster = null;
});

async function writePeople(folder: string): Promise<string> {
  const path = join(folder, "people.csv");
  const lines = Array.from({ length: ROW_COUNT }, (_, i) => `${i + 1},"Ada, ${i}",${i / 4}`);
  await writeFile(path, `id,name,score\r\n${lines.join("\r\n")}\r\n`);
  return path;
}

test("three members hold identical rows after an import, an edit, kill -9 of the leader and its return", async () => {
  cluster = await RealCluster.create(3);
  const leader = await cluster.leader();
  const file = await writePeople(cluster.folder);
  const imported = await leader.command("import", file, "--table", "people");
  expect(imported).toMatchObject({ exitCode: 0 });
  await cluster.verifyIdentical();
  for (const member of cluster.members) {
    expect(await member.rows("SELECT count(*), sum(id) FROM people")).toEqual([
      [ROW_COUNT, (ROW_COUNT * (ROW_COUNT + 1)) / 2],
    ]);
    expect(await member.command("verify")).toMatchObject({ exitCode: 0, error: "" });
  }

  const [mirror] = await cluster.followers();
  const refused = await mirror?.command("sql", "DELETE FROM people");
  expect(refused?.exitCode).toBe(3);
  expect(refused?.error).toContain(leader.name);
  expect(await mirror?.rows("SELECT count(*) FROM people")).toEqual([[ROW_COUNT]]);

  await leader.kill();
  const next = await cluster.leader();
  expect(next).not.toBe(leader);
  expect(await next.command("sql", "UPDATE people SET name = 'Grace' WHERE id = 7")).toMatchObject({
    exitCode: 0,
  });

  await leader.start();
  await cluster.verifyIdentical();
  expect(await leader.rows("SELECT name FROM people WHERE id = 7")).toEqual([["Grace"]]);
  expect(await leader.status()).toMatchObject({ role: "follower", leader: { name: next.name } });
});

test("an edit of the leader shows on a mirror, whose event stream tells of it", async () => {
  cluster = await RealCluster.create(2);
  const leader = await cluster.leader();
  const [mirror] = await cluster.followers();
  await leader.execute("CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT)");
  const index = await leader.execute("INSERT INTO notes(text) VALUES ('ready')");
  const shown = await waitUntil("the edit on the mirror", async () => {
    const status = await mirror?.status();
    return status != null && status.log.appliedIndex >= index ? status : null;
  });
  expect(shown.lag).toMatchObject({ entries: 0, leaderReachable: true });
  expect(await mirror?.rows("SELECT text FROM notes")).toEqual([["ready"]]);
});
