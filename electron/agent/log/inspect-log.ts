/**
 * Looks through a log folder that could not be opened, to the end, and names every damaged place.
 * Opening stops at the first flaw; a person who has to decide what to do needs all of them. Only
 * reads. Where nothing is damaged it finds nothing; it does not decide whether a log may be used.
 */
import { NO_BYTES, bytesEqual } from "../../../shared/base/bytes.ts";
import { POSITION_ZERO, logIndex } from "../../../shared/base/ids.ts";
import type { Position } from "../../../shared/base/ids.ts";
import { ok } from "../../../shared/base/result.ts";
import type { Result } from "../../../shared/base/result.ts";
import type { DiskError, SpoiltFile } from "../ports.ts";
import type { CommitHint } from "./commit-hint.ts";
import type { DamageCause, DamageReport, DamagedRange } from "./damage.ts";
import { joinPath } from "./folders.ts";
import { HARD_STATE_NAMES, findHardState } from "./hard-state-files.ts";
import type { FoundHardState } from "./hard-state-files.ts";
import { askedHash, readCommitHint } from "./log-open.ts";
import type { ScannedSegment } from "./log-open.ts";
import type { LogPlace } from "./log-place.ts";
import { isOwn, ownerTag } from "./owner-tag.ts";
import { SEGMENT_HEADER_BYTES, decodeRecord, findRecord } from "./record-format.ts";
import { scanSegment } from "./segment-scan.ts";
import { parseSegmentName, segmentName } from "./segment.ts";
import type { SegmentName } from "./segment.ts";

/** What an inspection found. */
export type LogInspection = {
  /** Null when everything that is there is whole. */
  readonly damage: DamageReport | null;
  /** The segments of the good prefix, in order; the last one may end in something bad. */
  readonly good: readonly ScannedSegment[];
  /** The highest term of any whole record, in good or bad parts. */
  readonly highestTerm: number;
  readonly hardState: FoundHardState;
  readonly hint: CommitHint | null;
};

/** Reads everything. */
export async function inspectLog(place: LogPlace): Promise<Result<LogInspection, DiskError>> {
  const hardState = await findHardState(place);
  if (!hardState.ok) return hardState;
  const hint = await readCommitHint(place);
  if (!hint.ok) return hint;
  const listed = await place.disk.list(place.folder);
  if (!listed.ok) return listed;
  const names = listed.value.map(parseSegmentName).filter((name) => name !== null);
  const generation = Math.max(0, ...names.map((name) => name.generation));
  const walk = new Walk(place, hint.value);
  const current = names.filter((name) => name.generation === generation);
  for (const [slot, name] of current.entries()) {
    const read = await place.disk.readAround(joinPath(place.folder, name.name));
    if (!read.ok) return read;
    const isNewest = slot === current.length - 1;
    walk.segment(name, read.value ?? { bytes: NO_BYTES, unreadableFrom: null }, isNewest);
  }
  walk.end();
  walk.beginning();
  walk.hardState(hardState.value);
  return ok({ ...walk.found(), hardState: hardState.value, hint: hint.value });
}

/** Goes from the oldest byte to the newest. */
class Walk {
  readonly #place: LogPlace;
  readonly #hint: CommitHint | null;
  readonly #ranges: DamagedRange[] = [];
  readonly #good: ScannedSegment[] = [];
  /** The last record seen, and the chained hash there; null before the first segment. */
  #last: { readonly position: Position; readonly hash: Uint8Array } | null = null;
  #goodEnd: { readonly base: Position; readonly last: Position } | null = null;
  #highestIndex = 0;
  #highestTerm = 0;
  #end: { readonly file: string; readonly sizeBytes: number } | null = null;
  #isHardStateGood = true;
  /** What wrong bytes of this file are called. */
  #cause: DamageCause = "wrong-bytes";
  /** Whether what comes next does not follow whole from what is good. */
  #isBroken = false;

  constructor(place: LogPlace, hint: CommitHint | null) {
    this.#place = place;
    this.#hint = hint;
  }

  segment(name: SegmentName, { bytes, unreadableFrom }: SpoiltFile, isNewest: boolean): void {
    const file = joinPath(this.#place.folder, name.name);
    this.#cause = unreadableFrom === null ? "wrong-bytes" : "unreadable";
    const mayBeTorn = isNewest && unreadableFrom === null;
    const asked = this.#hint?.generation === name.generation ? [this.#hint.index] : [];
    const scan = scanSegment(bytes, name.firstIndex, asked);
    if (this.#isBroken && name.firstIndex - 1 <= (this.#place.covered?.position.index ?? -1)) {
      this.#startAfresh();
    }
    this.#end = { file, sizeBytes: bytes.length };
    // Its creation was interrupted; nothing had been written to it.
    if (scan === "torn" && mayBeTorn && this.#last !== null) return;
    this.#noteGap(name);
    if (typeof scan === "string") {
      this.#add(this.#cause, file, { fromByte: 0, toByte: SEGMENT_HEADER_BYTES }, null);
      this.#last ??= { position: beforeFirst(name), hash: new Uint8Array(0) };
      this.#rest(file, bytes, SEGMENT_HEADER_BYTES, false);
      return;
    }
    const { header } = scan;
    const isOurs = isOwn(header.owner, ownerTag(this.#place.self));
    const isNext = this.#last === null || bytesEqual(header.previousHash, this.#last.hash);
    const isMissingBefore = this.#last !== null && name.firstIndex > this.#last.position.index + 1;
    if (!isOurs || (!isNext && !isMissingBefore)) {
      const whole = { fromByte: 0, toByte: bytes.length };
      const last = scan.last.index >= name.firstIndex ? scan.last.index : null;
      this.#add("foreign-file", file, whole, [name.firstIndex, last]);
      this.#see(scan.last, scan.lastHash);
      return;
    }
    this.#see(scan.last, scan.lastHash);
    if (!this.#isBroken) {
      this.#good.push({ name, scan });
      this.#goodEnd = { base: this.#goodEnd?.base ?? header.previous, last: scan.last };
    }
    if (scan.goodBytes < bytes.length) {
      this.#rest(file, bytes, scan.goodBytes, mayBeTorn && scan.tail === "torn");
    }
  }

  /** What had been committed must be there, and be the same. */
  end(): void {
    const hint = this.#hint;
    const at = this.#last?.position.index ?? 0;
    const isCurrent = hint !== null && hint.generation === this.#good[0]?.name.generation;
    if (this.#end === null || !isCurrent) return;
    const { file, sizeBytes } = this.#end;
    if (hint.index > at) {
      const fromByte = this.#good.at(-1)?.scan.goodBytes ?? 0;
      const cause = fromByte < sizeBytes ? "wrong-bytes" : "cut-short";
      this.#add(cause, file, { fromByte: Math.min(fromByte, sizeBytes), toByte: sizeBytes }, [
        at + 1,
        hint.index,
      ]);
      this.#highestIndex = Math.max(this.#highestIndex, hint.index);
      return;
    }
    const found = askedHash(this.#good, hint.index);
    if (hint.hash === null || found === null || bytesEqual(hint.hash, found)) return;
    this.#add("older-copy", file, { fromByte: 0, toByte: sizeBytes }, [hint.index, null]);
    this.#loseFrom(hint.index);
  }

  /** Nothing can be built on a log that begins after the newest whole snapshot. */
  beginning(): void {
    const { snapshotIndex, folder } = this.#place;
    const first = this.#good[0];
    const base = first?.scan.header.previous.index ?? 0;
    if (snapshotIndex === null || first === undefined || base <= snapshotIndex) return;
    this.#good.splice(0);
    this.#goodEnd = null;
    const previous = { term: POSITION_ZERO.term, index: logIndex(snapshotIndex) };
    const missing = segmentName({ generation: first.name.generation, previous });
    const file = joinPath(folder, missing);
    this.#add("missing-file", file, { fromByte: 0, toByte: 0 }, [snapshotIndex + 1, base]);
  }

  hardState(found: FoundHardState): void {
    const { copies, newest } = found;
    const isLogEmpty = this.#highestTerm === 0;
    const isFirstStart = newest === null && copies.every((copy) => copy === "missing");
    if (isFirstStart && isLogEmpty) return;
    const isOld = newest !== null && newest.numbered.state.term < this.#highestTerm;
    if (newest !== null && !isOld) return;
    this.#isHardStateGood = false;
    for (const [slot, name] of HARD_STATE_NAMES.entries()) {
      const cause = isOld ? "older-copy" : causeOf(copies[slot]);
      if (cause === null) continue;
      const toByte = cause === "missing-file" ? 0 : 128;
      this.#add(cause, joinPath(this.#place.folder, name), { fromByte: 0, toByte }, null);
    }
  }

  found(): Pick<LogInspection, "damage" | "good" | "highestTerm"> {
    const goodPrefix = this.#goodEnd ?? { base: POSITION_ZERO, last: POSITION_ZERO };
    const damage = {
      ranges: this.#ranges,
      goodPrefix,
      highestIndex: logIndex(this.#highestIndex),
      isHardStateGood: this.#isHardStateGood,
    };
    return {
      damage: this.#ranges.length === 0 ? null : damage,
      good: this.#good,
      highestTerm: this.#highestTerm,
    };
  }

  /** Finds the next whole record behind a bad one, again and again. */
  #rest(file: string, bytes: Uint8Array, from: number, isTorn: boolean): void {
    let at = from;
    while (at < bytes.length) {
      const expected = (this.#last?.position.index ?? 0) + 1;
      const next = findRecord(bytes, at + 1, (index) => index >= expected);
      // A torn write at the very end was never acknowledged: cut when the log is opened.
      if (next < 0 && isTorn) return;
      const end = next < 0 ? bytes.length : next;
      const found = next < 0 ? null : decodeRecord(bytes, next);
      const lastLost = found === null ? null : Math.max(expected, found.entry.index - 1);
      this.#add(this.#cause, file, { fromByte: at, toByte: end }, [expected, lastLost]);
      at = end;
      for (let record = found; record !== null; record = decodeRecord(bytes, at)) {
        this.#see(record.entry, record.hash);
        at += record.sizeBytes;
      }
    }
  }

  /** A snapshot stands in for everything before: only what comes from here on has to be whole. */
  #startAfresh(): void {
    this.#good.splice(0);
    this.#goodEnd = null;
    this.#isBroken = false;
  }

  #noteGap(name: SegmentName): void {
    const expected = (this.#last?.position.index ?? name.firstIndex - 1) + 1;
    if (this.#last === null || name.firstIndex <= expected) return;
    const { position } = this.#last;
    const before = this.#ranges.at(-1);
    // The bad place just before goes as far as this file's beginning.
    if (before?.lastIndex === null && before.firstIndex !== null) {
      this.#ranges.pop();
      this.#ranges.push({ ...before, lastIndex: logIndex(name.firstIndex - 1) });
      return;
    }
    const missing = segmentName({ generation: name.generation, previous: position });
    const file = joinPath(this.#place.folder, missing);
    this.#add("missing-file", file, { fromByte: 0, toByte: 0 }, [expected, name.firstIndex - 1]);
  }

  #see(position: Position, hash: Uint8Array): void {
    this.#last = { position: { term: position.term, index: position.index }, hash };
    this.#highestIndex = Math.max(this.#highestIndex, position.index);
    this.#highestTerm = Math.max(this.#highestTerm, position.term);
  }

  /** What lies from `index` on cannot be told from what was overwritten. */
  #loseFrom(index: number): void {
    const kept = this.#good.findIndex(({ scan }) => scan.last.index >= index);
    const first = this.#good[0];
    if (kept < 0 || first === undefined) return;
    this.#good.splice(kept);
    const base = first.scan.header.previous;
    this.#goodEnd = { base, last: this.#good.at(-1)?.scan.last ?? base };
  }

  #add(
    cause: DamageCause,
    file: string,
    bytes: Pick<DamagedRange, "fromByte" | "toByte">,
    entries: readonly [first: number, last: number | null] | null,
  ): void {
    const [first = null, last = null] = entries ?? [];
    this.#isBroken = true;
    this.#ranges.push({
      cause,
      file,
      ...bytes,
      firstIndex: first === null ? null : logIndex(first),
      lastIndex: last === null ? null : logIndex(last),
    });
  }
}

function beforeFirst(name: SegmentName): Position {
  return { term: POSITION_ZERO.term, index: logIndex(name.firstIndex - 1) };
}

function causeOf(copy: FoundHardState["copies"][number] | undefined): DamageCause | null {
  if (copy === "damaged") return "wrong-bytes";
  if (copy === "foreign") return "foreign-file";
  return copy === "missing" ? "missing-file" : null;
}
