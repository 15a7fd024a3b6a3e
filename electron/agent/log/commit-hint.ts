/**
 * Remembers, without ever waiting for the disk, how far the log was committed.
 *
 * Two uses: after a restart the store can replay that far at once, and a log that ends *before*
 * an index known to be committed is proven to have lost something. A missing or torn hint means
 * only "unknown".
 */
import { crc32 } from "node:zlib";
import type { Result } from "../../../shared/base/result.ts";
import type { DiskError, DiskFile } from "../ports.ts";
import { CHAIN_HASH_BYTES, getUint53, hasMagic, setMagic, setUint53 } from "./record-format.ts";

/** The hint's file name. */
export const COMMIT_HINT_NAME = "commit-hint";

const MAGIC = "TIDEHINT";
const VERSION = 2;
const SIZE_BYTES = 48;
const HASH_AT = 24;
/** Of version 1: without a hash. */
const OLD_SIZE_BYTES = 32;

/** How many newer commits may go unwritten while more appends are coming in. */
const SKIPPED_COUNT_MAX = 32;

/** An index of a generation of the log. */
export type CommitHint = {
  readonly generation: number;
  readonly index: number;
  /** The chained hash there, so that an older copy of a segment is found; null when not stated. */
  readonly hash: Uint8Array | null;
};

/** The 48 bytes of the file. */
export function encodeCommitHint(hint: CommitHint): Uint8Array {
  const bytes = new Uint8Array(SIZE_BYTES);
  const view = new DataView(bytes.buffer);
  setMagic(bytes, MAGIC);
  view.setUint32(8, VERSION, true);
  view.setUint32(12, hint.generation, true);
  setUint53(view, 16, hint.index);
  if (hint.hash !== null) bytes.set(hint.hash, HASH_AT);
  view.setUint32(SIZE_BYTES - 8, hint.hash === null ? 0 : 1, true);
  view.setUint32(SIZE_BYTES - 4, crc32(bytes.subarray(0, SIZE_BYTES - 4)), true);
  return bytes;
}

/** Null for anything that is not a whole, valid hint. */
export function decodeCommitHint(bytes: Uint8Array): CommitHint | null {
  const isOld = bytes.length === OLD_SIZE_BYTES;
  if ((bytes.length !== SIZE_BYTES && !isOld) || !hasMagic(bytes, MAGIC)) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const crcAt = bytes.length - 4;
  if (crc32(bytes.subarray(0, crcAt)) !== view.getUint32(crcAt, true)) return null;
  const index = getUint53(view, 16);
  if (view.getUint32(8, true) !== (isOld ? 1 : VERSION) || index === null) return null;
  const isHashStated = !isOld && view.getUint32(SIZE_BYTES - 8, true) === 1;
  const hash = isHashStated ? bytes.slice(HASH_AT, HASH_AT + CHAIN_HASH_BYTES) : null;
  return { generation: view.getUint32(12, true), index, hash };
}

/** Decides when the hint is worth writing, and writes it. */
export class CommitHintFile {
  readonly #file: DiskFile;
  #written: CommitHint;
  #skippedCount = 0;

  /** @param current What is known at the start; counts as written. */
  constructor(file: DiskFile, current: CommitHint) {
    this.#file = file;
    this.#written = current;
  }

  /**
   * Whether to write now: at once when nothing is left to be committed (so an idle member's hint
   * is exact), now and then under load.
   */
  isDue(hint: CommitHint, isEverythingCommitted: boolean): boolean {
    if (this.#isWritten(hint)) return false;
    return isEverythingCommitted || this.#skippedCount + 1 >= SKIPPED_COUNT_MAX;
  }

  /** A commit goes unwritten. */
  skip(): void {
    this.#skippedCount++;
  }

  /** Best effort: an unwritten hint costs a slower start, so a full disk is no failure here. */
  async write(hint: CommitHint): Promise<void> {
    if (this.#isWritten(hint)) return;
    this.#skippedCount = 0;
    const written = await this.#replace(encodeCommitHint(hint));
    if (written.ok) this.#written = hint;
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  #isWritten({ index, generation }: CommitHint): boolean {
    return index === this.#written.index && generation === this.#written.generation;
  }

  /** In place where it can be: one step, and no room needed. */
  async #replace(bytes: Uint8Array): Promise<Result<null, DiskError>> {
    if (this.#file.sizeBytes === bytes.length) return this.#file.overwrite(0, bytes);
    const cut = await this.#file.truncate(0);
    return cut.ok ? this.#file.append([bytes]) : cut;
  }
}
