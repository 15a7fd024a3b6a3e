import { describe, expect, it } from "vitest";
import { logIndex, memberId, term } from "../../shared/base/ids.ts";
import type { SnapshotMark } from "../../shared/raft/types.ts";
import { SnapshotFiles } from "../../electron/agent/log/snapshots.ts";
import type { SnapshotReader } from "../../electron/agent/log/snapshot-reader.ts";
import { FakeDisk } from "../support/fake-disk.ts";
import { diskWith, silentLogger, value } from "./log-fixtures.ts";

const CHAIN_HASH = new Uint8Array(16).fill(5);

function markAt(index: number): SnapshotMark {
  const seat = { id: memberId("n1"), kind: "voter", incarnation: 0, context: new Uint8Array([1]) };
  return {
    position: { term: term(3), index: logIndex(index) },
    configuration: { seats: [seat as SnapshotMark["configuration"]["seats"][number]] },
  };
}

function contentAt(index: number, size = 300) {
  const image = new Uint8Array(size).map((_, i) => (i * 7 + index) % 256);
  return { mark: markAt(index), image, checksum: "00ff00ff00ff00ff", chainHash: CHAIN_HASH };
}

async function openSnapshots(disk: FakeDisk): Promise<SnapshotFiles> {
  return value(await SnapshotFiles.open({ disk, folder: "snapshots", logger: silentLogger }));
}

function namesOf(disk: FakeDisk): string[] {
  return [...disk.contents().keys()].map((path) => path.replace("snapshots/", ""));
}

describe("a written snapshot", () => {
  it("is read back whole after a power failure", async () => {
    const disk = new FakeDisk();
    const files = await openSnapshots(disk);
    expect(files.latest()).toBeNull();
    expect(value(await files.read())).toBeNull();
    value(await files.write(contentAt(10, 3_000_000)));
    disk.crash();
    const again = await openSnapshots(disk);
    expect(again.latest()?.mark).toEqual(markAt(10));
    const loaded = value(await again.read());
    const { image, ...rest } = contentAt(10, 3_000_000);
    expect(loaded).toMatchObject(rest);
    expect(Buffer.compare(loaded?.image ?? new Uint8Array(0), image)).toBe(0);
  });

  it("is whole or not there, wherever the power fails while it is written", async () => {
    for (let stopAfter = 1; stopAfter < 40; stopAfter++) {
      const disk = new FakeDisk({ seed: stopAfter });
      const files = await openSnapshots(disk);
      value(await files.write(contentAt(10)));
      disk.haltAfter(stopAfter);
      const written = await files.write(contentAt(20));
      disk.crash();
      const loaded = value(await (await openSnapshots(disk)).read());
      const index = loaded?.mark.position.index ?? 0;
      expect(written.ok ? [20] : [10, 20]).toContain(index);
      expect(loaded?.image).toEqual(contentAt(index).image);
    }
  });

  it("pushes out all but the newest two", async () => {
    const disk = new FakeDisk();
    const files = await openSnapshots(disk);
    for (const index of [10, 20, 30]) value(await files.write(contentAt(index)));
    expect(namesOf(disk)).toEqual(["0000000000000020-3.snap", "0000000000000030-3.snap"]);
  });

  it("that finds no room leaves the one before as it was", async () => {
    const disk = new FakeDisk();
    const files = await openSnapshots(disk);
    value(await files.write(contentAt(10)));
    for (const freeBytes of [0, 20, 200, 350, 400]) {
      disk.setFreeBytes(freeBytes);
      const refused = await files.write(contentAt(20));
      expect(refused).toMatchObject({ ok: false, error: { code: "storage-full" } });
    }
    expect(files.latest()?.mark.position.index).toBe(10);
    disk.setFreeBytes(null);
    value(await files.write(contentAt(20)));
    expect(namesOf(disk).length).toBe(2);
  });
});

describe("a damaged snapshot", () => {
  it("is found at every byte, and the one before counts again", async () => {
    const disk = new FakeDisk();
    const files = await openSnapshots(disk);
    value(await files.write(contentAt(10)));
    value(await files.write(contentAt(20)));
    const stored = disk.contents();
    const path = files.latest()?.path ?? "";
    const length = stored.get(path)?.length ?? 0;
    for (let at = 0; at < length; at++) {
      const spoiled = diskWith(stored);
      spoiled.flipBits(path, at, 1 << (at % 8));
      const again = await openSnapshots(spoiled);
      const loaded = value(await again.read());
      expect(loaded?.mark.position.index).toBe(10);
      expect(loaded?.image).toEqual(contentAt(10).image);
      expect(again.latest()?.mark.position.index).toBe(10);
      expect(namesOf(spoiled)).toContain("0000000000000020-3.snap.damaged");
    }
  });

  it("is found at every length", async () => {
    const disk = new FakeDisk();
    const files = await openSnapshots(disk);
    const { path } = value(await files.write(contentAt(20)));
    const whole = disk.contents().get(path) ?? new Uint8Array(0);
    for (let length = 0; length < whole.length; length++) {
      const again = await openSnapshots(diskWith(new Map([[path, whole.slice(0, length)]])));
      expect(value(await again.read())).toBeNull();
    }
  });
});

describe("sending a snapshot", () => {
  it("keeps it until it is closed", async () => {
    const disk = new FakeDisk();
    const files = await openSnapshots(disk);
    value(await files.write(contentAt(10)));
    const reader = value(await files.openLatest()) as SnapshotReader;
    for (const index of [20, 30, 40]) value(await files.write(contentAt(index)));
    expect(reader.readChunk(0, 16)).toEqual(CHAIN_HASH);
    expect(namesOf(disk).length).toBe(3);
    await reader.close();
    await reader.close();
    expect(namesOf(disk)).toEqual(["0000000000000030-3.snap", "0000000000000040-3.snap"]);
  });

  it("gives nothing when there is none", async () => {
    const files = await openSnapshots(new FakeDisk());
    expect(value(await files.openLatest())).toBeNull();
  });
});

describe("receiving a snapshot", () => {
  async function sender() {
    const files = await openSnapshots(new FakeDisk());
    const info = value(await files.write(contentAt(20, 5000)));
    return { info, reader: value(await files.openLatest()) as SnapshotReader };
  }

  it("gives the same snapshot, with the chained hash the log goes on from", async () => {
    const { info, reader } = await sender();
    const disk = new FakeDisk();
    const files = await openSnapshots(disk);
    value(await files.write(contentAt(10)));
    const receiver = value(await files.beginReceive(info));
    while (!receiver.isComplete) {
      value(await receiver.write(receiver.offset, reader.readChunk(receiver.offset, 700)));
    }
    expect(files.latest()?.mark.position.index).toBe(10);
    value(await receiver.finish());
    disk.crash();
    const loaded = value(await (await openSnapshots(disk)).read());
    expect(loaded?.mark).toEqual(markAt(20));
    expect(loaded?.image).toEqual(contentAt(20, 5000).image);
    expect(loaded?.chainHash).toEqual(CHAIN_HASH);
  });

  it("ignores pieces out of place", async () => {
    const { info, reader } = await sender();
    const receiver = value(await (await openSnapshots(new FakeDisk())).beginReceive(info));
    value(await receiver.write(0, reader.readChunk(0, 100)));
    value(await receiver.write(0, reader.readChunk(0, 100)));
    value(await receiver.write(300, reader.readChunk(300, 100)));
    value(await receiver.write(100, new Uint8Array(info.bodyBytes)));
    expect(receiver.offset).toBe(100);
    expect(await receiver.finish()).toMatchObject({ error: { code: "snapshot-incomplete" } });
  });

  it("goes on after a restart where it had stopped", async () => {
    const { info, reader } = await sender();
    const disk = new FakeDisk();
    const first = value(await (await openSnapshots(disk)).beginReceive(info));
    value(await first.write(0, reader.readChunk(0, 2000)));
    disk.crash("process-killed");
    const files = await openSnapshots(disk);
    const second = value(await files.beginReceive(info));
    expect(second.offset).toBe(2000);
    value(await second.write(2000, reader.readChunk(2000, 5000)));
    value(await second.finish());
    expect(files.latest()?.mark).toEqual(markAt(20));
  });

  it("begins anew when another snapshot is offered", async () => {
    const { info, reader } = await sender();
    const disk = new FakeDisk();
    const files = await openSnapshots(disk);
    const first = value(await files.beginReceive(info));
    value(await first.write(0, reader.readChunk(0, 2000)));
    await first.close();
    const other = value(await files.beginReceive({ ...info, mark: markAt(25) }));
    expect(other.offset).toBe(0);
    await other.close();
  });

  it("ends in an installed snapshot or in a new attempt, wherever the power fails", async () => {
    const { info, reader } = await sender();
    for (let stopAfter = 1; stopAfter < 30; stopAfter++) {
      const disk = new FakeDisk({ seed: stopAfter });
      disk.haltAfter(stopAfter);
      await receiveOnce(disk, info, reader);
      disk.crash();
      let attemptCount = 0;
      while (attemptCount < 3 && !(await receiveOnce(disk, info, reader))) attemptCount++;
      expect(attemptCount).toBeLessThan(2);
      const loaded = value(await (await openSnapshots(disk)).read());
      expect(loaded?.image).toEqual(contentAt(20, 5000).image);
    }
  });

  it("refuses what arrived wrong, and forgets it", async () => {
    const { info, reader } = await sender();
    const disk = new FakeDisk();
    const files = await openSnapshots(disk);
    const receiver = value(await files.beginReceive(info));
    const body = reader.readChunk(0, info.bodyBytes).slice();
    body[1234] = (body[1234] ?? 0) ^ 1;
    value(await receiver.write(0, body));
    expect(await receiver.finish()).toMatchObject({ error: { code: "snapshot-damaged" } });
    expect(files.latest()).toBeNull();
    expect(value(await files.beginReceive(info)).offset).toBe(0);
  });
});

async function receiveOnce(
  disk: FakeDisk,
  info: Parameters<SnapshotFiles["beginReceive"]>[0],
  reader: SnapshotReader,
): Promise<boolean> {
  const files = await SnapshotFiles.open({ disk, folder: "snapshots", logger: silentLogger });
  if (!files.ok) return false;
  if (files.value.latest() !== null) return true;
  const receiver = await files.value.beginReceive(info);
  if (!receiver.ok) return false;
  while (!receiver.value.isComplete) {
    const { offset } = receiver.value;
    const written = await receiver.value.write(offset, reader.readChunk(offset, 900));
    if (!written.ok) return false;
  }
  return (await receiver.value.finish()).ok;
}
