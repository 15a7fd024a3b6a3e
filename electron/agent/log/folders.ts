import type { Result } from "../../../shared/base/result.ts";
import type { Disk, DiskError } from "../ports.ts";

/** `folder/name`; the root folder is "". */
export function joinPath(folder: string, name: string): string {
  return folder === "" ? name : `${folder}/${name}`;
}

/** The folder a path is in; the root folder is "". */
export function parentOf(path: string): string {
  const slash = path.lastIndexOf("/");
  return slash < 0 ? "" : path.slice(0, slash);
}

/** Makes a folder that is still there after a crash. Its parent is not made durable. */
export async function makeDurableFolder(
  disk: Disk,
  folder: string,
): Promise<Result<null, DiskError>> {
  const made = await disk.makeFolder(folder);
  if (!made.ok || folder === "") return made;
  return disk.syncFolder(parentOf(folder));
}

/** Renames files from one folder to the other; all of it is on the disk when it answers ok. */
export async function moveFiles(
  disk: Disk,
  names: readonly string[],
  way: { readonly from: string; readonly to: string },
): Promise<Result<null, DiskError>> {
  for (const name of names) {
    const moved = await disk.rename(joinPath(way.from, name), joinPath(way.to, name));
    if (!moved.ok) return moved;
  }
  const left = await disk.syncFolder(way.from);
  return left.ok ? disk.syncFolder(way.to) : left;
}
