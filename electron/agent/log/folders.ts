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
