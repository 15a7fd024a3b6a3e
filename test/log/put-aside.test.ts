/**
 * Goal: a damaged log is put aside, or its good part kept, without losing a byte of it and without
 * ever leaving something that looks like a log and is not, wherever the work is interrupted.
 * Method: the disk stops at every single step; the work is then begun again and must end the same.
 */
import { describe, expect, it } from "vitest";
import { findHardState } from "../../electron/agent/log/hard-state-files.ts";
import { keepGoodPart } from "../../electron/agent/log/keep-good-part.ts";
import { placeOf } from "../../electron/agent/log/log-parts.ts";
import { moveAside } from "../../electron/agent/log/move-aside.ts";
import { logIndex, memberId } from "../../shared/base/ids.ts";
import { FakeDisk } from "../support/fake-disk.ts";
import {
  diskWith,
  entriesBetween,
  entryAt,
  hardStateOf,
  logOptions,
  openLog,
  tryOpenLog,
  value,
  wordsOf,
} from "./log-fixtures.ts";

const SELF = memberId("n1");
const SMALL = { segmentBytesMax: 500, self: SELF };
/** Entries in the middle of the second segment are spoiled; the first one is whole. */
const SPOILED_SEGMENT = 1;
const MARK = "log/put-aside";

type Files = ReadonlyMap<string, Uint8Array>;

async function damagedLog(
  committed = 0,
): Promise<{ readonly files: Files; readonly words: readonly string[] }> {
  const disk = new FakeDisk();
  const { log } = await openLog(disk, SMALL);
  value(await log.saveHardState({ ...hardStateOf(3, "n2"), incarnation: 7 }));
  for (let index = 1; index <= 21; index += 3) {
    value(await log.append(entriesBetween(index, index + 2, 3, 60)));
  }
  const words = wordsOf(log);
  log.noteCommitted(logIndex(committed));
  await log.close();
  const segments = segmentsOf(disk.contents());
  disk.flipBits(segments[SPOILED_SEGMENT] ?? "", 64 + 48 + 60 + 20);
  return { files: disk.contents(), words };
}

function segmentsOf(files: Files, folder = "log"): string[] {
  return [...files.keys()].filter((path) => path.startsWith(`${folder}/`) && path.endsWith(".seg"));
}

function optionsOf(disk: FakeDisk) {
  return { ...logOptions(disk, SMALL), disk };
}

/** Every original byte is still somewhere. */
function expectNothingLost(before: Files, after: Files): void {
  for (const path of segmentsOf(before)) {
    const name = path.replace("log/", "");
    const moved = after.get(`log-damaged-1/${name}`) ?? after.get(path);
    expect(Buffer.from(moved ?? []).equals(Buffer.from(before.get(path) ?? []))).toBe(true);
  }
}

describe("a damaged log", () => {
  it("is put aside whole, and an empty one that vouches for nothing is left", async () => {
    const { files } = await damagedLog();
    const disk = diskWith(files);
    expect(await tryOpenLog(disk, SMALL)).toMatchObject({ error: { code: "log-damaged" } });
    expect(value(await moveAside(optionsOf(disk)))).toBe("log-damaged-1");
    disk.crash();
    const { log, hardState, storedIncarnation } = await openLog(disk, SMALL);
    expect([log.firstIndex, log.lastIndex]).toEqual([1, 0]);
    expect(hardState).toEqual({ ...hardStateOf(3, "n2"), incarnation: null });
    expect(storedIncarnation).toBeNull();
    expectNothingLost(files, disk.contents());
    await log.close();
  });

  it("keeps its good part, in a term of its own", async () => {
    const { files, words } = await damagedLog();
    const disk = diskWith(files);
    const kept = value(await keepGoodPart({ ...optionsOf(disk), incarnation: 7 }));
    disk.crash();
    const { log, hardState } = await openLog(disk, SMALL);
    expect(log.lastIndex).toBe(kept.last.index);
    expect(kept.last.index).toBeGreaterThan(2);
    expect(wordsOf(log)).toEqual(words.slice(0, log.lastIndex));
    expect(hardState).toEqual({ ...hardStateOf(4), incarnation: 7 });
    value(await log.append([entryAt(log.lastIndex + 1, 4)]));
    await log.close();
    expectNothingLost(files, disk.contents());
  });

  it.each([2, 20])("goes on knowing that it was committed up to %i", async (committed) => {
    const { files } = await damagedLog(committed);
    const disk = diskWith(files);
    const kept = value(await keepGoodPart({ ...optionsOf(disk), incarnation: 7 }));
    disk.crash();
    const { log, commitIndex } = await openLog(disk, SMALL);
    expect(commitIndex).toBe(Math.min(committed, kept.last.index));
    await log.close();
  });

  it("without anything good in it begins anew behind its own number", async () => {
    const { files } = await damagedLog();
    const disk = diskWith(files);
    for (const path of segmentsOf(files)) disk.flipBits(path, 20);
    const kept = value(await keepGoodPart({ ...optionsOf(disk), incarnation: null }));
    expect(kept.last.index).toBe(0);
    const { log } = await openLog(disk, SMALL);
    expect(log.lastIndex).toBe(0);
    await log.close();
  });

  it("whose term and vote are gone gets the highest term that was seen", async () => {
    const { files } = await damagedLog();
    const disk = diskWith(files);
    for (const name of ["log/hard-state.1", "log/hard-state.2"]) disk.flipBits(name, 24);
    value(await moveAside(optionsOf(disk)));
    expect([...disk.contents().keys()]).toContain("log-damaged-1/hard-state.1");
    const { log, hardState } = await openLog(disk, SMALL);
    expect(hardState).toEqual({ ...hardStateOf(3), incarnation: null });
    await log.close();
  });
});

describe("term and vote of a damaged log", () => {
  it("of an older term than its records are not taken for a vote in the later one", async () => {
    const { files } = await damagedLog();
    const disk = diskWith(files);
    const older = new FakeDisk();
    const { log: before } = await openLog(older, SMALL);
    value(await before.saveHardState({ ...hardStateOf(1, "n2"), incarnation: 7 }));
    await before.close();
    for (const name of ["log/hard-state.1", "log/hard-state.2"]) {
      disk.putFile(name, older.contents().get(name) ?? expect.fail("it was stored"));
    }
    value(await moveAside(optionsOf(disk)));
    const { log, hardState } = await openLog(disk, SMALL);
    expect(hardState).toEqual({ ...hardStateOf(3), incarnation: null });
    await log.close();
  });

  it("that are lost with all of it never begin again below the records, wherever it stops", async () => {
    const { files } = await damagedLog();
    let isDone = false;
    for (let stopAfter = 0; !isDone; stopAfter++) {
      const disk = diskWith(files, stopAfter + 1);
      for (const path of segmentsOf(files)) disk.flipBits(path, 20);
      for (const name of ["log/hard-state.1", "log/hard-state.2"]) disk.flipBits(name, 24);
      disk.haltAfter(stopAfter);
      isDone = (await keepGoodPart({ ...optionsOf(disk), incarnation: 7 })).ok;
      disk.crash(stopAfter % 2 === 0 ? "power-lost" : "process-killed");
      const between = await tryOpenLog(disk, SMALL);
      if (between.ok) await between.value.log.close();
      else value(await keepGoodPart({ ...optionsOf(disk), incarnation: 7 }));
      const { log, hardState } = await openLog(disk, SMALL);
      expect(hardState.term).toBeGreaterThan(3);
      await log.close();
    }
  });
});

describe("putting a log aside", () => {
  it("is begun again after an interruption at every step, and ends the same", async () => {
    const { files } = await damagedLog();
    let stepCount = 0;
    for (let stopAfter = 0; ; stopAfter++) {
      const disk = diskWith(files, stopAfter + 1);
      disk.haltAfter(stopAfter);
      const first = await moveAside(optionsOf(disk));
      disk.crash(stopAfter % 2 === 0 ? "power-lost" : "process-killed");
      const between = await tryOpenLog(disk, SMALL);
      if (between.ok) {
        // Only a finished one opens, and it vouches for nothing.
        expect([between.value.log.lastIndex, between.value.storedIncarnation]).toEqual([0, null]);
        await between.value.log.close();
      } else {
        expect(between.error.code).toBe("log-damaged");
        value(await moveAside(optionsOf(disk)));
      }
      expectNothingLost(files, disk.contents());
      const { log, hardState } = await openLog(disk, SMALL);
      expect([log.lastIndex, hardState.term, hardState.incarnation]).toEqual([0, 3, null]);
      await log.close();
      stepCount = stopAfter;
      if (first.ok) break;
    }
    expect(stepCount).toBeGreaterThan(25);
  });

  /**
   * The mark alone keeps what is left from being taken for a log; should the disk lose it, the member
   * must not vouch for that log either.
   */
  it("gives up the incarnation before the mark is made and before anything moves", async () => {
    const { files } = await damagedLog();
    let startedCount = 0;
    let isDone = false;
    for (let stopAfter = 0; !isDone; stopAfter++) {
      for (const kind of ["power-lost", "process-killed"] as const) {
        const disk = diskWith(files, stopAfter + 1);
        disk.haltAfter(stopAfter);
        isDone = (await moveAside(optionsOf(disk))).ok;
        disk.crash(kind);
        const left = [...disk.contents().keys()];
        const isStarted = left.some((path) => path.startsWith("log-damaged-1/"));
        if (!isStarted && !left.includes(MARK)) continue;
        startedCount++;
        disk.dropFile(MARK);
        const place = placeOf(optionsOf(disk));
        expect(value(await findHardState(place)).newest?.numbered.stored).toBeNull();
        const opened = await tryOpenLog(disk, SMALL);
        if (!opened.ok) continue;
        expect(opened.value.storedIncarnation).toBeNull();
        await opened.value.log.close();
      }
    }
    expect(startedCount).toBeGreaterThan(30);
  });

  it("goes through on a full disk, with the room of the reserve", async () => {
    const { files } = await damagedLog();
    const disk = diskWith(files);
    disk.setFreeBytes(0);
    value(await moveAside(optionsOf(disk)));
    disk.setFreeBytes(null);
    expect((await openLog(disk, SMALL)).log.lastIndex).toBe(0);
  });

  it("keeps the newest three of them", async () => {
    const { files } = await damagedLog();
    const disk = diskWith(files);
    for (let time = 1; time <= 5; time++) {
      value(await moveAside(optionsOf(disk)));
      const { log, hardState } = await openLog(disk, SMALL);
      value(await log.append([entryAt(1, hardState.term)]));
      await log.close();
    }
    const folders = new Set([...disk.contents().keys()].map((path) => path.split("/")[0]));
    expect([...folders].sort()).toEqual(["log", "log-damaged-1", "log-damaged-2", "log-damaged-3"]);
    // Each was emptied before it was used again: two logs in one could not be told apart.
    const generations = segmentsOf(disk.contents(), "log-damaged-1").map((path) =>
      path.slice(0, 20),
    );
    expect(new Set(generations).size).toBe(1);
  });

  it("never mixes it with an older one whose removal the disk forgot", async () => {
    const disk = diskWith((await damagedLog()).files);
    for (let time = 1; time <= 3; time++) {
      value(await moveAside(optionsOf(disk)));
      const { log, hardState } = await openLog(disk, SMALL);
      value(await log.append([entryAt(1, hardState.term)]));
      await log.close();
    }
    const files = disk.contents();
    let isDone = false;
    for (let stopAfter = 0; !isDone; stopAfter++) {
      const again = diskWith(files, stopAfter + 1);
      again.haltAfter(stopAfter);
      isDone = (await moveAside(optionsOf(again))).ok;
      again.crash("power-lost");
      if (!isDone) value(await moveAside(optionsOf(again)));
      const [before, after] = [files, again.contents()].map((each) =>
        segmentsOf(each, "log-damaged-1"),
      );
      expect(after?.some((path) => before?.includes(path))).toBe(false);
    }
  });
});

describe("keeping the good part", () => {
  it("is begun again after an interruption at every step, and ends the same", async () => {
    const { files, words } = await damagedLog();
    const whole = diskWith(files);
    const expected = value(await keepGoodPart({ ...optionsOf(whole), incarnation: 7 }));
    let stepCount = 0;
    for (let stopAfter = 0; ; stopAfter++) {
      const disk = diskWith(files, stopAfter + 1);
      disk.haltAfter(stopAfter);
      const first = await keepGoodPart({ ...optionsOf(disk), incarnation: 7 });
      disk.crash(stopAfter % 2 === 0 ? "power-lost" : "process-killed");
      const between = await tryOpenLog(disk, SMALL);
      if (between.ok) await between.value.log.close();
      else {
        expect(between.error.code).toBe("log-damaged");
        value(await keepGoodPart({ ...optionsOf(disk), incarnation: 7 }));
      }
      expectNothingLost(files, disk.contents());
      const { log, hardState } = await openLog(disk, SMALL);
      expect(wordsOf(log)).toEqual(words.slice(0, expected.last.index));
      expect(hardState.term).toBeGreaterThan(3);
      expect(hardState.incarnation).toBe(7);
      await log.close();
      stepCount = stopAfter;
      if (first.ok) break;
    }
    expect(stepCount).toBeGreaterThan(20);
  });

  it("may be given up for putting everything aside, at every step", async () => {
    const { files } = await damagedLog();
    for (let stopAfter = 0; stopAfter < 40; stopAfter++) {
      const disk = diskWith(files, stopAfter + 1);
      disk.haltAfter(stopAfter);
      await keepGoodPart({ ...optionsOf(disk), incarnation: 7 });
      disk.crash();
      if ((await tryOpenLog(disk, SMALL)).ok) continue;
      value(await moveAside(optionsOf(disk)));
      expectNothingLost(files, disk.contents());
      const { log, hardState } = await openLog(disk, SMALL);
      expect([log.lastIndex, hardState.incarnation]).toEqual([0, null]);
      await log.close();
    }
  });

  it("is refused once it was given up for putting everything aside", async () => {
    const { files } = await damagedLog();
    const codes = new Set<string>();
    for (let stopAfter = 0; stopAfter < 20; stopAfter++) {
      const disk = diskWith(files);
      disk.haltAfter(12);
      expect((await keepGoodPart({ ...optionsOf(disk), incarnation: 7 })).ok).toBe(false);
      disk.crash("process-killed");
      disk.haltAfter(stopAfter);
      expect((await moveAside(optionsOf(disk))).ok).toBe(false);
      disk.crash("process-killed");
      const kept = await keepGoodPart({ ...optionsOf(disk), incarnation: 7 });
      codes.add(kept.ok ? "kept" : kept.error.code);
    }
    expect([...codes]).toEqual(["kept", "not-writable"]);
  });

  it("is refused while everything is being put aside", async () => {
    const { files } = await damagedLog();
    const disk = diskWith(files);
    disk.haltAfter(14);
    expect((await moveAside(optionsOf(disk))).ok).toBe(false);
    disk.crash("process-killed");
    const refused = await keepGoodPart({ ...optionsOf(disk), incarnation: 7 });
    expect(refused).toMatchObject({ error: { code: "not-writable" } });
  });
});
