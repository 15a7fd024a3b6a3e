import { describe, expect, it } from "vitest";
import type { ApiError } from "../../shared/api/methods.ts";
import { logIndex, term } from "../../shared/base/ids.ts";
import type { Position } from "../../shared/base/ids.ts";
import { err, ok } from "../../shared/base/result.ts";
import { WriteQueue } from "../../electron/agent/replica/write-queue.ts";
import type { WriteContext, WriteRequest } from "../../electron/agent/replica/write-queue.ts";
import type { CaptureOutcome, CaptureRequest } from "../../electron/store-worker/messages.ts";
import type { Store } from "../../electron/agent/ports.ts";

const TERM = term(3);
const NOT_LEADER: ApiError = { code: "not-leader", message: "Another computer leads." };

/** A leader whose store takes any SQL but "bad"; each test bends one part of it. */
class FakeLeader {
  readonly captured: CaptureRequest[][] = [];
  readonly proposed: number[] = [];
  refusal: ApiError | null = null;
  onCapture: () => void = () => undefined;
  onPropose: WriteContext["propose"] = (payloads) => {
    const first = this.proposed.reduce((sum, count) => sum + count, 0) + 1;
    this.proposed.push(payloads.length);
    return ok({ first: at(first), last: at(first + payloads.length - 1) });
  };
  confirmed: WriteContext["confirmed"] = () => Promise.resolve(null);
  readonly repeatedWith: string[] = [];
  readonly queue = new WriteQueue({
    store: { call: (_, params) => this.#capture(params), close: () => Promise.resolve() } as Store,
    refusal: () => this.refusal,
    settled: () => Promise.resolve(this.refusal === null ? ok(TERM) : err(this.refusal)),
    propose: (payloads, settledTerm) => this.onPropose(payloads, settledTerm),
    confirmed: (position, ack) => this.confirmed(position, ack),
    repeated: (position, ack) => {
      this.repeatedWith.push(`${position.index} ${ack}`);
      return this.confirmed(position, ack);
    },
  });

  #capture(params: unknown): Promise<never> {
    const { requests } = params as { readonly requests: CaptureRequest[] };
    this.captured.push(requests);
    this.onCapture();
    return Promise.resolve(requests.map(outcomeOf) as never);
  }
}

function at(index: number): Position {
  return { term: TERM, index: logIndex(index) };
}

function outcomeOf(request: CaptureRequest): CaptureOutcome {
  const sql = request.work.type === "statements" ? (request.work.statements[0]?.sql ?? "") : "";
  if (sql === "again") return ok({ type: "duplicate", position: at(40), results: [] });
  if (sql === "bad") return err({ code: "sql-error", message: "no" });
  const parts = sql === "big" ? 3 : 1;
  const payloads = Array.from({ length: parts }, () => new Uint8Array(1));
  return ok({ type: "captured", payloads, results: [] });
}

function bulk(rowCount: number): WriteRequest {
  const rows = Array.from({ length: rowCount }, () => []);
  const work = { type: "insert-rows", table: "t", columns: [], rows } as const;
  return { ...write(""), capture: { ...write("").capture, work } };
}

function write(sql: string, client: CaptureRequest["client"] = null): WriteRequest {
  const work = { type: "statements", statements: [{ sql }] } as const;
  return {
    capture: { work, client, author: "a", atMs: 0, isInternal: false },
    ack: "committed",
  };
}

describe("the write queue", () => {
  it("captures nothing while it is held, and lets the batch under way end before", async () => {
    const leader = new FakeLeader();
    const first = leader.queue.submit(write("a"));
    let release: () => void = () => undefined;
    const steps: string[] = [];
    const held = leader.queue.whileHeld(async () => {
      steps.push(`held after ${leader.proposed.length}`);
      await new Promise<void>((resolve) => (release = resolve));
    });
    await first;
    const second = leader.queue.submit(write("b"));
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
    expect(steps).toEqual(["held after 1"]);
    expect(leader.captured).toHaveLength(1);
    release();
    await held;
    expect((await second).ok).toBe(true);
    expect(leader.captured).toHaveLength(2);
  });

  it("that is held fails what waits when leadership is lost, and can be held on a follower", async () => {
    const leader = new FakeLeader();
    let release: () => void = () => undefined;
    const held = leader.queue.whileHeld(() => new Promise<void>((resolve) => (release = resolve)));
    const waiting = leader.queue.submit(write("a"));
    leader.refusal = NOT_LEADER;
    leader.queue.failWaiting(NOT_LEADER);
    expect(await waiting).toMatchObject({ ok: false, error: { code: "not-leader" } });
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
    release();
    await held;
    expect(leader.captured).toEqual([]);
    expect(await leader.queue.whileHeld(() => Promise.resolve("done"))).toBe("done");
  });

  it("captures what arrived together in one batch and proposes it at once", async () => {
    const leader = new FakeLeader();
    const outcomes = await Promise.all(
      ["a", "b", "c"].map((sql) => leader.queue.submit(write(sql))),
    );
    expect(leader.captured.map((batch) => batch.length)).toEqual([3]);
    expect(leader.proposed).toEqual([3]);
    expect(outcomes.map((each) => each.ok && each.value.position.index)).toEqual([1, 2, 3]);
  });

  it("ends a batch before its rows are too many, and takes a larger write by itself", async () => {
    const leader = new FakeLeader();
    const rowCounts = [15_000, 5_000, 1, 19_999, 30_000, 1];
    const outcomes = await Promise.all(rowCounts.map((count) => leader.queue.submit(bulk(count))));
    expect(outcomes.every((each) => each.ok)).toBe(true);
    expect(leader.captured.map((batch) => batch.length)).toEqual([2, 2, 1, 1]);
  });

  it("ends a batch of small writes, too, so that the store is free in between", async () => {
    const leader = new FakeLeader();
    await Promise.all(Array.from({ length: 600 }, () => leader.queue.submit(write("a"))));
    expect(leader.captured.map((batch) => batch.length)).toEqual([512, 88]);
  });

  it("gives a transaction in parts the position of its last part", async () => {
    const leader = new FakeLeader();
    const outcomes = await Promise.all(
      ["a", "big", "b"].map((sql) => leader.queue.submit(write(sql))),
    );
    expect(outcomes.map((each) => each.ok && each.value.position.index)).toEqual([1, 4, 5]);
  });

  it("answers a failed statement with its error and lets the others of the batch through", async () => {
    const leader = new FakeLeader();
    const outcomes = await Promise.all(
      ["a", "bad", "b"].map((sql) => leader.queue.submit(write(sql))),
    );
    expect(outcomes.map((each) => (each.ok ? "ok" : each.error.code))).toEqual([
      "ok",
      "sql-error",
      "ok",
    ]);
    expect(leader.proposed).toEqual([2]);
  });

  it("refuses the whole batch when leadership changed while the store worked", async () => {
    const leader = new FakeLeader();
    leader.onPropose = () => err({ code: "not-leader", detail: "another term" });
    const outcomes = await Promise.all(["a", "b"].map((sql) => leader.queue.submit(write(sql))));
    expect(outcomes.map((each) => (each.ok ? "ok" : each.error.code))).toEqual([
      "not-leader",
      "not-leader",
    ]);
  });

  it("answers a write that was done before as safely as it is asked for now", async () => {
    const leader = new FakeLeader();
    const again = { ...write("again", { id: "client", sequence: 7 }), ack: "applied" as const };
    expect(await leader.queue.submit(again)).toMatchObject({ ok: true });
    expect(leader.repeatedWith).toEqual(["40 applied"]);
    expect(leader.proposed).toEqual([]);
    leader.confirmed = () => Promise.resolve({ code: "unknown-outcome", message: "late" });
    expect(await leader.queue.submit(again)).toMatchObject({ error: { code: "unknown-outcome" } });
  });

  it("gives a retry under way the outcome of the first try, captured once", async () => {
    const leader = new FakeLeader();
    const key = { id: "client", sequence: 7 };
    const outcomes = await Promise.all([
      leader.queue.submit(write("a", key)),
      leader.queue.submit(write("a", key)),
    ]);
    expect(leader.captured.flat().length).toBe(1);
    expect(outcomes[0]).toEqual(outcomes[1]);
  });

  it("makes a retry that asks for more wait for more, and captures it once all the same", async () => {
    const leader = new FakeLeader();
    const acks: string[] = [];
    leader.confirmed = (_, ack) => {
      acks.push(ack);
      return Promise.resolve(null);
    };
    const first = write("a", { id: "client", sequence: 7 });
    await Promise.all([
      leader.queue.submit({ ...first, ack: "flushed" }),
      leader.queue.submit({ ...first, ack: "committed" }),
    ]);
    expect(leader.captured.flat().length).toBe(1);
    expect(acks).toEqual(["flushed", "committed"]);
  });

  it("refuses at once when this member does not lead", async () => {
    const leader = new FakeLeader();
    leader.refusal = NOT_LEADER;
    expect(await leader.queue.submit(write("a"))).toEqual(err(NOT_LEADER));
    expect(leader.captured).toEqual([]);
  });

  it("says what is known of a write whose confirmation failed", async () => {
    const leader = new FakeLeader();
    const unknown: ApiError = { code: "unknown-outcome", message: "maybe" };
    leader.confirmed = () => Promise.resolve(unknown);
    expect(await leader.queue.submit(write("a"))).toEqual(err(unknown));
  });
});
