/**
 * Goal: a suffix that another leader's entries replace goes from the back, so that whatever a crash
 * leaves is a log without a gap. Method: a cut over several segments is stopped at every step of the
 * disk, with several ways for the unsynced rest to survive.
 */
import { expect, it } from "vitest";
import { logIndex } from "../../shared/base/ids.ts";
import { FakeDisk } from "../support/fake-disk.ts";
import type { CrashKind, DiskStep } from "../support/fake-disk.ts";
import { diskWith, entriesBetween, entryAt, hardStateOf, openLog } from "./log-fixtures.ts";
import { value, wordsOf } from "./log-fixtures.ts";

const SMALL = { segmentBytesMax: 500 };
const LAST = 30;
/** In the second of eight segments or so. */
const CUT_FROM = 6;
const NEW = entryAt(CUT_FROM, 3, 60);

async function longLog() {
  const disk = new FakeDisk();
  const { log } = await openLog(disk, SMALL);
  value(await log.saveHardState(hardStateOf(2)));
  for (const entry of entriesBetween(1, LAST, 2, 60)) value(await log.append([entry]));
  const words = wordsOf(log);
  await log.close();
  return { files: disk.contents(), words };
}

/** Stores the entry of the new leader. @returns whether it was acknowledged. */
async function cut(disk: FakeDisk, stopAfter = Infinity): Promise<boolean> {
  const { log } = await openLog(disk, SMALL);
  disk.haltAfter(stopAfter);
  return (await log.persist({ hardState: hardStateOf(3), entries: [NEW] })).ok;
}

it.each(["power-lost", "process-killed"] as const)(
  "a cut over several segments that is interrupted anywhere (%s) leaves a log without a gap",
  async (kind: CrashKind) => {
    const { files, words } = await longLog();
    const lengths = new Set<number>();
    let isDone = false;
    for (let stopAfter = 0; !isDone; stopAfter++) {
      for (let seed = 1; seed <= 6; seed++) {
        const disk = diskWith(files, seed);
        isDone = await cut(disk, stopAfter);
        disk.crash(kind);
        const { log } = await openLog(disk, SMALL);
        const found = wordsOf(log);
        const isCut = found.length === CUT_FROM && found.at(-1)?.startsWith("3:") === true;
        expect(found.length).toBeGreaterThanOrEqual(CUT_FROM - 1);
        expect(isCut ? found.slice(0, -1) : found).toEqual(
          words.slice(0, isCut ? CUT_FROM - 1 : found.length),
        );
        if (isDone) expect(isCut).toBe(true);
        lengths.add(found.length);
        await log.close();
      }
    }
    // All of it, none of it, and several lengths in between.
    expect(lengths.size).toBeGreaterThan(4);
  },
);

it("the newest segment goes first, and each is gone for good before the next", async () => {
  const { files } = await longLog();
  const disk = diskWith(files);
  const steps: DiskStep[] = [];
  disk.setFault((step) => {
    if (step.operation === "remove" || step.operation === "sync-folder") steps.push(step);
    return null;
  });
  const { log } = await openLog(disk, SMALL);
  steps.length = 0;
  value(await log.persist({ hardState: hardStateOf(3), entries: [NEW] }));
  const removed = steps.filter(({ operation }) => operation === "remove").map(({ path }) => path);
  expect(removed.length).toBeGreaterThan(4);
  expect(removed).toEqual([...removed].sort().reverse());
  const cutting = steps.slice(0, 2 * removed.length).map(({ operation }) => operation);
  expect(cutting).toEqual(removed.flatMap(() => ["remove", "sync-folder"]));
  await log.close();
});

it("the terms of what was cut are forgotten with it", async () => {
  const { log } = await openLog(new FakeDisk(), SMALL);
  for (const [index, atTerm] of [1, 1, 1, 2, 2, 3].entries()) {
    const entries = [entryAt(index + 1, atTerm)];
    value(await log.persist({ hardState: hardStateOf(atTerm), entries }));
  }
  value(await log.persist({ hardState: hardStateOf(4), entries: entriesBetween(3, 4, 4) }));
  const terms = [1, 2, 3, 4, 5].map((index) => log.termAt(logIndex(index)));
  expect(terms).toEqual([1, 1, 4, 4, null]);
  await log.close();
});
