/**
 * Goal: a flaw before the newest whole snapshot costs nothing, because nothing is lost by it; one
 * behind it costs everything it always did. Method: every segment is damaged in turn.
 */
import { describe, expect, it } from "vitest";
import { keepGoodPart } from "../../electron/agent/log/keep-good-part.ts";
import { ReplicationLog } from "../../electron/agent/log/replication-log.ts";
import { parseSegmentName } from "../../electron/agent/log/segment.ts";
import { logIndex, term } from "../../shared/base/ids.ts";
import { FakeDisk } from "../support/fake-disk.ts";
import { diskWith, entryAt, hardStateOf, logOptions, openLog } from "./log-fixtures.ts";
import { tryOpenLog, value, wordsOf } from "./log-fixtures.ts";

const SMALL = { segmentBytesMax: 500 };
const LAST = 30;
/** In the middle of a segment, as snapshots are. */
const SNAPSHOT = 20;

async function wholeLog() {
  const disk = new FakeDisk();
  const { log } = await openLog(disk, SMALL);
  value(await log.saveHardState({ ...hardStateOf(2, "n1"), incarnation: 5 }));
  for (let index = 1; index <= LAST; index++) value(await log.append([entryAt(index, 2, 90)]));
  log.noteCommitted(logIndex(LAST));
  const chainHash = (log.chainHashAt(logIndex(SNAPSHOT)) ?? expect.fail("it is kept")).slice();
  const words = wordsOf(log);
  await log.close();
  const segments = [...disk.contents().keys()].filter((path) => path.endsWith(".seg"));
  const position = { term: term(2), index: logIndex(SNAPSHOT) };
  const covered = { position, chainHash };
  return { files: disk.contents(), segments, words, covered };
}

/** Index of the first entry of a segment. */
function firstOf(path: string | undefined): number {
  return parseSegmentName(path?.replace("log/", "") ?? "")?.firstIndex ?? LAST + 1;
}

describe("a damaged segment", () => {
  it("is let go of exactly when a snapshot stands in for all of it", async () => {
    const { files, segments, words, covered } = await wholeLog();
    let coveredCount = 0;
    for (const [slot, path] of segments.entries()) {
      const isCovered = firstOf(segments[slot + 1]) - 1 <= SNAPSHOT;
      for (const at of [10, 40, 70, 64 + 48 + 20, 300, null]) {
        const disk = diskWith(files);
        if (at === null) disk.dropFile(path);
        else disk.flipBits(path, at);
        const opened = await tryOpenLog(disk, { ...SMALL, covered });
        if (!isCovered) {
          expect(opened).toMatchObject({ ok: false, error: { code: "log-damaged" } });
          continue;
        }
        coveredCount++;
        const { log, report, storedIncarnation } = value(opened);
        expect(log.firstIndex).toBeLessThanOrEqual(SNAPSHOT + 1);
        expect(wordsOf(log)).toEqual(words.slice(log.firstIndex - 1));
        expect([log.lastIndex, storedIncarnation]).toEqual([LAST, 5]);
        if (slot > 0 || at !== null) expect(report.coveredDamage).not.toBeNull();
        value(await log.append([entryAt(LAST + 1, 2)]));
        disk.crash();
        const again = await openLog(disk, { ...SMALL, covered });
        expect([again.log.lastIndex, again.report.coveredDamage]).toEqual([LAST + 1, null]);
        await again.log.close();
      }
    }
    expect(coveredCount).toBeGreaterThanOrEqual(18);
  });

  it("is not let go of for a snapshot of another history, or without one", async () => {
    const { files, segments, covered } = await wholeLog();
    const disk = diskWith(files);
    disk.flipBits(segments[1] ?? "", 200);
    const other = { ...covered, chainHash: new Uint8Array(16).fill(1) };
    for (const options of [{ ...SMALL, covered: other }, SMALL]) {
      expect(await tryOpenLog(disk, options)).toMatchObject({ error: { code: "log-damaged" } });
    }
    const { log } = await openLog(disk, { ...SMALL, covered });
    await log.close();
  });
});

it("what is whole behind a snapshot is saved, although there is damage before and after", async () => {
  const { files, segments, words, covered } = await wholeLog();
  const after = segments.findIndex((path) => firstOf(path) > SNAPSHOT + 3);
  const spoil = (): FakeDisk => {
    const disk = diskWith(files);
    disk.flipBits(segments[1] ?? "", 200);
    disk.flipBits(segments[after] ?? "", 300);
    return disk;
  };
  const disk = spoil();
  const options = { ...logOptions(disk, SMALL), covered };
  expect(await tryOpenLog(disk, options)).toMatchObject({ error: { code: "log-damaged" } });
  const { log, damage } = value(await ReplicationLog.openSalvage(options));
  expect(damage?.ranges).toHaveLength(2);
  expect(log.firstIndex).toBeGreaterThan(1);
  expect(log.lastIndex).toBeGreaterThan(SNAPSHOT);
  expect(wordsOf(log)).toEqual(words.slice(log.firstIndex - 1, log.lastIndex));
  const lastWhole = log.lastIndex;
  await log.close();
  const kept = value(await keepGoodPart({ ...options, incarnation: 5 }));
  expect(kept.last.index).toBe(lastWhole);
  disk.crash();
  const again = await openLog(disk, { ...SMALL, covered });
  expect([again.log.lastIndex, again.storedIncarnation]).toEqual([lastWhole, 5]);
  await again.log.close();
});

it("a log that is bad from before the snapshot on reads as an empty one behind it", async () => {
  const { files, segments, covered } = await wholeLog();
  const disk = diskWith(files);
  for (const path of segments.slice(1)) disk.flipBits(path, 100);
  const options = { ...logOptions(disk, SMALL), covered };
  const { log, commitIndex } = value(await ReplicationLog.openSalvage(options));
  expect([log.firstIndex, log.lastIndex, commitIndex]).toEqual([SNAPSHOT + 1, SNAPSHOT, SNAPSHOT]);
  expect(log.termAt(logIndex(SNAPSHOT))).toBe(2);
  expect(log.chainHashAt(logIndex(SNAPSHOT))).toEqual(covered.chainHash);
  await log.close();
});
