/**
 * Former states: what a member answers "as of" an entry is what it held then. Random schemas and changes, schema
 * changes among them, with restarts and snapshots of a leader in between. `AS_OF_POSITIONS` and `AS_OF_SEED` choose a
 * longer run.
 */
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { readableFrom } from "../../electron/agent/log/kept-snapshots.ts";
import type { SqliteModule } from "../../electron/store-worker/sqlite-module.ts";
import { randomBetween, randomChance, seededRng, type Rng } from "../../shared/base/rng.ts";
import { request } from "../store/store-fixture.ts";
import { loadTestSqlite } from "../support/sqlite.ts";
import { drawTransaction, stateNow, stateOf } from "./past-random.ts";
import { PastWorld } from "./past-world.ts";

const POSITIONS = Number(process.env["AS_OF_POSITIONS"] ?? 60);
const FIRST_SEED = Number(process.env["AS_OF_SEED"] ?? 1);
const POSITIONS_PER_WORLD = 20;
const TRANSACTIONS_PER_WORLD = 150;
const SIZES = { snapshotAfterBytes: 6_000, retentionBytes: 20_000, segmentBytesMax: 3_000 };

let sqlite: SqliteModule;
let world: PastWorld;

beforeAll(async () => {
  sqlite = await loadTestSqlite();
});

afterEach(() => world.close());

describe("a former state", () => {
  it(
    `is what was there, at ${POSITIONS} random positions of random schemas`,
    { timeout: 36_000_000 },
    async () => {
      const tally = { positions: 0, schemaChanges: 0, reseeds: 0, restarts: 0 };
      for (let seed = FIRST_SEED; tally.positions < POSITIONS; seed++) {
        await runWorld(seed, tally);
        await world.close();
      }
      console.log(JSON.stringify(tally));
      expect(tally.schemaChanges).toBeGreaterThan(0);
    },
  );
});

type Tally = { positions: number; schemaChanges: number; reseeds: number; restarts: number };

async function runWorld(seed: number, tally: Tally): Promise<void> {
  const rng = seededRng(seed);
  world = await PastWorld.start(sqlite, SIZES);
  /** By index: what everything a user sees comes to. */
  const states = new Map<number, string>([[0, await stateNow(world)]]);
  for (let i = 0; i < TRANSACTIONS_PER_WORLD; i++) {
    if (randomChance(rng, 0.01)) {
      await world.restart();
      tally.restarts += 1;
    }
    if (i > 20 && randomChance(rng, 0.008)) {
      await world.reseed();
      tally.reseeds += 1;
    }
    if (randomChance(rng, 0.03)) await world.elect();
    const statements = drawTransaction(rng, world);
    const before = world.applied;
    await world.commit(request(statements));
    const isChanged = world.applied > before;
    if (isChanged && statements.some((sql) => /^(CREATE|ALTER|DROP)/.test(sql))) {
      tally.schemaChanges += 1;
    }
    states.set(world.applied, await stateNow(world));
    // Also while more is being written, not only afterwards.
    if (randomChance(rng, 0.02)) await compare(rng, states, tally, seed);
  }
  for (let i = 0; i < POSITIONS_PER_WORLD; i++) await compare(rng, states, tally, seed);
}

async function compare(
  rng: Rng,
  states: ReadonlyMap<number, string>,
  tally: Tally,
  seed: number,
): Promise<void> {
  const from = world.state.readableFrom ?? world.applied;
  expect(from).toBe(readableFrom(world.files.kept, world.log.firstIndex));
  const indexes = [...states.keys()].filter((index) => index >= from);
  const index = indexes[randomBetween(rng, 0, indexes.length - 1)] ?? world.applied;
  const found = await stateOf((sql) => world.rowsAt(index, sql));
  if (found !== states.get(index)) {
    throw new Error(`seed ${seed}: the state after entry ${index} of ${world.applied} is another`);
  }
  tally.positions += 1;
}
