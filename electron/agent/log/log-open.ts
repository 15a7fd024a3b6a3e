/**
 * Brings a log folder from whatever a crash left to a state that can be trusted, or says why
 * that is impossible. Everything is on the disk, not only in its cache, when this answers ok: a
 * killed process may have left whole records that were never synced.
 *
 * It does not decide what to do about damage; that is the agent's (move aside, come back as a
 * new mirror).
 */
import { assert } from "../../../shared/base/assert.ts";
import { NO_BYTES, bytesEqual } from "../../../shared/base/bytes.ts";
import { POSITION_ZERO, formatPosition } from "../../../shared/base/ids.ts";
import type { Position } from "../../../shared/base/ids.ts";
import { err, ok } from "../../../shared/base/result.ts";
import type { Result } from "../../../shared/base/result.ts";
import type { DiskError } from "../ports.ts";
import { COMMIT_HINT_NAME, decodeCommitHint } from "./commit-hint.ts";
import type { CommitHint } from "./commit-hint.ts";
import { HardStateFiles } from "./hard-state-files.ts";
import { damaged } from "./log-error.ts";
import { joinPath, makeDurableFolder } from "./folders.ts";
import type { LogLoadError } from "./log-error.ts";
import { newSegmentHeader } from "./log-place.ts";
import type { LogPlace } from "./log-place.ts";
import { isOwn, ownerTag } from "./owner-tag.ts";
import { CHAIN_HASH_ZERO } from "./record-format.ts";
import { isPuttingAside } from "./put-aside-mark.ts";
import { scanSegment } from "./segment-scan.ts";
import type { HeaderFault, SegmentScan } from "./segment-scan.ts";
import { createDurableSegment } from "./segment-list.ts";
import { Segment, parseSegmentName } from "./segment.ts";
import type { SegmentName } from "./segment.ts";
import { markSyncFailed, writeAnew } from "./write-anew.ts";

/** What had to be done at the start; for the log file and the status page. */
export type LogOpenReport = {
  readonly isNew: boolean;
  /** Bytes of a write that the last crash interrupted; never acknowledged, now cut off. */
  readonly tornBytes: number;
  /** Whether one copy of term and vote was restored from the other. */
  readonly wasHardStateRepaired: boolean;
  readonly segmentCount: number;
  /** What was damaged but is not needed beside the snapshot, and was let go of; else null. */
  readonly coveredDamage: string | null;
};

/** A folder brought into order. */
export type LoadedLog = {
  readonly segments: readonly Segment[];
  readonly hardState: HardStateFiles;
  readonly base: Position;
  readonly termStarts: readonly Position[];
  readonly last: Position;
  readonly lastHash: Uint8Array;
  /** Highest index known to be committed; from the base's index up. */
  readonly commitIndex: number;
  readonly report: LogOpenReport;
};

/** A segment with its name and what was found in it. */
export type ScannedSegment = { readonly name: SegmentName; readonly scan: SegmentScan };
type ScanResult = {
  readonly scanned: readonly ScannedSegment[];
  readonly tornBytes: number;
  readonly coveredDamage: string | null;
};

/** Opens, checks and repairs; the caller owns what it gets and closes it. */
export async function loadLog(place: LogPlace): Promise<Result<LoadedLog, LogLoadError>> {
  const made = await makeDurableFolder(place.disk, place.folder);
  if (!made.ok) return made;
  const aside = await isPuttingAside(place);
  if (!aside.ok) return aside;
  if (aside.value) {
    return err(damaged(place.folder, 0, "putting the damaged log aside was interrupted"));
  }
  const hardState = await HardStateFiles.open(place);
  if (!hardState.ok) return hardState;
  const loaded = await loadSegments(place, hardState.value);
  if (!loaded.ok) await hardState.value.close();
  return loaded;
}

/** The hint; null when it is missing or not whole, which means "unknown". */
export async function readCommitHint(
  place: LogPlace,
): Promise<Result<CommitHint | null, DiskError>> {
  const read = await place.disk.readAround(joinPath(place.folder, COMMIT_HINT_NAME));
  if (!read.ok) return read;
  return ok(read.value === null ? null : decodeCommitHint(read.value.bytes));
}

async function loadSegments(
  place: LogPlace,
  hardState: HardStateFiles,
): Promise<Result<LoadedLog, LogLoadError>> {
  const listed = await place.disk.list(place.folder);
  if (!listed.ok) return listed;
  const hint = await readCommitHint(place);
  if (!hint.ok) return hint;
  const names = listed.value.map(parseSegmentName).filter((name) => name !== null);
  const read = await scanNewestGeneration(place, names, hint.value);
  if (!read.ok) return read;
  const { scanned, tornBytes } = read.value;
  if (scanned.length === 0) {
    if (hardState.isFresh) return createFirst(place, hardState, tornBytes);
    const detail = "all of the log is missing, yet this member has voted before";
    return err(damaged(place.folder, 0, detail));
  }
  const checked = checkAgainstOthers(place, read.value, { hardState, hint: hint.value });
  if (!checked.ok) return checked;
  const opened = await openSegments(place, scanned);
  if (!opened.ok) return opened;
  const removed = await removeOthers(place, names, scanned);
  if (!removed.ok) {
    for (const segment of opened.value) await segment.close();
    return removed;
  }
  const commitIndex = checked.value;
  return ok(assemble(read.value, { segments: opened.value, hardState, commitIndex }));
}

/** Takes the highest generation; one whose very creation was interrupted does not count. */
async function scanNewestGeneration(
  place: LogPlace,
  names: readonly SegmentName[],
  hint: CommitHint | null,
): Promise<Result<ScanResult, LogLoadError>> {
  const generations = [...new Set(names.map((name) => name.generation))].sort((a, b) => b - a);
  let tornBytes = 0;
  for (const generation of generations) {
    const own = names.filter((name) => name.generation === generation);
    const read = await scanAll(place, own, [
      hint?.index ?? -1,
      place.covered?.position.index ?? -1,
    ]);
    if (!read.ok) return read;
    tornBytes += read.value.tornBytes;
    if (read.value.scanned.length > 0) return ok({ ...read.value, tornBytes });
  }
  return ok({ scanned: [], tornBytes, coveredDamage: null });
}

async function scanAll(
  place: LogPlace,
  names: readonly SegmentName[],
  hashesAskedAt: readonly number[],
): Promise<Result<ScanResult, LogLoadError>> {
  let scanned: ScannedSegment[] = [];
  let tornBytes = 0;
  let coveredDamage: string | null = null;
  for (const [slot, name] of names.entries()) {
    const path = joinPath(place.folder, name.name);
    const read = await place.disk.readAround(path);
    if (!read.ok) return read;
    const { bytes, unreadableFrom } = read.value ?? { bytes: NO_BYTES, unreadableFrom: null };
    const scan = scanSegment(bytes, name.firstIndex, hashesAskedAt);
    const next = names[slot + 1];
    if (scan === "torn" && next === undefined && unreadableFrom === null) {
      return ok({ scanned, tornBytes: bytes.length, coveredDamage });
    }
    const before = scanned.at(-1)?.scan ?? null;
    const isAfresh = before !== null && !follows(before, scan) && isCovered(place, name);
    if (isAfresh) {
      coveredDamage ??= `${path} does not follow the file before it`;
      scanned = [];
    }
    const fault = faultOf(place, scan, {
      path,
      before: isAfresh ? null : before,
      isLast: next === undefined,
      unreadableFrom,
    });
    if (fault !== null) {
      const isNeeded =
        fault.code !== "log-damaged" || next === undefined || !isCovered(place, next);
      if (isNeeded) return err(fault);
      coveredDamage ??= `${fault.file} at ${fault.offset}: ${fault.detail}`;
      scanned = [];
      continue;
    }
    assert(typeof scan !== "string", "a segment without a header has a fault");
    if (scan.tail === "torn") tornBytes = bytes.length - scan.goodBytes;
    scanned.push({ name, scan });
  }
  return ok({ scanned, tornBytes, coveredDamage });
}

/** Whether a snapshot stands in for everything before this segment. */
function isCovered(place: LogPlace, name: SegmentName): boolean {
  return place.covered !== null && name.firstIndex - 1 <= place.covered.position.index;
}

function faultOf(
  place: LogPlace,
  scan: SegmentScan | HeaderFault,
  at: {
    readonly path: string;
    readonly before: SegmentScan | null;
    readonly isLast: boolean;
    readonly unreadableFrom: number | null;
  },
): Extract<LogLoadError, { readonly file: string }> | null {
  const { path, before, isLast, unreadableFrom } = at;
  if (unreadableFrom !== null) return damaged(path, unreadableFrom, "the disk cannot read it");
  if (typeof scan === "string") return headerError(path, scan);
  const { header, last } = scan;
  if (!isOwn(header.owner, ownerTag(place.self))) {
    return damaged(path, 0, "the file is of another computer's log");
  }
  if (before !== null && !follows(before, scan)) {
    const detail = `the segment follows ${formatPosition(header.previous)}, but the one before ends at ${formatPosition(before.last)}`;
    return damaged(path, 0, detail);
  }
  if (scan.tail === "clean" || (scan.tail === "torn" && isLast)) return null;
  if (scan.tail === "too-new") return tooNew(path, scan.goodBytes);
  const detail = `the record of index ${last.index + 1} is wrong, and later ones were stored`;
  return damaged(path, scan.goodBytes, detail);
}

function headerError(
  file: string,
  fault: HeaderFault,
): Extract<LogLoadError, { readonly file: string }> {
  if (fault === "too-new") return tooNew(file, 0);
  return damaged(file, 0, "the header of the segment is wrong");
}

function tooNew(file: string, offset: number): Extract<LogLoadError, { readonly file: string }> {
  const detail = "the log was written by a newer version; install that version";
  return { code: "log-too-new", file, offset, detail };
}

/** Whether a segment begins where the one before ends, hash included. */
function follows(before: SegmentScan, scan: SegmentScan | HeaderFault): boolean {
  if (typeof scan === "string") return false;
  const { previous, previousHash } = scan.header;
  return (
    previous.index === before.last.index &&
    previous.term === before.last.term &&
    bytesEqual(previousHash, before.lastHash)
  );
}

/** @returns the commit index. A log that ends before it has lost records, however clean its end. */
function checkAgainstOthers(
  place: LogPlace,
  { scanned, coveredDamage }: ScanResult,
  others: { readonly hardState: HardStateFiles; readonly hint: CommitHint | null },
): Result<number, LogLoadError> {
  const first = scanned[0] as ScannedSegment;
  const end = scanned.at(-1) as ScannedSegment;
  const { hint } = others;
  const { last, goodBytes } = end.scan;
  const stored = others.hardState.state.term;
  // Not asked of an empty log: a snapshot may have come before its term was stored.
  if (last.index > first.scan.header.previous.index && stored < last.term) {
    const detail = `term and vote are of term ${stored}, older than the log's ${last.term}`;
    return err(damaged(joinPath(place.folder, "hard-state.1"), 0, detail));
  }
  const baseIndex = first.scan.header.previous.index;
  const { covered } = place;
  if (coveredDamage !== null && covered !== null) {
    const found = askedHash(scanned, covered.position.index);
    if (found === null || !bytesEqual(found, covered.chainHash)) {
      return err(damaged(joinPath(place.folder, first.name.name), 0, coveredDamage));
    }
  }
  if (hint === null || hint.generation !== first.name.generation) return ok(baseIndex);
  const file = joinPath(place.folder, end.name.name);
  if (hint.index > last.index) {
    const detail = `the log ends at ${last.index}, but ${hint.index} had been committed`;
    return err(damaged(file, goodBytes, detail));
  }
  const found = askedHash(scanned, hint.index);
  if (hint.hash !== null && found !== null && !bytesEqual(hint.hash, found)) {
    const detail = `entry ${hint.index} is not the one that had been committed`;
    return err(damaged(file, 0, detail));
  }
  return ok(Math.max(baseIndex, hint.index));
}

/** The chained hash at an index, if a scan was asked for it and has it. */
export function askedHash(scanned: readonly ScannedSegment[], index: number): Uint8Array | null {
  for (const { scan } of scanned) {
    const hash = scan.askedHashes.get(index);
    if (hash !== undefined) return hash;
  }
  return null;
}

async function openSegments(
  place: LogPlace,
  scanned: readonly ScannedSegment[],
): Promise<Result<readonly Segment[], DiskError>> {
  const { disk, folder } = place;
  const segments: Segment[] = [];
  const closeAll = async (error: DiskError): Promise<Result<never, DiskError>> => {
    for (const segment of segments) await segment.close();
    return err(error);
  };
  for (const { name, scan } of scanned) {
    const path = joinPath(folder, name.name);
    const isLast = scan === scanned.at(-1)?.scan;
    const fresh = isLast ? await writeAnew(disk, folder, name.name, scan.goodBytes) : ok(false);
    if (!fresh.ok) return closeAll(fresh.error);
    const opened = await disk.open(path);
    if (!opened.ok) return closeAll(opened.error);
    segments.push(new Segment(path, scan.header, opened.value, scan));
    if (!isLast || fresh.value) continue;
    const cut = scan.tail === "torn" ? await opened.value.truncate(scan.goodBytes) : ok(null);
    const synced = cut.ok ? await opened.value.sync() : cut;
    if (synced.ok) continue;
    await markSyncFailed(disk, folder);
    return closeAll(synced.error);
  }
  return ok(segments);
}

/** Torn creations and older generations go, and all names are made durable. */
async function removeOthers(
  place: LogPlace,
  names: readonly SegmentName[],
  scanned: readonly ScannedSegment[],
): Promise<Result<null, DiskError>> {
  const kept = new Set(scanned.map((item) => item.name.name));
  for (const { name } of names) {
    if (kept.has(name)) continue;
    const removed = await place.disk.remove(joinPath(place.folder, name));
    if (!removed.ok) return removed;
  }
  return place.disk.syncFolder(place.folder);
}

async function createFirst(
  place: LogPlace,
  hardState: HardStateFiles,
  tornBytes: number,
): Promise<Result<LoadedLog, DiskError>> {
  const header = newSegmentHeader(place, {
    generation: 1,
    previous: POSITION_ZERO,
    previousHash: CHAIN_HASH_ZERO,
  });
  // It exists before anything is acknowledged, so its absence later is proof of loss.
  const created = await createDurableSegment(place.disk, place.folder, header);
  if (!created.ok) return created;
  return ok({
    segments: [created.value],
    hardState,
    base: POSITION_ZERO,
    termStarts: [],
    last: POSITION_ZERO,
    lastHash: CHAIN_HASH_ZERO,
    commitIndex: 0,
    report: {
      isNew: true,
      tornBytes,
      wasHardStateRepaired: false,
      segmentCount: 1,
      coveredDamage: null,
    },
  });
}

function assemble(
  { scanned, tornBytes, coveredDamage }: ScanResult,
  parts: Pick<LoadedLog, "segments" | "hardState" | "commitIndex">,
): LoadedLog {
  const first = scanned[0] as ScannedSegment;
  const end = scanned.at(-1) as ScannedSegment;
  return {
    ...parts,
    base: first.scan.header.previous,
    termStarts: scanned.flatMap((item) => item.scan.termStarts),
    last: end.scan.last,
    lastHash: end.scan.lastHash,
    report: {
      isNew: false,
      tornBytes,
      wasHardStateRepaired: parts.hardState.wasRepaired,
      segmentCount: parts.segments.length,
      coveredDamage,
    },
  };
}
