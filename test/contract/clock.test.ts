import { setTimeout as pause } from "node:timers/promises";
import { expect, it } from "vitest";
import { NodeClock } from "../../electron/agent/platform/node-clock.ts";
import { VirtualClock } from "../support/virtual-clock.ts";
import { describeClock } from "./clock-contract.ts";

describeClock("the clock of the computer", () => ({
  clock: new NodeClock(),
  elapse: async (ms) => {
    // Timers of one loop turn may run late; a second turn sees them all done.
    await pause(ms);
    await pause(1);
  },
}));

describeClock("the virtual clock", () => {
  const clock = new VirtualClock();
  return { clock, elapse: async (ms) => clock.advanceTo(clock.nowMs() + ms) };
});

it("the virtual clock stands still by itself and steps from timer to timer", () => {
  const clock = new VirtualClock({ nowMs: 100 });
  const firedAtMs: number[] = [];
  for (const delayMs of [300, 10, 200]) clock.after(delayMs, () => firedAtMs.push(clock.nowMs()));
  clock.after(50, () => firedAtMs.push(-1)).cancel();
  expect(clock.nextAtMs).toBe(110);
  expect(clock.runNext()).toBe(true);
  expect(clock.runNext()).toBe(true);
  expect(firedAtMs).toEqual([110, 300]);
  expect(clock.pendingCount).toBe(1);
  clock.advanceTo(5000);
  expect(firedAtMs).toEqual([110, 300, 400]);
  expect(clock.nowMs()).toBe(5000);
  expect(clock.runNext()).toBe(false);
});

it("a jump of the virtual wall clock leaves timers alone", () => {
  const clock = new VirtualClock();
  clock.after(10, () => undefined);
  const wallMs = clock.wallMs();
  clock.jumpWall(-3_600_000);
  expect(clock.wallMs()).toBe(wallMs - 3_600_000);
  expect(clock.nextAtMs).toBe(10);
});
