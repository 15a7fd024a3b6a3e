import { describe, expect, it } from "vitest";
import { Coverage, CoverageTable } from "./coverage.ts";

const TRUCE = "truce that did not gather";

describe("the table of what came how often", () => {
  it("shows what was wanted and did not come to pass, also when that never happened", () => {
    const table = new CoverageTable();
    expect(table.lines().filter((line) => line.startsWith(TRUCE))).toHaveLength(1);
    const world = new Coverage();
    world.missed(TRUCE);
    world.missed(TRUCE);
    table.add(world.counts);
    expect(table.lines().find((line) => line.startsWith(TRUCE))).toMatch(/ 2 +1$/);
  });

  it("misses faults that never came, and not those misfortunes", () => {
    const table = new CoverageTable();
    expect(table.missing()).toContain("fault crash");
    expect(table.missing()).not.toContain(TRUCE);
    const world = new Coverage();
    world.fault("crash");
    table.add(world.counts);
    expect(table.missing()).not.toContain("fault crash");
  });
});
