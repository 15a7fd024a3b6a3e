/**
 * What has to be done at the start because of how systems treat a failed sync.
 *
 * When a sync fails, the system keeps the unwritten bytes in its cache and calls them clean: they
 * can still be read, and syncing the file again writes nothing (Rebello 2020). The process that
 * saw the failure takes nothing more, but the next one reads those bytes, would believe them, and
 * would lose them at the next power failure. Only bytes written anew are sure to reach the disk.
 */
import { NO_BYTES } from "../../../shared/base/bytes.ts";
import { ok } from "../../../shared/base/result.ts";
import type { Result } from "../../../shared/base/result.ts";
import type { Disk, DiskError } from "../ports.ts";
import { joinPath } from "./folders.ts";
import { writeWhole } from "./write-whole.ts";

const COPY_NAME = "copy.tmp";
/** Need not survive a power failure: after one, what can be read is what is on the disk. */
const MARK_NAME = "sync-failed";

/** Leaves word for the next start that what it reads may not be on the disk. */
export async function markSyncFailed(disk: Disk, folder: string): Promise<void> {
  const marked = await disk.open(joinPath(folder, MARK_NAME));
  if (marked.ok) await marked.value.close();
}

/**
 * Replaces a file, the newest segment, by a copy of its good part.
 *
 * @returns false when the disk is too full for a copy and no sync had failed: then it is enough
 *   to sync the file itself, and the member can start and be read from.
 */
export async function writeAnew(
  disk: Disk,
  folder: string,
  name: string,
  goodBytes: number,
): Promise<Result<boolean, DiskError>> {
  const path = joinPath(folder, name);
  const copied = await copyAside(disk, folder, path, goodBytes);
  if (!copied.ok && copied.error.code === "storage-full") {
    const mark = await disk.read(joinPath(folder, MARK_NAME));
    if (!mark.ok) return mark;
    return mark.value === null ? ok(false) : copied;
  }
  if (!copied.ok) return copied;
  const renamed = await disk.rename(joinPath(folder, COPY_NAME), path);
  const named = renamed.ok ? await disk.syncFolder(folder) : renamed;
  const unmarked = named.ok ? await disk.remove(joinPath(folder, MARK_NAME)) : named;
  return unmarked.ok ? ok(true) : unmarked;
}

async function copyAside(
  disk: Disk,
  folder: string,
  path: string,
  goodBytes: number,
): Promise<Result<null, DiskError>> {
  const read = await disk.read(path);
  if (!read.ok) return read;
  const bytes = (read.value ?? NO_BYTES).subarray(0, goodBytes);
  return writeWhole(disk, joinPath(folder, COPY_NAME), bytes);
}
