/** Backups are the database of one position, proven, on time, one at a time, and never cost an older one for nothing. */
import { beforeAll, describe, expect, it } from "vitest";
import type { BackupEntry } from "../../shared/api/backups.ts";
import type { SqliteModule } from "../../electron/store-worker/sqlite-module.ts";
import { loadTestSqlite } from "../support/sqlite.ts";
import { BackupWorld } from "./backup-world.ts";

const HOUR_MS = 3_600_000;
const PEOPLE = "CREATE TABLE people(id INTEGER PRIMARY KEY, name TEXT, note BLOB)";

let sqlite: SqliteModule;
beforeAll(async () => {
  sqlite = await loadTestSqlite();
});

function worldWithPeople(): BackupWorld {
  const world = new BackupWorld(sqlite);
  world.execute(PEOPLE, "CREATE INDEX by_name ON people(name)");
  world.execute("INSERT INTO people(name) VALUES ('Ada'), ('Bea')");
  return world;
}

async function made(world: BackupWorld, file?: string): Promise<BackupEntry> {
  const entry = await world.keeper.make(file === undefined ? {} : { file });
  if (!entry.ok) throw new Error(`${entry.error.code}: ${entry.error.message}`);
  return entry.value;
}

describe("a backup", () => {
  it("is of one position although writes go on, and is proven against it", async () => {
    const world = worldWithPeople();
    world.between = () => world.execute("INSERT INTO people(name) VALUES (hex(randomblob(9)))");
    const entry = await made(world, "/usb/clinic.sqlite");
    const index = entry.position?.index ?? 0;
    expect(world.group.index).toBeGreaterThan(index);
    expect(entry).toMatchObject({
      madeBy: "Front desk",
      check: { isVerified: true, problem: null },
    });
    const read = await world.keeper.open("/usb/clinic.sqlite", async ({ checked }, store) => {
      const { position } = await store.call("verify", {});
      return {
        checked,
        rows: await store.call("query", {
          sql: "SELECT count(*) FROM people",
          params: [],
          rowsMax: 9,
        }),
        position,
      };
    });
    expect(read).toMatchObject({
      ok: true,
      value: { checked: { position: { index } }, rows: { value: { rows: [[2]] } } },
    });
    expect(world.scratch.open).toBe(0);
  });

  it("that the disk does not give back as it was written is not kept, and the one before stays", async () => {
    const world = worldWithPeople();
    await made(world, "/usb/clinic.sqlite");
    const before = await world.diskOf("/usb").read("clinic.sqlite");
    world.execute("INSERT INTO people(name) VALUES ('Cleo')");
    world.spoil = (bytes) => {
      const copy = bytes.slice();
      const at = Buffer.from(copy).lastIndexOf("Ada");
      if (at >= 0) copy[at] = 0x45;
      return copy;
    };
    const entry = await world.keeper.make({ file: "/usb/clinic.sqlite" });
    expect(entry).toMatchObject({ ok: false, error: { code: "storage-failed" } });
    expect(await world.diskOf("/usb").read("clinic.sqlite")).toEqual(before);
    expect(await world.files("/usb")).toEqual(["clinic.sqlite"]);
  });

  it("is not verified when the leader holds something else at its position", async () => {
    const world = worldWithPeople();
    world.leaderChecksum = () => "0123456789abcdef";
    expect(await world.keeper.make({})).toMatchObject({
      ok: false,
      error: { code: "storage-failed" },
    });
    world.leaderChecksum = (index) => world.checksums.get(index) ?? null;
    expect((await made(world)).check).toMatchObject({ isVerified: true, comparedWith: "leader" });
  });

  it("that rots later is found out and said to be so", async () => {
    const world = worldWithPeople();
    const { file } = await made(world);
    const name = file.slice(file.lastIndexOf("/") + 1);
    const disk = world.diskOf("/data/backups");
    const read = await disk.read(name);
    const at = Buffer.from((read.ok && read.value) || []).lastIndexOf("Ada");
    disk.flipBits(name, at);
    expect(await world.keeper.verify(file)).toMatchObject({
      value: { check: { isVerified: false } },
    });
    expect(await world.keeper.report()).toMatchObject({
      backups: [{ file, check: { isVerified: false } }],
    });
  });

  it("does not replace a file that is no database", async () => {
    const world = worldWithPeople();
    const opened = await world.diskOf("/home").open("letter.odt");
    if (opened.ok) await opened.value.append([new TextEncoder().encode("Dear Ada, dear Bea")]);
    const entry = await world.keeper.make({ file: "/home/letter.odt" });
    expect(entry).toMatchObject({ ok: false, error: { code: "bad-request" } });
  });

  it("is made by a follower for the leader, and by the leader when that fails", async () => {
    const follower = new BackupWorld(sqlite, { name: "Mirror" });
    const world = new BackupWorld(sqlite, { followers: [follower] });
    for (const each of [follower, world])
      each.execute(PEOPLE, "INSERT INTO people(name) VALUES ('Ada')");
    const entry = await made(world, "/usb/clinic.sqlite");
    expect(entry).toMatchObject({ madeBy: "Mirror", check: { isVerified: true } });
    expect(world.scratch.opened).toBe(0);
    expect(await follower.data.list("")).toEqual({ ok: true, value: [] });
    expect(await world.keeper.verify("/usb/clinic.sqlite")).toMatchObject({
      value: { madeBy: "Mirror", check: { isVerified: true } },
    });
    follower.spoil = (bytes) => bytes.slice().fill(7, 100);
    expect(await made(world)).toMatchObject({ madeBy: "Front desk" });
    expect((await world.keeper.make({ here: true })).ok).toBe(true);
  });
});

describe("the schedule", () => {
  async function scheduled(world: BackupWorld, everyHours = 24): Promise<void> {
    await world.keeper.setSchedule({ isOn: true, everyHours });
  }

  it("makes the first at once and the next after its time, and says when", async () => {
    const world = worldWithPeople();
    await scheduled(world, 2);
    await world.keeper.setSchedule({ keep: { hourly: 24, daily: 7, weekly: 4, monthly: 12 } });
    await world.pass(60);
    expect(await world.files()).toHaveLength(1);
    await world.pass(60);
    expect(await world.files()).toHaveLength(1);
    const { nextAt, problem } = await world.keeper.report();
    expect(problem).toBeNull();
    expect(Date.parse(nextAt ?? "") - world.clock.wallMs()).toBeGreaterThan(1.9 * HOUR_MS);
    world.clock.jumpWall(2 * HOUR_MS);
    await world.pass(60);
    expect(await world.files()).toHaveLength(2);
  });

  it("makes one a day at a local time, or when the computer wakes after it", async () => {
    const world = worldWithPeople();
    world.clock.offsetMs = 3 * HOUR_MS;
    await world.keeper.setSchedule({ isOn: true, dailyAt: "02:00" });
    await world.pass(60);
    expect(await world.files()).toHaveLength(1);
    // It began at 9:00 UTC, which is 12:00 here; the next 2:00 is at 23:00 UTC.
    expect(await world.keeper.report()).toMatchObject({ nextAt: "2026-11-02T23:00:00.000Z" });
    world.clock.jumpWall(13.9 * HOUR_MS);
    await world.pass(60);
    expect(await world.files()).toHaveLength(1);
    world.clock.jumpWall(7 * HOUR_MS);
    await world.pass(60);
    expect(await world.files()).toHaveLength(2);
    expect(await world.keeper.report()).toMatchObject({ nextAt: "2026-11-03T23:00:00.000Z" });
    const wrong = await world.keeper.setSchedule({ dailyAt: "24:00" });
    expect(wrong).toMatchObject({ ok: false, error: { code: "bad-request" } });
  });

  it("makes a missed one after the computer slept, once, and after the clock was set back", async () => {
    const world = worldWithPeople();
    await scheduled(world);
    await world.pass(60);
    world.clock.jumpWall(9 * 24 * HOUR_MS);
    await world.pass(120);
    expect(await world.files()).toHaveLength(2);
    world.clock.jumpWall(-300 * 24 * HOUR_MS);
    await world.pass(120);
    expect(await world.files()).toHaveLength(3);
    await world.pass(120);
    expect(await world.files()).toHaveLength(3);
  });

  it("goes on in the next process", async () => {
    const world = worldWithPeople();
    await scheduled(world);
    await world.pass(60);
    await world.keeper.close();
    world.start();
    await world.pass(120);
    expect(await world.files()).toHaveLength(1);
    world.clock.jumpWall(25 * HOUR_MS);
    await world.pass(60);
    expect(await world.files()).toHaveLength(2);
  });

  it("never makes two at once", async () => {
    const world = worldWithPeople();
    await scheduled(world);
    let most = 0;
    world.between = () => {
      most = Math.max(most, world.scratch.open);
      world.keeper.tick();
    };
    const asked = Promise.all([
      world.keeper.make({}),
      world.keeper.make({ file: "/usb/a.sqlite" }),
    ]);
    await world.pass(60);
    expect((await asked).every(({ ok }) => ok)).toBe(true);
    expect(most).toBe(1);
  });

  it("skips one that would fill the disk, says so, and makes it when there is room", async () => {
    const world = worldWithPeople();
    world.freeBytes = 200 * 1024 * 1024;
    await scheduled(world);
    await world.pass(60);
    expect(await world.files()).toEqual([]);
    expect(await world.keeper.report()).toMatchObject({ problem: { code: "storage-full" } });
    world.freeBytes = null;
    await world.pass(16 * 60);
    expect(await world.files()).toHaveLength(1);
    expect(await world.keeper.report()).toMatchObject({ problem: null });
  });

  it("lets go of old ones only after a new one is proven, and only of its own", async () => {
    const world = worldWithPeople();
    await world.keeper.setSchedule({
      ...{ isOn: true, everyHours: 24 },
      keep: { hourly: 0, daily: 2, weekly: 0, monthly: 0 },
    });
    const { file: asked } = await made(world);
    for (let day = 0; day < 3; day++) {
      world.clock.jumpWall(24 * HOUR_MS);
      await world.pass(60);
    }
    const kept = await world.files();
    expect(kept).toHaveLength(3);
    expect(kept).toContain(asked.slice(asked.lastIndexOf("/") + 1));
    world.clock.jumpWall(24 * HOUR_MS);
    world.spoil = (bytes) => bytes.slice().fill(7, 100);
    await world.pass(60);
    expect(await world.files()).toEqual(kept);
    expect(await world.keeper.report()).toMatchObject({ problem: { code: "storage-failed" } });
  });

  it("survives a crash in the middle of one without leaving more than one half file", async () => {
    const world = worldWithPeople();
    await scheduled(world);
    const disk = world.diskOf("/data/backups");
    for (let step = 1; step <= 6; step++) {
      disk.haltAfter(step);
      await world.pass(60);
      disk.crash("power-lost");
      world.clock.jumpWall(25 * HOUR_MS);
      world.start();
    }
    const halves = (await world.files()).filter((name) => name.endsWith(".part"));
    expect(halves.length).toBeLessThanOrEqual(1);
    await world.pass(16 * 60);
    const { backups } = await world.keeper.report();
    expect(backups[0]).toMatchObject({ isThere: true, check: { isVerified: true } });
  });
});
