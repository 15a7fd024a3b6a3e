/**
 * Random tables with random rows, of which some are damaged: the list is exactly these, and after the repair both
 * stores hold the same again. `REPAIR_WORLDS` and `REPAIR_SEED` choose a longer run.
 */
import { beforeAll, expect, test } from "vitest";
import { randomBetween, randomChance, randomPick, seededRng } from "../../shared/base/rng.ts";
import type { Rng } from "../../shared/base/rng.ts";
import { quoteIdentifier as q } from "../../shared/changes/identifiers.ts";
import { Connection } from "../../electron/store-worker/connection.ts";
import type { StoreEngine } from "../../electron/store-worker/engine.ts";
import type { SqliteModule } from "../../electron/store-worker/sqlite-module.ts";
import { loadTestSqlite } from "../support/sqlite.ts";
import { compareTable, damagedImage } from "./damage.ts";
import { request, rows, StoreGroup } from "./store-fixture.ts";
import { readCatalogue, readRows, type Catalogue, type Table } from "./worlds/catalogue.ts";
import { randomChange, randomValue } from "./worlds/random-changes.ts";
import { randomSchemaChange } from "./worlds/random-tables.ts";

const WORLDS = Number(process.env["REPAIR_WORLDS"] ?? 25);
const FIRST_SEED = Number(process.env["REPAIR_SEED"] ?? 1);
const STEPS = 40;

let sqlite: SqliteModule;

beforeAll(async () => {
  sqlite = await loadTestSqlite();
});

test(`of ${WORLDS} random databases the damaged rows are named, and no others, and are repaired`, () => {
  const sum = { damages: 0, missing: 0, surplus: 0, changed: 0 };
  for (let seed = FIRST_SEED; seed < FIRST_SEED + WORLDS; seed++) {
    const group = new StoreGroup(sqlite, 2);
    try {
      fill(group, seededRng(seed));
      const found = damageAndRepair(group, seededRng(seed + 1_000_000));
      for (const key of Object.keys(sum) as (keyof typeof sum)[]) sum[key] += found[key];
    } catch (thrown) {
      throw new Error(`seed ${seed}: ${String(thrown)}`, { cause: thrown });
    } finally {
      group.dispose();
    }
  }
  console.log(JSON.stringify(sum));
  for (const count of Object.values(sum)) expect(count).toBeGreaterThan(WORLDS / 5);
}, 600_000);

function fill(group: StoreGroup, rng: Rng): void {
  for (let step = 0; step < STEPS; step++) {
    const catalogue = catalogueOf(group.leader);
    const isSchema = catalogue.tables.length === 0 || randomChance(rng, 0.25);
    const sql = isSchema
      ? randomSchemaChange(rng, catalogue)
      : randomChange(rng, catalogue, { isInTrigger: false, value: null });
    commit(group, sql);
  }
  for (const table of catalogueOf(group.leader).tables) {
    for (let row = 0; row < 5; row++) commit(group, insertInto(rng, table));
  }
}

/** Many break a rule. */
function commit(group: StoreGroup, sql: string): void {
  const [outcome] = group.capture(request([sql]));
  if (outcome?.ok !== true || outcome.value.type !== "captured") return;
  group.apply(group.entries(outcome.value.payloads));
}

function damageAndRepair(group: StoreGroup, rng: Rng) {
  const [here, other] = [group.engines[0] as StoreEngine, group.engines[1] as StoreEngine];
  const catalogue = catalogueOf(other);
  const before = here.handle("image", {}).image;
  let image = before;
  let damages = 0;
  for (let left = randomBetween(rng, 1, 6); left > 0 && catalogue.tables.length > 0; left--) {
    const next = tryDamage(image, randomDamage(rng, randomPick(rng, catalogue.tables)));
    damages += next === null ? 0 : 1;
    image = next ?? image;
  }
  const wanted = difference(contents(before, catalogue), contents(image, catalogue));
  expect(here.handle("load", { image }).ok).toBe(true);
  const changes: Uint8Array[] = [];
  const sum = { missing: 0, surplus: 0, changed: 0 };
  for (const { name } of catalogue.tables) {
    const bytesMax = randomPick(rng, [1, 50, 1_000_000]);
    const { missing, surplus, changed, payloads } = compareTable(here, other, name, { bytesMax });
    expect({ name, missing, surplus, changed }).toEqual({ name, ...wanted.get(name) });
    changes.push(...payloads);
    sum.missing += missing;
    sum.surplus += surplus;
    sum.changed += changed;
  }
  const { applied } = here.handle("verify", {}).position;
  const { counters } = other.handle("outline", {});
  expect(here.handle("repairRows", { applied, changes, counters })).toEqual({ type: "repaired" });
  group.verify();
  const after = contents(here.handle("image", {}).image, catalogue);
  expect(after).toEqual(contents(before, catalogue));
  return { damages, ...sum };
}

function catalogueOf(engine: StoreEngine): Catalogue {
  return readCatalogue((sql) => rows(engine, sql));
}

/** null: SQLite does not let it happen. */
function tryDamage(image: Uint8Array, sql: string): Uint8Array | null {
  try {
    return damagedImage(sqlite, image, [sql]);
  } catch {
    return null;
  }
}

function randomDamage(rng: Rng, table: Table): string {
  const { name, rowid, key } = table;
  const names = rowid === null ? key : [rowid];
  const row = names.map(q).join(", ");
  const place = `(SELECT ${randomBetween(rng, 0, 99)} % max(count(*), 1) FROM ${q(name)})`;
  const one = `(${row}) IN (SELECT ${row} FROM ${q(name)} LIMIT 1 OFFSET ${place})`;
  const column = q(randomPick(rng, storedColumns(table)));
  return randomPick(rng, [
    `UPDATE ${q(name)} SET ${column} = ${randomValue(rng)} WHERE ${one}`,
    `UPDATE ${q(name)} SET ${column} = CAST(${column} AS BLOB) WHERE ${one}`,
    `DELETE FROM ${q(name)} WHERE ${one}`,
    insertInto(rng, table),
  ]);
}

function insertInto(rng: Rng, table: Table): string {
  const stored = storedColumns(table);
  const values = stored.map(() => randomValue(rng)).join(", ");
  return `INSERT INTO ${q(table.name)} (${stored.map(q).join(", ")}) VALUES (${values})`;
}

function storedColumns({ columns }: Table): readonly string[] {
  return columns.filter(({ isGenerated }) => !isGenerated).map((column) => column.name);
}

type Contents = ReadonlyMap<string, ReadonlyMap<string, string>>;

/** Rows by table and key, read without the code under test. */
function contents(image: Uint8Array, { tables }: Catalogue): Contents {
  const connection = new Connection(sqlite, image);
  try {
    return new Map(tables.map((table) => [table.name, rowsOf(connection, table)]));
  } finally {
    connection.close();
  }
}

function rowsOf(connection: Connection, table: Table): Map<string, string> {
  const { name, rowid, key } = table;
  const keys = rowid === null ? key : [rowid];
  const list = [...keys, ...storedColumns(table)].map(q).join(", ");
  const all = readRows(connection, `SELECT ${list} FROM ${q(name)} NOT INDEXED`);
  return new Map(
    all.map((row) => [JSON.stringify(row.slice(0, keys.length)), JSON.stringify(row)]),
  );
}

function difference(before: Contents, after: Contents) {
  return new Map(
    [...before].map(([name, should]) => {
      const found = after.get(name) ?? new Map<string, string>();
      const missing = [...should.keys()].filter((key) => !found.has(key)).length;
      const surplus = [...found.keys()].filter((key) => !should.has(key)).length;
      const changed = [...should].filter(([key, row]) => (found.get(key) ?? row) !== row).length;
      return [name, { missing, surplus, changed }] as const;
    }),
  );
}
