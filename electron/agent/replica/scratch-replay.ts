/** Leads a store to a former position: the newest snapshot at or before it, and the log from there on. */
import type { ApiError } from "../../../shared/api/methods.ts";
import { assert } from "../../../shared/base/assert.ts";
import { logIndex, POSITION_ZERO } from "../../../shared/base/ids.ts";
import type { LogIndex } from "../../../shared/base/ids.ts";
import { err, ok } from "../../../shared/base/result.ts";
import type { Result } from "../../../shared/base/result.ts";
import type { LogView } from "../../../shared/raft/types.ts";
import { readableFrom } from "../log/kept-snapshots.ts";
import type { SnapshotFiles } from "../log/snapshots.ts";
import type { Store } from "../ports.ts";
import { toCommitted } from "./applier.ts";
import { readLog } from "./read-log.ts";

/** Applied at once; other work gets its turn in between. */
const PIECE_BYTES_MAX = 4 * 1024 * 1024;

/**
 * The largest image a former state is made from. It lies twice in memory while it is loaded, beside the present
 * database, and a computer that runs out of memory loses the agent and not only an answer. Measured in
 * `electron/agent/replica/DESIGN.md`.
 */
export const PAST_IMAGE_BYTES_MAX = 512 * 1024 * 1024;

/** What a former state is made of. */
export type ReplaySources = { readonly log: LogView; readonly files: SnapshotFiles };

/**
 * Loads the newest snapshot that is not behind an index, or the empty database.
 *
 * @param open The store; asked once it is known that there is something to load. Its calls may reject.
 * @returns where it stands; the log leads on from there.
 */
export async function loadBefore(
  { log, files }: ReplaySources,
  upTo: LogIndex,
  open: () => Store,
): Promise<Result<LogIndex, ApiError>> {
  const newest = files.kept.findLast(({ mark }) => mark.position.index <= upTo);
  if ((newest?.bodyBytes ?? 0) > PAST_IMAGE_BYTES_MAX) return err(tooLarge(newest?.bodyBytes ?? 0));
  const snapshot = await files.read(upTo);
  if (!snapshot.ok) return err({ code: "storage-failed", message: `${snapshot.error.detail}.` });
  const position = snapshot.value?.mark.position ?? POSITION_ZERO;
  // A damaged one was put aside: the one before it may not join the log.
  if (position.index < log.firstIndex - 1) return err(notKept({ log, files }, upTo));
  const loaded = await open().call("load", { image: snapshot.value?.image ?? null });
  if (!loaded.ok) return err({ code: "internal", message: loaded.error.detail });
  assert(loaded.value.applied.index === position.index, "an image stands where it says");
  return ok(position.index);
}

/** Goes on by the log. @param from Where the store stands. Its calls may reject. @returns why it cannot, or null. */
export async function replay(
  { log, files }: ReplaySources,
  store: Store,
  { from, to }: { readonly from: LogIndex; readonly to: LogIndex },
): Promise<ApiError | null> {
  for (let at = from; at < to;) {
    const next = logIndex(at + 1);
    // The log may have been cut meanwhile.
    if (next < log.firstIndex) return notKept({ log, files }, to);
    const piece = readLog(() => ok(log.entriesFrom(next, PIECE_BYTES_MAX)));
    if (!piece.ok) return piece.error;
    const entries = piece.value.slice(0, to - at).map(toCommitted);
    const outcome = await store.call("apply", { entries });
    if (outcome.type === "diverged") return { code: "diverged", message: outcome.detail };
    at = outcome.position.applied.index;
  }
  return null;
}

/**
 * What is said of a state that is too far back.
 *
 * @param what E.g. "The state after entry 7".
 * @param from The oldest state that can be read; null when none can.
 * @param since Its time, as far as it is known.
 */
export function tooOld(what: string, from: LogIndex | null, since: string | null): ApiError {
  const time = since === null ? "" : ` (${since})`;
  const oldest =
    from === null
      ? "No former state can be read here yet."
      : `The oldest state that can be read here is the one after entry ${from}${time}.`;
  return { code: "too-old", message: `${what} is not kept here. ${oldest}` };
}

/** The same of an entry. */
export function notKept({ log, files }: ReplaySources, index: LogIndex): ApiError {
  return tooOld(`The state after entry ${index}`, readableFrom(files.kept, log.firstIndex), null);
}

function tooLarge(bytes: number): ApiError {
  const mebibytes = (count: number): number => Math.ceil(count / 1024 / 1024);
  const message =
    `The database of then has ${mebibytes(bytes)} MiB, and former states are opened up to ` +
    `${mebibytes(PAST_IMAGE_BYTES_MAX)} MiB, so that this computer does not run out of memory. ` +
    "History and undo work all the same.";
  return { code: "too-large", message };
}

/** What is said when a second database was lost while it was asked. */
export function noRoom(): ApiError {
  const message =
    "The former state could not be held in memory beside the present one. Nothing was changed; " +
    "close other programs and try again.";
  return { code: "too-large", message };
}
