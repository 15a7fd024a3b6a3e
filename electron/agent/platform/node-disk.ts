/**
 * The Disk port on the computer's file system. It translates: paths below the data folder, the
 * system's errors into codes. When something is durable is the caller's to arrange, with `sync`
 * and `syncFolder`; what a file contains is not known here.
 */
import { mkdir, open, readFile, readdir, rename, rm, stat } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { dirname, join, posix } from "node:path";
import { assert } from "../../../shared/base/assert.ts";
import { err, ok } from "../../../shared/base/result.ts";
import type { Result } from "../../../shared/base/result.ts";
import { UNREADABLE_BYTE } from "../ports.ts";
import type { Disk, DiskError, DiskFile, SpoiltFile } from "../ports.ts";
import { errorNumber, toDiskError } from "./disk-errors.ts";
import { NodeDiskFile } from "./node-disk-file.ts";
import { SyncPace } from "./sync-pace.ts";

/** Files for this user only: the log holds everything the tables hold. */
const FILE_MODE = 0o600;
const FOLDER_MODE = 0o700;

/** The data folder on the computer's disk. */
export class NodeDisk implements Disk {
  readonly #root: string;
  readonly #nowMs: () => number;
  readonly #pace = new SyncPace();

  /**
   * @param root  The data folder; created by `makeFolder("")`.
   * @param nowMs Monotonic time, to see how fast the disk is.
   */
  constructor(root: string, nowMs: () => number) {
    this.#root = root;
    this.#nowMs = nowMs;
  }

  open(path: string): Promise<Result<DiskFile, DiskError>> {
    return attempt(async () => {
      // No append mode: Linux would then ignore positions, and a cut file must be written at its
      // new end all the same.
      const handle = await openOrCreate(this.#at(path));
      return new NodeDiskFile(handle, await sizeOf(handle), this.#pace, this.#nowMs);
    });
  }

  read(path: string): Promise<Result<Uint8Array | null, DiskError>> {
    return attempt(async () => {
      const buffer = await unlessMissing(readFile(this.#at(path)), null);
      // Not a Buffer: its `slice` gives a view where everyone else's gives a copy.
      return buffer && new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
    });
  }

  async readAround(path: string): Promise<Result<SpoiltFile | null, DiskError>> {
    const whole = await this.read(path);
    if (whole.ok) return ok(whole.value && { bytes: whole.value, unreadableFrom: null });
    return attempt(() => readBlocks(this.#at(path)));
  }

  list(folder: string): Promise<Result<readonly string[], DiskError>> {
    return attempt(async () => (await unlessMissing(readdir(this.#at(folder)), [])).sort());
  }

  makeFolder(folder: string): Promise<Result<null, DiskError>> {
    return attempt(async () => {
      await makeFolders(this.#at(folder));
      return null;
    });
  }

  rename(from: string, to: string): Promise<Result<null, DiskError>> {
    return attempt(async () => {
      await rename(this.#at(from), this.#at(to));
      return null;
    });
  }

  remove(path: string): Promise<Result<null, DiskError>> {
    return attempt(async () => {
      await rm(this.#at(path), { force: true });
      return null;
    });
  }

  /** Windows cannot sync a folder; NTFS journals names by itself, so there it does nothing. */
  syncFolder(folder: string): Promise<Result<null, DiskError>> {
    return attempt(async () => {
      if (process.platform === "win32") {
        await stat(this.#at(folder));
        return null;
      }
      const handle = await open(this.#at(folder), "r");
      try {
        await handle.sync();
      } finally {
        await handle.close();
      }
      return null;
    });
  }

  #at(path: string): string {
    const isInside = !posix.isAbsolute(path) && !path.split("/").includes("..");
    assert(isInside, `${path} is a path inside the data folder`);
    return join(this.#root, path);
  }
}

async function openOrCreate(path: string): ReturnType<typeof open> {
  try {
    return await open(path, "r+");
  } catch (error) {
    if (errorNumber(error) !== "ENOENT") throw error;
    return open(path, "wx+", FILE_MODE);
  }
}

/** A handle that nobody gets to see is closed here. */
async function sizeOf(handle: FileHandle): Promise<number> {
  try {
    return (await handle.stat()).size;
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function unlessMissing<T, O>(promise: Promise<T>, otherwise: O): Promise<T | O> {
  try {
    return await promise;
  } catch (error) {
    if (errorNumber(error) === "ENOENT") return otherwise;
    throw error;
  }
}

/** The size of a page, and of most disks' sectors; where that fails, of the smallest ones. */
const BLOCK_BYTES = 4096;
const SECTOR_BYTES = 512;
/** Errors of a disk that does not give back what is on it. */
const UNREADABLE_CODES = ["EIO", "EUCLEAN", "EBADMSG", "ENODATA", "EILSEQ"];

/** Block by block. Throws what the system throws when not even the file's size is known. */
async function readBlocks(path: string): Promise<SpoiltFile> {
  const handle = await open(path, "r");
  try {
    const { size } = await handle.stat();
    const bytes = new Uint8Array(size).fill(UNREADABLE_BYTE);
    let unreadableFrom: number | null = null;
    for (let at = 0; at < size; at += BLOCK_BYTES) {
      const end = Math.min(at + BLOCK_BYTES, size);
      if (await readInto(handle, bytes, at, end)) continue;
      for (let sector = at; sector < end; sector += SECTOR_BYTES) {
        const isRead = await readInto(handle, bytes, sector, Math.min(sector + SECTOR_BYTES, end));
        if (!isRead) unreadableFrom ??= sector;
      }
    }
    return { bytes, unreadableFrom };
  } finally {
    await handle.close();
  }
}

/**
 * @returns false when the disk does not give all of these bytes back. A bad sector behind good ones may show as a
 *   short read instead of an error.
 */
async function readInto(
  handle: FileHandle,
  bytes: Uint8Array,
  from: number,
  to: number,
): Promise<boolean> {
  try {
    const { bytesRead } = await handle.read(bytes, from, to - from, from);
    if (bytesRead === to - from) return true;
  } catch (error) {
    if (!UNREADABLE_CODES.includes(errorNumber(error) ?? "")) throw error;
  }
  bytes.fill(UNREADABLE_BYTE, from, to);
  return false;
}

/** Errors of the system become results; others are bugs and go on as exceptions. */
async function attempt<T>(action: () => Promise<T>): Promise<Result<T, DiskError>> {
  try {
    return ok(await action());
  } catch (error) {
    if (errorNumber(error) === null) throw error;
    return err(toDiskError(error));
  }
}

/**
 * Makes a folder and those above it. Node's own recursive mkdir never ends where a parent exists
 * and still takes no folder, as below /proc.
 */
async function makeFolders(path: string): Promise<void> {
  const code = await tryMakeFolder(path);
  if (code === "EEXIST") return;
  if (code === "ENOENT") {
    if (dirname(path) === path) return;
    await makeFolders(dirname(path));
    await mkdir(path, { mode: FOLDER_MODE });
  }
  if (process.platform !== "win32") await syncName(path);
}

async function tryMakeFolder(path: string): Promise<"ENOENT" | "EEXIST" | null> {
  try {
    await mkdir(path, { mode: FOLDER_MODE });
  } catch (error) {
    if (errorNumber(error) === "ENOENT") return "ENOENT";
    if (errorNumber(error) !== "EEXIST" || !(await stat(path)).isDirectory()) throw error;
    return "EEXIST";
  }
  return null;
}

/**
 * Makes a new folder's name as durable as what will lie in it: a whole data folder was lost with
 * the power because the folder above it had not been synced.
 */
async function syncName(path: string): Promise<void> {
  try {
    const above = await open(dirname(path), "r");
    await above.sync().finally(() => above.close());
  } catch (error) {
    // Whoever may write into a folder but not read it cannot sync it; others do in time.
    if (!["EACCES", "EPERM", "EINVAL"].includes(errorNumber(error) ?? "")) throw error;
  }
}
