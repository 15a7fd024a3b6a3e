import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Store } from "../../electron/agent/ports.ts";
import { createStoreEngine, type StoreEngine } from "../../electron/store-worker/engine.ts";
import type { StoreMethods } from "../../electron/store-worker/messages.ts";
import { loadSqlite, type SqliteModule } from "../../electron/store-worker/sqlite-module.ts";

/** Where sql.js keeps its WebAssembly file; the build copies it beside the worker. */
export function sqliteWasmPath(): string {
  return createRequire(import.meta.url).resolve("sql.js/dist/sql-wasm.wasm");
}

/** One SQLite instance for all engines of a test file or a simulation. */
export function loadTestSqlite(): Promise<SqliteModule> {
  return loadSqlite(readFileSync(sqliteWasmPath()));
}

/** The store port over an engine in the same thread; calls are done before they resolve. */
export function createInProcessStore(engine: StoreEngine): Store {
  return {
    call<M extends keyof StoreMethods>(
      method: M,
      params: StoreMethods[M]["params"],
    ): Promise<StoreMethods[M]["result"]> {
      // An engine's bug must reject, as a crashed worker does, and never throw at the caller.
      return new Promise((resolve) => resolve(engine.handle(method, params)));
    },
    close(): Promise<void> {
      engine.dispose();
      return Promise.resolve();
    },
  };
}

/** The same, opened at once. */
export function openInProcessStore(sqlite: SqliteModule): Store {
  return createInProcessStore(createStoreEngine(sqlite));
}
