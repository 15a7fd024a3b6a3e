/** Imports through a running agent: exactly once, also while the leader changes. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { memberId } from "../../shared/base/ids.ts";
import type { ApiParams } from "../../shared/api/methods.ts";
import { Computer, type Member } from "./fixture.ts";

let computer: Computer;
let member: Member;

beforeEach(async () => {
  computer = await Computer.start();
  member = await computer.addMember("desk");
  computer.env = { TIDEMARK_HOME: member.folder };
});

afterEach(() => computer.close());

async function file(name: string, content: string): Promise<string> {
  const path = join(computer.root, name);
  await writeFile(path, content);
  return path;
}

async function rows(sql: string, at = member): Promise<unknown> {
  const answer = await at.service.call("query", { sql, rowsMax: 100_000 });
  return answer.ok ? answer.value.rows : answer.error;
}

const lines = (count: number, from = 1) =>
  Array.from({ length: count }, (_, place) => `${from + place},name ${from + place}\n`).join("");

const leader = { id: memberId("m2"), name: "lab", address: "10.0.0.2:7412", http: null };
const notLeader = { code: "not-leader" as const, message: "This member does not lead.", leader };

it("makes the table with types that keep every value, and says how fast it was", async () => {
  const path = await file("people.csv", "\ufeffid;name;code\r\n1;Ada;007\r\n2;;010\r\n");
  const ran = await computer.run("import", path, "--table", "people");
  expect(ran.code).toBe(0);
  expect(ran.out).toMatch(/^2 rows imported into people in [\d.]+ s, [\d,]+ rows\/s\n$/);
  expect(await rows("SELECT id, typeof(id), name, code FROM people")).toEqual([
    [1, "integer", "Ada", "007"],
    [2, "integer", null, "010"],
  ]);
  const again = await computer.run("import", path, "--table", "People", "--json");
  expect(JSON.parse(again.out)).toMatchObject({ rowCount: 2, table: "People" });
  expect(await rows("SELECT count(*) FROM people")).toEqual([[4]]);
  expect(await computer.run("import", path, "--table", "people", "--create")).toMatchObject({
    code: 1,
    error: expect.stringContaining("exists already"),
  });
});

it("sends bounded batches, each with a key of its own, and no row twice", async () => {
  const long = "x".repeat(1_000);
  const content = `id,text\n${Array.from({ length: 12_000 }, (_, id) => `${id},${id < 6_000 ? "a" : long}\n`).join("")}`;
  const ran = await computer.run("import", await file("t.csv", content), "--table", "t");
  expect(ran.code).toBe(0);
  expect(await rows("SELECT count(*), count(DISTINCT id) FROM t")).toEqual([[12_000, 12_000]]);
  const batches = member.service.calls
    .filter(({ method }) => method === "insertRows")
    .map(({ params }) => params as ApiParams<"insertRows">);
  expect(Math.max(...batches.map((batch) => batch.rows.length))).toBe(5_000);
  expect(Math.max(...batches.map((batch) => JSON.stringify(batch.rows).length))).toBeLessThan(
    800_000,
  );
  const keys = batches.map(({ clientId, sequence }) => `${clientId} ${sequence}`);
  expect(new Set(keys).size).toBe(keys.length);
});

it("changes nothing when the last line of the file is wrong", async () => {
  const path = await file("bad.csv", `id,name\n${lines(9_000)}9001,"never closed\n`);
  const ran = await computer.run("import", path, "--table", "t");
  expect(ran.code).toBe(1);
  expect(ran.error).toBe(
    `tidemark: ${path}, line 9002, column 6: this quote is never closed. Nothing was imported.\n`,
  );
  expect(await rows("SELECT name FROM sqlite_schema")).toEqual([]);
});

it("says which line the database refused, and how much was in by then", async () => {
  await computer.run("sql", "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT)");
  const path = await file("double.csv", `id,name\n${lines(10_000)}17,again\n`);
  const ran = await computer.run("import", path, "--table", "t");
  expect(ran.code).toBe(1);
  expect(ran.error).toContain("tidemark: line 10002: UNIQUE constraint failed: t.id.");
  expect(ran.error).toMatch(
    /(5,000|10,000) rows had been imported by then\. To take them back: tidemark undo --import \w+\n$/,
  );
});

it("refuses files and tables that do not fit", async () => {
  expect(await computer.run("import", "/nowhere.csv", "--table", "t")).toMatchObject({ code: 4 });
  expect(await computer.run("import", computer.root, "--table", "t")).toMatchObject({ code: 1 });
  await computer.run("sql", "CREATE TABLE t (id)");
  const path = await file("other.csv", "id,extra\n1,2\n");
  expect(await computer.run("import", path, "--table", "t")).toMatchObject({
    code: 1,
    error: "tidemark: the table t has no column extra; nothing was imported.\n",
  });
});

it("imports each row once although answers get lost", async () => {
  let lost = 0;
  member.service.loses = (method) => method === "insertRows" && (lost += 1) % 2 === 1;
  const path = await file("t.csv", `id,name\n${lines(20_000)}`);
  expect((await computer.run("import", path, "--table", "t")).code).toBe(0);
  expect(lost).toBeGreaterThan(4);
  expect(await rows("SELECT count(*), count(DISTINCT id) FROM t")).toEqual([[20_000, 20_000]]);
});

it("goes to the leader's folder beside this one", async () => {
  const lab = await computer.addMember("lab");
  member.service.before = (method) =>
    method === "execute" || method === "insertRows" ? notLeader : null;
  member.service.overrides = { role: "follower", canWrite: false };
  const path = await file("t.csv", `id,name\n${lines(7_000)}`);
  expect((await computer.run("import", path, "--table", "t")).code).toBe(0);
  expect(await rows("SELECT count(*) FROM t", lab)).toEqual([[7_000]]);
});

it("goes on at the new leader when the old one dies in the middle", async () => {
  const lab = await computer.addMember("lab");
  await lab.service.call("execute", {
    statements: [{ sql: "CREATE TABLE t (id INTEGER, name TEXT)" }],
  });
  lab.service.overrides = { role: "follower", canWrite: false };
  let inserts = 0;
  member.service.before = (method) => {
    if (method === "insertRows" && (inserts += 1) > 2) {
      lab.service.overrides = {};
      member.service.overrides = { role: "follower", canWrite: false };
      return notLeader;
    }
    return null;
  };
  const path = await file("t.csv", `id,name\n${lines(30_000)}`);
  expect((await computer.run("import", path, "--table", "t")).code).toBe(0);
  const here = (await rows("SELECT count(*) FROM t")) as number[][];
  const there = (await rows("SELECT count(*) FROM t", lab)) as number[][];
  expect(here).toEqual([[10_000]]);
  expect(there).toEqual([[20_000]]);
});

it("says at once who leads when that is another computer", async () => {
  member.service.before = (method) => (method === "execute" ? notLeader : null);
  member.service.overrides = { role: "follower", canWrite: false };
  const path = await file("t.csv", "a\n1\n");
  expect(await computer.run("import", path, "--table", "t")).toEqual({
    code: 3,
    out: "",
    error: "tidemark: This member does not lead. The leader is lab (10.0.0.2:7412).\n",
  });
});

it("brings an export back as it was", async () => {
  const path = await file(
    "t.json",
    '[{"a":1,"b":"=x","c":null},{"a":9007199254740993,"b":"","c":"é"}]',
  );
  await computer.run("import", path, "--table", "t");
  const exported = await computer.run("export", "--table", "t", "--raw");
  await computer.run("import", await file("t.csv", exported.out), "--table", "copy");
  expect(await rows("SELECT a, b, c FROM copy EXCEPT SELECT a, b, c FROM t")).toEqual([]);
  expect(await rows("SELECT b, c FROM copy")).toEqual([
    ["=x", null],
    ["", "é"],
  ]);
});

it("draws its progress only where somebody looks", async () => {
  const path = await file("t.csv", `id,name\n${lines(11_000)}`);
  expect((await computer.run("import", path, "--table", "t")).error).not.toContain("\r");
  computer.isErrorTty = true;
  const { error } = await computer.run("import", path, "--table", "t");
  expect(error).toContain("100 %  11,000 of 11,000 rows");
  expect((await readFile(path, "utf8")).length).toBeGreaterThan(0);
});
