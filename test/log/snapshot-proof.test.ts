/** A snapshot replaces nothing before it was read back, and nothing that somebody still uses. */
import { describe, expect, it } from "vitest";
import type { DiskError } from "../../electron/agent/ports.ts";
import { SnapshotFiles } from "../../electron/agent/log/snapshots.ts";
import { logIndex } from "../../shared/base/ids.ts";
import { FakeDisk } from "../support/fake-disk.ts";
import { diskWith, silentLogger, value } from "./log-fixtures.ts";
import { contentAt, openSnapshots } from "./snapshot-fixtures.ts";

const EIO: DiskError = { code: "storage-failed", detail: "EIO" };

function namesOf(disk: FakeDisk): string[] {
  return [...disk.contents().keys()].map((path) => path.replace("snapshots/", ""));
}

describe("a snapshot that was just written", () => {
  it("and reads back wrong is put aside, and both before it stay", async () => {
    const disk = new FakeDisk();
    const files = await openSnapshots(disk);
    for (const index of [10, 20]) value(await files.write(contentAt(index)));
    disk.setFault(({ operation, path }) => {
      // A short write that the system did not tell of, just before the file gets its name.
      if (operation === "rename" && path.endsWith("30-3.snap")) {
        disk.flipBits("snapshots/writing.part", 260);
      }
      return null;
    });
    const written = await files.write(contentAt(30));
    expect(written).toMatchObject({ ok: false, error: { code: "storage-failed" } });
    expect(files.latest()?.mark.position.index).toBe(20);
    expect(files.previous()?.mark.position.index).toBe(10);
    disk.setFault(() => null);
    value(await files.write(contentAt(30)));
    disk.crash();
    const again = await openSnapshots(disk);
    expect(value(await again.read())?.image).toEqual(contentAt(30).image);
    expect(namesOf(disk).filter((name) => name.endsWith(".damaged"))).toHaveLength(1);
  });

  it("is not the newest one for whoever may only see what is committed", async () => {
    const disk = new FakeDisk();
    const files = await openSnapshots(disk);
    for (const index of [10, 20]) value(await files.write(contentAt(index)));
    expect(value(await files.read())?.mark.position.index).toBe(20);
    expect(value(await files.read(19))?.mark.position.index).toBe(10);
    expect(value(await files.read(20))?.mark.position.index).toBe(20);
    expect(value(await files.read(9))).toBeNull();
  });
});

describe("a snapshot in use", () => {
  it("can be read to its end while newer ones come, and one of the same position", async () => {
    const disk = new FakeDisk();
    const files = await openSnapshots(disk);
    value(await files.write(contentAt(10)));
    const reader = value(await files.openLatest()) ?? expect.fail("there is a snapshot");
    const body = reader.readChunk(0, reader.info.bodyBytes);
    value(await files.write(contentAt(10)));
    for (const index of [20, 30, 40]) value(await files.write(contentAt(index)));
    value(await files.keepFor(logIndex(40)));
    expect(reader.readChunk(0, reader.info.bodyBytes)).toEqual(body);
    await reader.close();
    expect(namesOf(disk)).toHaveLength(2);
  });
});

it("damaged snapshots never fill the disk: the newest two are kept", async () => {
  const disk = new FakeDisk();
  for (const index of [10, 20, 30, 40, 50]) {
    const files = await openSnapshots(disk);
    const { path } = value(await files.write(contentAt(index)));
    disk.flipBits(path, 200);
    expect(value(await files.read())).toBeNull();
  }
  expect(namesOf(disk)).toEqual([
    "0000000000000040-3.snap.damaged",
    "0000000000000050-3.snap.damaged",
  ]);
});

describe("a received snapshot whose sync failed", () => {
  it("is not taken up again, however whole it looks", async () => {
    const source = await openSnapshots(new FakeDisk());
    const info = value(await source.write(contentAt(20, 5000)));
    const reader = value(await source.openLatest()) ?? expect.fail("there is a snapshot");
    const stored = new FakeDisk();
    for (const isRemovable of [true, false]) {
      const disk = diskWith(stored.contents());
      const files = await openSnapshots(disk);
      const receiver = value(await files.beginReceive(info));
      value(await receiver.write(0, reader.readChunk(0, info.bodyBytes), null));
      disk.setFault(({ operation }) => {
        if (operation === "sync") return EIO;
        // The process ends before it can take the file away.
        return operation === "remove" && !isRemovable ? EIO : null;
      });
      expect(await receiver.finish()).toMatchObject({ error: { code: "storage-failed" } });
      disk.setFault(() => null);
      disk.crash("process-killed");
      const again = value(
        await SnapshotFiles.open({ disk, folder: "snapshots", logger: silentLogger }),
      );
      const second = value(await again.beginReceive(info));
      expect(second.offset).toBe(0);
      value(await second.write(0, reader.readChunk(0, info.bodyBytes), null));
      value(await second.finish());
      value(await again.adoptReceived(info.mark));
      disk.crash("power-lost");
      const found = value(await (await openSnapshots(disk)).read());
      expect(found?.image).toEqual(contentAt(20, 5000).image);
    }
  });
});
