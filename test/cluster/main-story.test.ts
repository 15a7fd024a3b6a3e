/**
 * The main story of the product on three real processes: import, equal rows, edits only through
 * the leader, its death, the next leader, and its return.
 */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { RealCluster } from "../support/real-cluster.ts";
import { RealProcess } from "../support/real-process.ts";
import { waitUntil } from "../support/wait-until.ts";

const ROW_COUNT = 2_000;
/** Enough that an import is under way for a while. */
const MANY_ROW_COUNT = 120_000;

let cluster: RealCluster | null = null;

afterEach(async () => {
  await cluster?.dispose();
  cluster = null;
});

async function writePeople(folder: string, rowCount: number): Promise<string> {
  const path = join(folder, "people.csv");
  const lines = Array.from({ length: rowCount }, (_, i) => `${i + 1},"Ada, ${i}",${i / 4}`);
  await writeFile(path, `id,name,score\r\n${lines.join("\r\n")}\r\n`);
  return path;
}

test("three members hold identical rows after an import, an edit, kill -9 of the leader and its return", async () => {
  cluster = await RealCluster.create(3);
  const leader = await cluster.leader();
  const file = await writePeople(cluster.folder, ROW_COUNT);
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

test("an import goes on at the next leader when its own is killed, and every row is there once", async () => {
  cluster = await RealCluster.create(3);
  const leader = await cluster.leader();
  const file = await writePeople(cluster.folder, MANY_ROW_COUNT);
  const data = ["--data", leader.dataFolder];
  const importing = new RealProcess(["import", file, "--table", "people", ...data]);
  await waitUntil("the first rows", async () => {
    const rows = await leader.call("query", { sql: "SELECT 1 FROM people LIMIT 1" });
    return importing.isEnded || (rows.ok && rows.value.rows.length === 1);
  });
  expect(importing.isEnded).toBe(false);
  await leader.kill();
  expect(await importing.ended).toMatchObject({ exitCode: 0 });
  await leader.start();
  await cluster.verifyIdentical();
  for (const member of cluster.members) {
    const rows = await member.rows("SELECT count(*), count(DISTINCT id), max(id) FROM people");
    expect(rows).toEqual([[MANY_ROW_COUNT, MANY_ROW_COUNT, MANY_ROW_COUNT]]);
  }
});

test("an edit of the leader shows on the mirror of a pair, with no lag", async () => {
  cluster = await RealCluster.create(2);
  const leader = await cluster.leader();
  const [mirror] = await cluster.followers();
  await leader.execute("CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT)");
  const index = await leader.execute("INSERT INTO notes(text) VALUES ('ready')");
  const shown = await waitUntil("the edit on the mirror", async () => {
    const status = await mirror?.status();
    return status !== undefined && status !== null && status.log.appliedIndex >= index && status;
  });
  expect(shown.lag).toMatchObject({ entries: 0, leaderReachable: true });
  expect(await mirror?.rows("SELECT text FROM notes")).toEqual([["ready"]]);
});

test("everybody reads the past over a dropped table, which comes back with all that belongs to it", async () => {
  cluster = await RealCluster.create(3);
  const leader = await cluster.leader();
  await leader.execute("CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT)");
  await leader.execute("CREATE INDEX by_name ON people(name)");
  const index = await leader.execute("INSERT INTO people VALUES (7, 'Ada'), (8, 'Bob')");
  await leader.execute("UPDATE people SET name = 'Grace' WHERE id = 7");
  await leader.execute("DROP TABLE people");
  await cluster.verifyIdentical();
  const [mirror] = await cluster.followers();
  const asOf = ["--as-of", String(index), "--json"];
  const read = await mirror?.command("sql", "SELECT name FROM people ORDER BY id", ...asOf);
  expect(JSON.parse(read?.out ?? "")).toMatchObject({
    rows: [["Ada"], ["Bob"]],
    asOf: { index, past: { at: expect.stringMatching(/^20/) } },
  });
  const exported = await mirror?.command("export", "--table", "people", "--as-of", String(index));
  expect(exported).toMatchObject({ exitCode: 0, out: "id,name\r\n7,Ada\r\n8,Bob\r\n" });
  const changed = await mirror?.command("sql", "DELETE FROM people", "--as-of", String(index));
  expect(changed).toMatchObject({ exitCode: 2 });
  const to = ["restore", "--to", String(index), "--table", "people"];
  const preview = await mirror?.command(...to, "--preview");
  expect(preview?.out).toMatch(/^CREATE TABLE people .*;\nCREATE INDEX by_name .*;$/m);
  expect(await leader.command(...to)).toMatchObject({ exitCode: 0 });
  await cluster.verifyIdentical();
  expect(await mirror?.rows("SELECT name FROM people ORDER BY id")).toEqual([["Ada"], ["Bob"]]);
});

test("a setting that any computer changes holds on all of them, also after a start", async () => {
  cluster = await RealCluster.create(3);
  const [mirror, other] = await cluster.followers();
  const set = await mirror?.command("settings", "set", "retention-mib", "128");
  expect(set).toMatchObject({ exitCode: 0 });
  const told = async (member: typeof mirror) =>
    (await member?.command("settings", "get", "retention-mib"))?.out;
  await expect.poll(() => told(other), { timeout: 10_000 }).toBe("128\n");
  await other?.kill();
  await other?.start();
  await expect.poll(() => told(other), { timeout: 10_000 }).toBe("128\n");
  const small = await mirror?.command("settings", "set", "retention-mib", "1");
  expect(small).toMatchObject({ exitCode: 2, error: expect.stringContaining("from 8 to") });
  expect((await mirror?.command("settings", "get"))?.out).toMatch(/^past readable from /m);
});

test("everybody knows what became of a row, and a transaction is taken back at the leader", async () => {
  cluster = await RealCluster.create(3);
  const leader = await cluster.leader();
  await leader.execute("CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT)");
  await leader.execute("INSERT INTO people VALUES (7, 'Ada'), (8, 'Bob')");
  const index = await leader.execute("UPDATE people SET name = 'Grace' WHERE id = 7");
  await cluster.verifyIdentical();
  const [mirror] = await cluster.followers();
  const told = await mirror?.command("history", "people", "7");
  expect(told?.exitCode).toBe(0);
  expect(told?.out).toMatch(/update\s+name: 'Ada' -> 'Grace'/);
  expect(told?.out).toMatch(/insert\s+id=7, name='Ada'/);
  const shown = await mirror?.command("show", String(index), "--json");
  expect(JSON.parse(shown?.out ?? "")).toMatchObject({ index, rowCount: 1 });
  expect(await mirror?.command("undo", String(index), "--preview")).toMatchObject({ exitCode: 0 });
  const notLeader = { ok: false, error: { code: "not-leader" } };
  expect(await mirror?.call("undo", { index })).toMatchObject(notLeader);

  await leader.execute("UPDATE people SET name = 'Hopper' WHERE id = 7");
  const refused = await leader.command("undo", String(index));
  expect(refused.exitCode).toBe(1);
  expect(refused.error).toContain("it is now: id=7, name='Hopper'");
  await leader.execute("UPDATE people SET name = 'Grace' WHERE id = 7");
  expect(await leader.command("undo", `9:${index}`)).toMatchObject({ exitCode: 4 });
  // A command goes to the leader by itself: it runs on the same computer.
  expect(await mirror?.command("undo", String(index))).toMatchObject({ exitCode: 0 });
  await cluster.verifyIdentical();
  expect(await mirror?.rows("SELECT name FROM people ORDER BY id")).toEqual([["Ada"], ["Bob"]]);

  const to = ["restore", "--to", String(index), "--table", "people"];
  const preview = await mirror?.command(...to, "--key", "7", "--preview");
  expect(preview?.out).toMatch(/update\s+name: 'Ada' -> 'Grace'/);
  const params = { toIndex: index, table: "people" };
  expect(await mirror?.call("restore", params)).toMatchObject(notLeader);
  expect(await mirror?.command(...to)).toMatchObject({ exitCode: 0 });
  const otherTerm = ["restore", "--to", `9:${index}`, "--preview"];
  expect(await leader.command(...otherTerm)).toMatchObject({ exitCode: 4 });
  const before = ["restore", "--at", "2026-01-01", "--table", "people"];
  expect(await leader.command(...before)).toMatchObject({ exitCode: 4 });
  await cluster.verifyIdentical();
  expect(await mirror?.rows("SELECT name FROM people ORDER BY id")).toEqual([["Grace"], ["Bob"]]);
});
