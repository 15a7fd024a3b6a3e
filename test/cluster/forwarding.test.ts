/** Edits made on computers that do not lead, in a workspace that hands them on. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { RealCluster } from "../support/real-cluster.ts";
import { waitUntil } from "../support/wait-until.ts";

const CLIENT_COUNT = 3;
const WRITE_COUNT = 40;

let cluster: RealCluster;

beforeAll(async () => {
  cluster = await RealCluster.create(3);
});

afterAll(() => cluster.dispose());

test("an edit on a follower is refused until the workspace forwards; then the leader makes it in the follower's name", async () => {
  const leader = await cluster.waitTogether();
  const follower = cluster.members.find((member) => member !== leader);
  if (follower === undefined) throw new Error("a cluster of three has followers");
  await leader.execute("CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT)");
  const refused = await follower.call("execute", {
    statements: [{ sql: "INSERT INTO notes(text) VALUES ('early')" }],
  });
  expect(refused).toMatchObject({ ok: false, error: { code: "not-leader" } });
  await follower.command("settings", "set", "forward-writes", "on");
  await cluster.waitTogether();
  const done = await follower.must("execute", {
    statements: [{ sql: "INSERT INTO notes(text) VALUES ('handed on') RETURNING id" }],
  });
  expect(done.results[0]?.rows).toEqual([[1]]);
  const { lines } = await leader.must("log", { fromIndex: done.index });
  expect(lines[0]?.author).toBe((await follower.status())?.member.name);
});

test("edits handed on while leaders are killed are all made, each once", async () => {
  const first = await cluster.waitTogether();
  await first.execute("CREATE TABLE marks (client INTEGER, sequence INTEGER)");
  await first.command("settings", "set", "forward-writes", "on");
  await cluster.waitTogether();
  const writer = cluster.members.find((member) => member !== first);
  if (writer === undefined) throw new Error("a cluster of three has followers");
  let doneCount = 0;
  const write = async (client: number): Promise<void> => {
    for (let sequence = 0; sequence < WRITE_COUNT; sequence++) {
      // Without a name of its own: repeating it is the member's to do.
      const statements = [{ sql: "INSERT INTO marks VALUES (?, ?)", params: [client, sequence] }];
      await writer.must("execute", { statements });
      doneCount++;
    }
  };
  const clients = Array.from({ length: CLIENT_COUNT }, (_, client) => write(client));
  await waitUntil("twenty edits are made", () => Promise.resolve(doneCount >= 20));
  await first.kill();
  await Promise.all(clients);
  await first.start();
  await cluster.waitTogether();
  await cluster.verifyIdentical();
  const rows = await writer.rows("SELECT client, sequence, count(*) FROM marks GROUP BY 1, 2");
  expect(rows.length).toBe(CLIENT_COUNT * WRITE_COUNT);
  expect(rows.filter(([, , count]) => count !== 1)).toEqual([]);
});
