/**
 * Backups under load, restored and compared: random transactions come between any two steps of each backup, and what is
 * restored must be, row by row, what the database was at the position the file names. `BACKUPS=1000` for the long run.
 */
import { beforeAll, expect, it } from "vitest";
import type { SqliteModule } from "../../electron/store-worker/sqlite-module.ts";
import { randomBetween, seededRng } from "../../shared/base/rng.ts";
import type { JsonCell } from "../../shared/changes/values.ts";
import { request, rows } from "../store/store-fixture.ts";
import { loadTestSqlite } from "../support/sqlite.ts";
import { BackupWorld } from "./backup-world.ts";

const COUNT = Number(process.env["BACKUPS"] ?? 20);
const ROWS_MAX = 400;

let sqlite: SqliteModule;
beforeAll(async () => {
  sqlite = await loadTestSqlite();
});

it(`${COUNT} backups under load are what the database was at their position`, async () => {
  const rng = seededRng(20_261_123);
  const world = new BackupWorld(sqlite);
  world.execute(
    "CREATE TABLE people(id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, size REAL)",
    "CREATE TABLE visits(person INTEGER REFERENCES people(id) ON DELETE CASCADE, day, note BLOB)",
    "CREATE TABLE codes(code TEXT PRIMARY KEY, n) WITHOUT ROWID",
  );
  /** The workspace's checksum by index. */
  const states = new Map<number, string>([
    [world.group.index, [...world.checksums.values()].at(-1) ?? ""],
  ]);
  const leader = world.group.leader;
  let writes = 0;
  const write = (): void => {
    const work = randomWork(() => randomBetween(rng, 0, 1_000_000));
    const [outcome] = world.group.capture(request(work));
    // A name that is taken already: nothing was done.
    if (outcome?.ok !== true || outcome.value.type !== "captured") return;
    const [applied] = world.group.apply(world.group.entries(outcome.value.payloads));
    if (applied?.type !== "applied") throw new Error("it was captured and not applied");
    states.set(world.group.index, applied.position.checksum);
    writes += 1;
  };
  world.between = () => {
    if (randomBetween(rng, 0, 1) === 0) write();
  };
  world.leaderChecksum = (index) => states.get(index) ?? null;
  let contents = contentOf((sql) => rows(leader, sql));
  for (let place = 0; place < COUNT; place++) {
    write();
    contents = contentOf((sql) => rows(leader, sql));
    const at = world.group.index;
    const made = await world.keeper.make({ file: `/usb/${place % 8}.sqlite` });
    if (!made.ok) throw new Error(made.error.message);
    expect(made.value.position?.index).toBe(at);
    expect(made.value.check).toMatchObject({ isVerified: true, comparedWith: "leader" });
    const restored = await world.keeper.open(made.value.file, async ({ checked }, store) => {
      expect(checked.check.isVerified).toBe(true);
      const found: string[] = [];
      for (const sql of QUESTIONS) {
        const answer = await store.call("query", { sql, params: [], rowsMax: 100_000 });
        if (!answer.ok) throw new Error(answer.error.message);
        found.push(JSON.stringify(answer.value.rows));
      }
      return found;
    });
    expect(restored).toEqual({ ok: true, value: contents });
  }
  expect(writes).toBeGreaterThan(COUNT * 2);
  console.log(
    `${COUNT} backups, ${writes} transactions meanwhile, ${world.scratch.opened} scratch stores`,
  );
}, 3_600_000);

const QUESTIONS = [
  "SELECT id, quote(name), quote(size) FROM people ORDER BY id",
  "SELECT rowid, quote(person), quote(day), quote(note) FROM visits ORDER BY rowid",
  "SELECT quote(code), quote(n) FROM codes ORDER BY code",
  "SELECT type, name, sql FROM sqlite_schema WHERE name NOT LIKE '!_tidemark%' ESCAPE '!' AND name NOT LIKE 'sqlite!_%' ESCAPE '!' ORDER BY name",
  "SELECT name, seq FROM sqlite_sequence ORDER BY name",
];

function contentOf(ask: (sql: string) => readonly (readonly JsonCell[])[]): string[] {
  return QUESTIONS.map((sql) => JSON.stringify(ask(sql)));
}

/** One transaction; the tables stay small, so that many states are seen and not one large one. */
function randomWork(next: () => number): string[] {
  const one = (): string => {
    const n = next();
    switch (n % 9) {
      case 0:
        return `INSERT OR REPLACE INTO people(name, size) VALUES ('n${n % 97}', ${n} / 7.0)`;
      case 1:
        return `INSERT INTO visits SELECT id, ${n}, randomblob(${n % 300}) FROM people ORDER BY id DESC LIMIT 5`;
      case 2:
        return `INSERT INTO codes VALUES ('c${n % 89}', ${n}) ON CONFLICT DO UPDATE SET n = n + 1`;
      case 3:
        return `DELETE FROM people WHERE id % ${2 + (n % 11)} = 0`;
      case 4:
        return `UPDATE visits SET day = 9007199254740993 + ${n}, note = NULL WHERE rowid % 5 = ${n % 5}`;
      case 5:
        return `DELETE FROM visits WHERE rowid < (SELECT max(rowid) FROM visits) - ${ROWS_MAX}`;
      case 6:
        return `UPDATE people SET size = -0.0, name = name || 'x' WHERE id % 13 = ${n % 13}`;
      case 7:
        return n % 5 === 0
          ? `CREATE INDEX IF NOT EXISTS by_${n % 4} ON visits(day, ${n % 4 === 0 ? "person" : "note"})`
          : `DROP INDEX IF EXISTS by_${n % 4}`;
      default:
        return `CREATE TABLE IF NOT EXISTS extra_${n % 3}(a, b DEFAULT ${n % 7})`;
    }
  };
  return Array.from({ length: 1 + (next() % 3) }, one);
}
