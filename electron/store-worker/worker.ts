/**
 * The store's thread: one engine behind a message port. Kept apart from the agent so that no
 * import, query or export delays a heartbeat, and so that a query without end can be ended by
 * ending the thread.
 */
import { readFileSync } from "node:fs";
import { isMainThread, parentPort, workerData } from "node:worker_threads";
import { assert, defined } from "../../shared/base/assert.ts";
import { createStoreEngine } from "./engine.ts";
import type { StoreMethods } from "./messages.ts";
import { loadSqlite } from "./sqlite-module.ts";

/** Agent to worker. Calls are answered one by one, in order. */
export type WorkerCall = {
  readonly id: number;
  readonly method: keyof StoreMethods;
  readonly params: unknown;
};

/** Worker to agent. A call that throws is a bug: the thread ends instead of answering. */
export type WorkerAnswer = { readonly id: number; readonly result: unknown };

/** What the worker is started with; without a path it reads the file beside the bundle. */
export type WorkerStart = { readonly wasmPath?: string };

if (!isMainThread) await serve();

async function serve(): Promise<void> {
  const port = defined(parentPort, "the store runs in a worker thread");
  const { wasmPath } = (workerData ?? {}) as WorkerStart;
  const wasm = readFileSync(wasmPath ?? new URL("./sql-wasm.wasm", import.meta.url));
  assert(wasm.buffer instanceof ArrayBuffer, "a file is read into memory of its own");
  const engine = createStoreEngine(await loadSqlite(new Uint8Array(wasm)));
  port.on("message", (call: WorkerCall) => {
    const result = engine.handle(call.method, call.params as never);
    const answer: WorkerAnswer = { id: call.id, result };
    port.postMessage(answer, transferList(call.method, result));
  });
}

/** Images are handed over, not copied. */
function transferList(method: keyof StoreMethods, result: unknown): ArrayBuffer[] {
  if (method !== "image" && method !== "plainImage") return [];
  const { image } = result as StoreMethods["image"]["result"];
  return image.buffer instanceof ArrayBuffer ? [image.buffer] : [];
}
