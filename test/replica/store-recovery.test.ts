import { describe, expect, it } from "vitest";
import { Applier } from "../../electron/agent/replica/applier.ts";
import { StoreRecovery } from "../../electron/agent/replica/store-recovery.ts";
import type { SnapshotFiles } from "../../electron/agent/log/snapshots.ts";
import type { Logger, Store } from "../../electron/agent/ports.ts";
import type { CommittedEntry } from "../../electron/store-worker/messages.ts";
import { POSITION_ZERO, logIndex, term } from "../../shared/base/ids.ts";
import { ok } from "../../shared/base/result.ts";
import type { LogEntry, LogView } from "../../shared/raft/types.ts";

const SILENT: Logger = { info: () => undefined, warn: () => undefined };
const ENTRIES: readonly LogEntry[] = [1, 2, 3, 4, 5].map((index) => {
  return { term: term(1), index: logIndex(index), kind: "data", payload: new Uint8Array(1) };
});

/** A member whose log holds five entries, and whose store answers when the test lets it. */
class Member {
  readonly calls: string[] = [];
  lostCount = 0;
  onLoad: () => Promise<void> = () => Promise.resolve();
  onApply: () => Promise<void> = () => Promise.resolve();
  #applied = 0;
  readonly #store = {
    call: async (method: string, params: { readonly entries?: readonly CommittedEntry[] }) => {
      this.calls.push(method);
      if (method === "load") {
        await this.onLoad();
        this.#applied = 0;
        return ok(this.#position());
      }
      await this.onApply();
      this.#applied = params.entries?.at(-1)?.index ?? 0;
      const position = this.#position();
      return {
        type: "applied",
        position,
        tables: [],
        rowCount: 1,
        isSchemaChange: false,
        isSettingsChange: false,
      };
    },
    close: () => Promise.resolve(),
  } as unknown as Store;
  readonly applier = new Applier({
    store: this.#store,
    log: {
      entriesFrom: (from: number) => ENTRIES.filter((entry) => entry.index >= from),
    } as unknown as LogView,
    logger: SILENT,
    onApplied: () => undefined,
    onDiverged: () => undefined,
    onStoreLost: () => (this.lostCount += 1),
  });
  readonly recovery = new StoreRecovery({
    store: this.#store,
    snapshots: { read: () => Promise.resolve(ok(null)) } as unknown as SnapshotFiles,
    applier: this.applier,
    logger: SILENT,
  });

  async start(): Promise<void> {
    this.applier.resume(this.#position(), logIndex(0));
    this.applier.enqueue(ENTRIES);
    await this.applier.reached(logIndex(5)).done;
  }

  #position() {
    const at = this.#applied === 0 ? 0 : 1;
    return { applied: { term: term(at), index: logIndex(this.#applied) }, checksum: "c" };
  }
}

describe("a member that was started", () => {
  it("shows nothing before everything that it knew to be committed is applied", async () => {
    const member = new Member();
    member.applier.resume(member.applier.position, logIndex(5));
    expect(member.applier.isReadable).toBe(false);
    member.applier.enqueue(ENTRIES.slice(0, 4));
    await member.applier.reached(logIndex(4)).done;
    expect(member.applier.isReadable).toBe(false);
    member.applier.enqueue(ENTRIES.slice(4));
    await member.applier.reached(logIndex(5)).done;
    expect(member.applier.isReadable).toBe(true);
  });
});

describe("a store that lost its content", () => {
  it("stands nowhere from that very moment, so that nothing is read or captured", async () => {
    const member = new Member();
    await member.start();
    expect(member.applier.isReadable).toBe(true);
    const refilled = member.recovery.run();
    expect(member.applier.isReadable).toBe(false);
    expect(member.applier.position.applied.index).toBe(0);
    await refilled;
    await member.applier.reached(logIndex(5)).done;
    expect(member.applier.isReadable).toBe(true);
  });

  it("stands nowhere either when what it was applying comes to an end after that", async () => {
    const member = new Member();
    let end: () => void = () => undefined;
    member.onApply = () => new Promise((resolve) => (end = resolve));
    member.applier.resume(member.applier.position, logIndex(0));
    member.applier.enqueue(ENTRIES);
    member.applier.lost();
    let isReached = false;
    void member.applier.reached(logIndex(1)).done.then(() => (isReached = true));
    end();
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
    expect([member.applier.position.applied.index, isReached]).toEqual([0, false]);
  });

  it("has to reach anew what it had reached when a snapshot replaces it", async () => {
    const member = new Member();
    await member.start();
    await member.applier.suspend();
    let isReached = false;
    const reached = member.applier.reached(logIndex(5)).done.then(() => (isReached = true));
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
    expect(isReached).toBe(false);
    member.applier.resume({ applied: POSITION_ZERO, checksum: "c" }, logIndex(0));
    expect(member.applier.isReadable).toBe(false);
    await reached;
    expect(member.applier.position.applied.index).toBe(5);
  });

  it("lets nobody read an empty cluster's database either before it is loaded", async () => {
    const member = new Member();
    member.applier.resume(member.applier.position, logIndex(0));
    const refilled = member.recovery.run();
    let isReached = false;
    void member.applier.reached(logIndex(0)).done.then(() => (isReached = true));
    await Promise.resolve();
    expect([member.applier.isReadable, isReached]).toEqual([false, false]);
    await refilled;
    await member.applier.reached(logIndex(0)).done;
    expect(member.applier.isReadable).toBe(true);
  });

  it("is filled once more when it is lost again while it is filled", async () => {
    const member = new Member();
    await member.start();
    let fail: (reason: Error) => void = () => undefined;
    member.onLoad = () => new Promise((_, reject) => (fail = reject));
    const first = member.recovery.run();
    while (!member.calls.includes("load")) await Promise.resolve();
    member.onLoad = () => Promise.resolve();
    const second = member.recovery.run();
    fail(new Error("the thread was replaced"));
    await first;
    expect(member.applier.isReadable).toBe(false);
    await second;
    await member.applier.reached(logIndex(5)).done;
    expect(member.calls.filter((method) => method === "load").length).toBe(2);
    expect(member.lostCount).toBe(0);
  });

  it("is not filled while a snapshot replaces it", async () => {
    const member = new Member();
    await member.start();
    let finish: () => void = () => undefined;
    const installing = member.recovery.exclusively(
      () => new Promise<void>((resolve) => (finish = resolve)),
    );
    const refilled = member.recovery.run();
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
    expect(member.calls).not.toContain("load");
    finish();
    await Promise.all([installing, refilled]);
    expect(member.calls).toContain("load");
  });
});

describe("a store that is lost again while it is filled", () => {
  it("is nowhere until the second refill ends, also when the first one's log was replayed by then", async () => {
    const member = new Member();
    await member.start();
    const seen: number[] = [];
    const refills: Promise<void>[] = [];
    member.onLoad = () => {
      seen.push(member.applier.position.applied.index);
      if (refills.length === 0) refills.push(member.recovery.run());
      return Promise.resolve();
    };
    await member.recovery.run();
    await Promise.all(refills);
    await member.applier.reached(logIndex(5)).done;
    expect(seen).toEqual([0, 0]);
    expect(member.applier.position.applied.index).toBe(5);
  });
});
