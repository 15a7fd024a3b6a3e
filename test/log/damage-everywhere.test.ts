/**
 * Goal: 100 of 100 flaws are found and named. Method: every byte of a log of 64 KiB is flipped and
 * every file cut at every length, and the bytes are judged as at a start; every 61st flaw (all of
 * them with TIDEMARK_EXHAUSTIVE=1) is put on a disk and the whole log opened, and the report must
 * name the place. The totals are asserted, so that no case can be skipped unseen.
 */
import { describe, expect, it } from "vitest";
import { describeRange } from "../../electron/agent/log/damage.ts";
import type { DamageReport } from "../../electron/agent/log/damage.ts";
import { decodeCommitHint } from "../../electron/agent/log/commit-hint.ts";
import { decodeHardState } from "../../electron/agent/log/hard-state-format.ts";
import { ownerTag } from "../../electron/agent/log/owner-tag.ts";
import { scanSegment } from "../../electron/agent/log/segment-scan.ts";
import { parseSegmentName } from "../../electron/agent/log/segment.ts";
import { logIndex, memberId } from "../../shared/base/ids.ts";
import { FakeDisk } from "../support/fake-disk.ts";
import { diskWith, entryAt, hardStateOf, openLog, tryOpenLog, value } from "./log-fixtures.ts";

const SELF = memberId("n1");
const OPTIONS = { segmentBytesMax: 2 * 1024, self: SELF };
const LOG_BYTES = 64 * 1024;
const STRIDE = process.env["TIDEMARK_EXHAUSTIVE"] === "1" ? 1 : 61;

/** On a busy computer; alone it takes seconds. */
const TIMEOUT_MS = STRIDE === 1 ? 1_200_000 : 120_000;

type Files = ReadonlyMap<string, Uint8Array>;
type Whole = { readonly files: Files; readonly segments: readonly string[]; readonly last: number };

/** A log of 64 KiB at rest: everything is committed, and the hint says so. */
async function wholeLog(terms: number, owner = SELF): Promise<Whole> {
  const disk = new FakeDisk();
  const { log } = await openLog(disk, { ...OPTIONS, self: owner });
  let index = 0;
  for (let atTerm = 1; log.bytes < LOG_BYTES; atTerm = Math.min(terms, atTerm + 1)) {
    const entries = Array.from({ length: 1 + (index % 4) }, () => {
      index++;
      return entryAt(index, atTerm, 20 + ((index * 97) % 600));
    });
    const hardState = { ...hardStateOf(atTerm, "n1"), incarnation: 0 };
    value(await log.persist({ hardState, entries }));
  }
  log.noteCommitted(log.lastIndex);
  await log.close();
  const files = disk.contents();
  return { files, segments: [...files.keys()].filter(isSegment), last: index };
}

function isSegment(path: string): boolean {
  return path.endsWith(".seg");
}

function flipped(bytes: Uint8Array, at: number): Uint8Array {
  const copy = bytes.slice();
  copy[at] = (copy[at] ?? 0) ^ (1 << (at % 8));
  return copy;
}

function scanOf(path: string, bytes: Uint8Array) {
  return scanSegment(bytes, parseSegmentName(path.replace("log/", ""))?.firstIndex ?? 0);
}

/** Whether a start would notice: the segment does not end where and as it did. */
function isNoticed(path: string, good: ReturnType<typeof scanOf>, spoiled: Uint8Array): boolean {
  const found = scanOf(path, spoiled);
  if (typeof found === "string" || typeof good === "string") return true;
  return found.last.index !== good.last.index || found.goodBytes !== spoiled.length;
}

/** Opens a copy with one file spoiled; null when it opened. */
async function damageOf(files: Files, path: string, bytes: Uint8Array | null) {
  const disk = diskWith(new Map([...files, [path, bytes ?? new Uint8Array(0)]]));
  if (bytes === null) disk.dropFile(path);
  const opened = await tryOpenLog(disk, OPTIONS);
  if (opened.ok) {
    await opened.value.log.close();
    return null;
  }
  expect(opened.error.code).toBe("log-damaged");
  return opened.error.code === "log-damaged" ? opened.error.damage : null;
}

function expectNamed(damage: DamageReport | null, path: string, at: number): void {
  const named = damage?.ranges.some((range) => {
    return range.file === path && range.fromByte <= at && at < Math.max(range.toByte, at + 1);
  });
  expect(named, `${path} at ${at}`).toBe(true);
}

describe("a log of 64 KiB at rest", () => {
  it("has no byte whose flip is not noticed", { timeout: TIMEOUT_MS }, async () => {
    const { files, segments } = await wholeLog(5);
    let flipCount = 0;
    let openCount = 0;
    for (const path of segments) {
      const whole = files.get(path) ?? new Uint8Array(0);
      const good = scanOf(path, whole);
      for (let at = 0; at < whole.length; at++) {
        const spoiled = flipped(whole, at);
        if (!isNoticed(path, good, spoiled)) expect.fail(`${path}: the flip at ${at}`);
        flipCount++;
        if (flipCount % STRIDE !== 0) continue;
        const damage = await damageOf(files, path, spoiled);
        const range = damage?.ranges.find((each) => each.file === path);
        const isInside = range !== undefined && range.fromByte <= at && at < range.toByte;
        if (!isInside) expect.fail(`${path}: the flip at ${at} is not in the report`);
        openCount++;
      }
    }
    expect(flipCount).toBeGreaterThanOrEqual(LOG_BYTES);
    expect(openCount).toBe(Math.floor(flipCount / STRIDE));
  });

  it("has no length at which its being cut is not noticed", { timeout: TIMEOUT_MS }, async () => {
    const { files, segments } = await wholeLog(5);
    let cutCount = 0;
    for (const path of segments) {
      const whole = files.get(path) ?? new Uint8Array(0);
      const good = scanOf(path, whole);
      for (let length = 0; length < whole.length; length++) {
        const spoiled = whole.subarray(0, length);
        if (!isNoticed(path, good, spoiled)) expect.fail(`${path}: the cut at ${length}`);
        cutCount++;
        if (cutCount % STRIDE !== 0) continue;
        const damage = await damageOf(files, path, spoiled.slice());
        expect(damage?.ranges.length, `${path} cut at ${length}`).toBeGreaterThan(0);
      }
    }
    expect(cutCount).toBeGreaterThanOrEqual(LOG_BYTES);
  });

  it(
    "shows every sector that was zeroed, or written in the place of another",
    { timeout: TIMEOUT_MS },
    async () => {
      const { files, segments } = await wholeLog(5);
      let caseCount = 0;
      for (const path of segments) {
        const whole = files.get(path) ?? new Uint8Array(0);
        for (let at = 0; at + 512 <= whole.length; at += 512) {
          const other = whole.slice((at + 512) % (whole.length - 512)).subarray(0, 512);
          for (const sector of [new Uint8Array(512), other]) {
            const spoiled = whole.slice();
            spoiled.set(sector, at);
            const firstWrong = spoiled.findIndex((byte, i) => byte !== whole[i]);
            if (firstWrong < 0) continue;
            expectNamed(await damageOf(files, path, spoiled), path, firstWrong);
            caseCount++;
          }
        }
      }
      expect(caseCount).toBeGreaterThan(200);
    },
  );

  it("shows every place when there are several, with bytes and entries", async () => {
    const { files, segments, last } = await wholeLog(5);
    const disk = diskWith(files);
    disk.flipBits(segments[1] ?? "", 900);
    disk.flipBits(segments[3] ?? "", 200);
    disk.flipBits(segments[3] ?? "", 1500);
    disk.dropFile(segments[5] ?? "");
    const opened = await tryOpenLog(disk, OPTIONS);
    if (opened.ok || opened.error.code !== "log-damaged") return expect.fail("it is damaged");
    const { ranges, goodPrefix, highestIndex } = opened.error.damage;
    expect(ranges.map(({ cause, file }) => [cause, file])).toEqual([
      ["wrong-bytes", segments[1]],
      ["wrong-bytes", segments[3]],
      ["wrong-bytes", segments[3]],
      ["missing-file", segments[5]],
    ]);
    expect(highestIndex).toBe(last);
    expect(goodPrefix.last.index).toBe((ranges[0]?.firstIndex ?? 0) - 1);
    for (const range of ranges) {
      expect(range.firstIndex).not.toBeNull();
      expect(range.lastIndex).toBeGreaterThanOrEqual(range.firstIndex ?? 0);
    }
    expect(ranges.map(describeRange).join("\n")).toMatch(/entries? \d+/);
  });
});

describe("term and vote", () => {
  it("have no byte whose flip is not noticed, and no length", async () => {
    const { files } = await wholeLog(2);
    let caseCount = 0;
    for (const path of ["log/hard-state.1", "log/hard-state.2"]) {
      const whole = files.get(path) ?? new Uint8Array(0);
      for (let at = 0; at < whole.length; at++) {
        expect(decodeHardState(flipped(whole, at), ownerTag(SELF))).toBe("damaged");
        expect(decodeHardState(whole.slice(0, at), ownerTag(SELF))).toBe("damaged");
        caseCount += 2;
      }
    }
    expect(caseCount).toBe(512);
  });

  it("are damaged only when both copies are, and then say so", async () => {
    const { files } = await wholeLog(2);
    for (let at = 0; at < 128; at += 5) {
      const first = flipped(files.get("log/hard-state.1") ?? new Uint8Array(0), at);
      const opened = await openLog(
        diskWith(new Map([...files, ["log/hard-state.1", first]])),
        OPTIONS,
      );
      expect(opened.report.wasHardStateRepaired).toBe(true);
      expect(opened.hardState).toEqual({ ...hardStateOf(2, "n1"), incarnation: 0 });
      await opened.log.close();
      const both = new Map([...files, ["log/hard-state.1", first]]);
      const damage = await damageOf(both, "log/hard-state.2", first);
      expect(damage?.isHardStateGood).toBe(false);
      expect(damage?.ranges.map(({ file }) => file)).toEqual([
        "log/hard-state.1",
        "log/hard-state.2",
      ]);
    }
  });
});

it("the commit hint has no byte whose flip is not noticed; without it nothing is wrong", async () => {
  const { files, last } = await wholeLog(2);
  const whole = files.get("log/commit-hint") ?? new Uint8Array(0);
  expect(decodeCommitHint(whole)?.index).toBe(last);
  for (let at = 0; at < whole.length; at++) {
    expect(decodeCommitHint(flipped(whole, at))).toBeNull();
    expect(decodeCommitHint(whole.slice(0, at))).toBeNull();
  }
  expect(await damageOf(files, "log/commit-hint", flipped(whole, 20))).toBeNull();
  expect(await damageOf(files, "log/commit-hint", null)).toBeNull();
});

describe("a file that is whole but does not belong here", () => {
  it("is found when it is another member's", async () => {
    const mine = await wholeLog(3);
    const other = await wholeLog(3, memberId("n2"));
    for (const path of mine.segments) {
      const damage = await damageOf(mine.files, path, other.files.get(path) ?? null);
      expect(damage?.ranges[0]).toMatchObject({ file: path, cause: "foreign-file" });
    }
    const votes = ["log/hard-state.1", "log/hard-state.2"];
    const swapped = new Map([
      ...mine.files,
      ...[...other.files].filter(([path]) => votes.includes(path)),
    ]);
    const opened = await tryOpenLog(diskWith(swapped), OPTIONS);
    expect(opened).toMatchObject({ ok: false, error: { code: "log-damaged" } });
    // One of the two copies is no harm: the own one is there.
    const path = "log/hard-state.1";
    const one = new Map([...mine.files, [path, other.files.get(path) ?? new Uint8Array(0)]]);
    expect((await openLog(diskWith(one), OPTIONS)).report.wasHardStateRepaired).toBe(true);
  });

  it("is found when it is an older copy of itself", async () => {
    const disk = new FakeDisk();
    const { log } = await openLog(disk, OPTIONS);
    value(
      await log.persist({
        hardState: hardStateOf(1),
        entries: [entryAt(1), entryAt(2), entryAt(3)],
      }),
    );
    log.noteCommitted(logIndex(1));
    await log.close();
    const before = disk.contents();
    const { log: again } = await openLog(disk, OPTIONS);
    // The same places, other entries: the older copy is as whole and as long.
    const others = [entryAt(2, 4), entryAt(3, 4)];
    value(await again.persist({ hardState: hardStateOf(4), entries: others }));
    again.noteCommitted(logIndex(3));
    await again.close();
    const segment = [...before.keys()].find(isSegment) ?? "";
    const damage = await damageOf(disk.contents(), segment, before.get(segment) ?? null);
    expect(damage?.ranges[0]).toMatchObject({ cause: "older-copy", file: segment });
    const state = before.get("log/hard-state.2") ?? new Uint8Array(0);
    const opened = await openLog(
      diskWith(new Map([...disk.contents(), ["log/hard-state.2", state]])),
      OPTIONS,
    );
    expect([opened.hardState.term, opened.report.wasHardStateRepaired]).toEqual([4, true]);
  });
});

it("a missing file is found, every one that matters", async () => {
  const { files, segments } = await wholeLog(3);
  for (const path of segments.slice(1)) {
    const damage = await damageOf(files, path, null);
    expect(damage?.ranges.length, path).toBeGreaterThan(0);
  }
  // Without the oldest one the log begins later: whoever has no snapshot to there must say so.
  const disk = diskWith(files);
  disk.dropFile(segments[0] ?? "");
  const opened = await openLog(disk, OPTIONS);
  expect(opened.log.firstIndex).toBeGreaterThan(1);
  await opened.log.close();
  const bare = diskWith(new Map([...files].filter(([path]) => isSegment(path))));
  expect(await tryOpenLog(bare, OPTIONS)).toMatchObject({ error: { code: "log-damaged" } });
});
