import { describe, expect, it } from "vitest";
import type { LogReadError } from "../../electron/agent/log/log-error.ts";
import { ReplicationLog } from "../../electron/agent/log/replication-log.ts";
import { logIndex, memberId } from "../../shared/base/ids.ts";
import { FakeDisk } from "../support/fake-disk.ts";
import { entriesBetween, entryAt, hardStateOf, logOptions, openLog } from "./log-fixtures.ts";
import { tryOpenLog, value, wordsOf } from "./log-fixtures.ts";

const SMALL = { segmentBytesMax: 500, cacheBytesMax: 600 };

async function fullLog(): Promise<{ readonly disk: FakeDisk; readonly segments: string[] }> {
  const disk = new FakeDisk();
  const { log } = await openLog(disk, SMALL);
  value(await log.saveHardState({ ...hardStateOf(2, "n1"), incarnation: 0 }));
  for (let index = 1; index <= 20; index++) value(await log.append([entryAt(index, 2, 90)]));
  log.noteCommitted(logIndex(20));
  await log.close();
  return { disk, segments: [...disk.contents().keys()].filter((path) => path.endsWith(".seg")) };
}

async function salvage(disk: FakeDisk) {
  return value(await ReplicationLog.openSalvage(logOptions(disk, SMALL)));
}

describe("a damaged log opened for reading", () => {
  it("gives everything before the first damaged place, and changes no byte", async () => {
    const { disk, segments } = await fullLog();
    disk.flipBits(segments[2] ?? "", 300);
    const before = disk.contents();
    const { log, hardState, commitIndex, damage } = await salvage(disk);
    const { goodPrefix, highestIndex } = damage ?? expect.fail("it is damaged");
    expect(wordsOf(log)).toHaveLength(log.lastIndex);
    expect(log.lastIndex).toBeGreaterThan(5);
    expect([goodPrefix.last.index, highestIndex]).toEqual([log.lastIndex, 20]);
    expect(commitIndex).toBe(log.lastIndex);
    expect(hardState).toEqual(hardStateOf(2));
    await log.close();
    expect(disk.contents()).toEqual(before);
  });

  it("refuses every change", async () => {
    const { disk, segments } = await fullLog();
    disk.flipBits(segments[2] ?? "", 300);
    const { log } = await salvage(disk);
    const next = log.lastIndex + 1;
    const refused = { ok: false, error: { code: "not-writable" } };
    expect(await log.append([entryAt(next, 2)])).toMatchObject(refused);
    expect(await log.saveHardState(hardStateOf(9))).toMatchObject(refused);
    expect(await log.truncatePrefix(logIndex(3))).toMatchObject(refused);
    const position = { term: hardStateOf(2).term, index: logIndex(30) };
    expect(await log.resetTo(position, new Uint8Array(16))).toMatchObject(refused);
    log.noteCommitted(log.lastIndex);
    expect([log.lastIndex, log.reserve]).toEqual([next - 1, null]);
    await log.close();
  });

  it("is empty when it begins after the newest whole snapshot, and names what is missing between", async () => {
    const { disk } = await fullLog();
    const { log: whole } = await openLog(disk, SMALL);
    value(await whole.truncatePrefix(logIndex(12)));
    const base = whole.firstIndex - 1;
    await whole.close();
    expect(base).toBeGreaterThan(3);
    const before = disk.contents();
    const opened = await ReplicationLog.openSalvage({
      ...logOptions(disk, SMALL),
      snapshotIndex: 3,
    });
    const { log, damage } = value(opened);
    expect(damage?.ranges).toMatchObject([
      { cause: "missing-file", firstIndex: 4, lastIndex: base },
    ]);
    expect([log.lastIndex, damage?.highestIndex, damage?.goodPrefix.last.index]).toEqual([
      0, 20, 0,
    ]);
    await log.close();
    const enough = { ...logOptions(disk, SMALL), snapshotIndex: base };
    const { log: reached, damage: none } = value(await ReplicationLog.openSalvage(enough));
    expect([none, reached.firstIndex - 1, reached.lastIndex]).toEqual([null, base, 20]);
    await reached.close();
    expect(disk.contents()).toEqual(before);
  });

  it("is empty when nothing of it is good", async () => {
    const { disk, segments } = await fullLog();
    disk.flipBits(segments[0] ?? "", 10);
    const { log, commitIndex } = await salvage(disk);
    expect([log.firstIndex, log.lastIndex, log.bytesAfter(logIndex(0)), commitIndex]).toEqual([
      1, 0, 0, 0,
    ]);
    await log.close();
  });

  it("reads a whole log, too, and finds nothing wrong", async () => {
    const { disk } = await fullLog();
    const { log, damage } = await salvage(disk);
    expect([log.lastIndex, damage]).toEqual([20, null]);
    await log.close();
  });
});

describe("a record that goes bad while the log is open", () => {
  it("is never served, is told once, and nothing is stored behind it", async () => {
    const { disk, segments } = await fullLog();
    const errors: LogReadError[] = [];
    const { log } = await openLog(disk, { ...SMALL, onReadError: (error) => errors.push(error) });
    disk.flipBits(segments[1] ?? "", 200);
    expect(() => log.entriesFrom(logIndex(1), Infinity)).toThrow(/no valid record/);
    expect(() => log.entriesFrom(logIndex(5), Infinity)).toThrow(/no valid record/);
    expect(errors.map((error) => error.code)).toEqual(["log-damaged"]);
    expect(await log.append([entryAt(21, 2)])).toMatchObject({ error: { code: "storage-failed" } });
    await log.close();
    expect(await tryOpenLog(disk, SMALL)).toMatchObject({ error: { code: "log-damaged" } });
  });

  it("is found by its neighbour's hash, too", async () => {
    const { disk, segments } = await fullLog();
    const { log } = await openLog(disk, SMALL);
    const expected = log.chainHashAt(logIndex(2));
    disk.flipBits(segments[0] ?? "", 64 + 2 * (48 + 90) + 40);
    expect(expected).not.toBeNull();
    expect(() => log.chainHashAt(logIndex(2))).toThrow(/no valid record/);
    await log.close();
  });
});

describe("the dates of segments", () => {
  const DAY_MS = 24 * 60 * 60 * 1000;

  it("tell which entries are older than a moment, exact to a segment", async () => {
    let nowMs = 1_800_000_000_000;
    const disk = new FakeDisk();
    const options = { self: memberId("n1"), wallMs: () => nowMs, segmentBytesMax: 64 * 1024 };
    const { log } = await openLog(disk, options);
    value(await log.saveHardState(hardStateOf(1)));
    for (let index = 1; index <= 10; index++) {
      value(await log.append([entryAt(index)]));
      nowMs += DAY_MS / 2 + 1;
    }
    // A day is the age at which a segment gets no more entries.
    expect(log.lastIndexBefore(nowMs)).toBe(8);
    expect(log.lastIndexBefore(nowMs - 3 * DAY_MS)).toBe(4);
    expect(log.lastIndexBefore(nowMs - 60 * DAY_MS)).toBe(0);
    value(await log.truncatePrefix(log.lastIndexBefore(nowMs - 3 * DAY_MS)));
    expect(log.firstIndex).toBe(5);
    await log.close();
    const again = await openLog(disk, options);
    expect(again.log.lastIndexBefore(nowMs)).toBe(8);
    await again.log.close();
  });

  it("stop nothing when the clock jumps back, or there is none", async () => {
    let nowMs = 1_800_000_000_000;
    const { log } = await openLog(new FakeDisk(), { wallMs: () => nowMs });
    value(await log.saveHardState(hardStateOf(1)));
    value(await log.append(entriesBetween(1, 3)));
    nowMs = -5;
    value(await log.append(entriesBetween(4, 5)));
    expect(log.lastIndexBefore(nowMs)).toBe(0);
    await log.close();
    const undated = await openLog(new FakeDisk());
    expect(undated.log.lastIndexBefore(1_900_000_000_000)).toBe(0);
    await undated.log.close();
  });
});
