import { beforeEach, expect, it } from "vitest";
import { LeaderWords } from "../../electron/agent/replica/leader-words.ts";
import { logIndex } from "../../shared/base/ids.ts";
import { VirtualClock } from "../support/virtual-clock.ts";

let clock: VirtualClock;
let words: LeaderWords;

beforeEach(() => {
  clock = new VirtualClock();
  words = new LeaderWords(clock);
});

/** An answer goes out a tenth of a second after the one before. */
function stampLater(): number {
  clock.advanceTo(clock.nowMs() + 100);
  return words.stamp();
}

it("a word is as new as the very stamp that it answers, not as an earlier one", () => {
  stampLater();
  const second = stampLater();
  stampLater();
  words.heard(logIndex(10), second);
  expect(words.newest?.atMs).toBe(second);
});

it("data counts as of a word only when all that the word names is applied", () => {
  const [first, second] = [stampLater(), stampLater()];
  words.heard(logIndex(10), first);
  words.heard(logIndex(11), second);
  expect(words.asOf(logIndex(9))).toBeNull();
  expect(words.asOf(logIndex(10))?.atMs).toBe(first);
  expect(words.asOf(logIndex(11))?.atMs).toBe(second);
});

it("an older moment does not take the place of a newer one", () => {
  const [first, second] = [stampLater(), stampLater()];
  words.led(logIndex(10), logIndex(10), second);
  words.heard(logIndex(10), first);
  expect(words.newest?.atMs).toBe(second);
  expect(words.asOf(logIndex(10))?.atMs).toBe(second);
});

it("who led has all of a moment only with all that it began with, known to be committed or not", () => {
  const [first, second, third] = [stampLater(), stampLater(), stampLater()];
  words.heard(logIndex(10), first);
  words.led(logIndex(10), logIndex(13), second);
  expect(words.asOf(logIndex(12))?.atMs).toBe(first);
  expect(words.asOf(logIndex(13))?.atMs).toBe(second);
  // A later word that needs less says all that the earlier one said.
  words.led(logIndex(10), logIndex(19), stampLater());
  words.heard(logIndex(14), third);
  words.heard(logIndex(14), stampLater());
  expect(words.asOf(logIndex(14))?.atMs).toBe(words.newest?.atMs);
});

it("an answer to what was said very long ago says nothing of how new the data is", () => {
  const first = stampLater();
  for (let i = 0; i < 1_024; i++) stampLater();
  words.heard(logIndex(10), first);
  expect(words.newest).toBeNull();
});

it("after thousands of words that wait to be applied the data looks hardly older than it is", () => {
  const stamps: number[] = [];
  for (let index = 1; index <= 5_000; index++) {
    const stamp = stampLater();
    stamps.push(stamp);
    words.heard(logIndex(index), stamp);
  }
  for (const applied of [1_000, 1_001, 3_000, 5_000]) {
    const truthMs = stamps[applied - 1] ?? expect.fail("it was stamped");
    const toldMs = words.asOf(logIndex(applied))?.atMs;
    expect(toldMs).toBeLessThanOrEqual(truthMs);
    expect(toldMs).toBeGreaterThanOrEqual(truthMs - 100);
  }
});
