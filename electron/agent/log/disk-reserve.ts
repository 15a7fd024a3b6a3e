/**
 * A file that only takes room, to be given back when the disk is full: a member that cannot store
 * its term and vote can neither follow another leader nor hand over its own lead.
 *
 * Entries never get this room: a write of a user is refused instead. On most disks the hard state
 * is written over in place and needs none of it; on those that copy on write, and for small files
 * that are replaced whole, it is what makes the difference.
 */
import { ok } from "../../../shared/base/result.ts";
import type { Result } from "../../../shared/base/result.ts";
import type { Disk, DiskError } from "../ports.ts";
import { joinPath } from "./folders.ts";

/** The file's name. */
export const RESERVE_NAME = "reserve";

/**
 * Its usual size: hundreds of small records, and nothing beside a window of 64 MiB. A log with
 * small segments takes an eighth of one instead.
 */
export const RESERVE_BYTES_MAX = 1024 * 1024;

/** Below this it would not even take one small record on a disk with blocks. */
export const RESERVE_BYTES_MIN = 4096;

/** After room was looked for in vain, so many chances are let go by. */
const SKIPPED_COUNT = 64;

/** See the top of the file. */
export class DiskReserve {
  readonly #disk: Disk;
  readonly #path: string;
  readonly #sizeBytes: number;
  #isHeld = false;
  #skipCount = 0;
  #making: Promise<boolean> | null = null;

  private constructor(disk: Disk, path: string, sizeBytes: number) {
    this.#disk = disk;
    this.#path = path;
    this.#sizeBytes = sizeBytes;
  }

  /** Finds the file, or makes it where there is room. A member starts without it, too. */
  static async open(disk: Disk, folder: string, sizeBytes: number): Promise<DiskReserve> {
    const reserve = new DiskReserve(disk, joinPath(folder, RESERVE_NAME), sizeBytes);
    await reserve.#make();
    return reserve;
  }

  /** Whether there is something to give back. */
  get isHeld(): boolean {
    return this.#isHeld;
  }

  /** Does something small that must not fail for lack of room; twice, if the first time did. */
  async run<T>(action: () => Promise<Result<T, DiskError>>): Promise<Result<T, DiskError>> {
    const done = await action();
    if (done.ok || done.error.code !== "storage-full" || !this.#isHeld) return done;
    this.#isHeld = false;
    const removed = await this.#disk.remove(this.#path);
    return removed.ok ? action() : removed;
  }

  /** A write found room: perhaps there is enough for the reserve again. */
  async maybeRestore(): Promise<void> {
    if (this.#isHeld) return;
    if (this.#skipCount > 0) {
      this.#skipCount--;
      return;
    }
    if (!(await this.#make())) this.#skipCount = SKIPPED_COUNT;
  }

  async #make(): Promise<boolean> {
    this.#making ??= this.#write().then((made) => {
      this.#isHeld = made.ok;
      this.#making = null;
      return made.ok;
    });
    return this.#making;
  }

  async #write(): Promise<Result<null, DiskError>> {
    const opened = await this.#disk.open(this.#path);
    if (!opened.ok) return opened;
    const file = opened.value;
    if (file.sizeBytes === this.#sizeBytes) {
      await file.close();
      return ok(null);
    }
    const emptied = file.sizeBytes === 0 ? ok(null) : await file.truncate(0);
    const written = emptied.ok ? await file.append([fillBytes(this.#sizeBytes)]) : emptied;
    const synced = written.ok ? await file.sync() : written;
    await file.close();
    // Half a reserve would only be in the way.
    if (!synced.ok) await this.#disk.remove(this.#path);
    return synced;
  }
}

/** Bytes that no file system can press together: only then the room is really taken. */
function fillBytes(sizeBytes: number): Uint8Array {
  const words = new Uint32Array(Math.ceil(sizeBytes / 4));
  let state = 0x9e37_79b9;
  for (let at = 0; at < words.length; at++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[at] = state;
  }
  return new Uint8Array(words.buffer, 0, sizeBytes);
}
