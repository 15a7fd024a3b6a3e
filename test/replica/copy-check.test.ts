import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { SqliteModule } from "../../electron/store-worker/sqlite-module.ts";
import { logIndex, term } from "../../shared/base/ids.ts";
import { value } from "../log/log-fixtures.ts";
import { loadTestSqlite } from "../support/sqlite.ts";
import { CopyWorld } from "./copy-world.ts";

const NO_SNAPSHOTS = {
  ...{ snapshotAfterBytes: 1e9, retentionBytes: 1e9, segmentBytesMax: 1_000_000 },
};

let sqlite: SqliteModule;
let world: CopyWorld;

beforeAll(async () => {
  sqlite = await loadTestSqlite();
});

beforeEach(async () => {
  world = await CopyWorld.start(sqlite, NO_SNAPSHOTS);
  await world.execute(
    "CREATE TABLE people (id INTEGER PRIMARY KEY AUTOINCREMENT, name)",
    "CREATE TABLE visits (day)",
    "INSERT INTO people (name) VALUES ('Ada'), ('Bob'), ('Cid')",
  );
});

afterEach(async () => {
  await world.check.close();
  await world.past.close();
  expect(world.past.scratch.open).toBe(0);
});

/** Of what the database holds now, right or wrong. */
function snapshot(): Promise<void> {
  return world.past.snapshotter.renew();
}

describe("the rows of a copy", () => {
  it("are sound when they are what the log says, and nothing is opened for that", async () => {
    const found = await world.rows();
    expect(found).toMatchObject({ finding: "sound", differences: null });
    expect(found.verification).toMatchObject({ isIdentical: true, comparedWith: "leader" });
    expect(world.past.scratch.opened).toBe(0);
    expect(await world.repair()).toMatchObject({ done: "nothing", finding: "sound" });
  });

  it("are not called compared with the leader when it was not heard, or is this one", async () => {
    world.leader = null;
    expect((await world.rows()).verification).toMatchObject({
      ...{ isIdentical: true, comparedWith: "own-log", leader: null },
    });
    world.leader = "as here";
    world.isLeader = true;
    expect((await world.rows()).verification.comparedWith).toBe("own-log");
  });

  it("that differ are named, counted, and written back; nothing else happens", async () => {
    const before = world.past.log.lastIndex;
    world.damage(
      "UPDATE people SET name = 'Eve' WHERE id = 1",
      "DELETE FROM people WHERE id = 2",
      "INSERT INTO visits VALUES ('Monday')",
      "UPDATE sqlite_sequence SET seq = 70",
    );
    const { finding, verification, differences } = await world.rows();
    expect(finding).toBe("rows-differ");
    expect(verification.isIdentical).toBe(false);
    expect(differences).toMatchObject({
      index: world.past.applied,
      objects: [],
      tables: [
        { table: "people", missing: 1, surplus: 0, changed: 1 },
        { table: "visits", missing: 0, surplus: 1, changed: 0 },
      ],
      counters: [{ table: "people", here: 70, should: 3 }],
    });
    expect(differences?.rows).toEqual([
      {
        ...{ table: "people", operation: "update", columns: ["id", "name"] },
        ...{ before: [1, "Eve"], after: [1, "Ada"] },
      },
      {
        ...{ table: "people", operation: "insert", columns: ["id", "name"] },
        ...{ before: null, after: [2, "Bob"] },
      },
      {
        ...{ table: "visits", operation: "delete", columns: ["rowid", "day"] },
        ...{ before: [1, "Monday"], after: null },
      },
    ]);
    const repaired = await world.repair();
    expect(repaired).toMatchObject({ done: "rows", verification: { isIdentical: true } });
    expect(world.past.rowsNow("SELECT name FROM people")).toEqual([["Ada"], ["Bob"], ["Cid"]]);
    expect(world.past.log.lastIndex).toBe(before);
    expect(world.steps).toEqual(["pause", "hold", "pause", "repaired"]);
  });

  it("are listed up to a number, and all counted", async () => {
    world.damage("UPDATE people SET name = name || '!'");
    const { differences } = await world.rows(2);
    expect(differences?.rows).toHaveLength(2);
    expect(differences?.tables).toMatchObject([{ changed: 3 }]);
    expect((await world.rows(0)).differences?.rows).toEqual([]);
  });

  it("of Tidemark itself are counted and repaired, and never shown", async () => {
    world.damage("INSERT INTO _tidemark_invites VALUES ('x', x'00', 'voter', 1, NULL)");
    const { differences } = await world.rows();
    expect(differences?.tables).toMatchObject([{ table: "_tidemark_invites", surplus: 1 }]);
    expect(differences?.rows).toEqual([]);
    expect(await world.repair()).toMatchObject({ done: "rows" });
  });

  it("are compared and repaired at the position of that moment, while entries come", async () => {
    world.damage("UPDATE people SET name = 'Eve' WHERE id = 1");
    let day = 0;
    // The entry comes after the reference was made, and before all stands still.
    world.onPause = () => world.execute(`INSERT INTO visits VALUES (${++day})`);
    const { differences } = await world.rows();
    expect(differences).toMatchObject({ index: 2, tables: [{ table: "people", changed: 1 }] });
    expect(await world.repair()).toMatchObject({ done: "rows", differences: { index: 3 } });
    expect((await world.rows()).finding).toBe("sound");
  });

  it("are left alone when the database is replaced while it is compared", async () => {
    world.damage("UPDATE people SET name = 'Eve' WHERE id = 1");
    const { engine } = world.past;
    const handle = engine.handle.bind(engine);
    engine.handle = (method, params) => {
      const { checksum } = world.past.position;
      const applied = { term: term(1), index: logIndex(0) };
      if (method === "compareRows") world.refilledTo = { applied, checksum };
      return handle(method, params);
    };
    const answer = await world.check.repairCopy();
    expect(answer).toMatchObject({ ok: false, error: { code: "busy" } });
    expect(world.past.rowsNow("SELECT name FROM people WHERE id = 1")).toEqual([["Eve"]]);
  });

  it("of two questions at once are compared for the first", async () => {
    world.damage("DELETE FROM people");
    const [first, second] = await Promise.all([
      world.check.verifyRows({}),
      world.check.repairCopy(),
    ]);
    expect(first.ok).toBe(true);
    expect(second).toMatchObject({ ok: false, error: { code: "busy" } });
  });
});

describe("a copy whose tables differ", () => {
  it("is made anew as a whole from its own log", async () => {
    await world.execute("CREATE INDEX names ON people(name)", "CREATE VIEW v AS SELECT 1");
    world.damage("DROP INDEX names", "DROP TABLE visits", "CREATE TABLE noise(x)");
    const { finding, differences } = await world.rows();
    expect(finding).toBe("tables-differ");
    expect(differences?.objects).toEqual([
      { type: "table", name: "visits", here: null, should: "CREATE TABLE visits (day)" },
      { type: "index", name: "names", here: null, should: "CREATE INDEX names ON people(name)" },
      { type: "table", name: "noise", here: "CREATE TABLE noise(x)", should: null },
    ]);
    const repaired = await world.repair();
    expect(repaired).toMatchObject({ done: "all", verification: { isIdentical: true } });
    await world.execute("INSERT INTO visits VALUES ('Tuesday')");
    expect((await world.rows()).finding).toBe("sound");
  });
});

describe("what a copy is compared with", () => {
  it("is an older image where the newest ones hold the damage, and these are put aside", async () => {
    await snapshot();
    await world.execute("INSERT INTO people (name) VALUES ('Dot')");
    world.damage("UPDATE people SET name = 'Eve' WHERE id = 1");
    await snapshot();
    await world.execute("INSERT INTO people (name) VALUES ('Eli')");
    const { files } = world.past;
    expect(files.kept.map(({ mark }) => mark.position.index)).toEqual([1, 2]);
    const { differences } = await world.rows();
    expect(differences?.tables).toMatchObject([{ table: "people", changed: 1 }]);
    expect(files.kept).toHaveLength(2);
    expect(await world.repair()).toMatchObject({ done: "rows" });
    // The one with the damage is gone, and a right one was made in its place.
    expect(files.kept.map(({ mark }) => mark.position.index)).toEqual([1, 3]);
    await world.past.restart();
    const answer = world.past.rowsNow("SELECT name FROM people WHERE id = 1");
    expect(answer).toEqual([["Ada"]]);
    const listed = value(await world.past.disk.list("snapshots"));
    expect(listed.filter((name) => name.endsWith(".damaged"))).toHaveLength(1);
  });

  it("is nothing when every image holds the damage and the log does not reach back", async () => {
    world.damage("UPDATE people SET name = 'Eve' WHERE id = 1");
    await world.past.reseed();
    expect(world.past.log.firstIndex).toBeGreaterThan(1);
    expect(await world.rows()).toMatchObject({ finding: "no-proof", differences: null });
    expect(await world.repair()).toMatchObject({ done: "nothing", finding: "no-proof" });
    expect(world.past.rowsNow("SELECT name FROM people WHERE id = 1")).toEqual([["Eve"]]);
  });

  it("is not the own log when the leader has another checksum at that index", async () => {
    world.leader = "0123456789abcdef";
    expect(await world.rows()).toMatchObject({
      ...{ finding: "log-differs", differences: null },
      verification: { isIdentical: false, comparedWith: "leader" },
    });
    world.damage("DELETE FROM people WHERE id = 1");
    expect(await world.rows()).toMatchObject({
      ...{ finding: "log-differs", differences: { tables: [{ missing: 1 }] } },
    });
    expect(await world.repair()).toMatchObject({ done: "nothing", finding: "log-differs" });
  });
});

describe("a member that was known to differ", () => {
  it("is in service again after a repair that was proven, and goes on applying", async () => {
    world.damage("DELETE FROM people WHERE id = 1");
    world.storage.diverged("a before image did not fit");
    expect(world.storage.readRefusal()?.code).toBe("diverged");
    expect(await world.repair()).toMatchObject({ done: "rows" });
    expect(world.storage.isOk).toBe(true);
    expect(world.steps).toEqual(["hold", "pause", "resume", "repaired"]);
  });

  it("stays out of service when nothing was proven", async () => {
    world.leader = "0123456789abcdef";
    world.storage.diverged("checksums differ at index 1");
    await world.repair();
    expect(world.storage.isOk).toBe(false);
  });
});

it("closed while it looks, it answers and leaves nothing open", async () => {
  world.damage("DELETE FROM people");
  const answer = world.check.verifyRows({});
  await world.check.close();
  const settled = await answer;
  if (!settled.ok) expect(["too-large", "busy"]).toContain(settled.error.code);
  expect(world.past.scratch.open).toBe(0);
});
