/**
 * Goal: no wrong byte is ever taken for data. Method: a small log is cut at every length and
 * spoiled at every byte, and the opened log is compared with the whole one.
 */
import { describe, expect, it } from "vitest";
import { logIndex } from "../../shared/base/ids.ts";
import { FakeDisk } from "../support/fake-disk.ts";
import {
  diskWith,
  entriesBetween,
  entryAt,
  hardStateOf,
  openLog,
  tryOpenLog,
  value,
  wordsOf,
} from "./log-fixtures.ts";

const SMALL = { segmentBytesMax: 500 };

/** Batches of 1, 3, 1, 3, ... entries over several segments; the last batch is the three's. */
async function smallLog() {
  const disk = new FakeDisk();
  const { log } = await openLog(disk, SMALL);
  value(await log.saveHardState(hardStateOf(2, "n1")));
  for (let index = 1; index <= 20; index += 4) {
    value(await log.append([entryAt(index, 2)]));
    value(await log.append(entriesBetween(index + 1, index + 3, 2, 20)));
  }
  const words = wordsOf(log);
  await log.close();
  const files = disk.contents();
  const segments = [...files.keys()].filter((path) => path.endsWith(".seg"));
  return { files, segments, words, last: segments.at(-1) ?? "" };
}

/** First index of the batch written last. Everything below was proven durable by that batch. */
const LAST_BATCH_FIRST = 18;

/** Opens a copy in which one file has other bytes. */
async function openWith(files: ReadonlyMap<string, Uint8Array>, path: string, bytes: Uint8Array) {
  const disk = diskWith(new Map([...files, [path, bytes]]));
  const opened = await tryOpenLog(disk, SMALL);
  const words = opened.ok ? wordsOf(opened.value.log) : null;
  if (opened.ok) await opened.value.log.close();
  return { opened, words };
}

describe("a log cut short", () => {
  it("at any byte of its last segment opens with a prefix, and says how much was torn", async () => {
    const { files, last, words } = await smallLog();
    const whole = files.get(last) ?? new Uint8Array(0);
    const counts = new Set<number>();
    for (let length = 0; length < whole.length; length++) {
      const { opened, words: found } = await openWith(files, last, whole.slice(0, length));
      expect(opened.ok).toBe(true);
      expect(found).toEqual(words.slice(0, found?.length));
      counts.add(found?.length ?? -1);
    }
    // Every record boundary of the last segment was met.
    expect(counts.size).toBeGreaterThan(3);
  });

  it("at any byte of an earlier segment is damaged", async () => {
    const { files, segments } = await smallLog();
    for (const path of segments.slice(0, -1)) {
      const whole = files.get(path) ?? new Uint8Array(0);
      for (let length = 0; length < whole.length; length += 3) {
        const { opened } = await openWith(files, path, whole.slice(0, length));
        expect(opened).toMatchObject({ ok: false, error: { code: "log-damaged" } });
      }
    }
  });

  it("below an index known to be committed is damaged", async () => {
    const disk = new FakeDisk();
    const { log } = await openLog(disk);
    value(await log.saveHardState(hardStateOf(1)));
    value(await log.append([entryAt(1)]));
    value(await log.append([entryAt(2)]));
    log.noteCommitted(logIndex(2));
    await log.close();
    const [path] = [...disk.contents().keys()].filter((name) => name.endsWith(".seg"));
    const whole = disk.contents().get(path ?? "") ?? new Uint8Array(0);
    const { opened } = await openWith(disk.contents(), path ?? "", whole.slice(0, -1));
    expect(opened).toMatchObject({ ok: false, error: { code: "log-damaged", file: path } });
  });

  it("by a whole segment in the middle, or by all of them, is damaged", async () => {
    const { files, segments } = await smallLog();
    const without = (gone: readonly string[]): FakeDisk =>
      diskWith(new Map([...files].filter(([path]) => !gone.includes(path))));
    expect(await tryOpenLog(without([segments[1] ?? ""]))).toMatchObject({
      error: { code: "log-damaged" },
    });
    expect(await tryOpenLog(without(segments))).toMatchObject({ error: { code: "log-damaged" } });
  });
});

describe("a spoiled byte", () => {
  it("anywhere in the log is found, or costs no more than the last write", async () => {
    const { files, segments, last, words } = await smallLog();
    let tornCount = 0;
    for (const path of segments) {
      const whole = files.get(path) ?? new Uint8Array(0);
      for (let at = 0; at < whole.length; at++) {
        const spoiled = whole.slice();
        spoiled[at] = (spoiled[at] ?? 0) ^ (1 << (at % 8));
        const { opened, words: found } = await openWith(files, path, spoiled);
        if (!opened.ok) {
          expect(opened.error.code).toBe("log-damaged");
          continue;
        }
        tornCount++;
        expect(path).toBe(last);
        expect(found).toEqual(words.slice(0, found?.length));
        expect(found?.length).toBeGreaterThanOrEqual(LAST_BATCH_FIRST - 1);
        expect(opened.value.report.tornBytes).toBeGreaterThan(0);
      }
    }
    expect(tornCount).toBeGreaterThan(0);
  });

  it("in the segment's header is damage as soon as a record stands behind it", async () => {
    const { files, last } = await smallLog();
    const whole = files.get(last) ?? new Uint8Array(0);
    for (let at = 0; at < 64; at++) {
      const spoiled = whole.slice();
      spoiled[at] = (spoiled[at] ?? 0) ^ 0x10;
      const { opened } = await openWith(files, last, spoiled);
      expect(opened).toMatchObject({ ok: false, error: { code: "log-damaged", offset: 0 } });
    }
  });

  it("in the header of a newest segment with one batch in it loses nothing that was acknowledged", async () => {
    const disk = new FakeDisk();
    const { log } = await openLog(disk, { segmentBytesMax: 300 });
    value(await log.saveHardState(hardStateOf(1)));
    const segments = (): string[] =>
      [...disk.contents().keys()].filter((path) => path.endsWith(".seg"));
    for (let i = 1; segments().length < 3; i++) value(await log.append([entryAt(i)]));
    await log.close();
    const files = new Map(disk.contents());
    const newest = segments().sort().at(-1) ?? "";
    const spoiled = files.get(newest)?.slice() ?? new Uint8Array(0);
    spoiled[20] = (spoiled[20] ?? 0) ^ 1;
    files.delete("log/commit-hint");
    const { opened } = await openWith(files, newest, spoiled);
    expect(opened).toMatchObject({ ok: false, error: { code: "log-damaged", file: newest } });
  });

  it("in one copy of term and vote is made good by the other", async () => {
    const { files } = await smallLog();
    for (const path of ["log/hard-state.1", "log/hard-state.2"]) {
      const whole = files.get(path) ?? new Uint8Array(0);
      for (let at = 0; at < whole.length; at++) {
        const spoiled = whole.slice();
        spoiled[at] = (spoiled[at] ?? 0) ^ 0x40;
        const { opened } = await openWith(files, path, spoiled);
        expect(value(opened).hardState).toEqual(hardStateOf(2, "n1"));
        expect(value(opened).report.wasHardStateRepaired).toBe(true);
      }
      const { opened } = await openWith(files, path, whole.slice(0, 50));
      expect(value(opened).hardState).toEqual(hardStateOf(2, "n1"));
    }
  });

  it("in both copies of term and vote is damage", async () => {
    const { files } = await smallLog();
    const disk = diskWith(files);
    disk.flipBits("log/hard-state.1", 30);
    disk.flipBits("log/hard-state.2", 99);
    expect(await tryOpenLog(disk)).toMatchObject({ error: { code: "log-damaged" } });
  });
});

describe("files from elsewhere", () => {
  it("an older copy of term and vote is found by the log's own term", async () => {
    const disk = new FakeDisk();
    const { log } = await openLog(disk);
    value(await log.saveHardState(hardStateOf(1, "n1")));
    const older = disk.contents();
    value(await log.persist({ hardState: hardStateOf(4, "n2"), entries: [entryAt(1, 4)] }));
    await log.close();
    for (const path of ["log/hard-state.1", "log/hard-state.2"]) {
      disk.putFile(path, older.get(path) ?? new Uint8Array(0));
    }
    expect(await tryOpenLog(disk)).toMatchObject({ error: { code: "log-damaged" } });
  });

  it("a segment of another history is found by its chained hash", async () => {
    const mine = await smallLog();
    const disk = new FakeDisk();
    const { log } = await openLog(disk, SMALL);
    value(await log.saveHardState(hardStateOf(2)));
    for (let index = 1; index <= 20; index += 4) {
      value(await log.append([{ ...entryAt(index, 2), payload: new Uint8Array(4) }]));
      value(await log.append(entriesBetween(index + 1, index + 3, 2, 20)));
    }
    const name = mine.segments[1] ?? "";
    const stranger = disk.contents().get(name) ?? new Uint8Array(0);
    const { opened } = await openWith(mine.files, name, stranger);
    expect(opened).toMatchObject({ ok: false, error: { code: "log-damaged", file: name } });
  });

  it("a segment of a newer version is refused and left as it is", async () => {
    const { files, segments } = await smallLog();
    const { crc32 } = await import("node:zlib");
    const bytes = (files.get(segments[0] ?? "") ?? new Uint8Array(64)).slice();
    const view = new DataView(bytes.buffer);
    view.setUint32(8, 2, true);
    view.setUint32(60, crc32(bytes.subarray(0, 60)), true);
    const { opened } = await openWith(files, segments[0] ?? "", bytes);
    expect(opened).toMatchObject({ ok: false, error: { code: "log-too-new" } });
  });
});
