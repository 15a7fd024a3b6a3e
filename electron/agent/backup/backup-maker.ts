/**
 * Makes one backup of this member's database and proves it: written aside, synced, read back from the disk into a
 * scratch store, recomputed, compared with the checksum of its position, and only then given its name. What was there
 * under that name stays until then.
 */
import type { BackupCheck } from "../../../shared/api/backups.ts";
import type { ApiError } from "../../../shared/api/methods.ts";
import { formatPosition } from "../../../shared/base/ids.ts";
import type { LogIndex, Position } from "../../../shared/base/ids.ts";
import { err, ok } from "../../../shared/base/result.ts";
import type { Result } from "../../../shared/base/result.ts";
import type { StorePosition } from "../../store-worker/messages.ts";
import type { Clock, Folders, Store } from "../ports.ts";
import { askStore } from "../replica/ask-store.ts";
import type { BackupPlace, BackupScratch, ReadBackup } from "./backup-scratch.ts";

/** A proven file that has no name yet. */
export type MadeBackup = {
  readonly position: Position;
  /** ISO 8601, when its database was taken. */
  readonly at: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly madeBy: string;
  readonly check: BackupCheck;
};

type BackupMakerOptions = {
  readonly store: Store;
  readonly clock: Clock;
  readonly folders: Folders;
  readonly scratch: BackupScratch;
  /** Why nothing is read now; null when it is. */
  readonly readRefusal: () => Promise<ApiError | null>;
  /** The leader's checksum at an index; null when it cannot be asked or has forgotten. */
  readonly leaderChecksum: (index: LogIndex) => Promise<string | null>;
  readonly workspace: () => { readonly id: string; readonly name: string };
  readonly memberName: () => string;
};

/** So much stays free on a disk that takes a backup. */
const FREE_BYTES_MIN = 256 * 1024 * 1024;

/** One at a time: whoever calls sees to that. */
export class BackupMaker {
  readonly #options: BackupMakerOptions;

  constructor(options: BackupMakerOptions) {
    this.#options = options;
  }

  /**
   * Leaves the proven file at `place`, synced; its name is for the caller to make durable.
   *
   * @param folder Whose disk is looked at for room.
   */
  async make(place: BackupPlace, folder: string): Promise<Result<MadeBackup, ApiError>> {
    const { store, clock, scratch, readRefusal, workspace, memberName } = this.#options;
    const refusal = await readRefusal();
    if (refusal !== null) return err(refusal);
    const taken = await askStore(store, "image", {});
    if (!taken.ok) return taken;
    const { image, position } = taken.value;
    const at = new Date(clock.wallMs()).toISOString();
    const room = await this.roomProblem(folder, image.length);
    if (room !== null) return err(room);
    const { id, name } = workspace();
    const madeBy = memberName();
    const marks = { made: at, "made-by": madeBy, "workspace-id": id, workspace: name };
    const written = await scratch.write(image, marks, place);
    if (!written.ok) return written;
    const proven = await scratch.read(place, (read) => this.#judge(read, position));
    const check = proven.ok && proven.value.isVerified ? proven.value : null;
    if (check === null || !proven.ok) {
      await place.disk.remove(place.path);
      return proven.ok ? err(notProven(proven.value.problem)) : proven;
    }
    return ok({ position: position.applied, at, ...written.value, madeBy, check });
  }

  /** Why a file of this size may not go there; null when it may. */
  async roomProblem(folder: string, sizeBytes: number): Promise<ApiError | null> {
    const free = await this.#options.folders.freeBytes(folder);
    if (free === null || free - sizeBytes >= FREE_BYTES_MIN) return null;
    const mebibytes = (bytes: number): number => Math.ceil(bytes / 1024 / 1024);
    const message =
      `The backup has ${mebibytes(sizeBytes)} MiB, and the disk of ${folder} has ${mebibytes(free)} MiB ` +
      `left, of which ${mebibytes(FREE_BYTES_MIN)} MiB stay free. Nothing was written.`;
    return { code: "storage-full", message };
  }

  /** Compares a file with itself, and with the leader where it still knows that position. */
  async judgeAlone(read: ReadBackup): Promise<BackupCheck> {
    return this.#judge(read, null);
  }

  async #judge(read: ReadBackup, made: StorePosition | null): Promise<BackupCheck> {
    const { clock, leaderChecksum, workspace } = this.#options;
    const at = new Date(clock.wallMs()).toISOString();
    const nobody = made === null ? ("file" as const) : ("maker" as const);
    const { content } = read;
    if (!content.ok) {
      return {
        at,
        isVerified: false,
        comparedWith: nobody,
        problem: `It is damaged: ${content.error}.`,
      };
    }
    const { position, recomputed, checksum, marks } = content.value;
    const isOwn = marks["workspace-id"] === workspace().id;
    const leader = isOwn ? await leaderChecksum(position.index) : null;
    const comparedWith = leader === null ? nobody : ("leader" as const);
    const wanted = [leader, made?.checksum, checksum].filter((each) => typeof each === "string");
    const isVerified = wanted.every((each) => each === recomputed);
    const problem = isVerified
      ? null
      : `Its rows come to ${recomputed}, and at ${formatPosition(position)} they must come to ${wanted[0]}.`;
    return { at, isVerified, comparedWith, problem };
  }
}

function notProven(problem: string | null): ApiError {
  const message = `The backup was read back and is not what it must be, so it was not kept. ${problem ?? ""}`;
  return { code: "storage-failed", message: message.trim() };
}
