/**
 * Former states: what a member answers "as of" an entry is what it held then. Random schemas and changes, schema
 * changes among them, with restarts and snapshots of a leader in between. `AS_OF_POSITIONS` and `AS_OF_SEED` choose a
 * longer run.
 */
import { createHash } from "node:crypto";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { readableFrom } from "../../electron/agent/log/kept-snapshots.ts";
import type { SqliteModule } from "../../electron/store-worker/sqlite-module.ts";
import { randomBetween, randomChance, seededRng, type Rng } from "../../shared/base/rng.ts";
import { quoteIdentifier } from "../../shared/changes/identifiers.ts";
import { request } from "../store/store-fixture.ts";
import { dumpSql, readCatalogue, type Ask } from "../store/worlds/catalogue.ts";
import { randomChange, withChance } from "../store/worlds/random-changes.ts";
import { randomSchemaChange } from "../store/worlds/random-tables.ts";
import { loadTestSqlite } from "../support/sqlite.ts";
import { PastWorld } from "./past-world.ts";

const POSITIONS = Number(process.env["AS_OF_POSITIONS"] ?? 60);
const FIRST_SEED = Number(process.env["AS_OF_SEED"] ?? 1);
const POSITIONS_PER_WORLD = 20;
const TRANSACTIONS_PER_WORLD = 150;
const ROWS_MAX = 40;
const SIZES = { snapshotAfterBytes: 6_000, retentionBytes: 20_000, segmentBytesMax: 3_000 };
const SCHEMA_SQL =
  "SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE substr(tbl_name, 1, 1) <> '_' " +
  "ORDER BY type, name";

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
  const states = new Map<number, string>([[0, await stateOf((sql) => world.rowsNow(sql))]]);
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
    const statements = draw(rng);
    const before = world.applied;
    await world.commit(request(statements));
    const isChanged = world.applied > before;
    if (isChanged && statements.some((sql) => /^(CREATE|ALTER|DROP)/.test(sql))) {
      tally.schemaChanges += 1;
    }
    states.set(world.applied, await stateOf((sql) => world.rowsNow(sql)));
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

/** Schema, counters and every row, as a hash. */
async function stateOf(
  ask: (sql: string) => ReturnType<Ask> | Promise<ReturnType<Ask>>,
): Promise<string> {
  const answers = new Map<string, ReturnType<Ask>>();
  // The catalogue asks in one go; what it needs is asked beforehand, as long as there is more.
  for (;;) {
    const missing: string[] = [];
    const known: Ask = (sql) => {
      const answer = answers.get(sql);
      if (answer === undefined) missing.push(sql);
      return answer ?? [];
    };
    const { tables } = readCatalogue(known);
    const questions = [SCHEMA_SQL, ...tables.map(dumpSql)];
    const hasCounters = known("SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_sequence'");
    if (hasCounters.length > 0) questions.push("SELECT name, seq FROM sqlite_sequence ORDER BY 1");
    for (const sql of missing) answers.set(sql, await ask(sql));
    if (missing.length > 0) continue;
    const hash = createHash("sha256");
    for (const sql of questions) hash.update(`${sql} ${JSON.stringify(await ask(sql))}\n`);
    return hash.digest("hex");
  }
}

function draw(rng: Rng): string[] {
  const catalogue = readCatalogue((sql) => world.rowsNow(sql));
  const large = catalogue.tables.find(({ name }) => {
    const [row] = world.rowsNow(`SELECT count(*) FROM ${quoteIdentifier(name)}`);
    return Number(row?.[0]) > ROWS_MAX;
  });
  if (large !== undefined) return [`DELETE FROM ${quoteIdentifier(large.name)}`];
  const statements: string[] = [];
  if (catalogue.tables.length === 0 || randomChance(rng, 0.12)) {
    statements.push(randomSchemaChange(rng, catalogue));
  }
  if (catalogue.tables.length === 0) return statements;
  for (let left = randomBetween(rng, 1, 3); left > 0; left--) {
    statements.push(randomChange(rng, catalogue, { isInTrigger: false, value: null }));
  }
  return randomChance(rng, 0.2) ? statements.map(withChance) : statements;
}
