import { expect, test } from "vitest";
import { describeSchedule, drawSchedule, FAULT_NAMES, possibleFaults } from "./schedule.ts";

const OPTIONS = { faults: FAULT_NAMES, stepCountMax: 4, windowMs: 2_500, holdMsMax: 2_500 };

test("a seed gives the same schedule again, and another seed another one", () => {
  const texts = new Set<string>();
  for (let seed = 1; seed <= 100; seed++) {
    const text = describeSchedule(drawSchedule({ ...OPTIONS, seed }));
    expect(describeSchedule(drawSchedule({ ...OPTIONS, seed }))).toBe(text);
    texts.add(text);
  }
  expect(texts.size).toBe(100);
});

test("a thousand seeds use every fault, and damage the storage of at most one member each", () => {
  const damage = new Set([
    ...["damage", "wipe", "restore"],
    ...["replace", "mirror", "disk-full", "sync-error"],
  ]);
  const used = new Set<string>();
  for (let seed = 1; seed <= 1_000; seed++) {
    const steps = drawSchedule({ ...OPTIONS, seed });
    for (const { fault } of steps) used.add(fault);
    expect(steps.filter(({ fault }) => damage.has(fault)).length).toBeLessThanOrEqual(1);
    for (const { atMs, holdMs } of steps) {
      expect(atMs).toBeLessThanOrEqual(OPTIONS.windowMs);
      expect(holdMs).toBeLessThanOrEqual(OPTIONS.holdMsMax);
    }
  }
  expect([...used].sort()).toEqual([...FAULT_NAMES].sort());
});

test("a disk limits what can be done: only a small one is filled, only a lossy one loses its power", () => {
  expect(possibleFaults(FAULT_NAMES, "plain", false)).not.toContain("disk-full");
  expect(possibleFaults(FAULT_NAMES, "plain", false)).not.toContain("power-loss");
  expect(possibleFaults(FAULT_NAMES, "plain", false)).not.toContain("sync-error");
  expect(possibleFaults(FAULT_NAMES, "tmpfs", true)).toContain("disk-full");
  expect(possibleFaults(FAULT_NAMES, "lossy", true)).toContain("power-loss");
});
