import { describe, expect, test } from "vitest";
import { ReplicationLog } from "../../electron/agent/log/replication-log.ts";
import { readableFrom, SNAPSHOTS_KEPT_MAX } from "../../electron/agent/log/kept-snapshots.ts";
import { SnapshotFiles } from "../../electron/agent/log/snapshots.ts";
import type { Store } from "../../electron/agent/ports.ts";
import type { Applier } from "../../electron/agent/replica/applier.ts";
import { DEFAULT_SETTINGS } from "../../electron/agent/replica/replica-context.ts";
import { Snapshotter } from "../../electron/agent/replica/snapshotter.ts";
import { StorageState } from "../../electron/agent/replica/storage-state.ts";
import { logIndex, memberId, term } from "../../shared/base/ids.ts";
import type { LogIndex } from "../../shared/base/ids.ts";
import { diskUseMax } from "../../shared/cluster/retention.ts";
import type { Configuration } from "../../shared/raft/types.ts";
import { entriesBetween, silentLogger, value } from "../log/log-fixtures.ts";
import { FakeDisk } from "../support/fake-disk.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
const ENTRY_BYTES = 52;
const configuration: Configuration = {
  seats: [{ id: memberId("n1"), kind: "voter", incarnation: 0, context: new Uint8Array(0) }],
};

/** A member that appends, applies at once, and looks every second whether a snapshot is due. */
class Member {
  /** 1 January 2026. */
  wallMs = Date.UTC(2026, 0, 1);
  lowestNeeded: LogIndex | null = null;
  /** Where the database stands, when that is not the end of the log. */
  appliedIndex: LogIndex | null = null;
  imageCount = 0;
  imageBytes = 100;
  /** What happens while the image is taken. */
  onImage: () => void = () => undefined;
  readonly disk = new FakeDisk();
  readonly storage = new StorageState("test");
  log!: ReplicationLog;
  files!: SnapshotFiles;
  #snapshotter!: Snapshotter;

  static async start(settings: Partial<typeof DEFAULT_SETTINGS>): Promise<Member> {
    const member = new Member();
    const { disk } = member;
    const opened = await ReplicationLog.open({
      ...{ disk, folder: "log", logger: silentLogger, segmentBytesMax: 1000 },
      wallMs: () => member.wallMs,
    });
    member.log = value(opened).log;
    const folder = { disk, folder: "snapshots", logger: silentLogger };
    member.files = value(await SnapshotFiles.open(folder));
    member.#snapshotter = new Snapshotter({
      ...{ log: member.log, files: member.files, logger: silentLogger },
      store: { call: () => Promise.resolve(member.#image()) } as unknown as Store,
      applier: member as unknown as Applier,
      storage: member.storage,
      settings: { ...DEFAULT_SETTINGS, ...settings },
      retention: () => {
        const { retentionBytes: bytes, retentionMs: ms } = { ...DEFAULT_SETTINGS, ...settings };
        return { bytes, ms };
      },
      configurationAt: () => configuration,
      wallMs: () => member.wallMs,
      lowestNeeded: () => member.lowestNeeded ?? member.log.lastIndex,
    });
    return member;
  }

  get position() {
    const index = this.appliedIndex ?? this.log.lastIndex;
    return { applied: { term: term(1), index }, checksum: "c0ffee" };
  }

  async write(count: number): Promise<void> {
    const first = this.log.lastIndex + 1;
    for (let index = first; index < first + count; index += 5) {
      const entries = entriesBetween(index, index + 4, 1, ENTRY_BYTES);
      value(await this.log.persist({ hardState: null, entries }));
    }
    await this.#snapshotter.maybeSnapshot();
  }

  /** A second has passed. */
  look(): Promise<void> {
    return this.#snapshotter.maybeSnapshot();
  }

  /** A member needs a snapshot. */
  forTransfer(): Promise<void> {
    return this.#snapshotter.forTransfer();
  }

  close(): Promise<void> {
    return this.#snapshotter.close();
  }

  keptBytes(): number {
    return this.log.bytesAfter(logIndex(this.log.firstIndex - 1));
  }

  #image() {
    this.imageCount++;
    this.onImage();
    return { position: this.position, image: new Uint8Array(this.imageBytes) };
  }
}

test("nothing is made of a database that differs, and the log that can mend it stays", async () => {
  const settings = { snapshotAfterBytes: 4000, retentionBytes: 1_000_000, retentionMs: DAY_MS };
  const member = await Member.start(settings);
  for (let i = 0; i < 2; i++) await member.write(100);
  const { firstIndex } = member.log;
  member.storage.diverged("row 3");
  member.wallMs += 30 * DAY_MS;
  await member.write(100);
  await member.look();
  expect(member.files.latest()?.mark.position.index).toBe(200);
  expect(member.log.firstIndex).toBe(firstIndex);
  member.storage.rebuilt();
  await member.look();
  expect(member.files.latest()?.mark.position.index).toBe(300);
  expect(member.log.firstIndex).toBeGreaterThan(firstIndex);
});

test("a snapshot to be sent is made anew when the damaged ones were put aside", async () => {
  const member = await Member.start({ snapshotAfterBytes: 4000, retentionBytes: 10_000 });
  for (let i = 0; i < 8; i++) await member.write(20);
  expect(member.files.kept.length).toBeGreaterThan(1);
  for (const { path } of member.files.kept) member.disk.makeUnreadable(path, 100, 612);
  expect(value(await member.files.read())).toBeNull();
  await member.forTransfer();
  expect(member.files.latest()?.mark.position.index).toBe(member.log.lastIndex);
  expect(value(await member.files.read())?.image).toEqual(new Uint8Array(100));
});

test("no second image is taken of what has one, nor to send what still joins the log", async () => {
  const member = await Member.start({ snapshotAfterBytes: 4000 });
  await member.write(100);
  member.appliedIndex = logIndex(100);
  for (let i = 0; i < 3; i++) await member.write(100);
  await member.forTransfer();
  expect(member.imageCount).toBe(1);
});

test("an image of before the kept log is no snapshot: nothing could follow it", async () => {
  const member = await Member.start({ snapshotAfterBytes: 4000, retentionBytes: 4000 });
  for (let i = 0; i < 4; i++) await member.write(100);
  expect(member.log.firstIndex).toBeGreaterThan(100);
  const latest = member.files.latest()?.mark.position.index;
  // The store was emptied between the look at it and the image.
  member.onImage = () => (member.appliedIndex = logIndex(5));
  await member.write(100);
  expect(member.imageCount).toBe(5);
  expect(member.files.latest()?.mark.position.index).toBe(latest);
});

test("at rest less log is worth a snapshot, once, in proportion to the last image", async () => {
  const member = await Member.start({ snapshotAfterBytes: 80_000 });
  await member.write(100);
  const bytes = member.log.bytesAfter(logIndex(0));
  expect(bytes).toBe(10_000);
  for (let i = 0; i < 9; i++) await member.look();
  expect(member.imageCount).toBe(0);
  await member.look();
  expect(member.files.latest()?.mark.position.index).toBe(100);
  for (let i = 0; i < 20; i++) await member.look();
  expect(member.imageCount).toBe(1);
  // An eighth of what is worth one at any time is not there yet; then it is, but not of a larger image.
  await member.write(10);
  for (let i = 0; i < 20; i++) await member.look();
  expect(member.imageCount).toBe(1);
  member.imageBytes = 400_000;
  await member.write(100);
  for (let i = 0; i < 20; i++) await member.look();
  expect(member.imageCount).toBe(2);
  await member.write(100);
  for (let i = 0; i < 20; i++) await member.look();
  expect(member.imageCount).toBe(2);
});

test("a member that goes on being written is not at rest", async () => {
  const member = await Member.start({ snapshotAfterBytes: 80_000 });
  for (let i = 0; i < 25; i++) await member.write(5);
  expect(member.log.bytesAfter(logIndex(0))).toBeGreaterThan(10_000);
  expect(member.imageCount).toBe(0);
});

test("nothing is written by a member that is closed while the image is taken", async () => {
  const member = await Member.start({ snapshotAfterBytes: 4000 });
  let closed = Promise.resolve();
  member.onImage = () => {
    closed = member.close();
  };
  await member.write(100);
  await closed;
  expect([member.imageCount, member.files.latest()]).toEqual([1, null]);
});

describe("the log behind the snapshots", () => {
  test("is kept for so many bytes, and never above the older snapshot", async () => {
    const member = await Member.start({ snapshotAfterBytes: 4000, retentionBytes: 10_000 });
    for (let i = 0; i < 40; i++) {
      await member.write(20);
      const older = member.files.previous()?.mark.position.index ?? 0;
      expect(member.log.firstIndex).toBeLessThanOrEqual(older + 1);
    }
    expect(member.keptBytes()).toBeGreaterThanOrEqual(10_000);
    // By whole segments, and a snapshot's worth may have come since the last cut.
    expect(member.keptBytes()).toBeLessThan(10_000 + 2 * 4000 + 1000);
  });

  test("goes after so many days, also when nothing more is written", async () => {
    const member = await Member.start({
      ...{ snapshotAfterBytes: 4000, retentionBytes: 1_000_000, retentionMs: 30 * DAY_MS },
    });
    await member.write(100);
    member.wallMs += 10 * DAY_MS;
    await member.write(100);
    await member.look();
    expect(member.log.firstIndex).toBe(1);
    member.wallMs += 25 * DAY_MS;
    await member.look();
    // No snapshot is so old: what was in the window could not be read without what comes before it.
    expect(member.log.firstIndex).toBe(1);
    await member.write(5);
    member.wallMs += 6 * DAY_MS;
    await member.look();
    expect(member.log.firstIndex).toBeGreaterThan(80);
    expect(member.log.firstIndex).toBeLessThanOrEqual(101);
    expect(member.files.previous()?.mark.position.index).toBe(100);
  });

  test("stays whole beyond the window for a member that is there and needs it", async () => {
    const member = await Member.start({ snapshotAfterBytes: 2000, retentionBytes: 5000 });
    await member.write(40);
    member.lowestNeeded = logIndex(30);
    for (let i = 0; i < 6; i++) await member.write(20);
    expect(member.keptBytes()).toBeGreaterThan(10_000);
    expect(member.log.firstIndex).toBeLessThanOrEqual(31);
    member.lowestNeeded = null;
    await member.look();
    expect(member.log.firstIndex).toBeGreaterThan(40);
  });

  test("is let go of after four windows when that member does not move", async () => {
    const member = await Member.start({ snapshotAfterBytes: 2000, retentionBytes: 5000 });
    await member.write(40);
    member.lowestNeeded = logIndex(30);
    for (let i = 0; i < 60; i++) await member.write(20);
    expect(member.keptBytes()).toBeLessThan(4 * 5000 + 2 * 2000 + 1000);
    expect(member.log.firstIndex).toBeGreaterThan(31);
  });

  test("can be read from a snapshot at or before the window, at every moment and at a bounded cost", async () => {
    const retentionBytes = 30_000;
    const member = await Member.start({ snapshotAfterBytes: 2000, retentionBytes });
    for (let i = 0; i < 150; i++) {
      await member.write(5 + ((i * 7) % 30));
      const windowFrom = member.log.lastIndex - Math.floor(retentionBytes / (ENTRY_BYTES + 48));
      const from = readableFrom(member.files.kept, member.log.firstIndex);
      expect(from ?? Infinity).toBeLessThanOrEqual(Math.max(0, windowFrom));
      expect(member.files.kept.length).toBeLessThanOrEqual(SNAPSHOTS_KEPT_MAX);
      const sizes = { retentionBytes, snapshotAfterBytes: 2000 + 35 * 100, segmentBytes: 1000 };
      const most = diskUseMax({ ...sizes, imageBytes: 100, snapshotsMax: SNAPSHOTS_KEPT_MAX });
      expect(member.keptBytes()).toBeLessThanOrEqual(most.log);
    }
    expect(member.log.firstIndex).toBeGreaterThan(1);
  });

  test("of a folder in which no snapshot is as old as the window is cut as before", async () => {
    const member = await Member.start({ snapshotAfterBytes: 4000, retentionBytes: 6_000 });
    for (let i = 0; i < 3; i++) await member.write(20);
    value(await member.log.truncatePrefix(logIndex(30)));
    const first = member.log.firstIndex;
    expect(first).toBeGreaterThan(1);
    for (let i = 0; i < 40; i++) await member.write(20);
    expect(member.log.firstIndex).toBeGreaterThan(first);
    expect(readableFrom(member.files.kept, member.log.firstIndex)).not.toBeNull();
  });

  test("is not lost to a wall clock that jumps years ahead", async () => {
    const member = await Member.start({ snapshotAfterBytes: 4000, retentionBytes: 10_000 });
    for (let i = 0; i < 8; i++) await member.write(20);
    member.wallMs += 3650 * DAY_MS;
    await member.look();
    await member.look();
    const older = member.files.previous()?.mark.position.index ?? 0;
    expect(member.log.firstIndex).toBeLessThanOrEqual(older + 1);
    member.wallMs -= 7300 * DAY_MS;
    await member.write(20);
    expect(member.log.lastIndex).toBe(180);
  });
});
