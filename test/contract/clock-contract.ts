import { describe, expect, it } from "vitest";
import type { Clock } from "../../electron/agent/ports.ts";

/** A clock under test; `elapse` lets at least `ms` pass. */
export type ClockUnderTest = { readonly clock: Clock; elapse(ms: number): Promise<void> };

/** What every implementation of the Clock port promises. */
export function describeClock(name: string, make: () => ClockUnderTest): void {
  describe(`${name} keeps the contract of the Clock port`, () => {
    it("never goes back and moves on with time", async () => {
      const { clock, elapse } = make();
      const before = clock.nowMs();
      await elapse(20);
      expect(clock.nowMs()).toBeGreaterThanOrEqual(before + 19);
    });

    it("tells the wall clock in ms since 1970", () => {
      const { clock } = make();
      expect(clock.wallMs()).toBeGreaterThan(Date.UTC(2020, 0, 1));
    });

    it("calls back once, not before its time and not within the call that set it", async () => {
      const { clock, elapse } = make();
      const calledAtMs: number[] = [];
      const setAtMs = clock.nowMs();
      clock.after(15, () => calledAtMs.push(clock.nowMs()));
      expect(calledAtMs).toEqual([]);
      await elapse(60);
      expect(calledAtMs.length).toBe(1);
      expect((calledAtMs[0] ?? 0) - setAtMs).toBeGreaterThanOrEqual(14);
    });

    it("calls back in order of time, and of setting when the time is the same", async () => {
      const { clock, elapse } = make();
      const order: string[] = [];
      clock.after(30, () => order.push("late"));
      clock.after(5, () => order.push("first of two"));
      clock.after(5, () => order.push("second of two"));
      await elapse(80);
      expect(order).toEqual(["first of two", "second of two", "late"]);
    });

    it("does not call back after a cancel, and a second cancel is harmless", async () => {
      const { clock, elapse } = make();
      let callCount = 0;
      const timer = clock.after(5, () => callCount++);
      timer.cancel();
      timer.cancel();
      await elapse(30);
      expect(callCount).toBe(0);
    });

    it("lets a callback set the next timer and cancel itself", async () => {
      const { clock, elapse } = make();
      let callCount = 0;
      const again = (): void => {
        callCount++;
        if (callCount < 3) timer = clock.after(1, again);
        else timer.cancel();
      };
      let timer = clock.after(1, again);
      await elapse(60);
      expect(callCount).toBe(3);
    });

    it("waits for a time beyond the largest delay instead of firing at once", async () => {
      const { clock, elapse } = make();
      let callCount = 0;
      const timer = clock.after(2 ** 40, () => callCount++);
      await elapse(30);
      expect(callCount).toBe(0);
      timer.cancel();
    });
  });
}
