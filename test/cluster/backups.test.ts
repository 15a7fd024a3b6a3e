/** Backups of a running cluster: made beside writes, opened by another program, restored, and the beginning of a new one. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { RealCluster } from "../support/real-cluster.ts";
import { RealMember } from "../support/real-member.ts";

const PYTHON = `
import sqlite3, sys, json
base = sqlite3.connect("file:" + sys.argv[1] + "?mode=ro", uri=True)
marks = dict(base.execute("SELECT name, value FROM _tidemark_backup"))
names = [name for (name,) in base.execute("SELECT name FROM sqlite_schema ORDER BY name")]
check = base.execute("PRAGMA integrity_check").fetchone()[0]
count = base.execute("SELECT count(*) FROM loud").fetchone()[0]
base.close()
base = sqlite3.connect(sys.argv[1])
base.execute("INSERT INTO notes(text) VALUES ('by python')")
base.commit()
after = base.execute("SELECT text FROM log ORDER BY rowid DESC LIMIT 1").fetchone()[0]
print(json.dumps({"marks": marks, "names": names, "check": check, "count": count, "after": after}))
`;

let cluster: RealCluster;
let leader: RealMember;

beforeAll(async () => {
  cluster = await RealCluster.create(3);
  leader = await cluster.leader();
  await leader.execute("CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT)");
  await leader.execute("CREATE TABLE log (text TEXT)");
  await leader.execute("CREATE INDEX by_text ON notes(text)");
  await leader.execute("CREATE VIEW loud AS SELECT upper(text) AS text FROM notes");
  await leader.execute(
    "CREATE TRIGGER noted AFTER INSERT ON notes BEGIN INSERT INTO log VALUES (new.text); END",
  );
});

afterAll(() => cluster.dispose());

test("a follower makes it beside writes, it is equal to the leader's checksum, and Python opens it", async () => {
  const file = join(cluster.folder, "clinic.sqlite");
  let isWriting = true;
  const writer = (async () => {
    for (let i = 0; isWriting; i++) {
      await leader.execute("INSERT INTO notes(text) VALUES (?)", [`note ${i}`]);
    }
  })();
  const made = await leader.must("makeBackup", { file });
  isWriting = false;
  await writer;
  const { member } = await leader.must("status", {});
  expect(made.check).toMatchObject({ isVerified: true, comparedWith: "leader" });
  expect(made.madeBy).not.toBe(member.name);
  const told = await promisify(execFile)("python3", ["-c", PYTHON, file]);
  const seen = JSON.parse(told.stdout) as Record<string, unknown>;
  const position = `${made.position?.term}:${made.position?.index}`;
  expect(seen).toMatchObject({ check: "ok", after: "by python", marks: { position } });
  expect(seen["names"]).toEqual([
    "_tidemark_backup",
    "by_text",
    "log",
    "loud",
    "noted",
    "notes",
    "sqlite_autoindex__tidemark_backup_1",
  ]);
  const [[rows] = []] = (
    await leader.must("query", {
      sql: "SELECT count(*) FROM notes",
      asOf: { index: made.position?.index ?? 0 },
    })
  ).rows;
  expect(seen["count"]).toBe(rows);
  // Python wrote a row into it: that is no backup of this workspace any more.
  const verified = await leader.command("backup", "--verify", file);
  expect(verified).toMatchObject({ exitCode: 1 });
  expect(verified.out).toContain("NOT verified");
});

test("it is restored by one transaction after a preview, which can be undone", async () => {
  const file = join(cluster.folder, "before.sqlite");
  const before = await leader.rows("SELECT * FROM notes ORDER BY id");
  expect((await leader.command("backup", file)).exitCode).toBe(0);
  await leader.execute("DELETE FROM notes WHERE id % 2 = 0");
  await leader.execute("INSERT INTO notes(text) VALUES ('later')");
  const changed = await leader.rows("SELECT * FROM notes ORDER BY id");
  const preview = await leader.command("restore", file, "--preview");
  expect(preview).toMatchObject({ exitCode: 0 });
  expect(preview.out).toContain("rows would change");
  expect(await leader.rows("SELECT * FROM notes ORDER BY id")).toEqual(changed);
  // A follower's command goes to the leader, which is on the same computer here.
  const [follower] = await cluster.followers();
  const refused = await follower?.call("restore", { file });
  expect(refused).toMatchObject({ ok: false, error: { code: "not-leader" } });
  const restored = await follower?.command("restore", file, "--json");
  expect(restored).toMatchObject({ exitCode: 0 });
  expect(await leader.rows("SELECT * FROM notes ORDER BY id")).toEqual(before);
  const { index } = JSON.parse(restored?.out ?? "") as { readonly index: number };
  await leader.must("undo", { index });
  expect(await leader.rows("SELECT * FROM notes ORDER BY id")).toEqual(changed);
  await cluster.verifyIdentical();
});

test("a new workspace is founded from it, and refuses it as a backup of its own", async () => {
  const file = join(cluster.folder, "before.sqlite");
  const founder = new RealMember("founder", join(cluster.folder, "founder"));
  const created = await founder.command("create", "--name", "Anew", "--from", file);
  expect(created).toMatchObject({ exitCode: 0 });
  await founder.start();
  try {
    const [[count] = []] = await founder.rows("SELECT count(*) FROM notes");
    expect(count).toBeGreaterThan(0);
    await founder.execute("INSERT INTO notes(text) VALUES ('goes on')");
    expect(await founder.rows("SELECT text FROM log ORDER BY rowid DESC LIMIT 1")).toEqual([
      ["goes on"],
    ]);
    expect((await founder.must("verify", {})).isIdentical).toBe(true);
    const refused = await founder.call("restorePreview", { file });
    expect(refused).toMatchObject({ ok: false, error: { code: "bad-request" } });
    await founder.leave();
    await founder.start();
    expect(await founder.rows("SELECT count(*) FROM notes")).toEqual([[Number(count) + 1]]);
  } finally {
    await founder.kill();
  }
});
