/** Every kind of value on its whole way: HTTP, log, the other members, a restart, a snapshot, CSV and back. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import type { JsonCell } from "../../shared/changes/values.ts";
import { RealCluster } from "../support/real-cluster.ts";

/** With what CSV makes of them. */
const VALUES: readonly (readonly [JsonCell, string])[] = [
  [null, ""],
  [0, "0"],
  [-129, "-129"],
  [2147483648, "2147483648"],
  [{ $int: "9007199254740993" }, "9007199254740993"],
  [{ $int: "-9223372036854775808" }, "-9223372036854775808"],
  [{ $int: "9223372036854775807" }, "9223372036854775807"],
  [0.1, "0.1"],
  [1e300, "1e+300"],
  [{ $real: "-0" }, "-0"],
  [{ $real: "1" }, "1"],
  [{ $real: "inf" }, "inf"],
  [{ $real: "-inf" }, "-inf"],
  ["", '""'],
  ["a\u0000b", "a\u0000b"],
  ["\u{1F9EA} é 日本", "\u{1F9EA} é 日本"],
  ['"quoted", and\r\nmore', '"""quoted"", and\r\nmore"'],
  ["12", "12"],
  [{ $blob: "" }, '""'],
  [{ $blob: "AP8Q" }, "AP8Q"],
];
const TYPES = ["", "INTEGER", "REAL", "TEXT", "NUMERIC", "BLOB"];

let cluster: RealCluster | null = null;

afterEach(async () => {
  await cluster?.dispose();
  cluster = null;
});

test("every value is the same over HTTP on all members, after restarts, in a snapshot and as CSV", async () => {
  cluster = await RealCluster.create(2);
  const leader = await cluster.leader();
  const columns = TYPES.map((type, i) => `c${i} ${type}`).join(", ");
  await leader.execute(`CREATE TABLE v (id INTEGER PRIMARY KEY, ${columns})`);
  const places = TYPES.map(() => "?1").join(", ");
  for (const [value] of VALUES) {
    await leader.execute(`INSERT INTO v VALUES (NULL, ${places})`, [value]);
  }
  const refused = await leader.call("execute", {
    statements: [{ sql: "INSERT INTO v(c0) VALUES (?)", params: ["half \ud83e of a pair"] }],
  });
  expect(refused).toMatchObject({ ok: false, error: { code: "bad-request" } });

  const types = TYPES.map((_, i) => `typeof(c${i}), quote(c${i})`).join(", ");
  const questions = ["SELECT * FROM v ORDER BY id", `SELECT ${types} FROM v ORDER BY id`];
  const told = await Promise.all(questions.map((sql) => leader.rows(sql)));
  expect(told[0]?.map((row) => row[1])).toEqual(VALUES.map(([value]) => value));

  const [mirror] = await cluster.followers();
  await mirror?.leave();
  await mirror?.start();
  await cluster.add("mirror");
  await cluster.verifyIdentical();
  for (const member of cluster.members) {
    expect(await Promise.all(questions.map((sql) => member.rows(sql)))).toEqual(told);
  }

  await leader.execute("CREATE TABLE one (n INTEGER PRIMARY KEY, value)");
  await leader.execute("INSERT INTO one SELECT id, c0 FROM v");
  await cluster.verifyIdentical();
  const exported = await mirror?.command("export", "--table", "one", "--raw");
  const lines = VALUES.map(([, text], i) => `${i + 1},${text}\r\n`);
  expect(exported?.out).toBe(`n,value\r\n${lines.join("")}`);
  const file = join(cluster.folder, "one.csv");
  await writeFile(file, exported?.out ?? "");
  const imported = await leader.command("import", file, "--table", "again");
  expect(imported).toMatchObject({ exitCode: 0 });
  await cluster.verifyIdentical();
  // CSV has no types: what comes back is the text that went out.
  const texts = VALUES.map(([value, text]) => {
    if (value === null) return [null];
    return [typeof value === "string" ? value : text.replaceAll('"', "")];
  });
  expect(await mirror?.rows("SELECT value FROM again ORDER BY n")).toEqual(texts);
});
