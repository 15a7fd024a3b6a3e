/**
 * The store's thread: one engine behind a message port. Kept apart from the agent so that no
 * import, query or export delays a heartbeat, and so that a query without end can be ended by
 * ending the thread.
 */
import { readFileSync } from "node:fs";
import { isMainThread, parentPort, workerData } from "node:worker_threads";
import { assert, defined } from "../../shared/base/assert.ts";
import { createStoreEngine } from "./engine.ts";
import { ForeignFile } from "./foreign-file.ts";
import type { ForeignMethods } from "./foreign-messages.ts";
import type { StoreMethods } from "./messages.ts";
import { loadSqlite } from "./sqlite-module.ts";

/** Agent to worker. Calls are answered one by one, in order. */
export type WorkerCall = {
  readonly id: number;
  readonly method: keyof StoreMethods;
  readonly params: unknown;
};

/** The same to a thread that reads a file of another program. */
export type ForeignCall = {
  readonly id: number;
  readonly method: keyof ForeignMethods;
  readonly params: unknown;
};

/** Worker to agent. A call that throws is a bug: the thread ends instead of answering. */
export type WorkerAnswer = { readonly id: number; readonly result: unknown };

/** What the worker is started with; without a path it reads the file beside the bundle. */
export type WorkerStart = {
  readonly wasmPath?: string;
  /** A file of another program is read, instead of serving the store. */
  readonly isForeign?: boolean;
};

if (!isMainThread) await serve();

async function serve(): Promise<void> {
  const port = defined(parentPort, "the store runs in a worker thread");
  const { wasmPath, isForeign = false } = (workerData ?? {}) as WorkerStart;
  const wasm = readFileSync(wasmPath ?? new URL("./sql-wasm.wasm", import.meta.url));
  assert(wasm.buffer instanceof ArrayBuffer, "a file is read into memory of its own");
  const sqlite = await loadSqlite(new Uint8Array(wasm));
  if (isForeign) {
    const file = new ForeignFile(sqlite);
    port.on("message", ({ id, method, params }: ForeignCall) => {
      port.postMessage({ id, result: file.handle(method, params as never) });
    });
    return;
  }
  const engine = createStoreEngine(sqlite);
  port.on("message", (call: WorkerCall) => {
    const result = engine.handle(call.method, call.params as never);
    const answer: WorkerAnswer = { id: call.id, result };
    port.postMessage(answer, transferList(call.method, result));
  });
}

/** Images and pieces of them are handed over, not copied. */
function transferList(method: keyof StoreMethods, result: unknown): ArrayBuffer[] {
  if (method === "backupPiece") return [(result as Uint8Array).buffer as ArrayBuffer];
  if (method !== "image" && method !== "plainImage" && method !== "foundImage") return [];
  const { image } = result as StoreMethods["image"]["result"];
  return image.buffer instanceof ArrayBuffer ? [image.buffer] : [];
}
