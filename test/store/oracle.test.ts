/**
 * Three members and plain SQL.js run the same random transactions and must end with the same
 * rows. The leader finishes captured batches at random, or rolls them back for a read and
 * applies them anew, so both ways are compared. Knows nothing of payloads.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { randomBetween, randomChance, seededRng, type Rng } from "../../shared/base/rng.ts";
import { Connection } from "../../electron/store-worker/connection.ts";
import { createStoreEngine } from "../../electron/store-worker/engine.ts";
import type { CaptureOutcome } from "../../electron/store-worker/messages.ts";
import type { SqliteModule } from "../../electron/store-worker/sqlite-module.ts";
import { loadTestSqlite } from "../support/sqlite.ts";
import { RANDOM_SCHEMA, RANDOM_TABLES, randomStatement } from "./random-sql.ts";
import { request, rows, StoreGroup } from "./store-fixture.ts";

const SEEDS = [1, 2, 3, 4, 5, 6];
const BATCHES_PER_SEED = 60;

let sqlite: SqliteModule;

beforeAll(async () => {
  sqlite = await loadTestSqlite();
});

/** Plain SQL.js: the same statements in order, each transaction in a savepoint. */
class Oracle {
  readonly connection: Connection;

  constructor() {
    this.connection = new Connection(sqlite, null);
    this.connection.runOnce("PRAGMA foreign_keys = ON");
    this.connection.runOnce("PRAGMA recursive_triggers = ON");
  }

  /** @returns whether all statements worked; otherwise nothing changed. */
  run(statements: readonly string[]): boolean {
    this.connection.runOnce("SAVEPOINT one");
    let isDone = true;
    try {
      for (const sql of statements) this.connection.runOnce(sql);
    } catch {
      isDone = false;
      this.connection.runOnce("ROLLBACK TO one");
    }
    this.connection.runOnce("RELEASE one");
    return isDone;
  }

  dump(table: string): readonly unknown[] {
    const { statement } = this.connection.prepare(dumpSql(table));
    const found = statement?.all() ?? [];
    statement?.finalize();
    return found;
  }
}

/** Random values differ by design, so `random()` is compared by its type alone. */
function dumpSql(table: string): string {
  if (table === "flat")
    return "SELECT quote(k), j, typeof(v), quote(v), len FROM flat ORDER BY k, j";
  if (table === "audit") return "SELECT rowid, what, id, typeof(seen) FROM audit ORDER BY rowid";
  const columns: Record<string, string> = {
    plain: "typeof(a), quote(a), quote(b), typeof(c), quote(c)",
    keyed: "quote(name), typeof(n), quote(n), quote(twice)",
    counted: "quote(note)",
    firm: "x, quote(y), typeof(z), quote(z), quote(t)",
    child: "parent, quote(label)",
  };
  return `SELECT rowid, ${columns[table] ?? "*"} FROM ${table} ORDER BY rowid`;
}

describe("three members and plain SQL.js", () => {
  test.each(SEEDS)("hold the same rows after random transactions, seed %i", (seed) => {
    const rng = seededRng(seed);
    const group = new StoreGroup(sqlite, 3);
    const oracle = new Oracle();
    group.execute(...RANDOM_SCHEMA);
    expect(oracle.run(RANDOM_SCHEMA)).toBe(true);
    let failed = 0;
    for (let i = 0; i < BATCHES_PER_SEED; i++) failed += runBatch(rng, group, oracle);
    for (const table of RANDOM_TABLES) {
      const expected = oracle.dump(table).map((row) => (row as unknown[]).map(String));
      const found = group.query(dumpSql(table)).map((row) => row.map(cellText));
      expect(found, `table ${table}, seed ${seed}`).toEqual(expected);
    }
    expect(group.query("SELECT name, seq FROM sqlite_sequence").length).toBeLessThan(2);
    expect(failed).toBeGreaterThan(0);
    group.verify();
    group.dispose();
    oracle.connection.close();
  });
});

function runBatch(rng: Rng, group: StoreGroup, oracle: Oracle): number {
  const transactions = Array.from({ length: randomBetween(rng, 1, 4) }, () =>
    Array.from({ length: randomBetween(rng, 1, 4) }, () => randomStatement(rng)),
  );
  const outcomes = group.capture(...transactions.map((statements) => request(statements)));
  // A read in between makes the leader roll back and take the ordinary way.
  if (randomChance(rng, 0.4)) group.query("SELECT count(*) FROM plain");
  const payloads: Uint8Array[] = [];
  let failed = 0;
  outcomes.forEach((outcome, i) => {
    const isDone = oracle.run(transactions[i] ?? []);
    const context = `${JSON.stringify(transactions[i])} ${describeOutcome(outcome)}`;
    expect(outcome.ok, context).toBe(isDone);
    if (!outcome.ok) failed++;
    else if (outcome.value.type === "captured") payloads.push(...outcome.value.payloads);
  });
  group.apply(group.entries(payloads));
  return failed;
}

function describeOutcome(outcome: CaptureOutcome): string {
  return outcome.ok ? "captured" : JSON.stringify(outcome.error);
}

function cellText(cell: unknown): string {
  if (cell !== null && typeof cell === "object") return String(Object.values(cell)[0]);
  return String(cell);
}

describe("an image", () => {
  test("opens elsewhere with the same position, checksum and rows, and goes on from there", () => {
    const group = new StoreGroup(sqlite, 1);
    group.execute(...RANDOM_SCHEMA);
    group.execute("INSERT INTO plain VALUES (9007199254740993, 'b', 5), (-0.0, x'00', 20)");
    const { image, position } = group.leader.handle("image", {});
    const other = createStoreEngine(sqlite);
    expect(other.handle("load", { image })).toEqual({ ok: true, value: position });
    const sql = "SELECT a, typeof(a), quote(b) FROM plain";
    expect(rows(other, sql)).toEqual(group.query(sql));
    const [outcome] = other.handle("capture", { requests: [request(["DELETE FROM plain"])] });
    if (outcome?.ok !== true || outcome.value.type !== "captured") throw new Error("no capture");
    const entries = group.entries(outcome.value.payloads);
    expect(other.handle("apply", { entries })).toEqual(group.leader.handle("apply", { entries }));
    group.verify();
    other.dispose();
    group.dispose();
  });
});

afterAll(() => {
  expect(sqlite.heap.length).toBeGreaterThan(0);
});
