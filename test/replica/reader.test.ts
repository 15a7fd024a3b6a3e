import { beforeEach, expect, it } from "vitest";
import type { ApiParams } from "../../shared/api/methods.ts";
import type { Store } from "../../electron/agent/ports.ts";
import type { Applier } from "../../electron/agent/replica/applier.ts";
import { Reader } from "../../electron/agent/replica/reader.ts";
import { IndexWaiters } from "../../electron/agent/replica/waiters.ts";
import { logIndex, term } from "../../shared/base/ids.ts";
import { ok } from "../../shared/base/result.ts";
import type { AsOf } from "../../shared/cluster/status.ts";
import { VirtualClock } from "../support/virtual-clock.ts";

const WAIT_MS = 100;

/** A member that applied ten entries, and a quorum that answers when the test lets it. */
class Member {
  readonly clock = new VirtualClock();
  readonly #waiters = new IndexWaiters();
  readonly asked: number[] = [];
  queryCount = 0;
  isReadable = true;
  applied = 0;
  readonly reader = new Reader({
    clock: this.clock,
    store: { call: () => this.#rows() } as unknown as Store,
    applier: this as unknown as Applier,
    asOf: () => ({ term: term(9), index: logIndex(99), at: null }) as unknown as AsOf,
    stalenessMs: () => null,
    waitMs: WAIT_MS,
    readIndex: (requestId) => void this.asked.push(requestId),
  });

  constructor() {
    this.apply(10);
  }

  get readableFrom() {
    return logIndex(8);
  }

  get position() {
    return { applied: { term: term(3), index: logIndex(this.applied) }, checksum: "" };
  }

  reached(index: number) {
    return this.#waiters.wait(index);
  }

  apply(index: number): void {
    this.applied = index;
    this.#waiters.reach(index);
  }

  /** The database is emptied, to be filled again. */
  empty(): void {
    this.isReadable = false;
    this.#waiters.forget();
  }

  query(params: Omit<ApiParams<"query">, "sql">) {
    return this.reader.query({ sql: "SELECT 1", ...params });
  }

  /** The quorum answers the newest question. */
  async answer(index: number): Promise<void> {
    const requestId = this.asked.at(-1) ?? expect.fail("nobody was asked");
    this.reader.onReadAnswer({ requestId, index: logIndex(index) });
    await settle();
  }

  async pass(ms: number): Promise<void> {
    await settle();
    this.clock.advanceTo(this.clock.nowMs() + ms);
    await settle();
  }

  #rows() {
    this.queryCount++;
    const { applied } = this.position;
    return Promise.resolve(ok({ columns: [], rows: [], isTruncated: false, applied }));
  }
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}

let member: Member;

beforeEach(() => {
  member = new Member();
});

it("a read of any level waits while the database is filled again", async () => {
  member.empty();
  const read = member.query({ readLevel: "local" });
  await settle();
  expect(member.queryCount).toBe(0);
  member.apply(8);
  expect(await read).toMatchObject({ ok: true });
  member.empty();
  const late = member.query({ readLevel: "local" });
  await member.pass(WAIT_MS);
  expect(await late).toMatchObject({ error: { code: "busy" } });
});

it("rows are of where the database stood when they were read", async () => {
  const asOf = { term: 3, index: 10 };
  expect(await member.query({})).toMatchObject({ value: { asOf } });
});

it("a session's read shows what its write did, or says that it cannot yet", async () => {
  const read = member.query({ readLevel: "session", afterIndex: logIndex(12) });
  await settle();
  expect(member.queryCount).toBe(0);
  member.apply(12);
  expect(await read).toMatchObject({ value: { asOf: { index: 12 } } });
  const late = member.query({ readLevel: "session", afterIndex: logIndex(13) });
  await member.pass(WAIT_MS);
  expect(await late).toMatchObject({ error: { code: "stale" } });
  expect(member.queryCount).toBe(1);
});

it("a linearizable read shows everything that was committed when it was asked", async () => {
  const read = member.query({ readLevel: "linearizable" });
  await settle();
  await member.answer(12);
  expect(member.queryCount).toBe(0);
  member.apply(12);
  expect(await read).toMatchObject({ value: { asOf: { index: 12 } } });
});

it("a bounded read shows everything that was committed at its bound", async () => {
  const first = member.query({ readLevel: "linearizable" });
  await settle();
  await member.answer(12);
  await member.pass(WAIT_MS);
  expect(await first).toMatchObject({ error: { code: "stale" } });
  const read = member.query({ readLevel: "bounded", maxStalenessMs: 10_000 });
  await settle();
  expect([member.asked.length, member.queryCount]).toEqual([1, 0]);
  member.apply(12);
  expect(await read).toMatchObject({ value: { asOf: { index: 12 } } });
});

it("a bounded read counts from the beginning of the round that a quorum answered", async () => {
  const first = member.query({ readLevel: "bounded", maxStalenessMs: 50 });
  await settle();
  await member.pass(40);
  await member.answer(10);
  expect(await first).toMatchObject({ ok: true });
  await member.pass(10);
  expect(await member.query({ readLevel: "bounded", maxStalenessMs: 50 })).toMatchObject({
    ok: true,
  });
  expect(member.asked).toHaveLength(1);
  await member.pass(1);
  const second = member.query({ readLevel: "bounded", maxStalenessMs: 50 });
  await settle();
  expect(member.asked).toHaveLength(2);
  await member.answer(10);
  expect(await second).toMatchObject({ ok: true });
});
