/**
 * Goal: data written by a released version is read for ever. Method: the bytes of every file
 * format, in hex, are kept beside the tests; what is written today must be those bytes, and those
 * bytes must be read. A file is only ever added, with a new version number; to write it, run with
 * TIDEMARK_RECORD_GOLDEN=1 and review it like code.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { defined } from "../../shared/base/assert.ts";
import { hexDecode, hexEncode } from "../../shared/base/bytes.ts";
import { logIndex, memberId, term } from "../../shared/base/ids.ts";
import type { LogEntry, SnapshotMark } from "../../shared/raft/types.ts";
import { SnapshotFiles } from "../../electron/agent/log/snapshots.ts";
import { FakeDisk } from "../support/fake-disk.ts";
import {
  diskWith,
  entryAt,
  hardStateOf,
  openLog,
  silentLogger,
  value,
  wordsOf,
} from "./log-fixtures.ts";

const FOLDER = fileURLToPath(new URL("../golden/log/", import.meta.url));

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

/** 32 bytes a line, so that a difference shows where it is. */
function toHexLines(bytes: Uint8Array): string {
  return `${(hexEncode(bytes).match(/.{1,64}/g) ?? []).join("\n")}\n`;
}

function golden(name: string, written: Uint8Array): Uint8Array {
  const path = `${FOLDER}${name}.hex`;
  const isRecording = process.env["TIDEMARK_RECORD_GOLDEN"] === "1";
  if (isRecording && !existsSync(path)) writeFileSync(path, toHexLines(written));
  const stored = readFileSync(path, "utf8");
  expect(toHexLines(written)).toBe(stored);
  return defined(hexDecode(stored.replaceAll("\n", "")), "golden files are hex");
}

it("segment, term and vote, and commit hint of version 1 are written and read as ever", async () => {
  const disk = new FakeDisk();
  const { log } = await openLog(disk);
  const chainHash = new Uint8Array(16).map((_, i) => i);
  value(await log.saveHardState(hardStateOf(7, "n1")));
  value(await log.resetTo(MARK.position, chainHash));
  value(await log.persist({ hardState: null, entries: ENTRIES.slice(0, 2) }));
  value(
    await log.persist({ hardState: hardStateOf(2 ** 33 + 7, "n2"), entries: ENTRIES.slice(2) }),
  );
  log.noteCommitted(logIndex(18_206));
  await log.close();
  const files = new Map<string, Uint8Array>();
  for (const [path, bytes] of disk.contents()) {
    const name = path.replace("log/", "").replace(/^0.*\.seg$/, "segment");
    files.set(path, golden(`${name}.v1`, bytes));
  }
  expect(files.size).toBe(4);
  const again = await openLog(diskWith(files));
  expect(again.log.entriesFrom(logIndex(18_205), Infinity)).toEqual(ENTRIES);
  expect(wordsOf(again.log).length).toBe(3);
  expect(again.log.chainHashAt(logIndex(18_204))).toEqual(chainHash);
  expect([again.hardState, again.commitIndex]).toEqual([hardStateOf(2 ** 33 + 7, "n2"), 18_206]);
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
  const bytes = golden("snapshot.v1", disk.contents().get(path) ?? new Uint8Array(0));
  const again = value(
    await SnapshotFiles.open({ ...options, disk: diskWith(new Map([[path, bytes]])) }),
  );
  expect(value(await again.read())).toMatchObject(content);
});
