/**
 * Remembers that a damaged log is being put aside, and where to. Moving several files is not one
 * step: while this mark stands, what is left in the folder is not a log, however whole it looks.
 */
import { crc32 } from "node:zlib";
import { ok } from "../../../shared/base/result.ts";
import type { Result } from "../../../shared/base/result.ts";
import type { DiskError } from "../ports.ts";
import { joinPath } from "./folders.ts";
import type { LogPlace } from "./log-place.ts";
import { hasMagic, setMagic } from "./record-format.ts";

/** The mark's file name. */
export const PUT_ASIDE_MARK_NAME = "put-aside";

/** Folders for damaged logs: the newest so many are kept, so that they never fill the disk. */
export const PUT_ASIDE_COUNT_MAX = 3;

const MAGIC = "TIDEASID";
const VERSION = 1;
const SIZE_BYTES = 24;

/**
 * Into which of the folders the last damaged log went, or is going. `moving`: the whole log goes;
 * `keeping`: its good part stays. Both are interrupted work when they are found at a start.
 */
export type PutAsideMark = {
  readonly slot: number;
  readonly state: "done" | "moving" | "keeping";
};

const STATES: readonly PutAsideMark["state"][] = ["done", "moving", "keeping"];

/** `log-damaged-1` and so on. @param slot 1 to PUT_ASIDE_COUNT_MAX. */
export function putAsideFolder(folder: string, slot: number): string {
  return `${folder}-damaged-${slot}`;
}

/** Whether a move was interrupted; the log must not be opened then. */
export async function isPuttingAside(place: LogPlace): Promise<Result<boolean, DiskError>> {
  const mark = await readPutAsideMark(place);
  return mark.ok ? ok(mark.value !== null && mark.value.state !== "done") : mark;
}

/** Null when there was none yet. One that is not whole was being written, so nothing had moved. */
export async function readPutAsideMark(
  place: LogPlace,
): Promise<Result<PutAsideMark | null, DiskError>> {
  const read = await place.disk.read(joinPath(place.folder, PUT_ASIDE_MARK_NAME));
  if (!read.ok) return read;
  const bytes = read.value;
  if (bytes === null || bytes.length !== SIZE_BYTES || !hasMagic(bytes, MAGIC)) return ok(null);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (crc32(bytes.subarray(0, 20)) !== view.getUint32(20, true)) return ok(null);
  const slot = view.getUint32(12, true);
  const state = STATES[view.getUint32(16, true)];
  const isKnown = view.getUint32(8, true) === VERSION && slot >= 1 && slot <= PUT_ASIDE_COUNT_MAX;
  return ok(isKnown && state !== undefined ? { slot, state } : null);
}

/** On the disk when it answers ok. */
export async function writePutAsideMark(
  place: LogPlace,
  mark: PutAsideMark,
): Promise<Result<null, DiskError>> {
  const bytes = new Uint8Array(SIZE_BYTES);
  const view = new DataView(bytes.buffer);
  setMagic(bytes, MAGIC);
  view.setUint32(8, VERSION, true);
  view.setUint32(12, mark.slot, true);
  view.setUint32(16, STATES.indexOf(mark.state), true);
  view.setUint32(20, crc32(bytes.subarray(0, 20)), true);
  const opened = await place.disk.open(joinPath(place.folder, PUT_ASIDE_MARK_NAME));
  if (!opened.ok) return opened;
  const file = opened.value;
  const isWhole = file.sizeBytes === SIZE_BYTES;
  const emptied = isWhole || file.sizeBytes === 0 ? ok(null) : await file.truncate(0);
  const written = !emptied.ok
    ? emptied
    : await (isWhole ? file.overwrite(0, bytes) : file.append([bytes]));
  const synced = written.ok ? await file.sync() : written;
  await file.close();
  return synced.ok ? place.disk.syncFolder(place.folder) : synced;
}
