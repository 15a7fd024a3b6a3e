/**
 * The store port over a worker thread: calls are queued and carried out one at a time, so that
 * a long import never sits in front of the agent's own timers.
 *
 * SQL.js cannot interrupt a statement. A query or a capture that runs too long is ended with its
 * thread; it answers `query-timeout`, every other waiting call rejects with `StoreRestarted`, and
 * the owner loads the newest snapshot and replays the log (`onRestart`). Until that load nothing
 * else is taken: the new thread holds no database. A query or capture that kills the thread is
 * treated alike. A thread that dies of anything else is `onCrash`: nothing is restarted here,
 * because only the owner knows what is safe then.
 */
import { Worker } from "node:worker_threads";
import { assert } from "../../../shared/base/assert.ts";
import { err } from "../../../shared/base/result.ts";
import type { StoreError, StoreMethods } from "../../store-worker/messages.ts";
import type { WorkerStart } from "../../store-worker/worker.ts";
import type { Clock, Store, Timer } from "../ports.ts";

/** The calls that were waiting when the store's thread was replaced: ask again after loading. */
export class StoreRestarted extends Error {
  override readonly name = "StoreRestarted";
}

/** The store's thread is gone and will not answer. */
export class StoreCrashed extends Error {
  override readonly name = "StoreCrashed";
}

/** A thread as far as the client needs it; tests give their own. */
export type StoreThread = {
  postMessage(message: unknown, transfer: readonly ArrayBuffer[]): void;
  on(event: "message", listener: (message: unknown) => void): unknown;
  on(event: "error", listener: (error: Error) => void): unknown;
  on(event: "exit", listener: (code: number) => void): unknown;
  terminate(): Promise<unknown>;
};

/** What the client needs from its owner. */
export type StoreClientOptions = {
  /** Starts a new thread; see `spawnStoreWorker`. */
  readonly spawn: () => StoreThread;
  readonly clock: Clock;
  /** A query running longer than this is ended with its thread. */
  readonly queryLimitMs: number;
  /**
   * The same for edits that are being captured. Nothing of them is proposed yet, so ending them
   * changes nothing; without an end, one statement would stop the leader for good.
   */
  readonly captureLimitMs: number;
  /** A new, empty thread runs: `load` it, then apply what the log holds beyond. */
  readonly onRestart: (why: string) => void;
  /** The thread died of a bug; every call rejects from now on. */
  readonly onCrash: (error: Error) => void;
};

/** A real thread. */
export function spawnStoreWorker(workerUrl: URL, workerData: WorkerStart): StoreThread {
  return new Worker(workerUrl, { workerData, name: "tidemark-store" }) as StoreThread;
}

/** Smaller buffers may be pieces of Node's pool, which cannot be given away. */
const HANDED_OVER_BYTES_MIN = 1024 * 1024;

type PendingCall = {
  readonly id: number;
  readonly method: keyof StoreMethods;
  readonly params: unknown;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
};

/** Opens the port; the thread starts at once, empty until `load`. */
export function createStoreClient(options: StoreClientOptions): Store {
  return new StoreClient(options);
}

class StoreClient implements Store {
  readonly #options: StoreClientOptions;
  readonly #queue: PendingCall[] = [];
  #thread: StoreThread;
  #running: PendingCall | null = null;
  #limit: Timer | null = null;
  #nextId = 1;
  /** The thread is a new one that was not asked to load yet. */
  #isEmpty = false;
  #ended: Error | null = null;

  constructor(options: StoreClientOptions) {
    this.#options = options;
    this.#thread = this.#start();
  }

  call<M extends keyof StoreMethods>(
    method: M,
    params: StoreMethods[M]["params"],
  ): Promise<StoreMethods[M]["result"]> {
    return new Promise((resolve, reject) => {
      if (this.#ended !== null) {
        reject(this.#ended);
        return;
      }
      if (this.#isEmpty && method !== "load") {
        reject(new StoreRestarted("The store is empty until it is loaded again."));
        return;
      }
      if (method === "load") this.#isEmpty = false;
      const id = this.#nextId++;
      this.#queue.push({
        id,
        method,
        params,
        resolve: (result) => resolve(result as StoreMethods[M]["result"]),
        reject,
      });
      this.#next();
    });
  }

  async close(): Promise<void> {
    this.#end(new StoreCrashed("The store was closed."));
    await this.#thread.terminate();
  }

  #start(): StoreThread {
    const thread = this.#options.spawn();
    // Events of a thread that was replaced or closed say nothing about the present one.
    const isCurrent = (): boolean => this.#thread === thread && this.#ended === null;
    thread.on("message", (message) => {
      if (isCurrent()) this.#answer(message as { readonly id: number; readonly result: unknown });
    });
    thread.on("error", (error) => {
      if (isCurrent()) this.#crash(error);
    });
    thread.on("exit", (code) => {
      if (isCurrent()) this.#crash(new Error(`The store's thread ended with code ${code}.`));
    });
    return thread;
  }

  #next(): void {
    if (this.#running !== null) return;
    const call = this.#queue.shift();
    if (call === undefined) return;
    this.#running = call;
    const limitMs = this.#limitOf(call.method);
    if (limitMs !== null) {
      this.#limit = this.#options.clock.after(limitMs, () => this.#endOverdue(call, limitMs));
    }
    const { id, method, params } = call;
    this.#thread.postMessage({ id, method, params }, handedOver(call));
  }

  #answer(answer: { readonly id: number; readonly result: unknown }): void {
    const call = this.#running;
    assert(call !== null && call.id === answer.id, "the store answers the call that runs");
    this.#clearRunning();
    call.resolve(answer.result);
    this.#next();
  }

  #limitOf(method: keyof StoreMethods): number | null {
    if (method === "query") return this.#options.queryLimitMs;
    return method === "capture" || method === "preview" ? this.#options.captureLimitMs : null;
  }

  #endOverdue(call: PendingCall, limitMs: number): void {
    if (this.#running !== call) return;
    const what = call.method === "query" ? "query" : "edit";
    const message = `The ${what} ran longer than ${limitMs / 1000} s and was ended. Nothing was changed.`;
    this.#replaceThread(call, { code: "query-timeout", message });
  }

  /** The thread is gone or must go, and the call it carried out with it. */
  #replaceThread(call: PendingCall, error: StoreError): void {
    this.#clearRunning();
    const old = this.#thread;
    const waiting = this.#queue.splice(0);
    this.#thread = this.#start();
    this.#isEmpty = true;
    void old.terminate();
    call.resolve(endedAnswer(call, error));
    const restarted = new StoreRestarted("The store was restarted to end a statement.");
    for (const other of waiting) other.reject(restarted);
    this.#options.onRestart(error.message);
  }

  #crash(error: Error): void {
    const call = this.#running;
    if (call !== null && this.#limitOf(call.method) !== null) {
      // A person's SQL: memory it wants and this computer has not, say. It changed nothing, and
      // the database comes back from the log, so it ends alone and not with the member.
      const message = `It ended the store's thread (${error.message}). Nothing was changed.`;
      this.#replaceThread(call, { code: "too-large", message });
      return;
    }
    const crashed = new StoreCrashed(`The store's thread ended: ${error.message}`);
    crashed.cause = error;
    this.#end(crashed);
    this.#options.onCrash(crashed);
  }

  #end(reason: Error): void {
    if (this.#ended !== null) return;
    this.#ended = reason;
    const running = this.#running;
    this.#clearRunning();
    running?.reject(reason);
    for (const call of this.#queue.splice(0)) call.reject(reason);
  }

  #clearRunning(): void {
    this.#limit?.cancel();
    this.#limit = null;
    this.#running = null;
  }
}

/** A large image is given to the thread, not copied: nobody here reads it afterwards. */
function handedOver({ method, params }: PendingCall): readonly ArrayBuffer[] {
  if (method !== "load" && method !== "packBackup") return [];
  const buffer = (params as StoreMethods["load"]["params"]).image?.buffer;
  const isOwn = buffer instanceof ArrayBuffer && buffer.byteLength >= HANDED_OVER_BYTES_MIN;
  return isOwn ? [buffer] : [];
}

/** What the owner of an ended call gets: every edit of a batch that was captured together. */
function endedAnswer({ method, params }: PendingCall, error: StoreError): unknown {
  if (method !== "capture") return err(error);
  return (params as StoreMethods["capture"]["params"]).requests.map(() => err(error));
}
