import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { createStoreEngine } from "../../electron/store-worker/engine.ts";
import { exportSimHistory, writeSimHistory } from "../sim/history-export.ts";
import { findBug } from "../sim/planted-bugs.ts";
import type { PlantedBug } from "../sim/planted-bugs.ts";
import { runSeed } from "../sim/run-seed.ts";
import type { RunTools } from "../sim/run-seed.ts";
import { expandSeed } from "../sim/sim-options.ts";
import { checkHistory } from "../support/checkers/check-history.ts";
import { loadHistory } from "../support/checkers/history-file.ts";
import type { LoadedHistory } from "../support/checkers/history.ts";
import { loadTestSqlite } from "../support/sqlite.ts";

let tools: RunTools;

beforeAll(async () => {
  const sqlite = await loadTestSqlite();
  tools = { makeEngine: () => createStoreEngine(sqlite) };
});

/** What the clients of one world saw; null when it broke before its end. */
async function historyOf(seed: number, bug: PlantedBug | null): Promise<LoadedHistory | null> {
  let exported: LoadedHistory | null = null;
  await runSeed(expandSeed(seed, bug), {
    ...tools,
    onHistory: (history, final) => (exported = exportSimHistory(history, final, seed)),
  });
  return exported;
}

test("worlds of the simulator pass, also by way of a file", async () => {
  const folder = mkdtempSync(join(tmpdir(), "tidemark-history-"));
  let operationCount = 0;
  for (let seed = 1; seed <= 2; seed++) {
    const history = await historyOf(seed, null);
    if (history === null) continue;
    const path = join(folder, `${seed}.jsonl`);
    writeSimHistory(path, history);
    const loaded = loadHistory(path);
    expect(loaded).toEqual({ ok: true, value: history });
    expect(checkHistory(history).anomalies).toEqual([]);
    operationCount += history.operations.length;
  }
  rmSync(folder, { recursive: true });
  expect(operationCount).toBeGreaterThan(20);
});

test("a bug that is planted in the simulator is found in what its clients saw", async () => {
  const names = new Set<string>();
  for (let seed = 1; seed <= 20 && names.size === 0; seed++) {
    const history = await historyOf(seed, findBug("as-of-too-new"));
    const found = history === null ? [] : checkHistory(history).anomalies;
    for (const { name } of found) names.add(name);
  }
  expect([...names]).toContain("as-of-is-untrue");
});
