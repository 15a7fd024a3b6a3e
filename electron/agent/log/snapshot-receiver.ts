/**
 * Receives a snapshot piece by piece into a file aside, also over several connections and
 * restarts. It only becomes a snapshot when the hash of the whole is right.
 *
 * What was received before a crash may be torn; the hash tells at the end, and then everything
 * is fetched again.
 */
import { createHash } from "node:crypto";
import type { Hash } from "node:crypto";
import { assert } from "../../../shared/base/assert.ts";
import { bytesEqual } from "../../../shared/base/bytes.ts";
import { err, ok } from "../../../shared/base/result.ts";
import type { Result } from "../../../shared/base/result.ts";
import type { SnapshotMark } from "../../../shared/raft/types.ts";
import type { Disk, DiskError, DiskFile } from "../ports.ts";
import { encodeSnapshotHeader, encodeSnapshotTrailer } from "./snapshot-format.ts";
import type { SnapshotInfo } from "./snapshot-info.ts";

/** The file aside; at most one snapshot is received at a time. */
export const RECEIVING_NAME = "receiving.part";

const PIECE_BYTES = 1024 * 1024;

/** What the sender says of its snapshot: fields of `SnapshotInfo`. */
export type SnapshotMeta = {
  readonly mark: SnapshotMark;
  readonly bodyBytes: number;
  readonly sha256: Uint8Array;
};

/** Why a received snapshot was not taken. `snapshot-damaged`: fetch it again from the start. */
export type SnapshotReceiveError =
  | { readonly code: "snapshot-damaged" | "snapshot-incomplete"; readonly detail: string }
  | DiskError;

type ReceiverOptions = {
  readonly disk: Disk;
  readonly path: string;
  readonly meta: SnapshotMeta;
  readonly adopt: (path: string) => Promise<Result<SnapshotInfo, DiskError>>;
};

/** See the top of the file. Calls come one after the other. */
export class SnapshotReceiver {
  readonly #options: ReceiverOptions;
  readonly #file: DiskFile;
  readonly #hash: Hash;
  #offset: number;
  #isClosed = false;

  private constructor(options: ReceiverOptions, file: DiskFile, hash: Hash, offset: number) {
    this.#options = options;
    this.#file = file;
    this.#hash = hash;
    this.#offset = offset;
  }

  /** Takes up the file left by an interrupted receipt when it is of the same snapshot. */
  static async begin(options: ReceiverOptions): Promise<Result<SnapshotReceiver, DiskError>> {
    const { disk, path, meta } = options;
    const opened = await disk.open(path);
    if (!opened.ok) return opened;
    const file = opened.value;
    const header = encodeSnapshotHeader(meta);
    const received = file.sizeBytes - header.length;
    const isSame =
      received >= 0 &&
      received <= meta.bodyBytes &&
      bytesEqual(file.readNow(0, header.length), header);
    if (isSame) {
      const hash = hashOf(file, header.length, received);
      return ok(new SnapshotReceiver(options, file, hash, received));
    }
    const cut = await file.truncate(0);
    const written = cut.ok ? await file.append([header]) : cut;
    if (written.ok) return ok(new SnapshotReceiver(options, file, createHash("sha256"), 0));
    await file.close();
    return written;
  }

  /** Bytes of the body already here: what to ask for next. */
  get offset(): number {
    return this.#offset;
  }

  get isComplete(): boolean {
    return this.#offset === this.#options.meta.bodyBytes;
  }

  /**
   * Adds a piece. One that does not begin at `offset`, or goes beyond the end, is ignored: the
   * sender is told `offset` again.
   */
  async write(offset: number, bytes: Uint8Array): Promise<Result<null, DiskError>> {
    assert(!this.#isClosed, "a closed receiver takes nothing");
    const { bodyBytes } = this.#options.meta;
    if (offset !== this.#offset || offset + bytes.length > bodyBytes) return ok(null);
    const written = await this.#file.append([bytes]);
    if (!written.ok) return written;
    this.#hash.update(bytes);
    this.#offset += bytes.length;
    return ok(null);
  }

  /** Verifies the whole and makes it the newest snapshot. Closes the receiver in every case. */
  async finish(): Promise<Result<SnapshotInfo, SnapshotReceiveError>> {
    assert(!this.#isClosed, "a receiver is finished once");
    const { disk, path, meta, adopt } = this.#options;
    if (!this.isComplete) {
      await this.close();
      const detail = `${this.#offset} of ${meta.bodyBytes} bytes are here`;
      return err({ code: "snapshot-incomplete", detail });
    }
    if (!bytesEqual(new Uint8Array(this.#hash.digest()), meta.sha256)) {
      await this.close();
      await disk.remove(path);
      return err({ code: "snapshot-damaged", detail: "the hash of what arrived is wrong" });
    }
    const written = await this.#file.append([encodeSnapshotTrailer(meta.sha256)]);
    const synced = written.ok ? await this.#file.sync() : written;
    await this.close();
    return synced.ok ? adopt(path) : synced;
  }

  /** Stops; what is here stays for the next attempt. Twice is harmless. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#file.close();
  }
}

function hashOf(file: DiskFile, from: number, length: number): Hash {
  const hash = createHash("sha256");
  for (let at = 0; at < length; at += PIECE_BYTES) {
    hash.update(file.readNow(from + at, Math.min(PIECE_BYTES, length - at)));
  }
  return hash;
}
