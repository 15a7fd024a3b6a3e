/** Random transactions for a `PastWorld`, and what a state of it comes to. */
import { createHash } from "node:crypto";
import { randomBetween, randomChance, type Rng } from "../../shared/base/rng.ts";
import { quoteIdentifier } from "../../shared/changes/identifiers.ts";
import { dumpSql, readCatalogue, type Ask } from "../store/worlds/catalogue.ts";
import { randomChange, withChance } from "../store/worlds/random-changes.ts";
import { randomSchemaChange } from "../store/worlds/random-tables.ts";
import type { PastWorld } from "./past-world.ts";

const ROWS_MAX = 40;
const SCHEMA_SQL =
  "SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE substr(tbl_name, 1, 1) <> '_' " +
  "AND name <> 'sqlite_sequence' ORDER BY type, name";

/** What a state is compared by. */
export type StateParts = { readonly hasCounters: boolean };

/** Schema, every row, and the counters unless they do not matter, as a hash. */
export async function stateOf(
  ask: (sql: string) => ReturnType<Ask> | Promise<ReturnType<Ask>>,
  parts: StateParts = { hasCounters: true },
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
    // Tables that were made again come last in SQLite's own list.
    const questions = [SCHEMA_SQL, ...tables.map(dumpSql).sort()];
    const counters = known("SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_sequence'");
    if (counters.length > 0 && parts.hasCounters)
      questions.push("SELECT name, seq FROM sqlite_sequence ORDER BY 1");
    for (const sql of missing) answers.set(sql, await ask(sql));
    if (missing.length > 0) continue;
    const hash = createHash("sha256");
    for (const sql of questions) hash.update(`${sql} ${JSON.stringify(await ask(sql))}\n`);
    return hash.digest("hex");
  }
}

/** The same, of what is there now. */
export function stateNow(world: PastWorld, parts?: StateParts): Promise<string> {
  return stateOf((sql) => world.rowsNow(sql), parts);
}

/** Statements of one random transaction. */
export function drawTransaction(rng: Rng, world: PastWorld): string[] {
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
