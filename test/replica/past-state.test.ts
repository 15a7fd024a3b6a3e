import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { PAST_IMAGE_BYTES_MAX } from "../../electron/agent/replica/scratch-replay.ts";
import type { SqliteModule } from "../../electron/store-worker/sqlite-module.ts";
import type { PastMoment } from "../../shared/api/past.ts";
import { request } from "../store/store-fixture.ts";
import { loadTestSqlite } from "../support/sqlite.ts";
import { PastWorld } from "./past-world.ts";

const SIZES = { snapshotAfterBytes: 2_000, retentionBytes: 5_000, segmentBytesMax: 1_000 };
const T0 = Date.UTC(2026, 0, 1);
const MINUTE_MS = 60_000;

let sqlite: SqliteModule;
let world: PastWorld;

beforeAll(async () => {
  sqlite = await loadTestSqlite();
});

beforeEach(async () => {
  world = await PastWorld.start(sqlite, SIZES);
});

afterEach(() => world.close());

/** One transaction, made so many minutes after the start. */
async function at(minute: number, sql: string): Promise<number> {
  world.clock.advanceTo(minute * MINUTE_MS);
  const refused = await world.commit(request([sql], { atMs: T0 + minute * MINUTE_MS }));
  expect(refused).toBeNull();
  return world.applied;
}

async function people(moment: PastMoment): Promise<unknown> {
  const answer = await world.reader.query({ sql: "SELECT name FROM people ORDER BY 1" }, moment);
  return answer.ok ? answer.value.rows.flat() : `${answer.error.code}: ${answer.error.message}`;
}

async function threePeople(): Promise<void> {
  await at(1, "CREATE TABLE people(name TEXT)");
  await at(2, "INSERT INTO people VALUES ('Ada')");
  await at(3, "INSERT INTO people VALUES ('Bob')");
  await at(4, "ALTER TABLE people RENAME COLUMN name TO called");
}

describe("a former state", () => {
  it("is read over a change of the schema, by position and by time", async () => {
    await threePeople();
    expect(await people({ index: 2 })).toEqual(["Ada"]);
    expect(await people({ index: 3, term: 1 })).toEqual(["Ada", "Bob"]);
    expect(await people({ at: new Date(T0 + 2.5 * MINUTE_MS).toISOString() })).toEqual(["Ada"]);
    expect(await people({ index: 4 })).toMatch(/^sql-error: no such column: name/);
    expect(await people({ index: 0 })).toMatch(/^sql-error: no such table: people/);
  });

  it("says which position it is, and of when", async () => {
    await threePeople();
    const asked = { at: new Date(T0 + 2.5 * MINUTE_MS).toISOString() };
    const answer = await world.reader.query({ sql: "SELECT 1" }, asked);
    const past = { at: "2026-01-01T00:02:00.000Z" };
    expect(answer).toMatchObject({ ok: true, value: { asOf: { term: 1, index: 2, past } } });
    const tables = await world.reader.tables(asked);
    const columns = [{ name: "name" }];
    expect(tables).toMatchObject({ ok: true, value: { tables: [{ rowCount: 1, columns }] } });
  });

  it("of a time before the first change is the empty database, and of one to come none", async () => {
    await threePeople();
    expect(await people({ at: new Date(T0).toISOString() })).toMatch(/no such table/);
    expect(await people({ at: new Date(T0 + 9 * MINUTE_MS).toISOString() })).toBe(
      "bad-request: That time has not come yet.",
    );
    expect(await people({ at: "when it rained" })).toMatch(/^bad-request: "when it rained"/);
  });

  it("of a time is that of the newest change made by then, where clocks went back in between", async () => {
    await at(1, "CREATE TABLE people(name TEXT)");
    await at(10, "INSERT INTO people VALUES ('fast clock')");
    const early = { atMs: T0 + 5 * MINUTE_MS };
    await world.commit(request(["INSERT INTO people VALUES ('slow clock')"], early));
    expect(await people({ at: new Date(T0 + 6 * MINUTE_MS).toISOString() })).toEqual([
      "fast clock",
      "slow clock",
    ]);
  });

  it("takes no change", async () => {
    await threePeople();
    const sql = "DELETE FROM people";
    const answer = await world.reader.query({ sql }, { index: 3 });
    expect(answer).toMatchObject({ ok: false, error: { code: "sql-refused" } });
    expect(await people({ index: 3 })).toEqual(["Ada", "Bob"]);
  });

  it("that is not there is refused with what is", async () => {
    await threePeople();
    expect(await people({ index: 5 })).toBe("not-found: Entry 5 is not applied here.");
    expect(await people({ index: 3, term: 2 })).toMatch(/^not-found: Entry 3 is of term 1, not 2/);
    for (let i = 0; i < 100; i++) {
      await at(10 + i, `INSERT INTO people VALUES ('${"x".repeat(200)}${i}')`);
    }
    const from = world.state.readableFrom ?? expect.fail("something can be read");
    expect(from).toBeGreaterThan(3);
    const since = await world.reader.since();
    expect(since).toBe(new Date(T0 + (from + 5) * MINUTE_MS).toISOString());
    const oldest = `The oldest state that can be read here is the one after entry ${from} (${since}).`;
    expect(await people({ index: from - 1 })).toBe(
      `too-old: The state after entry ${from - 1} is not kept here. ${oldest}`,
    );
    expect(await people({ at: new Date(T0).toISOString() })).toBe(
      `too-old: The state of 2026-01-01T00:00:00.000Z is not kept here. ${oldest}`,
    );
    expect(await world.rowsAt(from, "SELECT count(*) FROM people")).toEqual([[from - 2]]);
  });

  it("larger than the bound is refused before it is read", async () => {
    for (let i = 0; i < 3; i++) await at(i, `CREATE TABLE t${i}(x DEFAULT '${"y".repeat(2500)}')`);
    const newest = world.files.latest() ?? expect.fail("a snapshot was made");
    world.files.kept.forEach((info) => {
      Object.assign(info, { bodyBytes: PAST_IMAGE_BYTES_MAX + 1 });
    });
    const index = newest.mark.position.index;
    const answer = await world.reader.query({ sql: "SELECT 1" }, { index });
    expect(answer).toMatchObject({ ok: false, error: { code: "too-large" } });
    expect(world.scratch.opened).toBe(0);
  });
});

describe("the store of a former state", () => {
  it("goes on to a later one, begins anew for an earlier one, and answers in turn", async () => {
    await threePeople();
    const asked = [2, 3, 3, 2].map((index) => people({ index }));
    expect(await Promise.all(asked)).toEqual([["Ada"], ["Ada", "Bob"], ["Ada", "Bob"], ["Ada"]]);
    expect(world.scratch).toEqual({ opened: 1, open: 1 });
  });

  it("gives its memory back when nobody asks", async () => {
    await threePeople();
    await people({ index: 2 });
    world.clock.advanceTo(world.clock.nowMs() + 50_000);
    await people({ index: 2 });
    world.clock.advanceTo(world.clock.nowMs() + 50_000);
    expect(world.scratch.open).toBe(1);
    world.clock.advanceTo(world.clock.nowMs() + 11_000);
    expect(world.scratch.open).toBe(0);
    expect(await people({ index: 2 })).toEqual(["Ada"]);
    expect(world.scratch).toEqual({ opened: 2, open: 1 });
  });

  it("that was lost is made anew for the next question", async () => {
    await threePeople();
    await people({ index: 2 });
    world.loseScratch();
    expect(world.scratch.open).toBe(0);
    expect(await people({ index: 3 })).toEqual(["Ada", "Bob"]);
  });

  it("ends with the member", async () => {
    await threePeople();
    await people({ index: 2 });
    await world.state.close();
    expect(world.scratch.open).toBe(0);
    expect(await people({ index: 2 })).toBe("busy: This computer is shutting down.");
    expect(world.clock.pendingCount).toBe(0);
  });

  it("reads around a damaged snapshot as long as the log leads there", async () => {
    await at(1, "CREATE TABLE people(name TEXT)");
    for (let i = 0; i < 30; i++) await at(2 + i, `INSERT INTO people VALUES ('${i}')`);
    const newest = world.files.latest() ?? expect.fail("a snapshot was made");
    const { index } = newest.mark.position;
    world.disk.flipBits(newest.path, 300);
    expect(await world.rowsAt(index, "SELECT count(*) FROM people")).toEqual([[index - 1]]);
    expect(world.files.kept).not.toContain(newest);
  });
});
