import fc from "fast-check";
import { describe, expect, it } from "vitest";
import * as scroll from "../../renderer/grid/scroll-map.ts";

const measureOf = (rowCount: number) => ({ rowCount, rowPx: 32, viewPx: 600 });

describe("scroll map", () => {
  it("keeps the scroll bar's pixels as they are below the ceiling", () => {
    const measure = measureOf(10_000);
    expect(scroll.fromScrollTop(measure, 12_345)).toBe(12_345);
    expect(scroll.spacerPx(measure)).toBe(320_000);
  });

  it("never asks for a taller element than the ceiling, and still reaches the last row", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2_000_000_000 }), (rowCount) => {
        const measure = measureOf(rowCount);
        expect(scroll.spacerPx(measure)).toBeLessThanOrEqual(scroll.HEIGHT_PX_MAX);
        const bottom = Math.max(0, scroll.spacerPx(measure) - measure.viewPx);
        const top = scroll.fromScrollTop(measure, bottom);
        const last = scroll.visibleRows(measure, top, 0).last;
        expect(last).toBe(rowCount - 1);
      }),
    );
  });

  it("comes back to the same place from the scroll bar", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 50_000_000 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (rowCount, part) => {
          const measure = measureOf(rowCount);
          const top = scroll.topMax(measure) * part;
          const back = scroll.fromScrollTop(measure, scroll.toScrollTop(measure, top));
          expect(Math.abs(back - top)).toBeLessThan(0.001);
        },
      ),
    );
  });

  it("moves no more than needed to show a row", () => {
    const measure = measureOf(1_000);
    expect(scroll.topShowing(measure, 0, 5)).toBe(0);
    expect(scroll.topShowing(measure, 0, 100)).toBe(101 * 32 - 600);
    expect(scroll.topShowing(measure, 9_000, 100)).toBe(3_200);
  });

  it("renders nothing of an empty table", () => {
    expect(scroll.visibleRows(measureOf(0), 0, 6)).toEqual({ first: 0, last: -1 });
  });
});
