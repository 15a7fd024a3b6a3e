/**
 * Makes the good part of a damaged log the log, for a member that has nobody to fetch the rest
 * from and whose owner accepted the loss. The damaged originals are put aside and kept.
 */
import { NO_BYTES } from "../../../shared/base/bytes.ts";
import { POSITION_ZERO, term } from "../../../shared/base/ids.ts";
import type { Position } from "../../../shared/base/ids.ts";
import { ok } from "../../../shared/base/result.ts";
import type { Result } from "../../../shared/base/result.ts";
import type { Disk, DiskError } from "../ports.ts";
import { COMMIT_HINT_NAME, encodeCommitHint } from "./commit-hint.ts";
import { joinPath, moveFiles } from "./folders.ts";
import { inspectLog } from "./inspect-log.ts";
import type { LogInspection } from "./inspect-log.ts";
import { placeOf } from "./log-parts.ts";
import type { LogPlaceOptions } from "./log-parts.ts";
import type { LogPlace } from "./log-place.ts";
import {
  asDiskError,
  beginAnew,
  beginPutAside,
  endPutAside,
  laterTerm,
  logFiles,
  storeHardState,
  undoKeeping,
  withReserve,
} from "./put-aside.ts";
import { writeWhole } from "./write-whole.ts";

const COPY_NAME = "kept.tmp";

/** What is left, and where the originals are. */
export type KeptPart = {
  readonly base: Position;
  readonly last: Position;
  readonly folder: string;
};

/**
 * Keeps the good prefix. The term goes one up, so that no entry made from now on can be mistaken
 * for a lost one of the same place. After an interruption the log does not open until this (or
 * `moveAside`) was called again. The log must not be open.
 *
 * @param options.incarnation What the member holds from now on: its seat's, when it is the only
 *   voter and nobody else can know what was lost; null otherwise.
 */
export async function keepGoodPart(
  options: LogPlaceOptions & {
    readonly incarnation: number | null;
  },
): Promise<Result<KeptPart, DiskError>> {
  const place = placeOf(options);
  return withReserve(place, () => keep(place, options.incarnation));
}

async function keep(
  place: LogPlace,
  incarnation: number | null,
): Promise<Result<KeptPart, DiskError>> {
  const begun = await beginPutAside(place, "keeping");
  if (!begun.ok) return begun;
  const { slot, target, resumed } = begun.value;
  if (resumed === "moving") {
    return refuse("the whole log is being put aside; that has to be finished first");
  }
  const undone = resumed === null ? ok(null) : await undoKeeping(place, target);
  const inspected = undone.ok ? await inspectLog(place) : undone;
  if (!inspected.ok) return inspected;
  const moved = await replaceBad(place, inspected.value, target);
  if (!moved.ok) return moved;
  const noted = await noteCommitted(place, inspected.value);
  if (!noted.ok) return noted;
  const stored = await storeHardState(place, (state) => {
    const highest = laterTerm(state.term, term(inspected.value.highestTerm));
    return { term: term(highest + 1), votedFor: null, incarnation };
  });
  if (!stored.ok) return { ok: false, error: asDiskError(stored.error) };
  const ended = await endPutAside(place, slot);
  const { good } = inspected.value;
  const base = good[0]?.scan.header.previous ?? POSITION_ZERO;
  return ended.ok ? ok({ base, last: good.at(-1)?.scan.last ?? base, folder: target }) : ended;
}

/** Good segments before the last one stay where they are; of the last, a copy of its good part. */
async function replaceBad(
  place: LogPlace,
  inspection: LogInspection,
  target: string,
): Promise<Result<null, DiskError>> {
  const { disk, folder } = place;
  const listed = await disk.list(folder);
  if (!listed.ok) return listed;
  const { good, damage, hardState } = inspection;
  const end = good.at(-1);
  const isStateBad = hardState.newest === null || damage?.isHardStateGood === false;
  if (end !== undefined) {
    const copied = await copyGood(disk, folder, { ...end.name, goodBytes: end.scan.goodBytes });
    if (!copied.ok) return copied;
  }
  const staying = new Set(good.slice(0, -1).map((item) => item.name.name));
  const going = logFiles(listed.value, isStateBad).filter((name) => !staying.has(name));
  const moved = await moveFiles(place.disk, going, { from: folder, to: target });
  if (!moved.ok) return moved;
  if (end === undefined) return beginAnew(place, [...listed.value, ...going]);
  const named = await disk.rename(joinPath(folder, COPY_NAME), joinPath(folder, end.name.name));
  return named.ok ? disk.syncFolder(folder) : named;
}

/** What was known to be committed of the part that is kept: it stays readable. */
async function noteCommitted(
  { disk, folder }: LogPlace,
  { good, hint }: LogInspection,
): Promise<Result<null, DiskError>> {
  const end = good.at(-1);
  if (hint === null || end === undefined || hint.generation !== end.name.generation)
    return ok(null);
  const { last, lastHash } = end.scan;
  const kept = hint.index < last.index ? hint : { ...hint, index: last.index, hash: lastHash };
  return writeWhole(disk, joinPath(folder, COMMIT_HINT_NAME), encodeCommitHint(kept));
}

async function copyGood(
  disk: Disk,
  folder: string,
  segment: { readonly name: string; readonly goodBytes: number },
): Promise<Result<null, DiskError>> {
  const read = await disk.readAround(joinPath(folder, segment.name));
  if (!read.ok) return read;
  const bytes = (read.value?.bytes ?? NO_BYTES).subarray(0, segment.goodBytes);
  return writeWhole(disk, joinPath(folder, COPY_NAME), bytes);
}

function refuse(detail: string): { readonly ok: false; readonly error: DiskError } {
  return { ok: false, error: { code: "not-writable", detail } };
}
