/**
 * Term, vote and held incarnation, on disk twice.
 *
 * Both copies carry the same state; the second is written when the first is on the disk. So a
 * crash leaves at least one whole copy, and one copy gone bad later is made good by the other.
 * Writing them alternately would save a sync per term, but then a flaw in the newer copy would
 * bring back the older vote, and a member could vote twice in one term.
 *
 * The copies are written over in place: that takes no room, so a vote can be stored on a full disk.
 */
import { assert } from "../../../shared/base/assert.ts";
import { bytesEqual } from "../../../shared/base/bytes.ts";
import { term } from "../../../shared/base/ids.ts";
import { err, ok } from "../../../shared/base/result.ts";
import type { Result } from "../../../shared/base/result.ts";
import type { HardState } from "../../../shared/raft/types.ts";
import type { Disk, DiskError, DiskFile } from "../ports.ts";
import { joinPath } from "./folders.ts";
import { HARD_STATE_BYTES, decodeHardState, encodeHardState } from "./hard-state-format.ts";
import type { NumberedState, StoredIncarnation } from "./hard-state-format.ts";
import { damaged } from "./log-error.ts";
import type { LogLoadError } from "./log-error.ts";
import type { LogPlace } from "./log-place.ts";
import { ownerTag } from "./owner-tag.ts";

/** File names of the two copies. */
export const HARD_STATE_NAMES = ["hard-state.1", "hard-state.2"] as const;

const NOTHING: NumberedState = {
  sequence: 0,
  state: { term: term(0), votedFor: null, incarnation: null },
  stored: "missing",
};

/** What the copies hold. `copies`: one word each, in the order of the names. */
export type FoundHardState = {
  readonly copies: readonly ("whole" | "missing" | "damaged" | "foreign" | "too-new")[];
  /** The newest whole one and its bytes; null when none is whole. */
  readonly newest: {
    readonly numbered: NumberedState;
    readonly bytes: Uint8Array;
    readonly slot: number;
  } | null;
};

/** Both copies, open. */
export class HardStateFiles {
  readonly #files: readonly DiskFile[];
  readonly #owner: Uint8Array;
  #current: NumberedState;
  /** Whether one copy had to be rewritten from the other at the start. */
  readonly wasRepaired: boolean;

  private constructor(
    files: readonly DiskFile[],
    owner: Uint8Array,
    found: { readonly current: NumberedState; readonly wasRepaired: boolean },
  ) {
    this.#files = files;
    this.#owner = owner;
    this.#current = found.current;
    this.wasRepaired = found.wasRepaired;
  }

  /** Creates, reads and repairs the copies; when it answers ok, both are on the disk. */
  static async open(place: LogPlace): Promise<Result<HardStateFiles, LogLoadError>> {
    const owner = ownerTag(place.self);
    const read = await findHardState(place);
    if (!read.ok) return read;
    const { newest } = read.value;
    const refusal = refusalOf(read.value, place.folder);
    if (refusal !== null) return err(refusal);
    const current = newest?.numbered ?? NOTHING;
    const bytes = newest?.bytes ?? encodeHardState(NOTHING, owner);
    const opened = await openCopies(place, newest?.slot ?? 0, bytes);
    if (!opened.ok) return opened;
    const { files, wasRepaired } = opened.value;
    return ok(
      new HardStateFiles(files, owner, {
        current,
        wasRepaired: current.sequence > 0 && wasRepaired,
      }),
    );
  }

  /** The newest state. */
  get state(): HardState {
    return this.#current.state;
  }

  /** What the disk says about the incarnation. */
  get stored(): StoredIncarnation {
    return this.#current.stored;
  }

  /** Whether no state was ever saved here. */
  get isFresh(): boolean {
    return this.#current.sequence === 0;
  }

  /** On the disk, twice, when it answers ok. After `storage-full` it may be tried again. */
  async save(state: HardState): Promise<Result<null, DiskError>> {
    const { state: before, stored, sequence } = this.#current;
    assert(state.term >= before.term, "terms never go down");
    const isSame = state.term === before.term && state.votedFor === before.votedFor;
    if (isSame && state.incarnation === stored) return ok(null);
    const bytes = encodeHardState({ sequence: sequence + 1, state }, this.#owner);
    for (const file of this.#files) {
      const written = await rewrite(file, bytes);
      if (!written.ok) return written;
    }
    this.#current = { sequence: sequence + 1, state, stored: state.incarnation };
    return ok(null);
  }

  async close(): Promise<void> {
    for (const file of this.#files) await file.close();
  }
}

/** Reads both copies and changes nothing. */
export async function findHardState(place: LogPlace): Promise<Result<FoundHardState, DiskError>> {
  const copies: FoundHardState["copies"][number][] = [];
  let newest: FoundHardState["newest"] = null;
  for (const [slot, name] of HARD_STATE_NAMES.entries()) {
    const read = await place.disk.readAround(joinPath(place.folder, name));
    if (!read.ok) return read;
    const bytes = read.value?.bytes ?? null;
    const decoded = bytes === null ? "missing" : decodeHardState(bytes, ownerTag(place.self));
    copies.push(typeof decoded === "string" ? decoded : "whole");
    if (bytes === null || typeof decoded === "string") continue;
    if (newest === null || decoded.sequence > newest.numbered.sequence) {
      newest = { numbered: decoded, bytes, slot };
    }
  }
  return ok({ copies, newest });
}

function refusalOf(found: FoundHardState, folder: string): LogLoadError | null {
  const file = joinPath(folder, HARD_STATE_NAMES[0]);
  if (found.copies.includes("too-new")) {
    const detail = "term and vote were stored by a newer version; install that version";
    return { code: "log-too-new", detail, file, offset: 0 };
  }
  if (found.newest !== null) return null;
  if (found.copies.includes("foreign")) {
    return damaged(file, 0, "term and vote are those of another computer");
  }
  // The first copy is synced before the second is created: a crash cannot leave two bad ones.
  const isTornCreation = found.copies[1] === "missing";
  return isTornCreation ? null : damaged(file, 0, "no copy of term and vote is whole");
}

/**
 * Each copy is whole, named and on the disk before the other is touched or created: the good one
 * first, which may be no more than in the cache of the system after a process was killed.
 */
async function openCopies(
  place: LogPlace,
  goodSlot: number,
  bytes: Uint8Array,
): Promise<
  Result<{ readonly files: readonly DiskFile[]; readonly wasRepaired: boolean }, DiskError>
> {
  const { disk, folder } = place;
  const files: (DiskFile | null)[] = [null, null];
  let wasRepaired = false;
  for (const slot of [goodSlot, 1 - goodSlot]) {
    const opened = await openReadable(disk, joinPath(folder, HARD_STATE_NAMES[slot] as string));
    if (opened.ok) files[slot] = opened.value;
    const made = opened.ok ? await makeGood(opened.value, bytes) : opened;
    const named = made.ok ? await disk.syncFolder(folder) : made;
    if (made.ok && made.value === "rewritten") wasRepaired = true;
    if (named.ok) continue;
    for (const file of files) await file?.close();
    return named;
  }
  return ok({ files: files.filter((file) => file !== null), wasRepaired });
}

/** A copy that cannot be read is not written over: the new one gets other sectors. */
async function openReadable(disk: Disk, path: string): Promise<Result<DiskFile, DiskError>> {
  const read = await disk.readAround(path);
  if (!read.ok) return read;
  if (typeof read.value?.unreadableFrom === "number") {
    const removed = await disk.remove(path);
    if (!removed.ok) return removed;
  }
  return disk.open(path);
}

async function makeGood(
  file: DiskFile,
  bytes: Uint8Array,
): Promise<Result<"kept" | "rewritten", DiskError>> {
  const isGood = bytesEqual(file.readNow(0, file.sizeBytes), bytes);
  const done = isGood ? await file.sync() : await rewrite(file, bytes);
  return done.ok ? ok(isGood ? "kept" : "rewritten") : done;
}

/** In place; only a file that is not whole yet changes its size. */
async function rewrite(file: DiskFile, bytes: Uint8Array): Promise<Result<null, DiskError>> {
  if (file.sizeBytes === HARD_STATE_BYTES) {
    const written = await file.overwrite(0, bytes);
    return written.ok ? file.sync() : written;
  }
  const cut = await file.truncate(0);
  const written = cut.ok ? await file.append([bytes]) : cut;
  return written.ok ? file.sync() : written;
}
