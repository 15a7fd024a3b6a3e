/** Whole imports in a running cluster: a SQLite file brought in and taken back from a member that does not lead. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import initSqlJs from "sql.js";
import { afterAll, beforeAll, expect, test } from "vitest";
import { RealCluster } from "../support/real-cluster.ts";
import type { RealMember } from "../support/real-member.ts";
import { MARKS_SQL, Writers } from "./writers.ts";

const WARD_COUNT = 40;
const PATIENT_COUNT = 12_000;
const FILE_SQL = `
CREATE TABLE wards (code TEXT PRIMARY KEY, beds INTEGER) WITHOUT ROWID;
CREATE TABLE patients (
  id INTEGER PRIMARY KEY, name TEXT NOT NULL, ward TEXT REFERENCES wards(code), weight REAL, scan BLOB
);
CREATE INDEX by_ward ON patients(ward);
CREATE VIEW crowded AS SELECT ward, count(*) AS many FROM patients GROUP BY ward;
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < ${WARD_COUNT - 1})
  INSERT INTO wards SELECT 'W' || i, i FROM n;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${PATIENT_COUNT})
  INSERT INTO patients
  SELECT i, 'name ' || i, 'W' || (i % ${WARD_COUNT}), i / 7.0, CASE i % 3 WHEN 0 THEN x'00ff' END FROM n;
`;

let cluster: RealCluster;
let leader: RealMember;
let follower: RealMember;
let file: string;

beforeAll(async () => {
  cluster = await RealCluster.create(3);
  leader = await cluster.leader();
  [follower = leader] = await cluster.followers();
  await leader.execute(MARKS_SQL);
  file = join(cluster.folder, "clinic.sqlite");
  await writeFile(file, await makeFile());
});

afterAll(() => cluster.dispose());

/** Imports it by the follower's command. @returns the import's id. */
async function importFile(): Promise<string> {
  const imported = await follower.command("import", file, "--json");
  expect(imported).toMatchObject({ exitCode: 0 });
  return (JSON.parse(imported.out) as { readonly importId: string }).importId;
}

const names = (member: RealMember) =>
  member.rows(
    "SELECT name FROM sqlite_schema WHERE name NOT LIKE '\\_%' ESCAPE '\\' ORDER BY name",
  );

test("a SQLite file goes in and back out by a follower's commands, while others write", async () => {
  const before = await names(leader);
  const writers = new Writers(cluster.running(), ["a", "b"]);
  const importId = await importFile();
  await cluster.waitConnected();
  expect(await leader.rows("SELECT count(*), total(weight), count(scan) FROM patients")).toEqual([
    [PATIENT_COUNT, (PATIENT_COUNT * (PATIENT_COUNT + 1)) / 14, PATIENT_COUNT / 3],
  ]);
  expect(await leader.rows("SELECT count(*), sum(many) FROM crowded")).toEqual([
    [WARD_COUNT, PATIENT_COUNT],
  ]);
  await writers.more(20);
  const back = await follower.command("undo", "--import", importId);
  await writers.more(20);
  await writers.stop();
  expect(back).toMatchObject({ exitCode: 0, error: "" });
  expect(back.out).toMatch(
    /^12,040 rows taken back, at .*; dropped again: crowded, patients, wards\n$/,
  );
  expect(await names(leader)).toEqual(before);
  expect(writers.refused).toEqual([]);
  const [[marks] = []] = await leader.rows("SELECT count(*) FROM marks");
  expect(marks).toBe(writers.acknowledged.length);
  const again = await follower.command("undo", "--import", importId);
  expect(again).toEqual({ exitCode: 0, error: "", out: "0 rows taken back\n" });
  await cluster.verifyIdentical();
});

test("rows of others stay with their table, and a changed row stands in the way of all of it", async () => {
  const importId = await importFile();
  await leader.execute("UPDATE patients SET name = 'Ada' WHERE id = 7");
  const refused = await follower.command("undo", "--import", importId);
  expect(refused).toMatchObject({ exitCode: 1 });
  expect(refused.error).toContain("id=7");
  expect(await leader.rows("SELECT count(*) FROM patients")).toEqual([[PATIENT_COUNT]]);
  await leader.execute("UPDATE patients SET name = 'name 7' WHERE id = 7");
  await leader.execute("INSERT INTO wards VALUES ('new', 1)");
  const back = await follower.command("undo", "--import", importId);
  expect(back).toMatchObject({ exitCode: 0 });
  expect(back.error).toContain("what the import made and is kept: wards");
  expect(await leader.rows("SELECT * FROM wards")).toEqual([["new", 1]]);
  await leader.execute("DROP TABLE wards");
  await cluster.verifyIdentical();
});

test("one transaction is taken back from a follower too, and where nobody leads here that is said", async () => {
  const index = await leader.execute("INSERT INTO marks(client, sequence) VALUES ('one', 1)");
  const undone = await follower.command("undo", String(index));
  expect(undone).toMatchObject({ exitCode: 0 });
  expect(await leader.rows("SELECT count(*) FROM marks WHERE client = 'one'")).toEqual([[0]]);
  const others = cluster.running().filter((member) => member !== follower);
  await cluster.waitTogether();
  for (const member of others) await member.kill();
  const alone = await follower.command("undo", String(index));
  expect(alone).toMatchObject({ exitCode: 3, out: "" });
});

async function makeFile(): Promise<Uint8Array> {
  const { Database } = await initSqlJs();
  const database = new Database();
  database.exec(FILE_SQL);
  const bytes = database.export();
  database.close();
  return bytes;
}
