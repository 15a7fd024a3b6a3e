/**
 * One open file of the data folder, through `node:fs`.
 *
 * Small writes and fast syncs are done in place, large and slow ones in the thread pool: see
 * sync-pace.ts. After a failed sync nothing is known of the file's content, so it fails for good.
 */
import { fdatasyncSync, ftruncateSync, readSync, writeSync } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { assert } from "../../../shared/base/assert.ts";
import { concatBytes } from "../../../shared/base/bytes.ts";
import { err, ok } from "../../../shared/base/result.ts";
import type { Result } from "../../../shared/base/result.ts";
import type { DiskError, DiskFile } from "../ports.ts";
import { errorNumber, toDiskError } from "./disk-errors.ts";
import type { SyncPace } from "./sync-pace.ts";

/** Above this a write or its sync may take long enough to hold up a heartbeat. */
const IN_PLACE_BYTES_MAX = 256 * 1024;

/** See the top of the file. */
export class NodeDiskFile implements DiskFile {
  readonly #handle: FileHandle;
  readonly #pace: SyncPace;
  readonly #nowMs: () => number;
  #sizeBytes: number;
  #unsyncedBytes = 0;
  #failure: DiskError | null = null;
  #isBusy = false;
  #isClosed = false;

  /** @param handle Open for reading and writing, without append mode. */
  constructor(handle: FileHandle, sizeBytes: number, pace: SyncPace, nowMs: () => number) {
    this.#handle = handle;
    this.#sizeBytes = sizeBytes;
    this.#pace = pace;
    this.#nowMs = nowMs;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  append(parts: readonly Uint8Array[]): Promise<Result<null, DiskError>> {
    const bytes = parts.length === 1 ? (parts[0] as Uint8Array) : concatBytes(parts);
    return this.#exclusively(async () => {
      try {
        await this.#write(bytes, this.#sizeBytes);
      } catch (error) {
        return this.#writeFailed(toDiskError(error));
      }
      this.#sizeBytes += bytes.length;
      this.#unsyncedBytes += bytes.length;
      return ok(null);
    });
  }

  overwrite(offset: number, bytes: Uint8Array): Promise<Result<null, DiskError>> {
    assert(offset + bytes.length <= this.#sizeBytes, "overwriting keeps the size of the file");
    return this.#exclusively(async () => {
      try {
        await this.#write(bytes, offset);
      } catch (error) {
        return err(toDiskError(error));
      }
      this.#unsyncedBytes += bytes.length;
      return ok(null);
    });
  }

  sync(): Promise<Result<null, DiskError>> {
    return this.#exclusively(async () => {
      const startMs = this.#nowMs();
      const isLarge = this.#unsyncedBytes > IN_PLACE_BYTES_MAX;
      try {
        if (this.#pace.isFast && !isLarge) fdatasyncSync(this.#handle.fd);
        else await this.#handle.datasync();
      } catch (error) {
        this.#failure = { ...toDiskError(error), code: "storage-failed" };
        return err(this.#failure);
      }
      this.#unsyncedBytes = 0;
      // A large one says nothing about how long a small one takes.
      if (!isLarge) this.#pace.record(this.#nowMs() - startMs);
      return ok(null);
    });
  }

  truncate(sizeBytes: number): Promise<Result<null, DiskError>> {
    assert(sizeBytes <= this.#sizeBytes, "truncating makes a file shorter");
    return this.#exclusively(async () => {
      try {
        ftruncateSync(this.#handle.fd, sizeBytes);
      } catch (error) {
        return err(toDiskError(error));
      }
      this.#sizeBytes = sizeBytes;
      return ok(null);
    });
  }

  async read(offset: number, length: number): Promise<Result<Uint8Array, DiskError>> {
    const bytes = new Uint8Array(Math.max(0, Math.min(length, this.#sizeBytes - offset)));
    let at = 0;
    try {
      while (at < bytes.length) {
        const { bytesRead } = await this.#handle.read(bytes, at, bytes.length - at, offset + at);
        if (bytesRead === 0) break;
        at += bytesRead;
      }
    } catch (error) {
      return err(toDiskError(error));
    }
    return ok(bytes.subarray(0, at));
  }

  readNow(offset: number, length: number): Uint8Array {
    const wanted = Math.max(0, Math.min(length, this.#sizeBytes - offset));
    const bytes = new Uint8Array(wanted);
    let at = 0;
    while (at < wanted) {
      const count = readSync(this.#handle.fd, bytes, at, wanted - at, offset + at);
      if (count === 0) return bytes.subarray(0, at);
      at += count;
    }
    return bytes;
  }

  /**
   * The system lets go of the file even where it reports an error, and what it reports is of bytes that
   * nobody synced, so nobody was told that they are stored.
   */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    try {
      await this.#handle.close();
    } catch (error) {
      if (errorNumber(error) === null) throw error;
    }
  }

  async #write(bytes: Uint8Array, start: number): Promise<void> {
    const inPlace = bytes.length <= IN_PLACE_BYTES_MAX;
    let at = 0;
    while (at < bytes.length) {
      const left = bytes.length - at;
      const position = start + at;
      // A write may store less than asked for, without an error.
      at += inPlace
        ? writeSync(this.#handle.fd, bytes, at, left, position)
        : (await this.#handle.write(bytes, at, left, position)).bytesWritten;
    }
  }

  /** Half a write is taken back, so that the file ends where the caller believes. */
  #writeFailed(error: DiskError): Result<null, DiskError> {
    try {
      ftruncateSync(this.#handle.fd, this.#sizeBytes);
    } catch (cause) {
      this.#failure = { ...toDiskError(cause), code: "storage-failed" };
      return err(this.#failure);
    }
    return err(error);
  }

  async #exclusively(
    action: () => Promise<Result<null, DiskError>>,
  ): Promise<Result<null, DiskError>> {
    assert(!this.#isClosed, "a closed file is not used");
    assert(!this.#isBusy, "calls on one file come one after the other");
    if (this.#failure !== null) return err(this.#failure);
    this.#isBusy = true;
    try {
      return await action();
    } finally {
      this.#isBusy = false;
    }
  }
}
