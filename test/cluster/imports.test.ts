/** Whole imports in a running cluster: a SQLite file brought in and taken back from a member that does not lead. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { citiesAsCsv } from "../e2e/cities.ts";
import { clinicFile, PATIENT_COUNT, WARD_COUNT } from "../support/clinic-file.ts";
import { RealCluster } from "../support/real-cluster.ts";
import type { RealMember } from "../support/real-member.ts";
import { MARKS_SQL, Writers } from "./writers.ts";

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
  await writeFile(file, await clinicFile());
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

test("cities come to the same rows, checksum for checksum, from CSV, XLSX and SQLite", async () => {
  const files = ["csv", "xlsx", "sqlite"].map((kind) => join(cluster.folder, `cities.${kind}`));
  const [csv = "", ...exported] = files;
  await writeFile(csv, citiesAsCsv(3_000));
  const seen: unknown[] = [];
  for (const each of files) {
    const imported = await leader.command("import", each, "--table", "cities");
    expect(imported).toMatchObject({ exitCode: 0 });
    const { isIdentical, tables } = await leader.must("verify", {});
    expect(isIdentical).toBe(true);
    const names = ["cities", "sqlite_schema"];
    seen.push(tables.filter(({ name }) => names.includes(name)).map((table) => table.recomputed));
    for (const file of each === csv ? exported : []) {
      const format = file.slice(file.lastIndexOf(".") + 1);
      const args = ["--table", "cities", "--format", format, "--file", file];
      expect(await leader.command("export", ...args)).toMatchObject({ exitCode: 0 });
    }
    await leader.execute("DROP TABLE cities");
  }
  expect(seen).toEqual([seen[0], seen[0], seen[0]]);
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
