import { term } from "../../../shared/base/ids.ts";
import { ok } from "../../../shared/base/result.ts";
import type { Result } from "../../../shared/base/result.ts";
import type { DiskError } from "../ports.ts";
import { moveFiles } from "./folders.ts";
import { findHardState } from "./hard-state-files.ts";
import { inspectLog } from "./inspect-log.ts";
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
import type { PutAside } from "./put-aside.ts";

/**
 * Puts a damaged log out of the way and leaves an empty one. Nothing is deleted but the oldest of
 * the logs put aside before, so what can still be read can be rescued.
 *
 * The member has forgotten entries it acknowledged: from the first step on it holds no incarnation,
 * durably, and must come back under a new one. Term and vote stay when a copy of them is whole.
 * After an interruption the log does not open until this was called again. The log must not be
 * open.
 *
 * @returns the folder where the damaged files are.
 */
export async function moveAside(options: LogPlaceOptions): Promise<Result<string, DiskError>> {
  const place = placeOf(options);
  return withReserve(place, () => moveAll(place));
}

async function moveAll(place: LogPlace): Promise<Result<string, DiskError>> {
  const given = await giveUpIncarnation(place);
  if (!given.ok) return given;
  const begun = await beginPutAside(place, "moving");
  if (!begun.ok) return begun;
  const turned = await turnFromKeeping(place, begun.value);
  const { slot, target } = begun.value;
  const moved = turned.ok ? await moveLog(place, target) : turned;
  if (!moved.ok) return moved;
  const left = await inspectLog({ ...place, folder: target });
  if (!left.ok) return left;
  const highest = term(left.value.highestTerm);
  const stored = await storeHardState(place, (state) => {
    const isOlder = state.term < highest;
    const votedFor = isOlder ? null : state.votedFor;
    return { term: laterTerm(state.term, highest), votedFor, incarnation: null };
  });
  if (!stored.ok) return { ok: false, error: asDiskError(stored.error) };
  const names = await allNames(place, target);
  const anew = names.ok ? await beginAnew(place, names.value) : names;
  const ended = anew.ok ? await endPutAside(place, slot) : anew;
  return ended.ok ? ok(target) : ended;
}

/** Before anything else: whatever is half done afterwards, this member does not vote. */
async function giveUpIncarnation(place: LogPlace): Promise<Result<null, DiskError>> {
  const found = await findHardState(place);
  if (!found.ok) return found;
  if (found.value.newest === null) return ok(null);
  const stored = await storeHardState(place, (state) => ({ ...state, incarnation: null }));
  return stored.ok ? ok(null) : { ok: false, error: asDiskError(stored.error) };
}

/** An attempt to keep the good part was interrupted: its copies must not replace the originals. */
async function turnFromKeeping(
  place: LogPlace,
  { slot, target, resumed }: PutAside,
): Promise<Result<null, DiskError>> {
  if (resumed !== "keeping") return ok(null);
  const undone = await undoKeeping(place, target);
  return undone.ok ? endPutAside(place, slot, "moving") : undone;
}

async function moveLog(place: LogPlace, target: string): Promise<Result<null, DiskError>> {
  const listed = await place.disk.list(place.folder);
  if (!listed.ok) return listed;
  const found = await findHardState(place);
  if (!found.ok) return found;
  const names = logFiles(listed.value, found.value.newest === null);
  return moveFiles(place.disk, names, { from: place.folder, to: target });
}

async function allNames(
  place: LogPlace,
  target: string,
): Promise<Result<readonly string[], DiskError>> {
  const here = await place.disk.list(place.folder);
  const there = here.ok ? await place.disk.list(target) : here;
  return here.ok && there.ok ? ok([...here.value, ...there.value]) : there;
}
