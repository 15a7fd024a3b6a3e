/**
 * Goal: a full disk refuses and does nothing else: no half record is acknowledged, everything
 * stored before stays readable, term and vote can still be stored, and when there is room again
 * the log goes on by itself. Method: room for every single number of bytes, and no room at every
 * single step.
 */
import { describe, expect, it } from "vitest";
import { DiskReserve, RESERVE_BYTES_MIN } from "../../electron/agent/log/disk-reserve.ts";
import { SnapshotFiles } from "../../electron/agent/log/snapshots.ts";
import { logIndex } from "../../shared/base/ids.ts";
import type { DiskError } from "../../electron/agent/ports.ts";
import { FakeDisk } from "../support/fake-disk.ts";
import {
  entriesBetween,
  entryAt,
  hardStateOf,
  openLog,
  silentLogger,
  value,
} from "./log-fixtures.ts";
import { wordsOf } from "./log-fixtures.ts";
import { contentAt, openSnapshots } from "./snapshot-fixtures.ts";

const FULL: DiskError = { code: "storage-full", detail: "no room" };

/** Three entries, and a fourth step that would begin a new segment. */
async function filledLog(segmentBytesMax: number, isCopyOnWrite = false) {
  const disk = new FakeDisk({ isCopyOnWrite });
  const opened = await openLog(disk, { segmentBytesMax });
  value(await opened.log.saveHardState(hardStateOf(1, "n1")));
  value(await opened.log.append(entriesBetween(1, 3, 1, 40)));
  return { disk, log: opened.log, segmentBytesMax };
}

/** A batch is refused for want of a byte, and taken when there is room. @returns refusals. */
async function refuseAtEveryByte(segmentBytesMax: number, isCopyOnWrite: boolean): Promise<number> {
  const batch = { hardState: hardStateOf(2, "n2"), entries: entriesBetween(4, 6, 2, 50) };
  for (let freeBytes = 0; ; freeBytes++) {
    const { disk, log } = await filledLog(segmentBytesMax, isCopyOnWrite);
    disk.setFreeBytes(freeBytes);
    const done = await log.persist(batch);
    if (done.ok) return freeBytes;
    expect(done.error.code).toBe("storage-full");
    expect(wordsOf(log)).toHaveLength(3);
    disk.crash(freeBytes % 2 === 0 ? "power-lost" : "process-killed");
    const { log: again, hardState } = await openLog(disk, { segmentBytesMax });
    expect(wordsOf(again)).toHaveLength(3);
    // The vote was stored, with the room of the reserve where that is needed.
    expect(hardState).toEqual(hardStateOf(2, "n2"));
    disk.setFreeBytes(null);
    value(await again.persist(batch));
    expect(wordsOf(again)).toHaveLength(6);
    await again.close();
  }
}

describe("a full disk", () => {
  it("refuses a batch at every byte of it, and stores term and vote all the same", async () => {
    const overhead = 3 * (48 + 50);
    expect(await refuseAtEveryByte(64 * 1024, false)).toBe(overhead);
  });

  it("refuses it at every byte of a new segment, too", async () => {
    const overhead = 64 + 3 * (48 + 50);
    expect(await refuseAtEveryByte(200, false)).toBe(overhead);
  });

  it("that copies on write gives the reserve for term and vote", async () => {
    // From 128 bytes on the hard state needs no reserve; the entries still find no room.
    const { disk, log } = await filledLog(64 * 1024, true);
    expect(log.reserve?.isHeld).toBe(true);
    disk.setFreeBytes(100);
    value(await log.saveHardState(hardStateOf(2, "n2")));
    expect(log.reserve?.isHeld).toBe(false);
    disk.setFreeBytes(100);
    const refused = await log.append(entriesBetween(4, 5, 1, 100));
    expect(refused).toMatchObject({ error: { code: "storage-full" } });
    disk.setFreeBytes(null);
    value(await log.append(entriesBetween(4, 5, 1, 100)));
    expect(log.reserve?.isHeld).toBe(true);
    disk.crash();
    const again = await openLog(disk);
    expect(again.hardState).toEqual(hardStateOf(2, "n2"));
    expect(again.log.lastIndex).toBe(5);
  });

  it("lets what is there be read, and the log be opened again", async () => {
    const { disk, log } = await filledLog(200);
    await log.close();
    for (const freeBytes of [0, 10, 100, 1000]) {
      disk.crash("process-killed");
      disk.setFreeBytes(freeBytes);
      const again = await openLog(disk, { segmentBytesMax: 200 });
      expect(wordsOf(again.log)).toHaveLength(3);
      await again.log.close();
    }
  });
});

describe("the reserve", () => {
  it("is there whole or not at all, at every number of free bytes", async () => {
    const steps = [0, 1, 100, RESERVE_BYTES_MIN - 1, RESERVE_BYTES_MIN, RESERVE_BYTES_MIN + 1];
    for (const freeBytes of steps) {
      const disk = new FakeDisk();
      disk.setFreeBytes(freeBytes);
      const reserve = await DiskReserve.open(disk, "log", RESERVE_BYTES_MIN);
      expect(reserve.isHeld).toBe(freeBytes >= RESERVE_BYTES_MIN);
      expect(disk.contents().size).toBe(reserve.isHeld ? 1 : 0);
    }
  });

  it("is not looked for again at every write", async () => {
    const disk = new FakeDisk();
    disk.setFreeBytes(10);
    const reserve = await DiskReserve.open(disk, "log", RESERVE_BYTES_MIN);
    let attemptCount = 0;
    disk.setFault((step) => {
      if (step.operation === "append") attemptCount++;
      return null;
    });
    for (let write = 0; write < 100; write++) await reserve.maybeRestore();
    expect(attemptCount).toBe(2);
    disk.setFreeBytes(null);
    for (let write = 0; write < 100; write++) await reserve.maybeRestore();
    expect(reserve.isHeld).toBe(true);
  });

  it("is not given for anything but a full disk", async () => {
    const reserve = await DiskReserve.open(new FakeDisk(), "log", RESERVE_BYTES_MIN);
    const failed = await reserve.run(() => {
      return Promise.resolve({ ok: false, error: { code: "storage-failed", detail: "EIO" } });
    });
    expect(failed.ok).toBe(false);
    expect(reserve.isHeld).toBe(true);
  });
});

/** What a member does with its disk, in order; each step may be done again after a refusal. */
async function script(disk: FakeDisk) {
  const { log } = await openLog(disk, { segmentBytesMax: 400 });
  const snapshots = await openSnapshots(disk);
  const steps: (() => Promise<{ readonly ok: boolean; readonly error?: DiskError }>)[] = [];
  for (let index = 1; index <= 12; index += 3) {
    const work = {
      hardState: hardStateOf(index, "n1"),
      entries: entriesBetween(index, index + 2, index, 60),
    };
    steps.push(() => log.persist(work));
  }
  steps.push(() => snapshots.write(contentAt(6)));
  steps.push(() => log.truncatePrefix(logIndex(6)));
  steps.push(() => log.persist({ hardState: hardStateOf(20), entries: [entryAt(11, 20)] }));
  steps.push(() => snapshots.write(contentAt(9)));
  return { log, snapshots, steps };
}

it("a refusal of room at any one step of the disk is got over", async () => {
  const probe = new FakeDisk();
  const rehearsal = await script(probe);
  const before = probe.changeCount;
  for (const step of rehearsal.steps) value((await step()) as never);
  const stepCount = probe.changeCount - before;
  let refusedCount = 0;
  for (let refused = 1; refused <= stepCount; refused++) {
    const disk = new FakeDisk({ seed: refused });
    const { log, snapshots, steps } = await script(disk);
    let count = 0;
    disk.setFault((step) => {
      count++;
      // Syncs, removals and cuts make no use of room.
      const takesRoom = !["sync", "sync-folder", "remove", "truncate"].includes(step.operation);
      return count === refused && takesRoom ? FULL : null;
    });
    for (const step of steps) {
      const first = await step();
      if (first.ok) continue;
      expect(first.error?.code).toBe("storage-full");
      refusedCount++;
      expect((await step()).ok).toBe(true);
    }
    expect([log.lastIndex, snapshots.latest()?.mark.position.index]).toEqual([11, 9]);
    disk.crash();
    const again = await openLog(disk, { segmentBytesMax: 400 });
    expect([again.log.lastIndex, again.hardState.term]).toEqual([11, 20]);
    const found = value(
      await SnapshotFiles.open({ disk, folder: "snapshots", logger: silentLogger }),
    );
    expect(value(await found.read())?.image).toEqual(contentAt(9).image);
  }
  expect(refusedCount).toBeGreaterThan(15);
});

it("a snapshot is refused at every byte of it, and the one before stays", async () => {
  const sizeBytes = 700;
  let refusedCount = 0;
  const disk = new FakeDisk();
  const files = await openSnapshots(disk);
  value(await files.write(contentAt(10, sizeBytes)));
  for (let freeBytes = 0; ; freeBytes++) {
    disk.setFreeBytes(freeBytes);
    const written = await files.write(contentAt(20, sizeBytes));
    if (written.ok) break;
    expect(written.error.code).toBe("storage-full");
    expect(files.latest()?.mark.position.index).toBe(10);
    refusedCount++;
  }
  expect(refusedCount).toBeGreaterThan(sizeBytes);
  disk.crash();
  const again = await openSnapshots(disk);
  expect(value(await again.read())?.mark.position.index).toBe(20);
});
