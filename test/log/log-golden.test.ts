/**
 * Goal: data written by a released version is read for ever. Method: the bytes of every file
 * format, in hex, are kept beside the tests; what is written today must be those bytes of the
 * newest version, and the bytes of every version must be read. A file is only ever added, with a
 * new version number; to write it, run with RECORD_GOLDEN=1 and review it like code.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { defined } from "../../shared/base/assert.ts";
import { hexDecode, hexEncode } from "../../shared/base/bytes.ts";
import { logIndex, memberId, term } from "../../shared/base/ids.ts";
import type { HardState, LogEntry, SnapshotMark } from "../../shared/raft/types.ts";
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
  wordsOf,
} from "./log-fixtures.ts";

const FOLDER = fileURLToPath(new URL("../golden/log/", import.meta.url));
const FILES = ["segment", "hard-state.1", "hard-state.2", "commit-hint"] as const;
/** The newest version of each; all before are only read. */
const VERSIONS = { segment: 1, "hard-state": 2, "commit-hint": 2 } as const;

const MARK: SnapshotMark = {
  position: { term: term(7), index: logIndex(18_204) },
  configuration: {
    seats: [
      { id: memberId("n1"), kind: "voter", incarnation: 0, context: new Uint8Array([1, 2]) },
      { id: memberId("n2"), kind: "mirror", incarnation: 9, context: new Uint8Array(0) },
    ],
  },
};

const ENTRIES: readonly LogEntry[] = [
  { ...entryAt(18_205, 7, 0, "noop"), payload: new Uint8Array(0) },
  { ...entryAt(18_206, 7, 0, "configuration"), payload: new Uint8Array([0, 1, 254, 255]) },
  entryAt(18_207, 2 ** 33 + 7),
];

const CHAIN_HASH = new Uint8Array(16).map((_, i) => i);
const OWNER = { self: memberId("n1"), wallMs: () => 1_790_000_000_123 };

/** 32 bytes a line, so that a difference shows where it is. */
function toHexLines(bytes: Uint8Array): string {
  return `${(hexEncode(bytes).match(/.{1,64}/g) ?? []).join("\n")}\n`;
}

function readGolden(name: string): Uint8Array {
  const stored = readFileSync(`${FOLDER}${name}.hex`, "utf8");
  return defined(hexDecode(stored.replaceAll("\n", "")), "golden files are hex");
}

function expectGolden(name: string, written: Uint8Array): void {
  const path = `${FOLDER}${name}.hex`;
  const isRecording = process.env["RECORD_GOLDEN"] === "1";
  if (isRecording && !existsSync(path)) writeFileSync(path, toHexLines(written));
  expect(toHexLines(written)).toBe(readFileSync(path, "utf8"));
}

/** Writes the same log as every version did, but for what that version did not know. */
async function write(
  owner: Partial<typeof OWNER>,
  last: HardState,
): Promise<ReadonlyMap<string, Uint8Array>> {
  const disk = new FakeDisk();
  const { log } = await openLog(disk, owner);
  value(await log.saveHardState(hardStateOf(7, "n1")));
  value(await log.resetTo(MARK.position, CHAIN_HASH));
  value(await log.persist({ hardState: null, entries: ENTRIES.slice(0, 2) }));
  value(await log.persist({ hardState: last, entries: ENTRIES.slice(2) }));
  log.noteCommitted(logIndex(18_207));
  await log.close();
  const written = [...disk.contents()].map(([path, bytes]) => {
    return [path.replace("log/", "").replace(/^0.*\.seg$/, "segment"), bytes] as const;
  });
  return new Map(written);
}

/** A log folder made of golden files. */
function folderOf(names: Readonly<Record<(typeof FILES)[number], string>>): FakeDisk {
  const files = FILES.map((file) => {
    const name = file === "segment" ? "000002-0000000000018205.seg" : file;
    return [`log/${name}`, readGolden(names[file])] as const;
  });
  return diskWith(new Map(files));
}

it("segment, term and vote, and commit hint of version 1 are read as ever", async () => {
  const disk = folderOf({
    segment: "segment.v1",
    "hard-state.1": "hard-state.1.v1",
    "hard-state.2": "hard-state.2.v1",
    "commit-hint": "commit-hint.v1",
  });
  const again = await openLog(disk, OWNER);
  expect(again.log.entriesFrom(logIndex(18_205), Infinity)).toEqual(ENTRIES);
  expect(wordsOf(again.log).length).toBe(3);
  expect(again.log.chainHashAt(logIndex(18_204))).toEqual(CHAIN_HASH);
  expect([again.hardState, again.commitIndex]).toEqual([hardStateOf(2 ** 33 + 7, "n2"), 18_206]);
  // It was written by a program that knew of no incarnations: not the same as holding none.
  expect(again.storedIncarnation).toBe("unknown");
  value(await again.log.saveHardState({ ...again.hardState, incarnation: 9 }));
  await again.log.close();
  const after = await openLog(disk, OWNER);
  expect([after.hardState.incarnation, after.storedIncarnation]).toEqual([9, 9]);
});

it("a segment without owner and date is written byte by byte as ever", async () => {
  const files = await write({}, hardStateOf(2 ** 33 + 7, "n2"));
  expectGolden("segment.v1", defined(files.get("segment"), "a segment"));
});

it("a log of today is written and read as ever", async () => {
  const last = { ...hardStateOf(2 ** 33 + 7, "n2"), incarnation: 18_206 };
  const files = await write(OWNER, last);
  for (const file of FILES) {
    const version = VERSIONS[file.replace(/\..*/, "") as keyof typeof VERSIONS];
    const name = file === "segment" ? "segment-owned" : file;
    expectGolden(`${name}.v${version}`, defined(files.get(file), file));
  }
  const disk = folderOf({
    segment: "segment-owned.v1",
    "hard-state.1": "hard-state.1.v2",
    "hard-state.2": "hard-state.2.v2",
    "commit-hint": "commit-hint.v2",
  });
  const again = await openLog(disk, OWNER);
  expect(again.log.entriesFrom(logIndex(18_205), Infinity)).toEqual(ENTRIES);
  expect([again.hardState, again.storedIncarnation]).toEqual([last, 18_206]);
  expect(again.commitIndex).toBe(18_207);
  await again.log.close();
  const stranger = await tryOpenLog(disk, { self: memberId("n2") });
  expect(stranger).toMatchObject({ ok: false, error: { code: "log-damaged" } });
});

it("a snapshot of version 1 is written and read as ever", async () => {
  const options = { folder: "snapshots", logger: silentLogger };
  const disk = new FakeDisk();
  const files = value(await SnapshotFiles.open({ ...options, disk }));
  const content = {
    mark: MARK,
    image: new Uint8Array(100).map((_, i) => i),
    checksum: "0123456789abcdef",
    chainHash: new Uint8Array(16).fill(7),
  };
  const { path } = value(await files.write(content));
  expectGolden("snapshot.v1", disk.contents().get(path) ?? new Uint8Array(0));
  const stored = diskWith(new Map([[path, readGolden("snapshot.v1")]]));
  const again = value(await SnapshotFiles.open({ ...options, disk: stored }));
  expect(value(await again.read())).toMatchObject(content);
});
