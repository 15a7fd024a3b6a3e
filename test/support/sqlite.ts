import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { loadSqlite, type SqliteModule } from "../../electron/store-worker/sqlite-module.ts";

/** Where sql.js keeps its WebAssembly file; the build copies it beside the worker. */
export function sqliteWasmPath(): string {
  return createRequire(import.meta.url).resolve("sql.js/dist/sql-wasm.wasm");
}

/** One SQLite instance for all engines of a test file or a simulation. */
export function loadTestSqlite(): Promise<SqliteModule> {
  return loadSqlite(readFileSync(sqliteWasmPath()));
}
