/**
 * The client's rules with threads and clock in the test's hand, then once with the real worker,
 * built as it ships. Knows nothing of the agent that owns the client.
 */
import { EventEmitter } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "vite";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Clock, Store } from "../../electron/agent/ports.ts";
import {
  createStoreClient,
  spawnStoreWorker,
  StoreCrashed,
  StoreRestarted,
  type StoreThread,
} from "../../electron/agent/store/store-client.ts";
import type { CaptureOutcome } from "../../electron/store-worker/messages.ts";
import { request } from "./store-fixture.ts";
import { logIndex, term } from "../../shared/base/ids.ts";

/** A thread whose answers a test gives by hand. */
class ManualThread extends EventEmitter implements StoreThread {
  readonly asked: { readonly id: number; readonly method: string }[] = [];
  isTerminated = false;

  postMessage(message: unknown): void {
    this.asked.push(message as { id: number; method: string });
  }

  terminate(): Promise<void> {
    this.isTerminated = true;
    return Promise.resolve();
  }

  answer(result: unknown): void {
    this.emit("message", { id: this.asked.at(-1)?.id, result });
  }
}

/** A clock whose timers fire when the test says so. */
class ManualClock implements Clock {
  readonly waiting = new Set<() => void>();

  nowMs(): number {
    return 0;
  }

  wallMs(): number {
    return 0;
  }

  localOffsetMs(): number {
    return 0;
  }

  after(_delayMs: number, callback: () => void): { cancel(): void } {
    this.waiting.add(callback);
    return { cancel: () => this.waiting.delete(callback) };
  }

  fire(): void {
    for (const callback of [...this.waiting]) callback();
  }
}

function open(): {
  readonly store: Store;
  readonly threads: ManualThread[];
  readonly clock: ManualClock;
  readonly events: string[];
} {
  const threads: ManualThread[] = [];
  const clock = new ManualClock();
  const events: string[] = [];
  const store = createStoreClient({
    spawn: () => {
      const thread = new ManualThread();
      threads.push(thread);
      return thread;
    },
    clock,
    queryLimitMs: 10_000,
    captureLimitMs: 60_000,
    onRestart: () => events.push("restart"),
    onCrash: (error) => events.push(error.message),
  });
  return { store, threads, clock, events };
}

const QUERY = { sql: "SELECT 1", params: [], rowsMax: 1 };

describe("the store client", () => {
  test("asks one thing at a time, in order", async () => {
    const { store, threads } = open();
    const first = store.call("tables", {});
    const second = store.call("verify", {});
    expect(threads[0]?.asked.map((call) => call.method)).toEqual(["tables"]);
    threads[0]?.answer("one");
    expect(await first).toBe("one");
    threads[0]?.answer("two");
    expect(await second).toBe("two");
    await store.close();
    await expect(store.call("tables", {})).rejects.toBeInstanceOf(StoreCrashed);
  });

  test("ends a query that runs too long, and takes nothing but a load until it is filled again", async () => {
    const { store, threads, clock, events } = open();
    const image = store.call("image", {});
    expect(clock.waiting.size).toBe(0);
    threads[0]?.answer("image");
    await image;
    const query = store.call("query", QUERY);
    const waiting = store.call("tables", {});
    clock.fire();
    expect(await query).toMatchObject({ ok: false, error: { code: "query-timeout" } });
    await expect(waiting).rejects.toBeInstanceOf(StoreRestarted);
    expect(events).toEqual(["restart"]);
    expect(threads[0]?.isTerminated).toBe(true);
    threads[0]?.emit("exit", 1);
    await expect(store.call("tables", {})).rejects.toBeInstanceOf(StoreRestarted);
    expect(threads[1]?.asked).toEqual([]);
    const loading = store.call("load", { image: null });
    const again = store.call("tables", {});
    threads[1]?.answer("loaded");
    expect(await loading).toBe("loaded");
    threads[1]?.answer("from the new thread");
    expect(await again).toBe("from the new thread");
    await store.close();
  });

  test("ends edits that run too long, and answers each of the batch", async () => {
    const { store, clock, events } = open();
    const requests = [request(["INSERT INTO a SELECT 1"]), request(["INSERT INTO b SELECT 1"])];
    const captured = store.call("capture", { requests });
    clock.fire();
    const timeout = { ok: false, error: { code: "query-timeout" } };
    expect(await captured).toMatchObject([timeout, timeout]);
    expect(events).toEqual(["restart"]);
    await store.close();
  });

  test("answers a query that kills its thread, and goes on with a new one", async () => {
    const { store, threads, events } = open();
    const query = store.call("query", QUERY);
    threads[0]?.emit("error", new Error("out of memory"));
    threads[0]?.emit("exit", 1);
    expect(await query).toMatchObject({ ok: false, error: { code: "too-large" } });
    expect(events).toEqual(["restart"]);
    expect(threads.length).toBe(2);
    await store.close();
  });

  test("rejects everything when the thread dies, and tells its owner once", async () => {
    const { store, threads, events } = open();
    const running = store.call("tables", {});
    const waiting = store.call("verify", {});
    threads[0]?.emit("error", new Error("broken invariant"));
    threads[0]?.emit("exit", 1);
    await expect(running).rejects.toBeInstanceOf(StoreCrashed);
    await expect(waiting).rejects.toBeInstanceOf(StoreCrashed);
    expect(events).toEqual(["The store's thread ended: broken invariant"]);
  });
});

describe("the real worker", () => {
  let folder: string;
  let workerUrl: URL;

  beforeAll(async () => {
    folder = mkdtempSync(`${tmpdir()}/tidemark-store-`);
    const configFile = fileURLToPath(
      new URL("../../build/vite.store-worker.config.ts", import.meta.url),
    );
    await build({ configFile, logLevel: "error", build: { outDir: folder, emptyOutDir: false } });
    workerUrl = pathToFileURL(`${folder}/store-worker.js`);
  }, 60_000);
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  test("captures, applies, answers, and is replaced under an endless query", async () => {
    const restarts: string[] = [];
    const clock = new ManualClock();
    const store = createStoreClient({
      spawn: () => spawnStoreWorker(workerUrl, {}),
      clock,
      queryLimitMs: 10_000,
      captureLimitMs: 60_000,
      onRestart: () => restarts.push("restart"),
      onCrash: (error) => restarts.push(error.message),
    });
    expect(await store.call("load", { image: null })).toMatchObject({ ok: true });
    const requests = [request(["CREATE TABLE t(a)", "INSERT INTO t VALUES (x'00ff')"])];
    const [outcome]: readonly CaptureOutcome[] = await store.call("capture", { requests });
    if (outcome?.ok !== true || outcome.value.type !== "captured") throw new Error("no capture");
    const entries = outcome.value.payloads.map((payload) => ({
      term: term(1),
      index: logIndex(1),
      payload,
    }));
    expect(await store.call("apply", { entries })).toMatchObject({ type: "applied", rowCount: 1 });
    const { image, position } = await store.call("image", {});
    const endless =
      "WITH RECURSIVE n(x) AS (VALUES (1) UNION ALL SELECT x FROM n) SELECT max(x) FROM n";
    const query = store.call("query", { ...QUERY, sql: endless });
    clock.fire();
    expect(await query).toMatchObject({ error: { code: "query-timeout" } });
    expect(restarts).toEqual(["restart"]);
    expect(await store.call("load", { image })).toEqual({ ok: true, value: position });
    const rows = await store.call("query", { ...QUERY, sql: "SELECT a FROM t" });
    expect(rows).toMatchObject({ value: { rows: [[{ $blob: "AP8=" }]] } });
    await store.close();
    expect(restarts).toEqual(["restart"]);
  });
});
