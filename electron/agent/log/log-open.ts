/**
 * Brings a log folder from whatever a crash left to a state that can be trusted, or says why
 * that is impossible. Everything is on the disk, not only in its cache, when this answers ok: a
 * killed process may have left whole records that were never synced.
 *
 * It does not decide what to do about damage; that is the agent's (move aside, come back as a
 * new mirror).
 */
import { bytesEqual } from "../../../shared/base/bytes.ts";
import { POSITION_ZERO, formatPosition } from "../../../shared/base/ids.ts";
import type { Position } from "../../../shared/base/ids.ts";
import { err, ok } from "../../../shared/base/result.ts";
import type { Result } from "../../../shared/base/result.ts";
import type { Disk, DiskError } from "../ports.ts";
import { COMMIT_HINT_NAME, decodeCommitHint } from "./commit-hint.ts";
import { HardStateFiles } from "./hard-state-files.ts";
import { damaged } from "./log-error.ts";
import { joinPath, makeDurableFolder } from "./folders.ts";
import type { LogOpenError } from "./log-error.ts";
import { CHAIN_HASH_ZERO } from "./record-format.ts";
import type { SegmentHeader } from "./record-format.ts";
import { scanSegment } from "./segment-scan.ts";
import type { SegmentScan } from "./segment-scan.ts";
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

const EMPTY_LOG_HEADER: SegmentHeader = {
  generation: 1,
  previous: POSITION_ZERO,
  previousHash: CHAIN_HASH_ZERO,
};
type Scanned = { readonly name: SegmentName; readonly scan: SegmentScan };
type ScanResult = { readonly scanned: readonly Scanned[]; readonly tornBytes: number };

/** Opens, checks and repairs; the caller owns what it gets and closes it. */
export async function loadLog(
  disk: Disk,
  folder: string,
): Promise<Result<LoadedLog, LogOpenError>> {
  const made = await makeDurableFolder(disk, folder);
  if (!made.ok) return made;
  const hardState = await HardStateFiles.open(disk, folder);
  if (!hardState.ok) return hardState;
  const loaded = await loadSegments(disk, folder, hardState.value);
  if (!loaded.ok) await hardState.value.close();
  return loaded;
}

async function loadSegments(
  disk: Disk,
  folder: string,
  hardState: HardStateFiles,
): Promise<Result<LoadedLog, LogOpenError>> {
  const listed = await disk.list(folder);
  if (!listed.ok) return listed;
  const names = listed.value.map(parseSegmentName).filter((name) => name !== null);
  const read = await scanNewestGeneration(disk, folder, names);
  if (!read.ok) return read;
  const { scanned, tornBytes } = read.value;
  if (scanned.length === 0) {
    if (hardState.isFresh) return createFirst(disk, folder, hardState, tornBytes);
    return err(damaged(folder, 0, "all of the log is missing, yet this member has voted before"));
  }
  const checked = await checkAgainstOthers(disk, folder, scanned, hardState);
  if (!checked.ok) return checked;
  const opened = await openSegments(disk, folder, scanned);
  if (!opened.ok) return opened;
  const removed = await removeOthers(disk, folder, names, scanned);
  if (!removed.ok) {
    for (const segment of opened.value) await segment.close();
    return removed;
  }
  const commitIndex = checked.value;
  return ok(assemble(scanned, { segments: opened.value, hardState, commitIndex }, tornBytes));
}

/** Takes the highest generation; one whose very creation was interrupted does not count. */
async function scanNewestGeneration(
  disk: Disk,
  folder: string,
  names: readonly SegmentName[],
): Promise<Result<ScanResult, LogOpenError>> {
  const generations = [...new Set(names.map((name) => name.generation))].sort((a, b) => b - a);
  let tornBytes = 0;
  for (const generation of generations) {
    const read = await scanAll(
      disk,
      folder,
      names.filter((name) => name.generation === generation),
    );
    if (!read.ok) return read;
    tornBytes += read.value.tornBytes;
    if (read.value.scanned.length > 0) return ok({ scanned: read.value.scanned, tornBytes });
  }
  return ok({ scanned: [], tornBytes });
}

async function scanAll(
  disk: Disk,
  folder: string,
  names: readonly SegmentName[],
): Promise<Result<ScanResult, LogOpenError>> {
  const scanned: Scanned[] = [];
  let tornBytes = 0;
  for (const [slot, name] of names.entries()) {
    const path = joinPath(folder, name.name);
    const read = await disk.read(path);
    if (!read.ok) return read;
    if (read.value === null) return err(damaged(path, 0, "the file disappeared while starting"));
    const scan = scanSegment(read.value, name.firstIndex);
    const isLast = slot === names.length - 1;
    if (typeof scan === "string") {
      if (scan === "torn" && isLast) return ok({ scanned, tornBytes: read.value.length });
      return err(headerError(path, scan));
    }
    const fault = faultOf(scan, scanned.at(-1)?.scan ?? null, isLast);
    if (fault !== null) return err(damaged(path, fault.offset, fault.detail));
    if (scan.tail === "torn") tornBytes = read.value.length - scan.goodBytes;
    scanned.push({ name, scan });
  }
  return ok({ scanned, tornBytes });
}

function headerError(file: string, fault: "torn" | "damaged" | "too-new"): LogOpenError {
  if (fault !== "too-new") return damaged(file, 0, "the header of the segment is wrong");
  const detail = "the log was written by a newer version; install that version";
  return { code: "log-too-new", file, offset: 0, detail };
}

function faultOf(
  scan: SegmentScan,
  before: SegmentScan | null,
  isLast: boolean,
): { readonly offset: number; readonly detail: string } | null {
  const { header } = scan;
  if (before !== null) {
    const isNext =
      header.previous.index === before.last.index &&
      header.previous.term === before.last.term &&
      bytesEqual(header.previousHash, before.lastHash);
    if (!isNext) {
      const detail = `the segment follows ${formatPosition(header.previous)}, but the one before ends at ${formatPosition(before.last)}`;
      return { offset: 0, detail };
    }
  }
  if (scan.tail === "clean" || (scan.tail === "torn" && isLast)) return null;
  const detail = `the record of index ${scan.last.index + 1} is wrong, and later ones were stored`;
  return { offset: scan.goodBytes, detail };
}

/** @returns the commit index. A log that ends before it has lost records, however clean its end. */
async function checkAgainstOthers(
  disk: Disk,
  folder: string,
  scanned: readonly Scanned[],
  hardState: HardStateFiles,
): Promise<Result<number, LogOpenError>> {
  const first = scanned[0] as Scanned;
  const end = scanned.at(-1) as Scanned;
  const file = joinPath(folder, end.name.name);
  const { last, goodBytes } = end.scan;
  const stored = hardState.state.term;
  // Not asked of an empty log: a snapshot may have come before its term was stored.
  if (last.index > first.scan.header.previous.index && stored < last.term) {
    const detail = `term and vote are of term ${stored}, older than the log's ${last.term}`;
    return err(damaged(joinPath(folder, "hard-state.1"), 0, detail));
  }
  const read = await disk.read(joinPath(folder, COMMIT_HINT_NAME));
  if (!read.ok) return read;
  const hint = read.value === null ? null : decodeCommitHint(read.value);
  const baseIndex = first.scan.header.previous.index;
  if (hint === null || hint.generation !== first.name.generation) return ok(baseIndex);
  if (hint.index > last.index) {
    const detail = `the log ends at ${last.index}, but ${hint.index} had been committed`;
    return err(damaged(file, goodBytes, detail));
  }
  return ok(Math.max(baseIndex, hint.index));
}

async function openSegments(
  disk: Disk,
  folder: string,
  scanned: readonly Scanned[],
): Promise<Result<readonly Segment[], DiskError>> {
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
    segments.push(new Segment(path, scan.header, opened.value, scan.offsets));
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
  disk: Disk,
  folder: string,
  names: readonly SegmentName[],
  scanned: readonly Scanned[],
): Promise<Result<null, DiskError>> {
  const kept = new Set(scanned.map((item) => item.name.name));
  for (const { name } of names) {
    if (kept.has(name)) continue;
    const removed = await disk.remove(joinPath(folder, name));
    if (!removed.ok) return removed;
  }
  return disk.syncFolder(folder);
}

async function createFirst(
  disk: Disk,
  folder: string,
  hardState: HardStateFiles,
  tornBytes: number,
): Promise<Result<LoadedLog, DiskError>> {
  // It exists before anything is acknowledged, so its absence later is proof of loss.
  const created = await createDurableSegment(disk, folder, EMPTY_LOG_HEADER);
  if (!created.ok) return created;
  return ok({
    segments: [created.value],
    hardState,
    base: POSITION_ZERO,
    termStarts: [],
    last: POSITION_ZERO,
    lastHash: CHAIN_HASH_ZERO,
    commitIndex: 0,
    report: { isNew: true, tornBytes, wasHardStateRepaired: false, segmentCount: 1 },
  });
}

function assemble(
  scanned: readonly Scanned[],
  parts: Pick<LoadedLog, "segments" | "hardState" | "commitIndex">,
  tornBytes: number,
): LoadedLog {
  const first = scanned[0] as Scanned;
  const end = scanned.at(-1) as Scanned;
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
    },
  };
}
