import { describe, expect, it } from "vitest";
import { Confirmations } from "../../electron/agent/replica/confirmations.ts";
import type { Applier } from "../../electron/agent/replica/applier.ts";
import { logIndex, term } from "../../shared/base/ids.ts";
import { VirtualClock } from "../support/virtual-clock.ts";

describe("a write that waits for the leader's disk", () => {
  it("does not count what an earlier term flushed: the log may have been cut since", async () => {
    const confirmations = new Confirmations({
      clock: new VirtualClock(),
      applier: {} as Applier,
      termAt: () => term(3),
      graceMs: 1_000,
      appliedWaitMs: 1_000,
    });
    confirmations.flushed(logIndex(100));
    confirmations.leadershipLost();
    confirmations.flushed(logIndex(90));
    let isConfirmed = false;
    const confirmed = confirmations
      .confirmed({ term: term(3), index: logIndex(95) }, "flushed")
      .then((error) => (isConfirmed = error === null));
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
    expect(isConfirmed).toBe(false);
    confirmations.flushed(logIndex(95));
    await confirmed;
    expect(isConfirmed).toBe(true);
  });

  it("is not confirmed by the flush of another leader's entry in its place", async () => {
    const applied = {
      position: { applied: { term: term(6), index: logIndex(100) } },
      termApplied: () => 6,
    };
    const confirmations = new Confirmations({
      clock: new VirtualClock(),
      applier: applied as unknown as Applier,
      termAt: () => term(6),
      graceMs: 1_000,
      appliedWaitMs: 1_000,
    });
    confirmations.flushed(logIndex(99));
    const answer = confirmations.confirmed({ term: term(5), index: logIndex(100) }, "flushed");
    confirmations.leadershipLost();
    confirmations.flushed(logIndex(101));
    expect(await answer).toMatchObject({ code: "not-leader" });
  });
});

describe("a write that waits for everybody", () => {
  it("is confirmed when all connected members have applied it, and not when this one has", async () => {
    const applied = {
      position: { applied: { term: term(5), index: logIndex(100) } },
      termApplied: () => 5,
      reached: () => ({ done: Promise.resolve("reached"), cancel: () => undefined }),
    };
    const confirmations = new Confirmations({
      clock: new VirtualClock(),
      applier: applied as unknown as Applier,
      termAt: () => term(5),
      graceMs: 1_000,
      appliedWaitMs: 1_000,
    });
    const position = { term: term(5), index: logIndex(100) };
    expect(await confirmations.confirmed(position, "committed")).toBeNull();
    let isConfirmed = false;
    const asked = confirmations.confirmed(position, "applied").then((error) => {
      isConfirmed = error === null;
    });
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
    expect(isConfirmed).toBe(false);
    confirmations.appliedEverywhere(logIndex(100));
    await asked;
    expect(isConfirmed).toBe(true);
  });
});

describe("a write that was done before", () => {
  it("waits for everybody when it is asked for again with the level applied", async () => {
    const clock = new VirtualClock();
    const confirmations = new Confirmations({
      clock,
      applier: {} as Applier,
      termAt: () => null,
      graceMs: 1_000,
      appliedWaitMs: 1_000,
    });
    const position = { term: term(5), index: logIndex(100) };
    expect(await confirmations.repeated(position, "committed")).toBeNull();
    confirmations.appliedEverywhere(logIndex(99));
    const asked = confirmations.repeated(position, "applied");
    clock.advanceTo(1_001);
    expect(await asked).toMatchObject({ code: "unknown-outcome" });
    const again = confirmations.repeated(position, "applied");
    confirmations.appliedEverywhere(logIndex(100));
    expect(await again).toBeNull();
  });
});
