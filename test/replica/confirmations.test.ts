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
});
