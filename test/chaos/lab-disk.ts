/**
 * The disk of one member, in three kinds. It knows how to be full, and how to lose its power; what
 * lies on it is the member's business.
 *
 * - `plain`: a folder on the machine's disk: real syncs, nothing else can be done to it.
 * - `tmpfs`: small and in memory, so that it can be filled; a sync costs nothing.
 * - `lossy`: `tools/lossy-disk.py`, in memory: what was not synced is lost or torn with the power.
 */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdir, open, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { mountSmallDisk } from "../support/small-disk.ts";
import { tryRun } from "./shell.ts";

/** See the top of the file. */
export const DISK_KINDS = ["plain", "tmpfs", "lossy"] as const;

/** See the top of the file. */
export type DiskKind = (typeof DISK_KINDS)[number];

/** What power losses took, in all. */
export type Losses = {
  readonly crashes: number;
  readonly writes: number;
  readonly torn: number;
  readonly names: number;
};

/** Debian's, which the package python3-fusepy belongs to. */
const PYTHON = "/usr/bin/python3";
const LOSSY_DISK = fileURLToPath(new URL("../../test/chaos/tools/lossy-disk.py", import.meta.url));
const SMALL_DISK_MEBIBYTES = 384;
const BALLAST_PIECE = Buffer.alloc(1024 * 1024);

/** See the top of the file. */
export class LabDisk {
  readonly kind: DiskKind;
  readonly folder: string;
  readonly #lossy: ChildProcess | null;

  private constructor(kind: DiskKind, folder: string, lossy: ChildProcess | null) {
    this.kind = kind;
    this.folder = folder;
    this.#lossy = lossy;
  }

  /** Throws where this user may not mount. */
  static async create(kind: DiskKind, folder: string): Promise<LabDisk> {
    switch (kind) {
      case "plain":
        await mkdir(folder);
        return new LabDisk(kind, folder, null);
      case "tmpfs":
        if ((await mountSmallDisk(folder, SMALL_DISK_MEBIBYTES)) === null) {
          throw new Error(`a small disk could not be mounted at ${folder}`);
        }
        return new LabDisk(kind, folder, null);
      case "lossy":
        await mkdir(folder);
        return new LabDisk(kind, folder, await mountLossyDisk(folder));
    }
  }

  /** Nothing of this may be on the disk while the member runs. @returns whether it can. */
  async losePower(seed: number): Promise<boolean> {
    if (this.kind !== "lossy") return false;
    await writeFile(join(this.folder, ".chaos"), `crash ${seed}`);
    return true;
  }

  /** What the runner itself did to the files of a member that does not run is no longer lost. */
  async settle(): Promise<void> {
    if (this.kind === "lossy") await writeFile(join(this.folder, ".chaos"), "settle");
  }

  /** What power losses took so far; null where they take nothing. */
  async losses(): Promise<Losses | null> {
    if (this.kind !== "lossy") return null;
    const text = await readFile(join(this.folder, ".chaos"), "utf8");
    return JSON.parse(text) as Losses;
  }

  /** Leaves no byte free; only on a `tmpfs`, which nobody else uses. */
  async fill(): Promise<void> {
    if (this.kind !== "tmpfs") throw new Error(`a ${this.kind} disk is not to be filled`);
    const file = await open(this.#ballast(), "w");
    try {
      let piece = BALLAST_PIECE;
      while (piece.byteLength > 0) {
        if (await fits(file.write(piece))) continue;
        piece = piece.subarray(0, Math.floor(piece.byteLength / 2));
      }
    } finally {
      await file.close();
    }
  }

  /** Makes room again. */
  async empty(): Promise<void> {
    await rm(this.#ballast(), { force: true });
  }

  /** Takes the disk away with all that is on it, or leaves it to be looked at. */
  async dispose(isKept: boolean): Promise<void> {
    if (this.kind === "plain" || isKept) return;
    // Lazily: a process that was just killed may still be letting go of a file.
    await tryRun("umount", ["-l", this.folder]);
    if (this.#lossy === null || this.#lossy.exitCode !== null) return;
    const ended = once(this.#lossy, "exit");
    this.#lossy.stdin?.end();
    await ended;
  }

  #ballast(): string {
    return join(this.folder, "ballast");
  }
}

/** Why there is no lossy disk here: one sentence; null when there is. */
export async function whyNoLossyDisk(): Promise<string | null> {
  const found = await tryRun(PYTHON, ["-c", "import fusepy, os; os.stat('/dev/fuse')"]);
  return found.isDone ? null : "python3-fusepy or /dev/fuse is missing";
}

async function mountLossyDisk(folder: string): Promise<ChildProcess> {
  const child = spawn(PYTHON, [LOSSY_DISK, folder], { stdio: ["pipe", "pipe", "pipe"] });
  let error = "";
  child.stderr.on("data", (chunk: Buffer) => (error = (error + chunk.toString()).slice(-4_000)));
  await new Promise<void>((resolve, reject) => {
    child.stdout.once("data", () => resolve());
    child.once("error", reject);
    child.once("exit", () => reject(new Error(`the lossy disk did not start: ${error}`)));
  });
  return child;
}

/** Whether it was written. */
async function fits(writing: Promise<{ readonly bytesWritten: number }>): Promise<boolean> {
  try {
    return (await writing).bytesWritten > 0;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOSPC") return false;
    throw cause;
  }
}
