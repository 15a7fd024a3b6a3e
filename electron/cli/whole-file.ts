import { createWriteStream } from "node:fs";
import { open, rename, rm } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { pipeline } from "node:stream/promises";

/**
 * Writes a file that is there as a whole or not at all: aside, synced, renamed, and its folder synced.
 *
 * @throws what `bytes` throws, and what the disk refuses; nothing is left then.
 */
export async function writeWholeFile(
  file: string,
  bytes: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<void> {
  const path = resolve(file);
  const aside = `${path}.part-${process.pid}`;
  try {
    await pipeline(bytes, createWriteStream(aside, { flags: "wx", flush: true }));
    await rename(aside, path);
    await syncFolder(dirname(path));
  } catch (cause) {
    await rm(aside, { force: true });
    throw cause;
  }
}

async function syncFolder(folder: string): Promise<void> {
  if (process.platform === "win32") return; // Folders cannot be opened there; NTFS logs renames.
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
