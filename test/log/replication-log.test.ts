import { describe, expect, it } from "vitest";
import { logIndex, term } from "../../shared/base/ids.ts";
import { moveAside } from "../../electron/agent/log/move-aside.ts";
import { CHAIN_HASH_BYTES } from "../../electron/agent/log/record-format.ts";
import { FakeDisk } from "../support/fake-disk.ts";
import {
  entriesBetween,
  entryAt,
  hardStateOf,
  openLog,
  tryOpenLog,
  value,
  wordsOf,
} from "./log-fixtures.ts";

const SMALL = { segmentBytesMax: 400, cacheBytesMax: 2000 };

async function logWith(count: number, disk = new FakeDisk()) {
  const { log } = await openLog(disk, SMALL);
  value(await log.saveHardState(hardStateOf(1, "n1")));
  for (let index = 1; index <= count; index++) value(await log.append([entryAt(index)]));
  return { disk, log };
}

describe("a new log", () => {
  it("is empty, has term 0 and no vote", async () => {
    const { log, hardState, commitIndex, report } = await openLog(new FakeDisk());
    expect([log.firstIndex, log.lastIndex, commitIndex]).toEqual([1, 0, 0]);
    expect(hardState).toEqual({ term: 0, votedFor: null, incarnation: null });
    expect(log.termAt(logIndex(0))).toBe(0);
    expect(log.termAt(logIndex(1))).toBeNull();
    expect(log.chainHashAt(logIndex(0))).toEqual(new Uint8Array(CHAIN_HASH_BYTES));
    expect(report.isNew).toBe(true);
    await log.close();
  });
});

describe("an appended entry", () => {
  it("is readable at once and after a power failure", async () => {
    const { disk, log } = await logWith(3);
    expect(wordsOf(log)).toEqual(["1:1 1:1", "1:2 1:2", "1:3 1:3"]);
    disk.crash();
    const again = await openLog(disk);
    expect(wordsOf(again.log)).toEqual(["1:1 1:1", "1:2 1:2", "1:3 1:3"]);
    expect(again.hardState).toEqual(hardStateOf(1, "n1"));
    expect(again.report).toMatchObject({ isNew: false, tornBytes: 0 });
  });

  it("keeps its kind and bytes", async () => {
    const { disk, log } = await logWith(0);
    const kinds = [
      entryAt(1, 1, 0, "noop"),
      entryAt(2, 1, 0, "configuration"),
      { ...entryAt(3), payload: new Uint8Array([0, 255, 10, 13]) },
      { ...entryAt(4), payload: new Uint8Array(0) },
    ];
    value(await log.append(kinds));
    disk.crash();
    const again = await openLog(disk);
    expect(again.log.entriesFrom(logIndex(1), Infinity)).toEqual(kinds);
  });

  it("costs one sync, also for many entries", async () => {
    const { disk, log } = await logWith(1);
    const before = disk.syncCount;
    value(await log.append(entriesBetween(2, 200)));
    expect(disk.syncCount - before).toBe(1);
  });

  it("is on the disk before the append is answered, and not before", async () => {
    const { disk, log } = await logWith(0);
    const before = disk.syncCount;
    const appended = log.append([entryAt(1)]);
    expect(log.lastIndex).toBe(0);
    value(await appended);
    expect(disk.syncCount).toBe(before + 1);
    expect(log.lastIndex).toBe(1);
  });
});

describe("reading", () => {
  it("gives as many entries as fit, and always one", async () => {
    const { log } = await openLog(new FakeDisk());
    value(await log.saveHardState(hardStateOf(1)));
    value(await log.append(entriesBetween(1, 10, 1, 100)));
    const count = (bytesMax: number): number => log.entriesFrom(logIndex(3), bytesMax).length;
    expect([count(0), count(99), count(100), count(199), count(200), count(Infinity)]).toEqual([
      1, 1, 1, 1, 2, 8,
    ]);
  });

  it("goes over segments and over the end of the cache without a seam", async () => {
    const { log } = await logWith(300);
    for (const from of [1, 2, 7, 150, 280, 299, 300]) {
      const entries = log.entriesFrom(logIndex(from), Infinity);
      expect(entries.map((entry) => entry.index)).toEqual(
        entriesBetween(from, 300).map((entry) => entry.index),
      );
      expect(entries).toEqual(entriesBetween(from, 300));
    }
    expect(log.entriesFrom(logIndex(2), 50).map((entry) => entry.index)).toEqual(
      entriesBetween(2, 12).map((entry) => entry.index),
    );
  });

  it("finds the term of every index, and none outside", async () => {
    const { log } = await logWith(0);
    const terms = [1, 1, 1, 4, 4, 9];
    for (const [i, atTerm] of terms.entries()) {
      value(await log.saveHardState(hardStateOf(atTerm)));
      value(await log.append([entryAt(i + 1, atTerm)]));
    }
    expect([0, 1, 2, 3, 4, 5, 6, 7].map((index) => log.termAt(logIndex(index)))).toEqual([
      0,
      1,
      1,
      1,
      4,
      4,
      9,
      null,
    ]);
  });

  it("counts bytes, and the bytes behind an index", async () => {
    const { disk, log } = await logWith(20);
    const files = [...disk.contents()].filter(([path]) => path.endsWith(".seg"));
    expect(log.bytes).toBe(files.reduce((sum, [, bytes]) => sum + bytes.length, 0));
    expect(log.bytesAfter(logIndex(20))).toBe(0);
    expect(log.bytesAfter(logIndex(19))).toBe(48 + entryAt(20).payload.length);
    expect(log.bytesAfter(logIndex(0))).toBe(log.bytes - files.length * 64);
  });

  it("fails loudly when the disk gives back other bytes than were stored", async () => {
    const { disk, log } = await logWith(300);
    const [path] = [...disk.contents().keys()].filter((name) => name.endsWith(".seg"));
    disk.flipBits(path ?? "", 64 + 48);
    expect(() => log.entriesFrom(logIndex(1), Infinity)).toThrow(/no valid record 1/);
  });
});

describe("a conflicting append", () => {
  it("replaces what was there from its first index on, and stays so after a crash", async () => {
    const { disk, log } = await logWith(10);
    value(await log.persist({ hardState: hardStateOf(3), entries: entriesBetween(4, 5, 3) }));
    const expected = ["1:1 1:1", "1:2 1:2", "1:3 1:3", "3:4 3:4", "3:5 3:5"];
    expect(wordsOf(log)).toEqual(expected);
    expect(log.termAt(logIndex(4))).toBe(3);
    expect(log.termAt(logIndex(6))).toBeNull();
    disk.crash();
    expect(wordsOf((await openLog(disk, SMALL)).log)).toEqual(expected);
  });

  it("may replace everything", async () => {
    const { disk, log } = await logWith(10);
    value(await log.persist({ hardState: hardStateOf(2), entries: [entryAt(1, 2)] }));
    expect(wordsOf(log)).toEqual(["2:1 2:1"]);
    value(await log.append([entryAt(2, 2)]));
    disk.crash();
    expect(wordsOf((await openLog(disk, SMALL)).log)).toEqual(["2:1 2:1", "2:2 2:2"]);
  });

  it("never reaches below what is committed", async () => {
    const { log } = await logWith(5);
    log.noteCommitted(logIndex(4));
    await expect(log.append([entryAt(4)])).rejects.toThrow(/never cut/);
  });
});

describe("chained hashes", () => {
  it("are equal on members with equal logs, however the entries were grouped", async () => {
    const one = await logWith(12);
    const other = await openLog(new FakeDisk());
    value(await other.log.saveHardState(hardStateOf(1)));
    value(await other.log.append(entriesBetween(1, 12)));
    for (let index = 0; index <= 12; index++) {
      expect(one.log.chainHashAt(logIndex(index))).toEqual(other.log.chainHashAt(logIndex(index)));
    }
  });

  it("differ from the first different entry on", async () => {
    const one = await logWith(6);
    const other = await logWith(3);
    value(await other.log.persist({ hardState: hardStateOf(2), entries: [entryAt(4, 2)] }));
    expect(one.log.chainHashAt(logIndex(3))).toEqual(other.log.chainHashAt(logIndex(3)));
    expect(one.log.chainHashAt(logIndex(4))).not.toEqual(other.log.chainHashAt(logIndex(4)));
    expect(one.log.chainHashAt(logIndex(7))).toBeNull();
  });

  it("go on behind a snapshot as if the entries were there", async () => {
    const one = await logWith(8);
    const { log } = await openLog(new FakeDisk());
    const hash = one.log.chainHashAt(logIndex(5));
    value(await log.resetTo({ term: term(1), index: logIndex(5) }, hash ?? new Uint8Array(0)));
    value(await log.persist({ hardState: hardStateOf(1), entries: entriesBetween(6, 8) }));
    expect(log.chainHashAt(logIndex(8))).toEqual(one.log.chainHashAt(logIndex(8)));
  });
});

describe("dropping old entries", () => {
  it("takes whole segments and nothing above the index", async () => {
    const { disk, log } = await logWith(40);
    value(await log.truncatePrefix(logIndex(20)));
    const { firstIndex } = log;
    expect(firstIndex).toBeGreaterThan(10);
    expect(firstIndex).toBeLessThanOrEqual(21);
    expect(log.termAt(logIndex(firstIndex - 1))).toBe(1);
    expect(log.chainHashAt(logIndex(firstIndex - 1))).not.toBeNull();
    disk.crash();
    const again = await openLog(disk, SMALL);
    expect(again.log.firstIndex).toBe(firstIndex);
    expect(again.commitIndex).toBeGreaterThanOrEqual(firstIndex - 1);
    expect(wordsOf(again.log)).toEqual(wordsOf(log));
  });

  it("keeps the newest segment", async () => {
    const { log } = await logWith(40);
    value(await log.truncatePrefix(logIndex(40)));
    expect(log.lastIndex).toBe(40);
    expect(log.firstIndex).toBeLessThanOrEqual(40);
    value(await log.append([entryAt(41)]));
    expect(log.lastIndex).toBe(41);
  });
});

describe("a reset to a snapshot", () => {
  const position = { term: term(3), index: logIndex(50) };
  const hash = new Uint8Array(CHAIN_HASH_BYTES).fill(9);

  it("below what was committed here forgets that: the next start misses nothing", async () => {
    const { disk, log } = await logWith(30);
    log.noteCommitted(logIndex(30));
    value(await log.saveHardState(hardStateOf(3)));
    value(await log.resetTo({ term: term(3), index: logIndex(20) }, hash));
    value(await log.append([entryAt(21, 3)]));
    log.noteCommitted(logIndex(21));
    await log.close();
    const again = await openLog(disk, SMALL);
    expect([again.log.lastIndex, again.commitIndex]).toEqual([21, 21]);
  });

  it("leaves an empty log behind the position, also after a crash", async () => {
    const { disk, log } = await logWith(30);
    value(await log.resetTo(position, hash));
    expect([log.firstIndex, log.lastIndex]).toEqual([51, 50]);
    expect([log.termAt(logIndex(50)), log.termAt(logIndex(49))]).toEqual([3, null]);
    disk.crash();
    const again = await openLog(disk, SMALL);
    expect([again.log.firstIndex, again.log.lastIndex, again.commitIndex]).toEqual([51, 50, 50]);
    expect(again.hardState.term).toBe(3);
    expect(again.log.chainHashAt(logIndex(50))).toEqual(hash);
  });

  it("may go below the end of a log that had diverged", async () => {
    const { disk, log } = await logWith(100);
    value(await log.resetTo(position, hash));
    value(await log.persist({ hardState: hardStateOf(3), entries: [entryAt(51, 3)] }));
    disk.crash();
    const again = await openLog(disk, SMALL);
    expect(wordsOf(again.log)).toEqual(["3:51 3:51"]);
    expect([...disk.contents().keys()].filter((path) => path.endsWith(".seg")).length).toBe(1);
  });
});

describe("the commit index", () => {
  it("is known after a clean stop", async () => {
    const { disk, log } = await logWith(10);
    for (let index = 1; index <= 7; index++) log.noteCommitted(logIndex(index));
    await log.close();
    expect((await openLog(disk)).commitIndex).toBe(7);
  });

  it("is stored without a sync, and at once when nothing is left to commit", async () => {
    const { disk, log } = await logWith(10);
    const before = disk.syncCount;
    log.noteCommitted(logIndex(10));
    value(await log.append([entryAt(11)]));
    expect(disk.syncCount).toBe(before + 1);
    disk.crash("process-killed");
    expect((await openLog(disk)).commitIndex).toBe(10);
  });

  it("is stored at every 32nd commit while there is always more to commit", async () => {
    const { disk, log } = await logWith(200);
    let writtenCount = 0;
    disk.setFault(({ path, operation }) => {
      if (path === "log/commit-hint" && operation !== "truncate") writtenCount++;
      return null;
    });
    for (let index = 1; index <= 100; index++) {
      log.noteCommitted(logIndex(index));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(writtenCount).toBe(3);
    disk.crash("process-killed");
    expect((await openLog(disk, SMALL)).commitIndex).toBe(96);
  });

  it("falls back to what the log itself proves when the hint is gone or torn", async () => {
    const { disk, log } = await logWith(10);
    log.noteCommitted(logIndex(10));
    await log.close();
    disk.flipBits("log/commit-hint", 17);
    expect((await openLog(disk)).commitIndex).toBe(0);
    disk.dropFile("log/commit-hint");
    expect((await openLog(disk)).commitIndex).toBe(0);
  });
});

describe("a failing disk", () => {
  it("is trusted with nothing more after one failed sync", async () => {
    const { disk, log } = await logWith(3);
    disk.failNextSync();
    const failed = await log.append([entryAt(4)]);
    expect(failed).toMatchObject({ ok: false, error: { code: "storage-failed" } });
    expect(await log.append([entryAt(4)])).toMatchObject({ error: { code: "storage-failed" } });
    expect(await log.saveHardState(hardStateOf(2))).toMatchObject({
      error: { code: "storage-failed" },
    });
    expect(log.lastIndex).toBe(3);
    expect(wordsOf(log).length).toBe(3);
  });

  it("that is full refuses entries, keeps what is there, and goes on when there is room", async () => {
    const { disk, log } = await logWith(3);
    disk.setFreeBytes(60);
    const refused = await log.append(entriesBetween(4, 9));
    expect(refused).toMatchObject({ ok: false, error: { code: "storage-full" } });
    expect([log.lastIndex, wordsOf(log).length]).toEqual([3, 3]);
    disk.setFreeBytes(null);
    value(await log.append(entriesBetween(4, 9)));
    disk.crash();
    expect((await openLog(disk)).log.lastIndex).toBe(9);
  });

  it("that is full at every byte of a write loses nothing and recovers", async () => {
    for (let freeBytes = 0; freeBytes < 700; freeBytes += 7) {
      const { disk, log } = await logWith(6);
      disk.setFreeBytes(freeBytes);
      const work = { hardState: hardStateOf(2, "n2"), entries: entriesBetween(7, 12, 2) };
      const first = await log.persist(work);
      if (!first.ok) expect(first.error.code).toBe("storage-full");
      disk.setFreeBytes(null);
      value(await log.persist(first.ok ? { hardState: null, entries: [] } : work));
      disk.crash();
      const again = await openLog(disk, SMALL);
      expect(again.log.lastIndex).toBe(12);
      expect(again.hardState).toEqual(hardStateOf(2, "n2"));
    }
  });
});

describe("a damaged log that was moved aside", () => {
  it("leaves an empty log, the files elsewhere, and the vote where it was", async () => {
    const { disk, log } = await logWith(30);
    value(await log.saveHardState(hardStateOf(5, "n3")));
    await log.close();
    const [path] = [...disk.contents().keys()].filter((name) => name.endsWith(".seg"));
    disk.flipBits(path ?? "", 70);
    expect(await tryOpenLog(disk, SMALL)).toMatchObject({ error: { code: "log-damaged" } });
    const folder = value(await moveAside({ disk, folder: "log" }));
    disk.crash();
    const again = await openLog(disk, SMALL);
    expect([again.log.lastIndex, again.hardState]).toEqual([0, hardStateOf(5, "n3")]);
    expect(value(await disk.list(folder)).length).toBeGreaterThan(3);
  });

  it("never comes back in part, wherever a crash interrupts the moving", async () => {
    for (let count = 1; count < 30; count++) {
      const { disk, log } = await logWith(30);
      await log.close();
      disk.haltAfter(count);
      await moveAside({ disk, folder: "log" });
      disk.crash();
      const again = await tryOpenLog(disk, SMALL);
      if (again.ok) expect([0, 30]).toContain(again.value.log.lastIndex);
      else expect(again.error.code).toBe("log-damaged");
    }
  });
});
