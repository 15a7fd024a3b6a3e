/** A member of a running cluster whose rows went bad: it names them, writes them back beside writes, and stays right. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { SqliteModule } from "../../electron/store-worker/sqlite-module.ts";
import { damageFolder } from "../support/damage-folder.ts";
import { RealCluster } from "../support/real-cluster.ts";
import type { RealMember } from "../support/real-member.ts";
import { loadTestSqlite } from "../support/sqlite.ts";
import { waitUntil } from "../support/wait-until.ts";

const NAMES = "SELECT id, name FROM people ORDER BY id LIMIT 3";

let sqlite: SqliteModule;
let cluster: RealCluster;
let leader: RealMember;

beforeAll(async () => {
  sqlite = await loadTestSqlite();
  cluster = await RealCluster.create(3);
  leader = await cluster.leader();
  await leader.execute("CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT)");
  await leader.execute("CREATE TABLE visits (day TEXT)");
  await leader.execute("INSERT INTO people VALUES (1, 'Ada'), (2, 'Bob'), (3, 'Cid')");
});

afterAll(() => cluster.dispose());

/** Stops a member, damages it and starts it again. It has all of the log by then. */
async function damaged(member: RealMember, ...statements: string[]): Promise<void> {
  await cluster.waitTogether();
  await member.leave();
  await damageFolder(sqlite, member.dataFolder, statements);
  await member.start();
  await cluster.waitTogether();
}

test("a follower names its rows, is repaired while the leader writes, and is right after a start", async () => {
  const follower = (await cluster.followers())[0] ?? expect.fail("there are followers");
  await damaged(
    follower,
    "UPDATE people SET name = 'Eve' WHERE id = 1",
    "DELETE FROM people WHERE id = 2",
    "INSERT INTO visits VALUES ('never')",
  );
  expect(await follower.rows(NAMES)).toEqual([
    [1, "Eve"],
    [3, "Cid"],
  ]);
  const listed = await follower.command("verify", "--rows");
  expect(listed.exitCode).toBe(1);
  expect(listed.out).toContain("people: name='Eve', should be name='Ada'  in the row id=1");
  expect(listed.out).toContain("people: missing here: id=2, name='Bob'");
  expect(listed.out).toContain("visits: should not be here: rowid=1, day='never'");
  expect(await follower.command("verify", "--repair")).toMatchObject({ exitCode: 2 });

  let isWriting = true;
  let written = 0;
  const writer = (async () => {
    while (isWriting) {
      await leader.execute("INSERT INTO people (name) VALUES (?)", [`person ${written++}`]);
    }
  })();
  const repaired = await follower.command("verify", "--repair", "--yes");
  isWriting = false;
  await writer;
  expect(repaired.error).toContain("A repair writes these rows on this computer alone");
  expect(repaired.out).toContain("3 rows put right.");
  expect(repaired.exitCode).toBe(0);
  expect(written).toBeGreaterThan(0);

  await cluster.verifyIdentical();
  await follower.leave();
  await follower.start();
  await cluster.verifyIdentical();
  expect(await follower.rows(NAMES)).toEqual([
    [1, "Ada"],
    [2, "Bob"],
    [3, "Cid"],
  ]);
});

test("a leader is repaired from its own log, and goes on leading and taking writes", async () => {
  leader = await cluster.waitTogether();
  await damaged(leader, "UPDATE people SET name = 'Eve' WHERE id = 3", "DROP TABLE visits");
  // Whoever led meanwhile hands over: the damaged one is to lead.
  const wanted = leader;
  const { id } = (await wanted.must("status", {})).member;
  await wanted.must("switchover", { to: id });
  await waitUntil("the damaged one leads", async () => (await cluster.leader()) === wanted);
  const repaired = await wanted.command("verify", "--repair", "--yes");
  expect(repaired.out).toContain("table visits: missing here");
  expect(repaired.error).toContain("This computer leads.");
  expect(repaired.out).toContain("the whole copy was made anew");
  await wanted.execute("INSERT INTO visits VALUES ('today')");
  await cluster.verifyIdentical();
  expect(await wanted.rows("SELECT day FROM visits")).toEqual([["today"]]);
});
