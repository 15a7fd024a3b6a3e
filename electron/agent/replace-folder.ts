/**
 * `tidemark join LINK --replace`: joins anew in a data folder that holds a member already, for a
 * folder that was copied from another computer. The new member is made beside the old content and
 * takes its place only once it has joined; the old content is kept in a folder of its own.
 */
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { err, ok } from "../../shared/base/result.ts";
import type { Result } from "../../shared/base/result.ts";
import { makeDurableFolder, moveFiles } from "./log/folders.ts";
import type { FolderError } from "./open-folder.ts";
import { lockFolder } from "./platform/file-lock.ts";
import { NodeClock } from "./platform/node-clock.ts";
import { NodeDisk } from "./platform/node-disk.ts";
import type { Disk, DiskError } from "./ports.ts";

const JOINING = "joining.new";
const REPLACED = "replaced-";
const RECORD = "cluster.json";

/**
 * @param joinIn Joins in an empty folder.
 * @returns what joining returned; the folder is as it was when that failed.
 */
export async function replaceContent<T>(
  dataFolder: string,
  joinIn: (folder: string) => Promise<Result<T, FolderError>>,
): Promise<Result<T, FolderError>> {
  await mkdir(dataFolder, { recursive: true });
  const lock = await lockFolder(dataFolder);
  if (!lock.ok) {
    const message = `The data folder ${dataFolder} is in use: stop its agent first (${lock.error.detail}).`;
    return err({ code: lock.error.code, message });
  }
  try {
    const fresh = join(dataFolder, JOINING);
    await rm(fresh, { recursive: true, force: true });
    const joined = await joinIn(fresh);
    const placed = joined.ok ? await takePlace(diskOf(dataFolder)) : ok(null);
    // What could not be moved is all there is of the new member.
    if (!placed.ok) return err(interrupted(dataFolder, placed.error));
    await rm(fresh, { recursive: true, force: true });
    return joined;
  } finally {
    await lock.value.release();
  }
}

/**
 * Moves the old content aside and the fresh content into its place, durably. The record goes first and comes
 * last, each on the disk before the rest follows: a folder without it is in no workspace and does nothing, and
 * whatever a crash leaves, a record never stands beside somebody else's key and log. Exported for its test.
 */
export async function takePlace(disk: Disk): Promise<Result<null, DiskError>> {
  const aside = await freeFolder(disk);
  if (!aside.ok) return aside;
  const made = await makeDurableFolder(disk, aside.value);
  if (!made.ok) return made;
  const gone = await moveContent(disk, { from: "", to: aside.value }, ["record", "rest"]);
  return gone.ok ? moveContent(disk, { from: JOINING, to: "" }, ["rest", "record"]) : gone;
}

async function moveContent(
  disk: Disk,
  way: { readonly from: string; readonly to: string },
  order: readonly ("record" | "rest")[],
): Promise<Result<null, DiskError>> {
  const listed = await disk.list(way.from);
  if (!listed.ok) return listed;
  const content = listed.value.filter(isContent);
  for (const part of order) {
    const names = content.filter((name) => (name === RECORD) === (part === "record"));
    const moved = await moveFiles(disk, names, way);
    if (!moved.ok) return moved;
  }
  return ok(null);
}

function diskOf(dataFolder: string): Disk {
  const clock = new NodeClock();
  return new NodeDisk(dataFolder, () => clock.nowMs());
}

function interrupted(dataFolder: string, error: DiskError): FolderError {
  const message =
    `${dataFolder} is left half replaced (${error.detail}). What it held is kept in ${REPLACED}1, or the newest of ` +
    "these, and nothing runs in it: join again with a new link.";
  return { code: error.code, message };
}

function isContent(name: string): boolean {
  return !name.startsWith(REPLACED) && name !== JOINING && !/^lock(\.|$)/.test(name);
}

/** One that holds nothing: what was put aside before stays. */
async function freeFolder(disk: Disk): Promise<Result<string, DiskError>> {
  for (let number = 1; ; number++) {
    const folder = `${REPLACED}${number}`;
    const listed = await disk.list(folder);
    if (!listed.ok) return listed;
    if (listed.value.length === 0) return ok(folder);
  }
}
