import { readFileSync } from "node:fs";
import type { Plugin } from "vite";
import { nodeBundle, ROOT } from "./vite.base.ts";

/** SQL.js is two files; the second is looked for beside the worker. */
const wasmBesideWorker: Plugin = {
  name: "tidemark:wasm-beside-worker",
  generateBundle() {
    this.emitFile({
      type: "asset",
      fileName: "sql-wasm.wasm",
      source: readFileSync(`${ROOT}node_modules/sql.js/dist/sql-wasm.wasm`),
    });
  },
};

/** The store's worker thread: `dist/store-worker.js` and `dist/sql-wasm.wasm`. */
export default nodeBundle({
  entry: "electron/store-worker/worker.ts",
  outFolder: "dist",
  outFile: "store-worker.js",
  plugins: [wasmBesideWorker],
});
