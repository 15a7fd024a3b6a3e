import { execFile } from "node:child_process";
import { statSync, writeFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { promisify } from "node:util";

const run = promisify(execFile);

/** A disk of its own (a tmpfs) that can be filled or made read-only without harm to others. */
export type SmallDisk = {
  readonly folder: string;
  makeReadOnly(): Promise<void>;
  unmount(): Promise<void>;
};

/** Mounts one at a new folder; null where this user may not. */
export async function mountSmallDisk(folder: string, mebibytes: number): Promise<SmallDisk | null> {
  await mkdir(folder);
  const options = `size=${mebibytes}m`;
  const isMounted = await run("mount", ["-t", "tmpfs", "-o", options, "tmpfs", folder]).then(
    () => true,
    () => false,
  );
  if (!isMounted) return null;
  return {
    folder,
    makeReadOnly: async () => {
      await run("mount", ["-o", "remount,ro", folder]);
    },
    // Lazily: a process that was just killed may still be letting go of a file.
    unmount: async () => {
      await run("umount", ["-l", folder]);
    },
  };
}

/** Takes all room on a file's disk but a few bytes of a page. */
export function fillDisk(path: string): void {
  for (let size = 1024 * 1024; size >= 1; size = Math.floor(size / 2)) {
    try {
      writeFileSync(path, new Uint8Array(size), { flag: "a" });
    } catch (error) {
      if (!String(error).includes("ENOSPC")) throw error;
    }
  }
  if (statSync(path).size === 0) throw new Error("there was no room to take");
}
