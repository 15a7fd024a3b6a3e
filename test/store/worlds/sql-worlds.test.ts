/**
 * Random schemas and statements over three members and plain SQL.js. `SQL_STATEMENTS` and `SQL_SEED` choose a longer
 * run: what is found there gets a test of its own by its seed.
 */
import { beforeAll, describe, expect, test } from "vitest";
import { randomBetween, randomChance, seededRng } from "../../../shared/base/rng.ts";
import { quoteIdentifier } from "../../../shared/changes/identifiers.ts";
import type { SqliteModule } from "../../../electron/store-worker/sqlite-module.ts";
import { loadTestSqlite } from "../../support/sqlite.ts";
import { randomChange, withChance } from "./random-changes.ts";
import { randomSchemaChange } from "./random-tables.ts";
import { SqlWorld, type Transaction } from "./sql-world.ts";

const STATEMENTS = Number(process.env["SQL_STATEMENTS"] ?? 6_000);
const FIRST_SEED = Number(process.env["SQL_SEED"] ?? 1);
const STATEMENTS_PER_WORLD = 1_500;
/** In every so manieth world values come from random() and the clock, which nobody can repeat. */
const CHANCE_EVERY = 4;
const ROWS_MAX = 40;
const ENDLESS_ROWS = 5_000;
const VERIFY_EVERY = 40;

let sqlite: SqliteModule;

beforeAll(async () => {
  sqlite = await loadTestSqlite();
});

describe("three members and plain SQL.js", () => {
  test(
    `hold the same after each of ${STATEMENTS} random statements`,
    { timeout: 36_000_000 },
    () => {
      const sum = { statements: 0, done: 0, failed: 0, refused: 0 };
      for (let seed = FIRST_SEED; sum.statements < STATEMENTS; seed++) {
        const tally = runWorld(seed);
        for (const key of Object.keys(sum) as (keyof typeof sum)[]) sum[key] += tally[key];
      }
      console.log(JSON.stringify(sum));
      // A generator that mostly fails, or never does, tests little.
      expect(sum.done).toBeGreaterThan(sum.failed / 4);
      expect(sum.failed).toBeGreaterThan(0);
    },
  );
});

function runWorld(seed: number) {
  const rng = seededRng(seed);
  const isByChance = seed % CHANCE_EVERY === 0;
  const world = new SqlWorld(sqlite, seed + 1_000_000, { hasOracle: !isByChance });
  const past: Transaction[][] = [];
  try {
    for (let round = 0; world.tally.statements < STATEMENTS_PER_WORLD; round++) {
      const drawn = Array.from({ length: randomBetween(rng, 1, 4) }, () => draw());
      const transactions = isByChance ? drawn.map((each) => each.map(withChance)) : drawn;
      past.push(transactions);
      world.round(transactions);
      world.compare();
      if (round % VERIFY_EVERY === 0) world.verify();
    }
    world.verify();
    return world.tally;
  } catch (thrown) {
    // From there on SQLite draws rowids by chance: plain SQL.js and the leader draw others.
    if (world.hasLastRowid()) return world.tally;
    const told = past.slice(-1).map((batch) => JSON.stringify(batch, null, 1));
    throw new Error(`seed ${seed}, round ${past.length}: ${String(thrown)}\n${told.join("\n")}`, {
      cause: thrown,
    });
  } finally {
    world.dispose();
  }

  function draw(): Transaction {
    const catalogue = world.catalogue();
    // A trigger gives back two rows for each that is deleted (seed 101811).
    const endless = world.tooLarge(catalogue, ENDLESS_ROWS);
    if (endless !== null) return [`DROP TABLE ${quoteIdentifier(endless)}`];
    const large = world.tooLarge(catalogue, ROWS_MAX);
    if (large !== null) return [`DELETE FROM ${quoteIdentifier(large)}`];
    const statements: string[] = [];
    if (catalogue.tables.length === 0 || randomChance(rng, 0.15)) {
      const sql = randomSchemaChange(rng, catalogue);
      statements.push(sql);
      const made = /^CREATE TABLE ("(?:[^"]|"")*")/.exec(sql)?.[1];
      if (made !== undefined && randomChance(rng, 0.5))
        statements.push(`INSERT INTO ${made} DEFAULT VALUES`, `SELECT * FROM ${made}`);
    }
    if (catalogue.tables.length === 0) return statements;
    for (let left = randomBetween(rng, 1, 4); left > 0; left--)
      statements.push(randomChange(rng, catalogue, { isInTrigger: false, value: null }));
    return statements;
  }
}
