/**
 * Rows per second of the store's stages on one thread: raw SQL.js, capture, applying on another
 * member, finishing what was captured here. Plain functions: `npm run bench` and people call them.
 */
import { logIndex, term } from "../../shared/base/ids.ts";
import type { JsonCell } from "../../shared/changes/values.ts";
import { createStoreEngine, type StoreEngine } from "../../electron/store-worker/engine.ts";
import type { CommittedEntry } from "../../electron/store-worker/messages.ts";
import type { SqliteModule } from "../../electron/store-worker/sqlite-module.ts";

/** What one run measured, in rows per second. */
export type StoreSpeed = {
  readonly rawRowsPerSecond: number;
  readonly captureRowsPerSecond: number;
  readonly finishRowsPerSecond: number;
  readonly applyRowsPerSecond: number;
  readonly payloadBytesPerRow: number;
};

const COLUMNS = ["country", "name", "lat", "lng", "admin1", "admin2"];
const TABLE_SQL =
  "CREATE TABLE cities (country TEXT, name TEXT, lat REAL, lng REAL, admin1 TEXT, admin2 TEXT)";

/** Rows like those of the cities data set: short texts and two reals. */
export function cityRows(count: number): JsonCell[][] {
  return Array.from({ length: count }, (_, i) => [
    "DE",
    `Neustadt an der Wein ${i}`,
    47 + (i % 1000) / 99.7,
    8 + (i % 777) / 55.3,
    String(i % 16),
    i % 3 === 0 ? "" : `09${i % 1000}`,
  ]);
}

/**
 * Imports `rowCount` rows in batches.
 *
 * @param nowMs A monotonic clock.
 */
export function measureStore(
  sqlite: SqliteModule,
  size: { readonly rowCount: number; readonly batchRows: number },
  nowMs: () => number,
): StoreSpeed {
  const rows = cityRows(size.rowCount);
  const rawMs = measureRaw(sqlite, rows, nowMs);
  const leader = createStoreEngine(sqlite);
  const mirror = createStoreEngine(sqlite);
  const spent = { captureMs: 0, finishMs: 0, applyMs: 0, bytes: 0 };
  const schema = open(leader, mirror);
  let index = schema;
  for (let at = 0; at < rows.length; at += size.batchRows) {
    const batch = rows.slice(at, at + size.batchRows);
    const startMs = nowMs();
    const payloads = captureBatch(leader, batch);
    const capturedMs = nowMs();
    const entries = payloads.map((payload) => entry(++index, payload));
    const finished = leader.handle("apply", { entries });
    const finishedMs = nowMs();
    const applied = mirror.handle("apply", { entries });
    if (applied.type !== "applied" || finished.type !== "applied") throw new Error("diverged");
    spent.captureMs += capturedMs - startMs;
    spent.finishMs += finishedMs - capturedMs;
    spent.applyMs += nowMs() - finishedMs;
    for (const payload of payloads) spent.bytes += payload.length;
  }
  leader.dispose();
  mirror.dispose();
  const rate = (ms: number): number => Math.round((rows.length / ms) * 1000);
  return {
    rawRowsPerSecond: rate(rawMs),
    captureRowsPerSecond: rate(spent.captureMs),
    finishRowsPerSecond: rate(spent.finishMs),
    applyRowsPerSecond: rate(spent.applyMs),
    payloadBytesPerRow: Math.round(spent.bytes / rows.length),
  };
}

/** The physical limit: SQL.js' own API, one transaction, prepared row by row. */
function measureRaw(
  sqlite: SqliteModule,
  rows: readonly JsonCell[][],
  nowMs: () => number,
): number {
  const database = new sqlite.raw.Database(null) as unknown as {
    run(sql: string): void;
    prepare(sql: string): { run(values: readonly unknown[]): void; free(): void };
    close(): void;
  };
  database.run(TABLE_SQL);
  const startMs = nowMs();
  database.run("BEGIN");
  const statement = database.prepare("INSERT INTO cities VALUES (?, ?, ?, ?, ?, ?)");
  for (const row of rows) statement.run(row);
  statement.free();
  database.run("COMMIT");
  const tookMs = nowMs() - startMs;
  database.close();
  return tookMs;
}

function captureBatch(leader: StoreEngine, rows: readonly JsonCell[][]): readonly Uint8Array[] {
  const [outcome] = leader.handle("capture", {
    requests: [
      {
        work: { type: "insert-rows", table: "cities", columns: COLUMNS, rows },
        client: null,
        author: "bench",
        atMs: 0,
        isInternal: false,
      },
    ],
  });
  if (outcome?.ok !== true || outcome.value.type !== "captured") throw new Error("not captured");
  return outcome.value.payloads;
}

/** @returns the index of the last entry. */
function open(leader: StoreEngine, mirror: StoreEngine): number {
  leader.handle("load", { image: null });
  mirror.handle("load", { image: null });
  const [outcome] = leader.handle("capture", {
    requests: [
      {
        work: { type: "statements", statements: [{ sql: TABLE_SQL }] },
        client: null,
        author: "bench",
        atMs: 0,
        isInternal: false,
      },
    ],
  });
  if (outcome?.ok !== true || outcome.value.type !== "captured") throw new Error("not captured");
  const entries = outcome.value.payloads.map((payload, i) => entry(i + 1, payload));
  leader.handle("apply", { entries });
  mirror.handle("apply", { entries });
  return entries.length;
}

function entry(index: number, payload: Uint8Array): CommittedEntry {
  return { term: term(1), index: logIndex(index), payload };
}
