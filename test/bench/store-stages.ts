import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { loadSqlite } from "../../electron/store-worker/sqlite-module.ts";
import type { BenchOptions } from "./bench-options.ts";
import type { Figure } from "./figures.ts";
import { compareWithRaw, measureStore } from "./store-speed.ts";

/** More rows say nothing new. */
const ROW_COUNT_MAX = 100_000;
const BATCH_ROWS = 5_000;

/** What the store does on one thread, without log, network and other members. */
export async function measureStoreStages({
  program,
  sizes,
}: BenchOptions): Promise<readonly Figure[]> {
  const wasm = readFileSync(join(dirname(program), "sql-wasm.wasm"));
  const sqlite = await loadSqlite(new Uint8Array(wasm));
  const size = { rowCount: Math.min(sizes.rowCount, ROW_COUNT_MAX), batchRows: BATCH_ROWS };
  const speed = measureStore(sqlite, size, () => performance.now());
  const limit = { name: "SQL.js alone, these rows", value: speed.rawRowsPerSecond };
  const stages: readonly (readonly [name: string, value: number])[] = [
    ["store: capturing", speed.captureRowsPerSecond],
    ["store: finishing what was captured", speed.finishRowsPerSecond],
    ["store: applying on another member", speed.applyRowsPerSecond],
    ["store: all three, one after the other", speed.allRowsPerSecond],
  ];
  const compared = compareWithRaw(sqlite, size, () => performance.now());
  return [
    ...stages.map(([name, value]): Figure => ({ name, value, unit: "rows/s", limit })),
    ...compared.map(({ name, ms, rawMs }): Figure => {
      return {
        name: `store: ${name}`,
        value: ms,
        unit: "ms",
        limit: { name: "SQL.js alone", value: rawMs },
      };
    }),
  ];
}
