/**
 * Rows per second of the store's stages on one thread, beside SQL.js alone: capture, applying on another
 * member, finishing what was captured here, single statements, the image, queries. Plain functions:
 * `npm run bench` and people call them.
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
  /** Captured, finished, and applied on another member, all on one thread. */
  readonly allRowsPerSecond: number;
  readonly payloadBytesPerRow: number;
};

/** One thing done by the store and by SQL.js alone, in ms. */
export type Compared = { readonly name: string; readonly ms: number; readonly rawMs: number };

/** SQL.js' own API, as far as it is measured. */
type RawStatement = {
  run(values: readonly unknown[]): void;
  bind(values: readonly unknown[]): void;
  step(): boolean;
  get(): readonly unknown[];
  free(): void;
};
type RawDatabase = {
  run(sql: string, params?: readonly unknown[]): void;
  prepare(sql: string): RawStatement;
  export(): Uint8Array;
  close(): void;
};

const COLUMNS = ["country", "name", "lat", "lng", "admin1", "admin2"];
const TABLE_SQL =
  "CREATE TABLE cities (country TEXT, name TEXT, lat REAL, lng REAL, admin1 TEXT, admin2 TEXT)";
const INSERT_SQL = "INSERT INTO cities VALUES (?, ?, ?, ?, ?, ?)";

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
    allRowsPerSecond: rate(spent.captureMs + spent.finishMs + spent.applyMs),
    payloadBytesPerRow: Math.round(spent.bytes / rows.length),
  };
}

/** The physical limit: SQL.js' own API, one transaction, prepared row by row. */
function measureRaw(
  sqlite: SqliteModule,
  rows: readonly JsonCell[][],
  nowMs: () => number,
): number {
  const database = openRaw(sqlite, null);
  database.run(TABLE_SQL);
  const startMs = nowMs();
  fillRaw(database, rows);
  const tookMs = nowMs() - startMs;
  database.close();
  return tookMs;
}

function openRaw(sqlite: SqliteModule, image: Uint8Array | null): RawDatabase {
  return new sqlite.raw.Database(image) as unknown as RawDatabase;
}

function fillRaw(database: RawDatabase, rows: readonly JsonCell[][]): void {
  database.run("BEGIN");
  const statement = database.prepare(INSERT_SQL);
  for (const row of rows) statement.run(row);
  statement.free();
  database.run("COMMIT");
}

/** What is done with a database that is full: each thing several times, the medians. */
export function compareWithRaw(
  sqlite: SqliteModule,
  size: { readonly rowCount: number; readonly batchRows: number },
  nowMs: () => number,
): readonly Compared[] {
  const rows = cityRows(size.rowCount);
  const store = createStoreEngine(sqlite);
  const mirror = createStoreEngine(sqlite);
  const raw = openRaw(sqlite, null);
  try {
    let index = open(store, mirror);
    for (let at = 0; at < rows.length; at += size.batchRows) {
      const payloads = captureBatch(store, rows.slice(at, at + size.batchRows));
      store.handle("apply", { entries: payloads.map((payload) => entry(++index, payload)) });
    }
    raw.run(TABLE_SQL);
    fillRaw(raw, rows);
    const { image } = store.handle("image", {});
    const rawImage = raw.export();
    const median = (action: () => void): number => medianMs(action, nowMs);
    return [
      {
        name: "image",
        ms: median(() => store.handle("image", {})),
        rawMs: median(() => raw.export()),
      },
      {
        name: "load",
        ms: median(() => mirror.handle("load", { image })),
        rawMs: median(() => openRaw(sqlite, rawImage).close()),
      },
      ...QUERIES.map(([name, sql]) => ({
        name,
        ms: median(() => query(store, sql)),
        rawMs: median(() => queryRaw(raw, sql)),
      })),
      compareStatements(store, raw, { rows: rows.slice(0, size.batchRows), index }, nowMs),
    ];
  } finally {
    store.dispose();
    mirror.dispose();
    raw.close();
  }
}

const QUERIES = [
  [
    "query that reads all rows",
    "SELECT country, count(*), avg(lat) FROM cities GROUP BY country, admin1",
  ],
  ["query that answers 10,000 rows", "SELECT * FROM cities LIMIT 10000"],
] as const;

function query(store: StoreEngine, sql: string): void {
  const outcome = store.handle("query", { sql, params: [], rowsMax: 1_000_000 });
  if (!outcome.ok) throw new Error(outcome.error.message);
}

function queryRaw(raw: RawDatabase, sql: string): void {
  const statement = raw.prepare(sql);
  const rows: unknown[] = [];
  while (statement.step()) rows.push(statement.get());
  statement.free();
}

/** Statements as people's programs send them, one row each: captured together and finished, or in one transaction. */
function compareStatements(
  store: StoreEngine,
  raw: RawDatabase,
  from: { readonly rows: readonly JsonCell[][]; readonly index: number },
  nowMs: () => number,
): Compared {
  let { index } = from;
  const requests = from.rows.map((params) => ({
    work: { type: "statements" as const, statements: [{ sql: INSERT_SQL, params }] },
    client: null,
    author: "bench",
    atMs: 0,
    isInternal: false,
  }));
  const ms = medianMs(() => {
    const payloads = store.handle("capture", { requests }).flatMap((outcome) => {
      if (!outcome.ok || outcome.value.type !== "captured") throw new Error("not captured");
      return outcome.value.payloads;
    });
    store.handle("apply", { entries: payloads.map((payload) => entry(++index, payload)) });
  }, nowMs);
  const rawMs = medianMs(() => {
    raw.run("BEGIN");
    for (const row of from.rows) raw.run(INSERT_SQL, row);
    raw.run("COMMIT");
  }, nowMs);
  return { name: "single statements", ms, rawMs };
}

/** Of five runs, after one that only warms up. */
function medianMs(action: () => void, nowMs: () => number): number {
  action();
  const tookMs = Array.from({ length: 5 }, () => {
    const startMs = nowMs();
    action();
    return nowMs() - startMs;
  });
  return tookMs.sort((a, b) => a - b)[2] ?? NaN;
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
