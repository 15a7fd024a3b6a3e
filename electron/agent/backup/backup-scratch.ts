/**
 * Everything that needs a second database for a moment: an image becomes a file, and a file is read back and
 * recomputed. Each time in a thread of its own that is ended afterwards, and in pieces, so that this thread never holds
 * a whole file and heartbeats go on.
 */
import { createHash } from "node:crypto";
import type { ApiError } from "../../../shared/api/methods.ts";
import { err, ok } from "../../../shared/base/result.ts";
import type { Result } from "../../../shared/base/result.ts";
import type { BackupMarks, OpenedBackup } from "../../store-worker/messages.ts";
import type { Disk, DiskFile, Logger, Ports, Store } from "../ports.ts";
import type { WorkNow } from "./backup-work.ts";

/** A file on some disk. */
export type BackupPlace = { readonly disk: Disk; readonly path: string };

/** A file that was read whole. */
export type ReadBackup = {
  readonly sizeBytes: number;
  readonly sha256: string;
  /** What it says and what its rows come to; the error is the end of a sentence about the file. */
  readonly content: Result<OpenedBackup, string>;
};

type BackupScratchOptions = {
  readonly openStore: Ports["openScratchStore"];
  readonly logger: Logger;
  readonly work: WorkNow;
};

/** Read, written and sent between threads at once. */
const PIECE_BYTES = 1024 * 1024;

/** Makes and reads backup files. */
export class BackupScratch {
  readonly #options: BackupScratchOptions;
  #store: Store | null = null;
  #isClosed = false;

  constructor(options: BackupScratchOptions) {
    this.#options = options;
  }

  /** Ends what is under way. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#store?.close();
  }

  /** Writes the file of an image, in the place of what is there; on the disk when it answers ok. */
  write(
    image: Uint8Array,
    marks: BackupMarks,
    place: BackupPlace,
  ): Promise<Result<{ readonly sizeBytes: number; readonly sha256: string }, ApiError>> {
    const { work } = this.#options;
    work.tell("packing", 0, image.length);
    return this.#within(async (store) => {
      const { sizeBytes } = await store.call("packBackup", { image, marks });
      const hash = createHash("sha256");
      const written = await writeAnew(place, async (file) => {
        for (let at = 0; at < sizeBytes; at += PIECE_BYTES) {
          work.tell("packing", at, sizeBytes);
          const piece = await store.call("backupPiece", { at, countMax: PIECE_BYTES });
          hash.update(piece);
          const appended = await file.append([piece]);
          if (!appended.ok) return appended;
        }
        return file.sync();
      });
      return written.ok ? ok({ sizeBytes, sha256: hash.digest("hex") }) : err(written.error);
    });
  }

  /** Reads a file and recomputes it. @param then May ask the store that holds its rows. */
  async read<T>(
    place: BackupPlace,
    then: (read: ReadBackup, store: Store) => Promise<T>,
  ): Promise<Result<T, ApiError>> {
    const found = await openFound(place);
    if (!found.ok) return found;
    const file = found.value;
    const { sizeBytes } = file;
    const { work } = this.#options;
    try {
      return await this.#within(async (store) => {
        const hash = createHash("sha256");
        for (let at = 0; at < sizeBytes; at += PIECE_BYTES) {
          work.tell("reading", at, sizeBytes);
          const piece = await file.read(at, Math.min(PIECE_BYTES, sizeBytes - at));
          if (!piece.ok) return err({ code: "storage-failed", message: `${piece.error.detail}.` });
          hash.update(piece.value);
          await store.call("putBackup", { sizeBytes, at, bytes: piece.value });
        }
        work.tell("reading", sizeBytes, sizeBytes);
        const content = await openIn(store);
        return ok(await then({ sizeBytes, sha256: hash.digest("hex"), content }, store));
      });
    } finally {
      await file.close();
    }
  }

  async #within<T>(
    work: (store: Store) => Promise<Result<T, ApiError>>,
  ): Promise<Result<T, ApiError>> {
    if (this.#isClosed) return err({ code: "busy", message: "This computer is shutting down." });
    const store = this.#options.openStore(() => undefined);
    this.#store = store;
    try {
      return await work(store);
    } catch (reason) {
      // The port rejects when the thread ended: for want of memory, or when the agent is closed.
      this.#options.logger.warn("backup-store-lost", { reason: String(reason) });
      const message =
        "The copy of the database could not be held in memory beside the one that serves, or this " +
        "computer is shutting down. Nothing was changed.";
      return err({ code: "too-large", message });
    } finally {
      this.#store = null;
      await store.close();
    }
  }
}

/** The SHA-256 of a file as the disk gives it back. */
export async function hashFile(place: BackupPlace): Promise<Result<string, ApiError>> {
  const found = await openFound(place);
  if (!found.ok) return found;
  const file = found.value;
  const hash = createHash("sha256");
  try {
    for (let at = 0; at < file.sizeBytes; at += PIECE_BYTES) {
      const piece = await file.read(at, Math.min(PIECE_BYTES, file.sizeBytes - at));
      if (!piece.ok) return err({ code: "storage-failed", message: `${piece.error.detail}.` });
      hash.update(piece.value);
    }
    return ok(hash.digest("hex"));
  } finally {
    await file.close();
  }
}

/** Writes a file from its beginning; what failed is removed. */
export async function writeAnew(
  { disk, path }: BackupPlace,
  fill: (file: DiskFile) => ReturnType<DiskFile["sync"]>,
): Promise<Result<null, ApiError>> {
  const removed = await disk.remove(path);
  const opened = removed.ok ? await disk.open(path) : removed;
  if (!opened.ok) return err(toApiError(opened.error));
  const filled = await fill(opened.value);
  await opened.value.close();
  if (filled.ok) return filled;
  await disk.remove(path);
  return err(toApiError(filled.error));
}

/** A disk's refusal as the API tells it. */
export function toApiError(error: { readonly code: string; readonly detail: string }): ApiError {
  const code = error.code === "storage-full" ? "storage-full" : "storage-failed";
  return { code, message: `The backup cannot be written: ${error.detail}.` };
}

/** Opening makes what is missing, so it is looked for first. */
async function openFound({ disk, path }: BackupPlace): Promise<Result<DiskFile, ApiError>> {
  const slash = path.lastIndexOf("/");
  const names = await disk.list(slash < 0 ? "" : path.slice(0, slash));
  if (!names.ok) return err({ code: "storage-failed", message: `${names.error.detail}.` });
  if (!names.value.includes(path.slice(slash + 1))) {
    return err({ code: "not-found", message: "There is no such file." });
  }
  const opened = await disk.open(path);
  if (opened.ok) return opened;
  return err({ code: "storage-failed", message: `${opened.error.detail}.` });
}

/** A file can be so wrong that SQLite ends with it. */
async function openIn(store: Store): Promise<Result<OpenedBackup, string>> {
  try {
    return await store.call("openBackup", {});
  } catch (reason) {
    return err(`reading it ended the thread (${String(reason)})`);
  }
}
