import { crc32 } from "node:zlib";
import { expect, it } from "vitest";
import { SnapshotFiles } from "../../electron/agent/log/snapshots.ts";
import { FakeDisk } from "../support/fake-disk.ts";
import {
  diskWith,
  entryAt,
  hardStateOf,
  openLog,
  silentLogger,
  tryOpenLog,
  value,
} from "./log-fixtures.ts";
import { contentAt, openSnapshots } from "./snapshot-fixtures.ts";

const SEGMENT_HEADER_BYTES = 64;
const RECORD_HEADER_BYTES = 48;
const KIND_AT = 12;
const UNKNOWN_KIND = 4;

/** Three records in one segment, the one at `place` of a kind that no version has yet. */
async function logWithUnknownKind(place: number): Promise<FakeDisk> {
  const disk = new FakeDisk();
  const { log } = await openLog(disk);
  value(await log.saveHardState(hardStateOf(1)));
  for (let index = 1; index <= 3; index++) value(await log.append([entryAt(index)]));
  await log.close();
  const contents = disk.contents();
  const path = [...contents.keys()].find((name) => name.endsWith(".seg")) ?? "";
  const bytes = (contents.get(path) ?? new Uint8Array(0)).slice();
  const view = new DataView(bytes.buffer);
  let at = SEGMENT_HEADER_BYTES;
  for (let i = 0; i < place; i++) at += RECORD_HEADER_BYTES + view.getUint32(at + 4, true);
  const end = at + RECORD_HEADER_BYTES + view.getUint32(at + 4, true);
  bytes[at + KIND_AT] = UNKNOWN_KIND;
  view.setUint32(at, crc32(bytes.subarray(at + 4, end)), true);
  return diskWith(new Map([...contents, [path, bytes]]));
}

it.each([0, 1, 2])(
  "a record of a kind from a later version, at place %i, is neither skipped nor cut off",
  async (place) => {
    const disk = await logWithUnknownKind(place);
    const before = disk.contents();
    const opened = await tryOpenLog(disk);
    expect(opened).toMatchObject({ ok: false, error: { code: "log-too-new" } });
    expect(disk.contents()).toEqual(before);
  },
);

it("a snapshot of a later version keeps the folder closed and is left alone, as a damaged one beside it", async () => {
  const disk = new FakeDisk();
  const files = await openSnapshots(disk);
  const damaged = value(await files.write(contentAt(10))).path;
  const later = value(await files.write(contentAt(20))).path;
  const bytes = disk.contents().get(later)?.slice() ?? new Uint8Array(0);
  const view = new DataView(bytes.buffer);
  const crcAt = view.getUint32(12, true) - 4;
  view.setUint32(8, 2, true);
  view.setUint32(crcAt, crc32(bytes.subarray(0, crcAt)), true);
  disk.putFile(later, bytes);
  disk.flipBits(damaged, 20);
  const before = disk.contents();
  const opened = await SnapshotFiles.open({ disk, folder: "snapshots", logger: silentLogger });
  expect(opened).toMatchObject({ ok: false, error: { code: "log-too-new", file: later } });
  expect(disk.contents()).toEqual(before);
});
