/**
 * Goal: a record that is whole but does not belong where it lies is never taken, also in the middle
 * of one segment. Method: one record is replaced by another of the same length whose checksum is right.
 */
import { expect, it } from "vitest";
import { bytesEqual } from "../../shared/base/bytes.ts";
import type { LogEntry } from "../../shared/raft/types.ts";
import { RECORD_HEADER_BYTES, encodeBatch } from "../../electron/agent/log/record-format.ts";
import { SEGMENT_HEADER_BYTES } from "../../electron/agent/log/record-format.ts";
import { FakeDisk } from "../support/fake-disk.ts";
import { diskWith, entriesBetween, entryAt, hardStateOf, openLog } from "./log-fixtures.ts";
import { tryOpenLog, value } from "./log-fixtures.ts";

const SEGMENT = "log/000001-0000000000000001.seg";
const PAYLOAD_BYTES = 40;
const RECORD_BYTES = RECORD_HEADER_BYTES + PAYLOAD_BYTES;

/** Entries of term 2, each in a batch of its own; the one at `otherAt` is another than elsewhere. */
async function filesOf(otherAt: number | null) {
  const disk = new FakeDisk();
  const { log } = await openLog(disk);
  value(await log.saveHardState(hardStateOf(2)));
  for (const entry of entriesBetween(1, 6, 2, PAYLOAD_BYTES)) {
    const payload = entry.payload.map((byte) => (entry.index === otherAt ? byte ^ 1 : byte));
    value(await log.append([{ ...entry, payload }]));
  }
  await log.close();
  return disk.contents();
}

/** A copy in which the record of an index is another. */
async function openWith(index: number, record: Uint8Array) {
  const files = await filesOf(null);
  const bytes = (files.get(SEGMENT) ?? expect.fail("there is one segment")).slice();
  const at = SEGMENT_HEADER_BYTES + (index - 1) * RECORD_BYTES;
  expect(bytesEqual(bytes.subarray(at, at + RECORD_BYTES), record)).toBe(false);
  bytes.set(record, at);
  const opened = await tryOpenLog(diskWith(new Map([...files, [SEGMENT, bytes]])));
  if (opened.ok) await opened.value.log.close();
  return { opened, at };
}

/** As a log holds it at `index` that has `entry` there, and is like this one before. */
async function recordAt(index: number, entry: LogEntry): Promise<Uint8Array> {
  const disk = diskWith(await filesOf(null));
  const { log } = await openLog(disk);
  const before = log.chainHashAt(entryAt(index - 1).index) ?? expect.fail("it is kept");
  const { bytes } = encodeBatch([entry], before);
  await log.close();
  return bytes;
}

it.each([4, 5, 6])(
  "a record %i of another history is damage, not a part of this one",
  async (index) => {
    const other = (await filesOf(3)).get(SEGMENT) ?? expect.fail("there is one segment");
    const from = SEGMENT_HEADER_BYTES + (index - 1) * RECORD_BYTES;
    // A history that differs at 3 alone has the same entries after it, behind other hashes.
    const { opened, at } = await openWith(index, other.slice(from, from + RECORD_BYTES));
    expect(opened).toMatchObject({ error: { code: "log-damaged", file: SEGMENT, offset: at } });
  },
);

it.each([2, 4, 6])("a record %i of an older term than the one before is damage", async (index) => {
  const record = await recordAt(index, entryAt(index, 1, PAYLOAD_BYTES));
  const { opened, at } = await openWith(index, record);
  expect(opened).toMatchObject({ error: { code: "log-damaged", file: SEGMENT, offset: at } });
});

it.each([2, 4, 6])("a record in the place of %i with another index is damage", async (index) => {
  for (const wrong of [index - 1, index + 1, index + 7]) {
    const record = await recordAt(index, entryAt(wrong, 2, PAYLOAD_BYTES));
    const { opened, at } = await openWith(index, record);
    expect(opened).toMatchObject({ error: { code: "log-damaged", file: SEGMENT, offset: at } });
  }
});
