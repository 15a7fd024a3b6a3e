import { statfs } from "node:fs/promises";
import type { Disk, Folders } from "../ports.ts";
import { errorNumber } from "./disk-errors.ts";
import { NodeDisk } from "./node-disk.ts";

/** Folders of the computer's file systems. */
export class NodeFolders implements Folders {
  readonly #nowMs: () => number;

  /** @param nowMs Monotonic time, to see how fast a disk is. */
  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  open(folder: string): Disk {
    return new NodeDisk(folder, this.#nowMs);
  }

  async freeBytes(folder: string): Promise<number | null> {
    try {
      const { bavail, bsize } = await statfs(folder);
      return bavail * bsize;
    } catch (error) {
      // Some file systems do not tell; writing will then say when it is full.
      if (errorNumber(error) === null) throw error;
      return null;
    }
  }
}
