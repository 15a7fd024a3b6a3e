/**
 * Database images on disk, each written aside, synced and renamed, so that a crash leaves it whole
 * or not at all. Which of them stay: `kept-snapshots.ts`.
 *
 * An image that is being sent is not deleted until it was closed. A damaged one is put aside and
 * the one before it counts again; whether the log reaches back that far is the caller's to see.
 */
import { createHash } from "node:crypto";
import { assert } from "../../../shared/base/assert.ts";
import { bytesEqual } from "../../../shared/base/bytes.ts";
import { err, ok } from "../../../shared/base/result.ts";
import type { Result } from "../../../shared/base/result.ts";
import type { LogIndex } from "../../../shared/base/ids.ts";
import type { SnapshotMark } from "../../../shared/raft/types.ts";
import type { Disk, DiskError, Logger } from "../ports.ts";
import { joinPath, makeDurableFolder } from "./folders.ts";
import { surplusSnapshots } from "./kept-snapshots.ts";
import type { LogLoadError } from "./log-error.ts";
import {
  SHA256_BYTES,
  encodePreamble,
  encodeSnapshotHeader,
  encodeSnapshotTrailer,
  splitBody,
} from "./snapshot-format.ts";
import type { SnapshotPreamble } from "./snapshot-format.ts";
import { SNAPSHOT_SUFFIX, readSnapshotInfo, snapshotName } from "./snapshot-info.ts";
import type { SnapshotInfo } from "./snapshot-info.ts";
import { proveSnapshot } from "./snapshot-proof.ts";
import { RECEIVING_JOURNAL_NAME, RECEIVING_NAME, SnapshotReceiver } from "./snapshot-receiver.ts";
import type { SnapshotMeta } from "./snapshot-receiver.ts";
import { SnapshotReader } from "./snapshot-reader.ts";

const WRITING_NAME = "writing.part";
const DAMAGED_SUFFIX = ".damaged";
const DAMAGED_KEPT_COUNT = 2;

/** Written in pieces, so that other work gets its turn. */
const PIECE_BYTES = 1024 * 1024;

/** What to write. */
export type SnapshotContent = SnapshotPreamble & {
  readonly mark: SnapshotMark;
  readonly image: Uint8Array;
};

/** A snapshot read back and verified. */
export type LoadedSnapshot = SnapshotContent & { readonly info: SnapshotInfo };

/** What is in a folder that is only looked at. */
export type SnapshotLook = {
  readonly newest: LoadedSnapshot | null;
  readonly damagedPaths: readonly string[];
};

/** See the top of the file. */
export class SnapshotFiles {
  readonly #disk: Disk;
  readonly #folder: string;
  readonly #logger: Logger;
  /** Oldest first. */
  #kept: SnapshotInfo[];
  readonly #readerCounts = new Map<string, number>();
  #windowAt: LogIndex | null = null;
  #isWriting = false;

  private constructor(options: SnapshotOptions, kept: readonly SnapshotInfo[]) {
    this.#disk = options.disk;
    this.#folder = options.folder;
    this.#logger = options.logger;
    this.#kept = [...kept];
  }

  /** Finds what is there; bodies are verified only when they are read. */
  static async open(options: SnapshotOptions): Promise<Result<SnapshotFiles, SnapshotOpenError>> {
    const { disk, folder } = options;
    const made = await makeDurableFolder(disk, folder);
    if (!made.ok) return made;
    // A killed process may have given a name that the disk does not know yet.
    const named = await disk.syncFolder(folder);
    if (!named.ok) return named;
    // All are looked at first: of a folder that a newer version has worked on nothing is touched.
    const found = await findSnapshots(disk, folder);
    if (!found.ok) return found;
    const files = new SnapshotFiles(options, found.value.infos);
    for (const path of found.value.damagedPaths) await files.#putAside(path);
    const pruned = await files.#prune();
    return pruned.ok ? ok(files) : pruned;
  }

  /** The newest one that is whole, and the paths of those that are not. Changes nothing. */
  static async look({
    disk,
    folder,
  }: Pick<SnapshotOptions, "disk" | "folder">): Promise<Result<SnapshotLook, SnapshotOpenError>> {
    const found = await findSnapshots(disk, folder);
    if (!found.ok) return found;
    const damagedPaths = [...found.value.damagedPaths];
    let newest: LoadedSnapshot | null = null;
    for (const info of found.value.infos) {
      const loaded = await loadWhole(disk, info);
      if (!loaded.ok) return loaded;
      if (loaded.value === null) damagedPaths.push(info.path);
      else newest = loaded.value;
    }
    return ok({ newest, damagedPaths });
  }

  /** The newest one; null when there is none. */
  latest(): SnapshotInfo | null {
    return this.#kept.at(-1) ?? null;
  }

  /** The one before the newest: the log must reach back to it in case the newest is damaged. */
  previous(): SnapshotInfo | null {
    return this.#kept.at(-2) ?? null;
  }

  /** All of them, oldest first. */
  get kept(): readonly SnapshotInfo[] {
    return this.#kept;
  }

  /** Says where the kept window of log begins now, and lets go of what is not needed for it. */
  keepFor(windowAt: LogIndex): Promise<Result<null, DiskError>> {
    this.#windowAt = windowAt;
    return this.#prune();
  }

  /** Stores an image; it is `latest` when this answers ok. One at a time. */
  async write(content: SnapshotContent): Promise<Result<SnapshotInfo, DiskError>> {
    assert(!this.#isWriting, "one snapshot is written at a time");
    this.#isWriting = true;
    try {
      const path = joinPath(this.#folder, WRITING_NAME);
      const written = await this.#writeAside(path, content);
      if (!written.ok) {
        await this.#disk.remove(path);
        return written;
      }
      return await this.#adopt(path, content.mark);
    } finally {
      this.#isWriting = false;
    }
  }

  /**
   * The newest one that is whole, with its image; null when there is none. Damaged ones on the
   * way are put aside.
   *
   * @param upTo Only those at or below this index: what the core knows to be committed.
   */
  async read(upTo = Infinity): Promise<Result<LoadedSnapshot | null, DiskError>> {
    const newest = (): SnapshotInfo | undefined =>
      this.#kept.findLast((info) => info.mark.position.index <= upTo);
    for (let info = newest(); info !== undefined; info = newest()) {
      const loaded = await loadWhole(this.#disk, info);
      if (!loaded.ok || loaded.value !== null) return loaded;
      await this.#putAside(info.path);
    }
    return ok(null);
  }

  /** Puts those of some positions aside: their bytes are what was stored, and their rows are not what they should be. */
  async distrust(isWrong: (index: LogIndex) => boolean): Promise<number> {
    const wrong = this.#kept.filter(({ mark }) => isWrong(mark.position.index));
    for (const info of wrong) await this.#putAside(info.path);
    return wrong.length;
  }

  /** Opens the newest one for sending; null when there is none. The caller closes it. */
  async openLatest(): Promise<Result<SnapshotReader | null, DiskError>> {
    const info = this.latest();
    if (info === null) return ok(null);
    this.#readerCounts.set(info.path, (this.#readerCounts.get(info.path) ?? 0) + 1);
    const opened = await this.#disk.open(info.path);
    const release = async (): Promise<void> => {
      this.#readerCounts.set(info.path, (this.#readerCounts.get(info.path) ?? 1) - 1);
      await this.#prune();
    };
    if (opened.ok) return ok(new SnapshotReader(info, opened.value, release));
    await release();
    return opened;
  }

  /**
   * Begins to receive a snapshot, or goes on where receiving the very same one was interrupted:
   * see the receiver's `offset`. What was received of another one is dropped.
   */
  beginReceive(meta: SnapshotMeta): Promise<Result<SnapshotReceiver, DiskError>> {
    assert(meta.sha256.length === SHA256_BYTES, "a SHA-256 has 32 bytes");
    return SnapshotReceiver.begin({ disk: this.#disk, folder: this.#folder, meta });
  }

  /**
   * Makes the received snapshot, which its receiver has proven, one of this member's; null when
   * there is none at this position. To be asked for again after a failure: one that was adopted
   * before counts as well.
   */
  async adoptReceived(mark: SnapshotMark): Promise<Result<SnapshotInfo | null, DiskError>> {
    const { index, term } = mark.position;
    const isIt = (info: SnapshotInfo): boolean =>
      info.mark.position.index === index && info.mark.position.term === term;
    const received = await this.#readReceived();
    if (!received.ok) return received;
    if (received.value === null || !isIt(received.value)) {
      return ok(this.#kept.find(isIt) ?? null);
    }
    const adopted = await this.#adopt(received.value.path, received.value.mark);
    if (!adopted.ok) return adopted;
    const removed = await this.#disk.remove(joinPath(this.#folder, RECEIVING_JOURNAL_NAME));
    return removed.ok ? adopted : removed;
  }

  /** Lets go of what was received: nobody needs it. */
  async dropReceived(): Promise<Result<null, DiskError>> {
    const removed = await this.#disk.remove(joinPath(this.#folder, RECEIVING_NAME));
    if (!removed.ok) return removed;
    return this.#disk.remove(joinPath(this.#folder, RECEIVING_JOURNAL_NAME));
  }

  /** The received file when it is whole. Asked first whether it is there: opening creates. */
  async #readReceived(): Promise<Result<SnapshotInfo | null, DiskError>> {
    const names = await this.#disk.list(this.#folder);
    if (!names.ok) return names;
    if (!names.value.includes(RECEIVING_NAME)) return ok(null);
    const info = await readSnapshotInfo(this.#disk, joinPath(this.#folder, RECEIVING_NAME));
    if (!info.ok) return info;
    return ok(info.value === "too-new" ? null : info.value);
  }

  async #writeAside(path: string, content: SnapshotContent): Promise<Result<null, DiskError>> {
    const cleared = await this.#disk.remove(path);
    if (!cleared.ok) return cleared;
    const opened = await this.#disk.open(path);
    if (!opened.ok) return opened;
    const file = opened.value;
    const preamble = encodePreamble(content);
    const bodyBytes = preamble.length + content.image.length;
    const hash = createHash("sha256").update(preamble);
    const header = encodeSnapshotHeader({ mark: content.mark, bodyBytes });
    let done = await file.append([header, preamble]);
    for (let at = 0; at < content.image.length && done.ok; at += PIECE_BYTES) {
      const piece = content.image.subarray(at, at + PIECE_BYTES);
      hash.update(piece);
      done = await file.append([piece]);
    }
    const sha256 = new Uint8Array(hash.digest());
    if (done.ok) done = await file.append([encodeSnapshotTrailer(sha256)]);
    if (done.ok) done = await file.sync();
    await file.close();
    return done;
  }

  /** Gives a whole, synced file its name. */
  async #adopt(path: string, mark: SnapshotMark): Promise<Result<SnapshotInfo, DiskError>> {
    const target = joinPath(this.#folder, snapshotName(mark.position));
    const renamed = await this.#disk.rename(path, target);
    if (!renamed.ok) return renamed;
    const named = await this.#disk.syncFolder(this.#folder);
    if (!named.ok) return named;
    const info = await proveSnapshot(this.#disk, target);
    if (!info.ok) return info;
    if (info.value === null) {
      await this.#putAside(target);
      return err({ code: "storage-failed", detail: `${target} is not what was just written` });
    }
    this.#kept = [...this.#kept.filter((kept) => kept.path !== target), info.value];
    this.#kept.sort((a, b) => a.mark.position.index - b.mark.position.index);
    const pruned = await this.#prune();
    return pruned.ok ? ok(info.value) : pruned;
  }

  async #prune(): Promise<Result<null, DiskError>> {
    for (const info of surplusSnapshots(this.#kept, this.#windowAt)) {
      if ((this.#readerCounts.get(info.path) ?? 0) > 0) continue;
      this.#kept = this.#kept.filter((kept) => kept !== info);
      const removed = await this.#disk.remove(info.path);
      if (!removed.ok) return removed;
    }
    return ok(null);
  }

  /** Kept for whoever wants to rescue something of it; a few, so that they never fill the disk. */
  async #putAside(path: string): Promise<void> {
    this.#kept = this.#kept.filter((kept) => kept.path !== path);
    const moved = await this.#disk.rename(path, `${path}${DAMAGED_SUFFIX}`);
    this.#logger.warn("snapshot-damaged", { path, isPutAside: moved.ok });
    const listed = await this.#disk.list(this.#folder);
    const aside = listed.ok ? listed.value.filter((name) => name.endsWith(DAMAGED_SUFFIX)) : [];
    for (const name of aside.slice(0, -DAMAGED_KEPT_COUNT)) {
      await this.#disk.remove(joinPath(this.#folder, name));
    }
  }
}

/** `log-too-new`: a newer version has worked on this folder. */
export type SnapshotOpenError = DiskError | Extract<LogLoadError, { readonly code: "log-too-new" }>;

/** What a snapshot folder is opened with. */
export type SnapshotOptions = {
  readonly disk: Disk;
  readonly folder: string;
  readonly logger: Logger;
};

/** What headers and trailers say, oldest first, and the files that have none. */
async function findSnapshots(
  disk: Disk,
  folder: string,
): Promise<
  Result<
    { readonly infos: readonly SnapshotInfo[]; readonly damagedPaths: readonly string[] },
    SnapshotOpenError
  >
> {
  const listed = await disk.list(folder);
  if (!listed.ok) return listed;
  const infos: SnapshotInfo[] = [];
  const damagedPaths: string[] = [];
  for (const name of listed.value.filter((each) => each.endsWith(SNAPSHOT_SUFFIX))) {
    const path = joinPath(folder, name);
    const info = await readSnapshotInfo(disk, path);
    if (!info.ok) return info;
    if (info.value === "too-new") return err(tooNew(path));
    if (info.value === null) damagedPaths.push(path);
    else infos.push(info.value);
  }
  return ok({ infos, damagedPaths });
}

/** The image; null when it is not what was stored. */
async function loadWhole(
  disk: Disk,
  info: SnapshotInfo,
): Promise<Result<LoadedSnapshot | null, DiskError>> {
  const file = await disk.readAround(info.path);
  if (!file.ok) return file;
  const body = file.value?.bytes.subarray(info.bodyAt, info.bodyAt + info.bodyBytes) ?? null;
  const isWhole = body !== null && bytesEqual(sha256Of(body), info.sha256);
  const parts = isWhole ? splitBody(body) : null;
  return ok(parts && { ...parts, mark: info.mark, info });
}

function tooNew(file: string): SnapshotOpenError {
  const detail = "the snapshot was written by a newer version; install that version";
  return { code: "log-too-new", file, offset: 0, detail };
}

function sha256Of(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(createHash("sha256").update(bytes).digest());
}
