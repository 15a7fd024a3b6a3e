/**
 * Bringing former states back over changes of the schema, as an agent does it: prepared from the state of then, captured
 * on what is there now, applied here and on another member. `RESTORE_STATES` and `RESTORE_SEED` choose a longer run.
 */
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { Restoring } from "../../electron/agent/replica/restoring.ts";
import type { SqliteModule } from "../../electron/store-worker/sqlite-module.ts";
import type { RestoreParams } from "../../shared/api/past.ts";
import { randomBetween, randomChance, seededRng } from "../../shared/base/rng.ts";
import { request } from "../store/store-fixture.ts";
import { loadTestSqlite } from "../support/sqlite.ts";
import { drawTransaction, stateNow } from "./past-random.ts";
import { PastWorld } from "./past-world.ts";

const STATES = Number(process.env["RESTORE_STATES"] ?? 40);
const FIRST_SEED = Number(process.env["RESTORE_SEED"] ?? 1);
const SIZES = { snapshotAfterBytes: 6_000, retentionBytes: 40_000, segmentBytesMax: 3_000 };

let sqlite: SqliteModule;
let world: PastWorld;

beforeAll(async () => {
  sqlite = await loadTestSqlite();
});

beforeEach(async () => {
  world = await PastWorld.start(sqlite, SIZES);
});

afterEach(() => world.close());

async function run(...statements: string[]): Promise<number> {
  expect(await world.commit(request(statements))).toBeNull();
  return world.applied;
}

async function prepare(params: RestoreParams) {
  const { past, state, log } = world;
  const prepared = await new Restoring({
    ...{ past, state, log, store: world.store, workspaceId: "c" },
    backups: { open: () => Promise.reject(new Error("no backup is restored here")) },
  }).prepare(params);
  if (!prepared.ok) throw new Error(`${prepared.error.code}: ${prepared.error.message}`);
  return prepared.value;
}

/** Shown first, then done; both must say the same. @returns what was left out. */
async function restore(params: RestoreParams): Promise<readonly string[]> {
  const prepared = await prepare(params);
  if (prepared === null) return ["nothing was changed"];
  const { work, leftOut } = prepared;
  const preview = world.engine.handle("preview", { work, rowsMax: 10_000 });
  const refused = await world.commit(request([], { work }));
  expect(preview.ok ? null : preview.error.message).toBe(refused);
  if (refused !== null) throw new Error(refused);
  const { recomputed, position } = world.engine.handle("verify", {});
  expect(recomputed).toBe(position.checksum);
  return leftOut;
}

describe("a table that was dropped", () => {
  it("comes back with its rows, indexes, triggers and counter", async () => {
    await run(
      "CREATE TABLE t(id INTEGER PRIMARY KEY AUTOINCREMENT, a UNIQUE)",
      "CREATE TABLE log(what)",
      "CREATE INDEX by_a ON t(a)",
      "CREATE TRIGGER on_t AFTER INSERT ON t BEGIN INSERT INTO log VALUES (new.a); END",
    );
    await run("INSERT INTO t(a) VALUES ('x'), ('y'), ('z')");
    const to = await run("DELETE FROM t WHERE a = 'z'");
    const before = await stateNow(world);
    await run("DROP TABLE t");
    expect(await restore({ toIndex: to, table: "T" })).toEqual([]);
    expect(await stateNow(world)).toBe(before);
    await run("INSERT INTO t(a) VALUES ('new')");
    expect(world.rowsNow("SELECT id FROM t WHERE a = 'new'")).toEqual([[4]]);
    expect(world.rowsNow("SELECT what FROM log")).toEqual([["x"], ["y"], ["z"], ["new"]]);
  });

  it("comes back beside the one that has its name's index now, and says what is left out", async () => {
    const to = await run("CREATE TABLE t(a)", "CREATE INDEX i ON t(a)", "INSERT INTO t VALUES (1)");
    await run("ALTER TABLE t RENAME TO other", "INSERT INTO other VALUES (2)");
    expect(await restore({ toIndex: to, table: "t" })).toEqual(["index i, whose name is taken"]);
    expect(world.rowsNow("SELECT a FROM t")).toEqual([[1]]);
    expect(world.rowsNow("SELECT a FROM other")).toEqual([[1], [2]]);
  });

  it("whose parents are gone is refused with what stands in the way", async () => {
    await run("CREATE TABLE p(id INTEGER PRIMARY KEY)", "CREATE TABLE c(p REFERENCES p)");
    const to = await run("INSERT INTO p VALUES (1)", "INSERT INTO c VALUES (1)");
    await run("DROP TABLE c");
    await run("DELETE FROM p");
    await expect(restore({ toIndex: to, table: "c" })).rejects.toThrow(
      /would refer to a row of p that is not there/,
    );
    expect(world.rowsNow("SELECT name FROM sqlite_schema WHERE name = 'c'")).toEqual([]);
  });
});

describe("a table with other columns since", () => {
  it("gets the values of then by name; what is new stays, or is the default", async () => {
    const to = await run(
      "CREATE TABLE t(id INTEGER PRIMARY KEY, a, gone, u UNIQUE)",
      "INSERT INTO t VALUES (1, 'one', 'g1', 10), (2, 'two', 'g2', 20), (3, 'three', 'g3', 30)",
    );
    await run("ALTER TABLE t DROP COLUMN gone");
    await run("ALTER TABLE t ADD COLUMN fresh TEXT DEFAULT 7");
    await run(
      "UPDATE t SET u = u + 1000",
      "UPDATE t SET u = 20, fresh = 'kept', a = 'changed' WHERE id = 1",
      "UPDATE t SET u = 10 WHERE id = 2",
      "DELETE FROM t WHERE id = 3",
      "INSERT INTO t VALUES (4, 'later', 30, 'x')",
    );
    expect(await restore({ toIndex: to, table: "t" })).toEqual(["column gone of t"]);
    expect(world.rowsNow("SELECT id, a, u, fresh, typeof(fresh) FROM t ORDER BY id")).toEqual([
      [1, "one", 10, "kept", "text"],
      [2, "two", 20, "7", "text"],
      [3, "three", 30, "7", "text"],
    ]);
  });

  it("gives single rows back, and leaves the others", async () => {
    const to = await run("CREATE TABLE t(a, b)", "INSERT INTO t VALUES ('x', 1), ('y', 2)");
    await run("ALTER TABLE t RENAME COLUMN b TO c");
    await run("UPDATE t SET a = a || '!', c = 9");
    const key = { rowid: 2 };
    expect(await restore({ toIndex: to, table: "t", key })).toEqual(["column b of t"]);
    expect(world.rowsNow("SELECT a, c FROM t")).toEqual([
      ["x!", 9],
      ["y", 9],
    ]);
    await run("DROP TABLE t");
    await expect(prepare({ toIndex: to, table: "t", key })).rejects.toThrow(
      /bring the table back first/,
    );
  });

  it("whose rows are named by another key is refused", async () => {
    const to = await run(
      "CREATE TABLE t(a PRIMARY KEY, b) WITHOUT ROWID",
      "INSERT INTO t VALUES (1, 2)",
    );
    await run("DROP TABLE t", "CREATE TABLE t(a, b)");
    await expect(restore({ toIndex: to, table: "t" })).rejects.toThrow(/named by another key/);
  });
});

describe("everything", () => {
  it("is as it was: tables, indexes, views and triggers too, and can be taken back", async () => {
    await run("CREATE TABLE p(id INTEGER PRIMARY KEY)", "CREATE TABLE same(a)");
    await run(
      "CREATE TABLE c(id INTEGER PRIMARY KEY, p REFERENCES p ON DELETE CASCADE)",
      "CREATE VIEW v AS SELECT * FROM c",
      "CREATE TRIGGER on_v INSTEAD OF DELETE ON v BEGIN DELETE FROM c; END",
      "CREATE INDEX i ON c(p)",
    );
    const to = await run(
      "INSERT INTO p VALUES (1), (2)",
      "INSERT INTO c VALUES (1, 1), (2, 2)",
      "INSERT INTO same VALUES (1)",
    );
    const then = await stateNow(world);
    await run("DROP VIEW v", "DROP INDEX i", "DROP TABLE p", "CREATE TABLE p(id TEXT PRIMARY KEY)");
    await run("CREATE TABLE later(a)", "INSERT INTO later VALUES (1)");
    await run("DELETE FROM c", "ALTER TABLE c RENAME TO d", "UPDATE same SET a = 2");
    const later = await stateNow(world);
    const index = world.applied;
    expect(await restore({ toIndex: to })).toEqual([]);
    expect(await stateNow(world)).toBe(then);
    expect(await restore({ toIndex: index })).toEqual([]);
    expect(await stateNow(world)).toBe(later);
  });

  it("brings tables back whose rows came to the same, without a word about their rows", async () => {
    const to = await run("CREATE TABLE t(a)", "INSERT INTO t VALUES (1)");
    await run("CREATE INDEX i ON t(a)");
    const prepared = await prepare({ toIndex: to });
    expect(prepared?.work).toMatchObject({ type: "restore-state", former: { tables: [] } });
    await restore({ toIndex: to });
    expect(world.rowsNow("SELECT count(*) FROM sqlite_schema WHERE name = 'i'")).toEqual([[0]]);
  });

  it(
    `is as it was, at ${STATES} random positions of random schemas`,
    { timeout: 36_000_000 },
    async () => {
      const tally = { restored: 0, refused: 0 };
      for (let seed = FIRST_SEED; tally.restored < STATES; seed++) {
        await world.close();
        world = await PastWorld.start(sqlite, SIZES);
        await runWorld(seed, tally);
      }
      console.log(JSON.stringify(tally));
      expect(tally.restored).toBeGreaterThan(tally.refused);
    },
  );
});

/** Transactions, and now and then a step back to any state before. */
async function runWorld(seed: number, tally: { restored: number; refused: number }): Promise<void> {
  const rng = seededRng(seed);
  const parts = { hasCounters: false };
  const states = new Map([[0, await stateNow(world, parts)]]);
  for (let i = 0; i < 120; i++) {
    await world.commit(request(drawTransaction(rng, world)));
    states.set(world.applied, await stateNow(world, parts));
    if (!randomChance(rng, 0.12)) continue;
    const from = world.state.readableFrom ?? world.applied;
    const indexes = [...states.keys()].filter((index) => index >= from);
    const toIndex = indexes[randomBetween(rng, 0, indexes.length - 1)] ?? world.applied;
    try {
      await restore({ toIndex });
    } catch (thrown) {
      // A reference that SQLite itself had left broken, and what the generator makes of keys.
      if (!/would refer to a row|foreign key mismatch|no such table/.test(String(thrown))) {
        throw new Error(`seed ${seed}, step ${i}, to ${toIndex}`, { cause: thrown });
      }
      tally.refused += 1;
      continue;
    }
    const found = await stateNow(world, parts);
    if (found !== states.get(toIndex))
      throw new Error(`seed ${seed}, step ${i}: not as after ${toIndex}`);
    states.set(world.applied, found);
    tally.restored += 1;
  }
}
