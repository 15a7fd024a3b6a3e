import { expect, it } from "vitest";
import { logIndex } from "../../shared/base/ids.ts";
import { FakeDisk } from "../support/fake-disk.ts";
import { entryAt, hardStateOf, openLog, value, wordsOf } from "./log-fixtures.ts";

const DAY_MS = 24 * 60 * 60 * 1000;

function segmentCount(disk: FakeDisk): number {
  return [...disk.contents().keys()].filter((path) => path.endsWith(".seg")).length;
}

it("a segment that is a day old and still empty is written to, not begun a second time", async () => {
  const disk = new FakeDisk();
  let wallMs = Date.UTC(2026, 0, 1);
  const { log } = await openLog(disk, { wallMs: () => wallMs });
  value(await log.saveHardState(hardStateOf(1)));
  wallMs += 2 * DAY_MS;
  value(await log.append([entryAt(1)]));
  expect(segmentCount(disk)).toBe(1);
  // Begun twice it would be two segments of one name, and letting go of the older would take both.
  value(await log.truncatePrefix(logIndex(1)));
  disk.crash();
  const again = await openLog(disk);
  expect(wordsOf(again.log)).toEqual(["1:1 1:1"]);
});

it("a segment is begun anew only after a whole day, and takes what comes until then", async () => {
  const disk = new FakeDisk();
  let wallMs = Date.UTC(2026, 0, 1);
  const { log } = await openLog(disk, { wallMs: () => wallMs });
  value(await log.saveHardState(hardStateOf(1)));
  value(await log.append([entryAt(1)]));
  wallMs += DAY_MS;
  value(await log.append([entryAt(2)]));
  expect(segmentCount(disk)).toBe(1);
  wallMs += 1;
  value(await log.append([entryAt(3)]));
  expect(segmentCount(disk)).toBe(2);
});
