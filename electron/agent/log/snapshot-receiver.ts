/**
 * Receives a snapshot piece by piece into a file aside, also over several connections, restarts
 * and senders that have the very same image. Every piece is checked on its way in; what a crash
 * tore is found by the journal (receive-journal.ts) and fetched again.
 *
 * A whole one is proven here, by the hash of all of it, and no more: it becomes a snapshot of this
 * member only when the consensus core has taken it (`SnapshotFiles.adoptReceived`).
 */
import { createHash } from "node:crypto";
import type { Hash } from "node:crypto";
import { crc32 } from "node:zlib";
import { assert } from "../../../shared/base/assert.ts";
import { bytesEqual } from "../../../shared/base/bytes.ts";
import { err, ok } from "../../../shared/base/result.ts";
import type { Result } from "../../../shared/base/result.ts";
import type { SnapshotMark } from "../../../shared/raft/types.ts";
import type { Disk, DiskError, DiskFile } from "../ports.ts";
import { joinPath } from "./folders.ts";
import { ReceiveJournal } from "./receive-journal.ts";
import { encodeSnapshotHeader, encodeSnapshotTrailer } from "./snapshot-format.ts";

/** The file aside; at most one snapshot is received at a time. */
export const RECEIVING_NAME = "receiving.part";

/** The checksums of its pieces. */
export const RECEIVING_JOURNAL_NAME = "receiving.sums";

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

/** At most so much is fetched again after a power failure. */
const SYNC_BYTES = 8 * 1024 * 1024;

type ReceiverOptions = {
  readonly disk: Disk;
  readonly folder: string;
  readonly meta: SnapshotMeta;
};

type Progress = { readonly hash: Hash; readonly offset: number };

/** See the top of the file. Calls come one after the other. */
export class SnapshotReceiver {
  readonly #options: ReceiverOptions;
  readonly #file: DiskFile;
  readonly #journal: ReceiveJournal;
  readonly #hash: Hash;
  #offset: number;
  #syncedOffset: number;
  #isClosed = false;

  private constructor(
    options: ReceiverOptions,
    files: { readonly file: DiskFile; readonly journal: ReceiveJournal },
    progress: Progress,
  ) {
    this.#options = options;
    this.#file = files.file;
    this.#journal = files.journal;
    this.#hash = progress.hash;
    this.#offset = progress.offset;
    this.#syncedOffset = progress.offset;
  }

  /** Takes up the file left by an interrupted receipt when it is of the same snapshot. */
  static async begin(options: ReceiverOptions): Promise<Result<SnapshotReceiver, DiskError>> {
    const { disk, folder, meta } = options;
    const opened = await disk.open(joinPath(folder, RECEIVING_NAME));
    if (!opened.ok) return opened;
    const file = opened.value;
    const kept = await ReceiveJournal.open(
      disk,
      joinPath(folder, RECEIVING_JOURNAL_NAME),
      meta.sha256,
    );
    if (!kept.ok) {
      await file.close();
      return kept;
    }
    const { journal, isSame } = kept.value;
    const resumed = isSame ? await resume(file, journal, meta) : ok(null);
    const isResumed = resumed.ok && resumed.value !== null;
    const progress = isResumed ? ok(resumed.value) : await startAnew(options, file, journal);
    if (progress.ok) return ok(new SnapshotReceiver(options, { file, journal }, progress.value));
    await file.close();
    await journal.close();
    return progress;
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
   *
   * @param sum CRC-32 of the piece as its sender says; null when it does not say.
   */
  async write(
    offset: number,
    bytes: Uint8Array,
    sum: number | null,
  ): Promise<Result<null, SnapshotReceiveError>> {
    assert(!this.#isClosed, "a closed receiver takes nothing");
    const { bodyBytes } = this.#options.meta;
    if (offset !== this.#offset || offset + bytes.length > bodyBytes) return ok(null);
    const actual = crc32(bytes);
    if (sum !== null && sum !== actual) {
      const detail = `the piece at ${offset} is not what was sent`;
      return err({ code: "snapshot-damaged", detail });
    }
    const written = await this.#file.append([bytes]);
    const noted = written.ok ? await this.#journal.note(bytes.length, actual) : written;
    if (!noted.ok) return noted;
    this.#hash.update(bytes);
    this.#offset += bytes.length;
    return this.#offset - this.#syncedOffset < SYNC_BYTES ? ok(null) : this.#sync();
  }

  /** Verifies the whole and makes it durable. Closes the receiver in every case. */
  async finish(): Promise<Result<null, SnapshotReceiveError>> {
    assert(!this.#isClosed, "a receiver is finished once");
    const { disk, folder, meta } = this.#options;
    if (!this.isComplete) {
      await this.close();
      const detail = `${this.#offset} of ${meta.bodyBytes} bytes are here`;
      return err({ code: "snapshot-incomplete", detail });
    }
    if (!bytesEqual(new Uint8Array(this.#hash.digest()), meta.sha256)) {
      await this.close();
      await disk.remove(joinPath(folder, RECEIVING_NAME));
      await disk.remove(joinPath(folder, RECEIVING_JOURNAL_NAME));
      return err({ code: "snapshot-damaged", detail: "the hash of what arrived is wrong" });
    }
    const written = await this.#file.append([encodeSnapshotTrailer(meta.sha256)]);
    const synced = written.ok ? await this.#file.sync() : written;
    await this.close();
    // What a failed sync left is called stored by the system and is not: it must not be used.
    if (written.ok && !synced.ok) await disk.remove(joinPath(folder, RECEIVING_NAME));
    return synced;
  }

  async #sync(): Promise<Result<null, DiskError>> {
    this.#syncedOffset = this.#offset;
    const synced = await this.#file.sync();
    if (synced.ok) return this.#journal.sync();
    const { disk, folder } = this.#options;
    await disk.remove(joinPath(folder, RECEIVING_NAME));
    return synced;
  }

  /** Stops; what is here stays for the next attempt. Twice is harmless. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#file.close();
    await this.#journal.close();
  }
}

async function startAnew(
  { disk, folder, meta }: ReceiverOptions,
  file: DiskFile,
  journal: ReceiveJournal,
): Promise<Result<Progress, DiskError>> {
  const restarted = await journal.restart(meta.sha256);
  const cut = restarted.ok ? await file.truncate(0) : restarted;
  const written = cut.ok ? await file.append([encodeSnapshotHeader(meta)]) : cut;
  // What the system writes out meanwhile is of use after a crash only if the files are there.
  const named = written.ok ? await disk.syncFolder(folder) : written;
  return named.ok ? ok({ hash: createHash("sha256"), offset: 0 }) : named;
}

/** Hashes what is whole and cuts off the rest; null when the file is of another snapshot. */
async function resume(
  file: DiskFile,
  journal: ReceiveJournal,
  meta: SnapshotMeta,
): Promise<Result<Progress | null, DiskError>> {
  const header = encodeSnapshotHeader(meta);
  const found = await file.read(0, header.length);
  if (!found.ok) return found;
  if (!bytesEqual(found.value, header)) return ok(null);
  // It had come to its end, so it had been synced; that may have failed, and nobody can tell.
  if (file.sizeBytes > header.length + meta.bodyBytes) return ok(null);
  const hash = createHash("sha256");
  let offset = 0;
  const replayed = await journal.replay(async (record) => {
    if (offset + record.length > meta.bodyBytes) return ok(false);
    const bytes = await file.read(header.length + offset, record.length);
    if (!bytes.ok) return bytes;
    const isWhole = bytes.value.length === record.length && crc32(bytes.value) === record.crc32;
    if (!isWhole) return ok(false);
    hash.update(bytes.value);
    offset += record.length;
    return ok(true);
  });
  const cut = replayed.ok ? await file.truncate(header.length + offset) : replayed;
  return cut.ok ? ok({ hash, offset }) : cut;
}
