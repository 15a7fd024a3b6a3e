/**
 * The store of a simulated member: the real engine, answering on virtual time. All members share
 * one WASM module and differ in their databases only.
 */
import { StoreRestarted } from "../../electron/agent/store/store-client.ts";
import type { Store } from "../../electron/agent/ports.ts";
import type { StoreMethods } from "../../electron/store-worker/messages.ts";
import type { SimProcess } from "./sim-process.ts";
import type { StoreChecker } from "./store-checker.ts";

/** The engine of one member, called directly. */
export interface Engine {
  handle<M extends keyof StoreMethods>(
    method: M,
    params: StoreMethods[M]["params"],
  ): StoreMethods[M]["result"];
  dispose(): void;
}

/** What it is made of. */
export type SimStoreOptions = {
  readonly process: SimProcess;
  readonly engine: Engine;
  /** null: a former state, which is behind on purpose. */
  readonly checker: StoreChecker | null;
  /** How long one call takes, in ms. */
  readonly callMs: () => number;
  readonly nowMs: () => number;
  /** What was thrown in the engine is a bug of the product: it ends the run. */
  readonly onBug: (error: unknown) => void;
};

/**
 * The Store port over the real engine in this thread: one call at a time, in order, each taking
 * its virtual time, with the checker looking on.
 */
export class SimStore implements Store {
  readonly #options: SimStoreOptions;
  #engine: Engine;
  #freeAtMs = 0;
  #isClosed = false;
  #isLoaded = false;
  readonly #pending = new Set<(error: Error) => void>();

  constructor(options: SimStoreOptions) {
    this.#options = options;
    this.#engine = options.engine;
  }

  /** The worker died and another one was started: what was asked of it fails, it knows nothing. */
  restart(engine: Engine): void {
    this.#engine.dispose();
    this.#engine = engine;
    this.#isLoaded = false;
    const pending = [...this.#pending];
    this.#pending.clear();
    for (const reject of pending) {
      this.#options.process.run(() => reject(new StoreRestarted("the store's worker ended")));
    }
  }

  call<M extends keyof StoreMethods>(
    method: M,
    params: StoreMethods[M]["params"],
  ): Promise<StoreMethods[M]["result"]> {
    const { process, callMs, nowMs, onBug } = this.#options;
    this.#freeAtMs = Math.max(this.#freeAtMs, nowMs()) + callMs();
    return new Promise((resolve, reject) => {
      this.#pending.add(reject);
      process.runAfter(this.#freeAtMs - nowMs(), () => {
        if (this.#isClosed || !this.#pending.delete(reject)) return;
        if (!this.#isLoaded && method !== "load") {
          reject(new StoreRestarted("the store is not loaded yet"));
          return;
        }
        try {
          resolve(this.#carryOut(method, params));
        } catch (error) {
          onBug(error);
        }
      });
    });
  }

  close(): Promise<void> {
    if (!this.#isClosed) this.#engine.dispose();
    this.#isClosed = true;
    return Promise.resolve();
  }

  #carryOut<M extends keyof StoreMethods>(
    method: M,
    params: StoreMethods[M]["params"],
  ): StoreMethods[M]["result"] {
    const { process, checker } = this.#options;
    const result = this.#engine.handle(method, params);
    if (method === "apply") {
      const { entries } = params as StoreMethods["apply"]["params"];
      checker?.applied(process, entries, result as StoreMethods["apply"]["result"]);
    } else if (method === "load") {
      const loaded = result as StoreMethods["load"]["result"];
      this.#isLoaded = loaded.ok;
      if (loaded.ok) checker?.loaded(process, loaded.value);
    }
    return result;
  }
}
