/**
 * The steps that putting a damaged log aside is made of. Files are only ever renamed, so nothing
 * is lost by an interruption, and every step can be done again.
 */
import { POSITION_ZERO } from "../../../shared/base/ids.ts";
import type { Term } from "../../../shared/base/ids.ts";
import { err, ok } from "../../../shared/base/result.ts";
import type { Result } from "../../../shared/base/result.ts";
import type { HardState } from "../../../shared/raft/types.ts";
import type { DiskError } from "../ports.ts";
import { COMMIT_HINT_NAME } from "./commit-hint.ts";
import { RESERVE_NAME } from "./disk-reserve.ts";
import { joinPath, makeDurableFolder, moveFiles } from "./folders.ts";
import { HARD_STATE_NAMES, HardStateFiles } from "./hard-state-files.ts";
import type { LogLoadError } from "./log-error.ts";
import { newSegmentHeader } from "./log-place.ts";
import type { LogPlace } from "./log-place.ts";
import {
  PUT_ASIDE_COUNT_MAX,
  putAsideFolder,
  readPutAsideMark,
  writePutAsideMark,
} from "./put-aside-mark.ts";
import type { PutAsideMark } from "./put-aside-mark.ts";
import { CHAIN_HASH_ZERO } from "./record-format.ts";
import { createDurableSegment } from "./segment-list.ts";
import { parseSegmentName } from "./segment.ts";

/** Work under way: where to, and whether an earlier attempt was interrupted. */
export type PutAside = {
  readonly slot: number;
  readonly target: string;
  /** How the interrupted attempt went about it; null when this is the first. */
  readonly resumed: "moving" | "keeping" | null;
};

/** Makes an empty folder for the files and notes durably that they are on their way. */
export async function beginPutAside(
  place: LogPlace,
  state: "moving" | "keeping",
): Promise<Result<PutAside, DiskError>> {
  const mark = await readPutAsideMark(place);
  if (!mark.ok) return mark;
  const before = mark.value;
  if (before !== null && before.state !== "done") {
    const target = putAsideFolder(place.folder, before.slot);
    return ok({ slot: before.slot, target, resumed: before.state });
  }
  const slot = before === null ? 1 : (before.slot % PUT_ASIDE_COUNT_MAX) + 1;
  const target = putAsideFolder(place.folder, slot);
  const emptied = await emptyFolder(place, target);
  const made = emptied.ok ? await makeDurableFolder(place.disk, target) : emptied;
  const marked = made.ok ? await writePutAsideMark(place, { slot, state }) : made;
  return marked.ok ? ok({ slot, target, resumed: null }) : marked;
}

/** Notes durably that the log folder holds a log again. */
export function endPutAside(
  place: LogPlace,
  slot: number,
  state: PutAsideMark["state"] = "done",
): Promise<Result<null, DiskError>> {
  return writePutAsideMark(place, { slot, state });
}

/** Gives everything back that an interrupted attempt to keep the good part had moved. */
export async function undoKeeping(
  place: LogPlace,
  target: string,
): Promise<Result<null, DiskError>> {
  const moved = await place.disk.list(target);
  if (!moved.ok) return moved;
  const here = await place.disk.list(place.folder);
  if (!here.ok) return here;
  // A segment of a later generation was made to begin anew with.
  const newest = highestGeneration(moved.value);
  for (const name of newest === 0 ? [] : here.value) {
    if ((parseSegmentName(name)?.generation ?? 0) <= newest) continue;
    const removed = await place.disk.remove(joinPath(place.folder, name));
    if (!removed.ok) return removed;
  }
  return moveFiles(place.disk, moved.value, { from: target, to: place.folder });
}

/** An empty segment of a generation that was never used. */
export async function beginAnew(
  place: LogPlace,
  names: readonly string[],
): Promise<Result<null, DiskError>> {
  const header = newSegmentHeader(place, {
    generation: 1 + highestGeneration(names),
    previous: POSITION_ZERO,
    previousHash: CHAIN_HASH_ZERO,
  });
  const created = await createDurableSegment(place.disk, place.folder, header);
  if (!created.ok) return created;
  await created.value.close();
  return ok(null);
}

/**
 * Stores another term, vote and incarnation, creating the copies where they are gone.
 *
 * @param change From what is stored; its term must not be below.
 */
export async function storeHardState(
  place: LogPlace,
  change: (stored: HardState) => HardState,
): Promise<Result<HardState, LogLoadError>> {
  const opened = await HardStateFiles.open(place);
  if (!opened.ok) return opened;
  const next = change(opened.value.state);
  const saved = await opened.value.save(next);
  await opened.value.close();
  return saved.ok ? ok(next) : saved;
}

/** Whatever of a log folder is a segment, the hint, or (when wanted) term and vote. */
export function logFiles(names: readonly string[], withHardState: boolean): readonly string[] {
  const wanted: string[] = [COMMIT_HINT_NAME, ...(withHardState ? HARD_STATE_NAMES : [])];
  return names.filter((name) => parseSegmentName(name) !== null || wanted.includes(name));
}

/** On a full disk once more, with the room of the reserve. Every step can be done again. */
export async function withReserve<T, E extends { readonly code: string }>(
  place: LogPlace,
  work: () => Promise<Result<T, E>>,
): Promise<Result<T, E | DiskError>> {
  const done = await work();
  if (done.ok || done.error.code !== "storage-full") return done;
  const removed = await place.disk.remove(joinPath(place.folder, RESERVE_NAME));
  return removed.ok ? work() : removed;
}

/** The higher of two terms. */
export function laterTerm(a: Term, b: Term): Term {
  return a > b ? a : b;
}

/** An error of opening as one of the disk: somebody else's format is not ours to write to. */
export function asDiskError(error: LogLoadError): DiskError {
  if (error.code === "log-damaged" || error.code === "log-too-new") {
    return { code: "not-writable", detail: error.detail };
  }
  return error;
}

function highestGeneration(names: readonly string[]): number {
  return Math.max(0, ...names.map((name) => parseSegmentName(name)?.generation ?? 0));
}

async function emptyFolder(place: LogPlace, folder: string): Promise<Result<null, DiskError>> {
  const listed = await place.disk.list(folder);
  if (!listed.ok) return err(listed.error);
  for (const name of listed.value) {
    const removed = await place.disk.remove(joinPath(folder, name));
    if (!removed.ok) return removed;
  }
  return listed.value.length === 0 ? ok(null) : place.disk.syncFolder(folder);
}
