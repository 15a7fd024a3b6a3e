/** Bad sectors: the disk does not give back what is on it, which must count as damage and never as "nothing there". */
import { describe, expect, it } from "vitest";
import { inspectLog } from "../../electron/agent/log/inspect-log.ts";
import { keepGoodPart } from "../../electron/agent/log/keep-good-part.ts";
import { placeOf } from "../../electron/agent/log/log-parts.ts";
import { moveAside } from "../../electron/agent/log/move-aside.ts";
import { SnapshotFiles } from "../../electron/agent/log/snapshots.ts";
import { FakeDisk } from "../support/fake-disk.ts";
import {
  diskWith,
  entriesBetween,
  hardStateOf,
  logOptions,
  openLog,
  tryOpenLog,
  value,
  wordsOf,
} from "./log-fixtures.ts";
import { contentAt, openSnapshots } from "./snapshot-fixtures.ts";

const SMALL = { segmentBytesMax: 500 };

type Files = ReadonlyMap<string, Uint8Array>;

async function wholeLog(): Promise<{ readonly files: Files; readonly segments: string[] }> {
  const disk = new FakeDisk();
  const { log } = await openLog(disk, SMALL);
  value(await log.saveHardState(hardStateOf(3, "n2")));
  for (let i = 1; i <= 21; i += 3) value(await log.append(entriesBetween(i, i + 2, 3, 60)));
  await log.close();
  const segments = [...disk.contents().keys()].filter((path) => path.endsWith(".seg"));
  return { files: disk.contents(), segments };
}

describe("a segment that cannot be read everywhere", () => {
  it("is damaged wherever that is, also at the very end", async () => {
    const { files, segments } = await wholeLog();
    for (const path of segments) {
      const sizeBytes = files.get(path)?.length ?? 0;
      for (const from of [0, 70, sizeBytes - 20, sizeBytes - 1]) {
        const disk = diskWith(files);
        disk.makeUnreadable(path, from, from + 1);
        const opened = await tryOpenLog(disk, SMALL);
        expect(opened).toMatchObject({ ok: false, error: { code: "log-damaged", file: path } });
        const { damage } = value(await inspectLog(placeOf({ ...logOptions(disk, SMALL), disk })));
        expect(damage?.ranges[0]).toMatchObject({ cause: "unreadable", file: path });
      }
    }
  });

  it("gives its good part away, and can be put aside", async () => {
    const { files, segments } = await wholeLog();
    const options = (disk: FakeDisk) => ({ ...logOptions(disk, SMALL), disk, incarnation: 7 });
    const keeping = diskWith(files);
    keeping.makeUnreadable(segments[1] ?? "", 64 + 48 + 60 + 20, 64 + 48 + 60 + 90);
    const kept = value(await keepGoodPart(options(keeping)));
    const { log } = await openLog(keeping, SMALL);
    expect(wordsOf(log)).toHaveLength(kept.last.index);
    expect(kept.last.index).toBeGreaterThan(2);
    await log.close();
    const moving = diskWith(files);
    moving.makeUnreadable(segments[0] ?? "", 0, 512);
    value(await moveAside(options(moving)));
    const begun = await openLog(moving, SMALL);
    expect(begun.log.lastIndex).toBe(0);
    await begun.log.close();
  });
});

it("a copy of term and vote that cannot be read is made anew from the other one", async () => {
  const { files } = await wholeLog();
  for (const path of ["log/hard-state.1", "log/hard-state.2"]) {
    const disk = diskWith(files);
    disk.makeUnreadable(path, 10, 12);
    const { log, hardState } = await openLog(disk, SMALL);
    expect(hardState).toEqual(hardStateOf(3, "n2"));
    await log.close();
    expect(value(await disk.read(path))).toEqual(files.get(path));
  }
});

it("a commit hint that cannot be read is unknown", async () => {
  const { files } = await wholeLog();
  const disk = diskWith(files);
  disk.makeUnreadable("log/commit-hint", 0, 48);
  const { log, commitIndex } = await openLog(disk, SMALL);
  expect([log.lastIndex, commitIndex]).toEqual([21, 0]);
  await log.close();
});

describe("a snapshot", () => {
  it.each([
    ["header", 10],
    ["body", 200],
    ["trailer", -10],
  ])("whose %s cannot be read gives way to the one before", async (_, at) => {
    const disk = new FakeDisk();
    const files = await openSnapshots(disk);
    value(await files.write(contentAt(10)));
    const { path } = value(await files.write(contentAt(20)));
    const from = at < 0 ? (disk.contents().get(path)?.length ?? 0) + at : at;
    disk.makeUnreadable(path, from, from + 1);
    const looked = value(await SnapshotFiles.look({ disk, folder: "snapshots" }));
    expect(looked.damagedPaths).toEqual([path]);
    expect(looked.newest?.mark.position.index).toBe(10);
    expect([...disk.contents().keys()]).toContain(path);
    const read = value(await (await openSnapshots(disk)).read());
    expect(read?.mark.position.index).toBe(10);
  });
});

it("a newest segment that cannot be read at all is damage, and not one whose creation was interrupted", async () => {
  const disk = new FakeDisk();
  const { log } = await openLog(disk, { segmentBytesMax: 300 });
  value(await log.saveHardState(hardStateOf(1)));
  for (const entry of entriesBetween(1, 6, 1, 60)) value(await log.append([entry]));
  await log.close();
  const path = [...disk.contents().keys()].filter((name) => name.endsWith(".seg")).at(-1) ?? "";
  disk.makeUnreadable(path, 0, 4096);
  const options = { segmentBytesMax: 300 };
  expect(await tryOpenLog(disk, options)).toMatchObject({ error: { code: "log-damaged" } });
});
