/**
 * Random transactions undone in random order against a model that knows rows by their keys only: an undo of what is
 * untouched must work and bring back exactly what was; any other one brings it back as well, or does nothing.
 */
import { beforeAll, expect, it } from "vitest";
import type { SqliteModule } from "../../electron/store-worker/sqlite-module.ts";
import { randomBetween, randomChance, randomPick, seededRng } from "../../shared/base/rng.ts";
import { loadTestSqlite } from "../support/sqlite.ts";
import { KEYED_SCHEMA, keyedStatement, sorted, stateOf, type State } from "./keyed-rows.ts";
import { request, StoreGroup } from "./store-fixture.ts";

const SEEDS = [1, 2, 3, 4];
/** `UNDO_TRANSACTIONS=10000` tries so many. */
const TRANSACTION_COUNT = Number(process.env["UNDO_TRANSACTIONS"] ?? 800) / SEEDS.length;
type Done = { readonly payload: Uint8Array; readonly before: State; readonly after: State };

let sqlite: SqliteModule;

beforeAll(async () => {
  sqlite = await loadTestSqlite();
});

function changedKeys({ before, after }: Done): string[] {
  const keys = new Set([...before.keys(), ...after.keys()]);
  return [...keys].filter((key) => before.get(key) !== after.get(key));
}

it.each(SEEDS)("undo gives back what was, or does nothing, seed %i", (seed) => {
  const rng = seededRng(seed);
  const group = new StoreGroup(sqlite, 2);
  group.execute(...KEYED_SCHEMA);
  let done: Done[] = [];
  const counts = { undone: 0, refused: 0, untouched: 0 };
  for (let i = 0; i < TRANSACTION_COUNT; i++) {
    const statements = Array.from({ length: randomBetween(rng, 1, 4) }, () => keyedStatement(rng));
    const before = stateOf(group);
    const [outcome] = group.capture(request(statements));
    if (outcome?.ok === true && outcome.value.type === "captured") {
      group.apply(group.entries(outcome.value.payloads));
      const [payload] = outcome.value.payloads;
      const made = { payload: payload as Uint8Array, before, after: stateOf(group) };
      if (changedKeys(made).length > 0) done.push(made);
    }
    while (done.length > 0 && randomChance(rng, 0.5)) {
      const picked = randomPick(rng, done);
      done = done.filter((each) => each !== picked);
      undoOne(group, picked, counts);
    }
  }
  group.verify();
  group.dispose();
  // All three must have come, or the test is about nothing.
  for (const count of Object.values(counts)) expect(count).toBeGreaterThan(10);
});

function undoOne(
  group: StoreGroup,
  done: Done,
  counts: { undone: number; refused: number; untouched: number },
): void {
  const now = stateOf(group);
  const keys = changedKeys(done);
  const isUntouched = keys.every((key) => now.get(key) === done.after.get(key));
  const work = { type: "undo", payload: done.payload } as const;
  const preview = group.leader.handle("preview", { work, rowsMax: 10 });
  const [outcome] = group.capture(request([], { work }));
  expect(outcome?.ok).toBe(preview.ok);
  if (outcome?.ok !== true) {
    expect(outcome?.error.code).toBe("undo-conflict");
    expect(isUntouched, JSON.stringify({ error: outcome?.error, seed: counts })).toBe(false);
    expect(stateOf(group)).toEqual(now);
    counts.refused++;
    return;
  }
  if (outcome.value.type !== "captured") throw new Error("a duplicate");
  group.apply(group.entries(outcome.value.payloads));
  const expected = new Map(now);
  for (const key of keys) {
    const value = done.before.get(key);
    if (value === undefined) expected.delete(key);
    else expected.set(key, value);
  }
  expect(sorted(stateOf(group))).toEqual(sorted(expected));
  counts.undone++;
  if (isUntouched) counts.untouched++;
}
