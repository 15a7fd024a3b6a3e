import type { Result } from "../../../shared/base/result.ts";
import type { Disk, DiskError } from "../ports.ts";

/**
 * Writes a file that holds these bytes and nothing else, in the place of whatever an interrupted try left
 * there. Its content is on the disk when this answers ok; its name only once the folder is synced. A crash in
 * between leaves any part of it: what must never be seen in part is written aside and renamed.
 */
export async function writeWhole(
  disk: Disk,
  path: string,
  bytes: Uint8Array,
): Promise<Result<null, DiskError>> {
  const removed = await disk.remove(path);
  if (!removed.ok) return removed;
  const opened = await disk.open(path);
  if (!opened.ok) return opened;
  const written = await opened.value.append([bytes]);
  const synced = written.ok ? await opened.value.sync() : written;
  await opened.value.close();
  return synced;
}
