import { describe, expect, it } from "vitest";
import { WallClock } from "./wall-clock.ts";

describe("when a wall clock showed a time", () => {
  it("is that very ms, however wrong it is", () => {
    const clock = new WallClock(-4_000);
    const shown = clock.readAt(1_234.7);
    expect(clock.momentOf(shown, 0)).toBe(1_234);
    expect(clock.momentOf(shown, 1_234.5)).toBe(1_234.5);
  });

  it("is before somebody set it, if it was told then", () => {
    const clock = new WallClock(0);
    const shown = clock.readAt(1_000);
    clock.jump(2_000, 3_600_000);
    const later = clock.readAt(2_500);
    expect([clock.momentOf(shown, 0), clock.momentOf(later, 0)]).toEqual([1_000, 2_500]);
  });

  it("is the first of two times, when it was set back", () => {
    const clock = new WallClock(0);
    const shown = clock.readAt(1_000);
    clock.jump(2_000, -1_500);
    expect(clock.readAt(2_500)).toBe(shown);
    expect(clock.momentOf(shown, 0)).toBe(1_000);
    expect(clock.momentOf(shown, 1_800)).toBe(2_500);
  });

  it("is never for a time that was jumped over", () => {
    const clock = new WallClock(0);
    const before = clock.readAt(1_000);
    clock.jump(1_000, 10_000);
    expect(clock.momentOf(before + 5_000, 0)).toBeNull();
  });
});
