import { describe, expect, it } from "vitest";
import type { SnapshotReader } from "../../electron/agent/log/snapshot-reader.ts";
import { FakeDisk } from "../support/fake-disk.ts";
import { logIndex } from "../../shared/base/ids.ts";
import { diskWith, value } from "./log-fixtures.ts";
import { CHAIN_HASH, contentAt, markAt, openSnapshots } from "./snapshot-fixtures.ts";

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

  it("that was found after a kill is still there after a power failure", async () => {
    for (let round = 0; round < 100; round++) {
      const disk = new FakeDisk({ seed: round });
      const files = await openSnapshots(disk);
      value(await files.write(contentAt(10)));
      disk.haltAfter(1 + (round % 12));
      await files.write(contentAt(20));
      disk.crash("process-killed");
      const found = (await openSnapshots(disk)).latest();
      disk.crash();
      expect((await openSnapshots(disk)).latest()).toEqual(found);
    }
  });

  it("pushes out those from which nobody reads: the newest two stay, and two for the past", async () => {
    const disk = new FakeDisk();
    const files = await openSnapshots(disk);
    const kept = () => files.kept.map(({ mark }) => mark.position.index);
    for (const index of [10, 20, 30, 40, 50]) value(await files.write(contentAt(index)));
    expect(kept()).toEqual([10, 20, 40, 50]);
    value(await files.keepFor(logIndex(25)));
    expect(kept()).toEqual([20, 40, 50]);
    value(await files.write(contentAt(60)));
    value(await files.keepFor(logIndex(39)));
    expect(kept()).toEqual([20, 40, 50, 60]);
    value(await files.keepFor(logIndex(60)));
    expect(kept()).toEqual([50, 60]);
    expect(namesOf(disk)).toEqual(["0000000000000050-3.snap", "0000000000000060-3.snap"]);
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
    value(await files.keepFor(logIndex(40)));
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
