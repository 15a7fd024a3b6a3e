/**
 * Term and vote, on disk twice.
 *
 * Both copies carry the same state; the second is written when the first is on the disk. So a
 * crash leaves at least one whole copy, and one copy gone bad later is made good by the other.
 * Writing them alternately would save a sync per term, but then a flaw in the newer copy would
 * bring back the older vote, and a member could vote twice in one term.
 */
import { crc32 } from "node:zlib";
import { assert } from "../../../shared/base/assert.ts";
import { bytesEqual, utf8Decode, utf8Encode } from "../../../shared/base/bytes.ts";
import { memberId, term } from "../../../shared/base/ids.ts";
import { err, ok } from "../../../shared/base/result.ts";
import type { Result } from "../../../shared/base/result.ts";
import type { HardState } from "../../../shared/raft/types.ts";
import type { Disk, DiskError, DiskFile } from "../ports.ts";
import { damaged } from "./log-error.ts";
import { joinPath } from "./folders.ts";
import type { LogOpenError } from "./log-error.ts";
import { getUint53, hasMagic, setMagic, setUint53 } from "./record-format.ts";

/** File names of the two copies. */
export const HARD_STATE_NAMES = ["hard-state.1", "hard-state.2"] as const;

const MAGIC = "TIDEVOTE";
const VERSION = 1;
const SIZE_BYTES = 128;
const CRC_AT = SIZE_BYTES - 4;
const ID_AT = 33;
const ID_BYTES_MAX = 64;
const INITIAL: HardState = { term: term(0), votedFor: null };

type Numbered = { readonly sequence: number; readonly state: HardState };

/** Both copies, open. */
export class HardStateFiles {
  readonly #files: readonly DiskFile[];
  #current: Numbered;
  /** Whether one copy had to be rewritten from the other at the start. */
  readonly wasRepaired: boolean;

  private constructor(files: readonly DiskFile[], current: Numbered, wasRepaired: boolean) {
    this.#files = files;
    this.#current = current;
    this.wasRepaired = wasRepaired;
  }

  /** Creates, reads and repairs the copies; when it answers ok, both are on the disk. */
  static async open(disk: Disk, folder: string): Promise<Result<HardStateFiles, LogOpenError>> {
    const copies: (Uint8Array | null)[] = [];
    for (const name of HARD_STATE_NAMES) {
      const read = await disk.read(joinPath(folder, name));
      if (!read.ok) return read;
      copies.push(read.value);
    }
    const chosen = chooseCopy(copies, folder);
    if (!chosen.ok) return chosen;
    const bytes = encodeHardState(chosen.value);
    const isWrong = copies.map((copy) => copy === null || !bytesEqual(copy, bytes));
    const opened = await openCopies(disk, folder, isWrong, bytes);
    if (!opened.ok) return opened;
    const wasRepaired = chosen.value.sequence > 0 && isWrong.some(Boolean);
    return ok(new HardStateFiles(opened.value, chosen.value, wasRepaired));
  }

  /** The newest state. */
  get state(): HardState {
    return this.#current.state;
  }

  /** Whether a state was ever saved here. */
  get isFresh(): boolean {
    return this.#current.sequence === 0;
  }

  /** On the disk, twice, when it answers ok. */
  async save(state: HardState): Promise<Result<null, DiskError>> {
    assert(state.term >= this.#current.state.term, "terms never go down");
    const next = { sequence: this.#current.sequence + 1, state };
    const bytes = encodeHardState(next);
    for (const file of this.#files) {
      const written = await rewrite(file, bytes);
      if (!written.ok) return written;
    }
    this.#current = next;
    return ok(null);
  }

  async close(): Promise<void> {
    for (const file of this.#files) await file.close();
  }
}

/** The 128 bytes of one copy. */
export function encodeHardState(numbered: Numbered): Uint8Array {
  const bytes = new Uint8Array(SIZE_BYTES);
  const view = new DataView(bytes.buffer);
  const id = utf8Encode(numbered.state.votedFor ?? "");
  assert(id.length <= ID_BYTES_MAX, "a member id has at most 64 bytes");
  setMagic(bytes, MAGIC);
  view.setUint32(8, VERSION, true);
  setUint53(view, 16, numbered.sequence);
  setUint53(view, 24, numbered.state.term);
  view.setUint8(32, id.length);
  bytes.set(id, ID_AT);
  view.setUint32(CRC_AT, crc32(bytes.subarray(0, CRC_AT)), true);
  return bytes;
}

/** Null for bytes that are no whole, valid copy. */
export function decodeHardState(bytes: Uint8Array): Numbered | "too-new" | null {
  if (bytes.length !== SIZE_BYTES || !hasMagic(bytes, MAGIC)) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (crc32(bytes.subarray(0, CRC_AT)) !== view.getUint32(CRC_AT, true)) return null;
  if (view.getUint32(8, true) !== VERSION) return "too-new";
  const sequence = getUint53(view, 16);
  const stateTerm = getUint53(view, 24);
  const idBytes = view.getUint8(32);
  if (sequence === null || stateTerm === null || idBytes > ID_BYTES_MAX) return null;
  const id = utf8Decode(bytes.subarray(ID_AT, ID_AT + idBytes));
  if (id === null || !/^[!-~]*$/.test(id)) return null;
  const votedFor = id === "" ? null : memberId(id);
  return { sequence, state: { term: term(stateTerm), votedFor } };
}

function chooseCopy(
  copies: readonly (Uint8Array | null)[],
  folder: string,
): Result<Numbered, LogOpenError> {
  const file = joinPath(folder, HARD_STATE_NAMES[0]);
  let newest: Numbered | null = null;
  for (const copy of copies) {
    const decoded = copy === null ? null : decodeHardState(copy);
    if (decoded === "too-new") {
      const detail = "term and vote were stored by a newer version; install that version";
      return err({ code: "log-too-new", detail, file, offset: 0 });
    }
    if (decoded !== null && (newest === null || decoded.sequence > newest.sequence)) {
      newest = decoded;
    }
  }
  if (newest !== null) return ok(newest);
  // The first copy is synced before the second is created: a crash cannot leave two bad ones.
  if (copies[1] !== null) return err(damaged(file, 0, "no copy of term and vote is whole"));
  return ok({ sequence: 0, state: INITIAL });
}

/**
 * Each copy is whole, named and on the disk before the other is touched or created: the good one
 * first, which may be no more than in the cache of the system after a process was killed.
 */
async function openCopies(
  disk: Disk,
  folder: string,
  isWrong: readonly boolean[],
  bytes: Uint8Array,
): Promise<Result<readonly DiskFile[], DiskError>> {
  const files: DiskFile[] = [];
  const order = [...HARD_STATE_NAMES.keys()].sort(
    (a, b) => Number(isWrong[a]) - Number(isWrong[b]),
  );
  for (const slot of order) {
    const opened = await disk.open(joinPath(folder, HARD_STATE_NAMES[slot] as string));
    if (opened.ok) files.push(opened.value);
    const done = opened.ok
      ? await makeCopyGood(opened.value, isWrong[slot] === true, bytes)
      : opened;
    const named = done.ok ? await disk.syncFolder(folder) : done;
    if (named.ok) continue;
    for (const file of files) await file.close();
    return named;
  }
  return ok(files);
}

function makeCopyGood(
  file: DiskFile,
  isWrong: boolean,
  bytes: Uint8Array,
): Promise<Result<null, DiskError>> {
  return isWrong ? rewrite(file, bytes) : file.sync();
}

async function rewrite(file: DiskFile, bytes: Uint8Array): Promise<Result<null, DiskError>> {
  const cut = await file.truncate(0);
  const written = cut.ok ? await file.append([bytes]) : cut;
  return written.ok ? file.sync() : written;
}
