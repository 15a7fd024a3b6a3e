import { crc32 } from "node:zlib";
import { describe, expect, it } from "vitest";
import type { SnapshotMeta } from "../../electron/agent/log/snapshot-receiver.ts";
import { SnapshotFiles } from "../../electron/agent/log/snapshots.ts";
import type { SnapshotReader } from "../../electron/agent/log/snapshot-reader.ts";
import { FakeDisk } from "../support/fake-disk.ts";
import { diskWith, silentLogger, value } from "./log-fixtures.ts";
import { CHAIN_HASH, contentAt, markAt, openSnapshots } from "./snapshot-fixtures.ts";

async function senderOf(content = contentAt(20, 5000)) {
  const files = await openSnapshots(new FakeDisk());
  const info = value(await files.write(content));
  return { info, reader: value(await files.openLatest()) as SnapshotReader };
}

/** Everything from where the receipt stands, up to `limit` bytes of the body. */
async function receive(
  files: SnapshotFiles,
  sender: { readonly info: SnapshotMeta; readonly reader: SnapshotReader },
  { chunk = 700, limit = Infinity } = {},
) {
  const receiver = value(await files.beginReceive(sender.info));
  const resumedAt = receiver.offset;
  while (!receiver.isComplete && receiver.offset < limit) {
    const piece = sender.reader.readChunk(receiver.offset, chunk);
    value(await receiver.write(receiver.offset, piece, crc32(piece)));
  }
  return { receiver, resumedAt };
}

describe("receiving a snapshot", () => {
  it("gives the same snapshot, with the chained hash the log goes on from", async () => {
    const sender = await senderOf();
    const disk = new FakeDisk();
    const files = await openSnapshots(disk);
    value(await files.write(contentAt(10)));
    const { receiver } = await receive(files, sender);
    value(await receiver.finish());
    value(await files.adoptReceived(markAt(20)));
    disk.crash();
    const loaded = value(await (await openSnapshots(disk)).read());
    expect(loaded?.mark).toEqual(markAt(20));
    expectSame(loaded?.image, contentAt(20, 5000).image);
    expect(loaded?.chainHash).toEqual(CHAIN_HASH);
  });

  it("ignores pieces out of place", async () => {
    const { info, reader } = await senderOf();
    const receiver = value(await (await openSnapshots(new FakeDisk())).beginReceive(info));
    for (const [at, length] of [
      [0, 100],
      [0, 100],
      [300, 100],
      [100, info.bodyBytes],
    ] as const) {
      value(await receiver.write(at, reader.readChunk(at === 100 ? 0 : at, length), null));
    }
    expect(receiver.offset).toBe(100);
    expect(await receiver.finish()).toMatchObject({ error: { code: "snapshot-incomplete" } });
  });

  it("refuses a piece that is not what its sender sent, and goes on with the right one", async () => {
    const { info, reader } = await senderOf();
    const receiver = value(await (await openSnapshots(new FakeDisk())).beginReceive(info));
    const piece = reader.readChunk(0, 700);
    const wrong = await receiver.write(0, piece, crc32(piece) ^ 1);
    expect(wrong).toMatchObject({ error: { code: "snapshot-damaged" } });
    expect(receiver.offset).toBe(0);
    value(await receiver.write(0, piece, crc32(piece)));
    expect(receiver.offset).toBe(700);
  });

  it("refuses what is wrong as a whole, and forgets it", async () => {
    const { info, reader } = await senderOf();
    const files = await openSnapshots(new FakeDisk());
    const receiver = value(await files.beginReceive(info));
    const body = reader.readChunk(0, info.bodyBytes).slice();
    body[1234] = (body[1234] ?? 0) ^ 1;
    value(await receiver.write(0, body, null));
    expect(await receiver.finish()).toMatchObject({ error: { code: "snapshot-damaged" } });
    expect(value(await files.adoptReceived(markAt(20)))).toBeNull();
    expect(value(await files.beginReceive(info)).offset).toBe(0);
  });

  it("is one of this member's only when it is adopted, and twice is harmless", async () => {
    const sender = await senderOf();
    const disk = new FakeDisk();
    const files = await openSnapshots(disk);
    value(await files.write(contentAt(10)));
    value(await (await receive(files, sender)).receiver.finish());
    expect(files.latest()?.mark.position.index).toBe(10);
    expect(value(await (await openSnapshots(disk)).read())?.mark).toEqual(markAt(10));
    expect(value(await files.adoptReceived(markAt(15)))).toBeNull();
    for (let i = 0; i < 2; i++) {
      expect(value(await files.adoptReceived(markAt(20)))?.mark).toEqual(markAt(20));
    }
    expect(files.latest()?.mark).toEqual(markAt(20));
  });
});

describe("an interrupted receipt", () => {
  it("goes on where it was cut, at every chunk", async () => {
    const sender = await senderOf();
    for (let limit = 0; limit <= sender.info.bodyBytes; limit += 700) {
      const disk = new FakeDisk({ seed: limit });
      const first = await receive(await openSnapshots(disk), sender, { limit });
      const stoppedAt = first.receiver.offset;
      disk.crash("process-killed");
      const files = await openSnapshots(disk);
      const second = await receive(files, sender);
      expect(second.resumedAt).toBe(stoppedAt);
      value(await second.receiver.finish());
      expect(value(await files.adoptReceived(markAt(20)))?.mark).toEqual(markAt(20));
    }
  });

  it("goes on after a power failure with what is whole, and never fetches it all again", async () => {
    const sender = await senderOf();
    let resumed = 0;
    for (let seed = 1; seed <= 60; seed++) {
      const disk = new FakeDisk({ seed });
      await receive(await openSnapshots(disk), sender, { limit: 4000 });
      disk.crash();
      const files = await openSnapshots(disk);
      const { receiver, resumedAt } = await receive(files, sender);
      resumed += resumedAt;
      // What was torn is noticed at once: the whole is right at the first attempt.
      value(await receiver.finish());
      value(await files.adoptReceived(markAt(20)));
      expectSame(value(await files.read())?.image, contentAt(20, 5000).image);
    }
    expect(resumed).toBeGreaterThan(0);
  });

  it("notices every changed byte of what it had received", async () => {
    const sender = await senderOf(contentAt(20, 600));
    const disk = new FakeDisk();
    await receive(await openSnapshots(disk), sender, { limit: 500, chunk: 100 });
    const contents = disk.contents();
    for (const [path, whole] of contents) {
      for (let at = 0; at < whole.length; at++) {
        const spoiled = whole.slice();
        spoiled[at] = (spoiled[at] ?? 0) ^ 0x10;
        const files = await openSnapshots(diskWith(new Map([...contents, [path, spoiled]])));
        const { receiver } = await receive(files, sender, { chunk: 100 });
        value(await receiver.finish());
        value(await files.adoptReceived(markAt(20)));
        expectSame(value(await files.read())?.image, contentAt(20, 600).image);
      }
    }
  });

  it("goes on with another sender that has the very same image", async () => {
    const disk = new FakeDisk();
    await receive(await openSnapshots(disk), await senderOf(), { limit: 2000 });
    const { resumedAt } = await receive(await openSnapshots(disk), await senderOf());
    expect(resumedAt).toBe(2100);
  });

  it("begins anew with another image of the same position and size", async () => {
    const sender = await senderOf();
    const other = await senderOf({ ...contentAt(21, 5000), mark: markAt(20) });
    expect(other.info.bodyBytes).toBe(sender.info.bodyBytes);
    const disk = new FakeDisk();
    await (await receive(await openSnapshots(disk), sender, { limit: 2000 })).receiver.close();
    const { receiver, resumedAt } = await receive(await openSnapshots(disk), other);
    expect(resumedAt).toBe(0);
    value(await receiver.finish());
  });

  it("ends in a snapshot or in a new attempt, wherever the power fails", async () => {
    const sender = await senderOf();
    for (let stopAfter = 1; stopAfter < 50; stopAfter++) {
      const disk = new FakeDisk({ seed: stopAfter });
      disk.haltAfter(stopAfter);
      await receiveOnce(disk, sender);
      disk.crash();
      let attemptCount = 0;
      while (attemptCount < 3 && !(await receiveOnce(disk, sender))) attemptCount++;
      expect(attemptCount).toBeLessThan(1);
      const loaded = value(await (await openSnapshots(disk)).read());
      expectSame(loaded?.image, contentAt(20, 5000).image);
    }
  });
});

/** Buffers compare a thousand times faster than what prints the difference. */
function expectSame(image: Uint8Array | undefined, expected: Uint8Array): void {
  expect(Buffer.compare(image ?? new Uint8Array(0), expected)).toBe(0);
}

async function receiveOnce(
  disk: FakeDisk,
  { info, reader }: { readonly info: SnapshotMeta; readonly reader: SnapshotReader },
): Promise<boolean> {
  const files = await SnapshotFiles.open({ disk, folder: "snapshots", logger: silentLogger });
  if (!files.ok) return false;
  if (files.value.latest() !== null) return true;
  const receiver = await files.value.beginReceive(info);
  if (!receiver.ok) return false;
  while (!receiver.value.isComplete) {
    const { offset } = receiver.value;
    const piece = reader.readChunk(offset, 900);
    const written = await receiver.value.write(offset, piece, crc32(piece));
    if (!written.ok) return false;
  }
  const finished = await receiver.value.finish();
  return finished.ok && (await files.value.adoptReceived(info.mark)).ok;
}
