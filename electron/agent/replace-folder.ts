/**
 * `tidemark join LINK --replace`: joins anew in a data folder that holds a member already, for a
 * folder that was copied from another computer. The new member is made beside the old content and
 * takes its place only once it has joined; the old content is kept in a folder of its own.
 */
import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { err } from "../../shared/base/result.ts";
import type { Result } from "../../shared/base/result.ts";
import type { FolderError } from "./open-folder.ts";
import { lockFolder } from "./platform/file-lock.ts";

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
    if (joined.ok) await takePlace(dataFolder, fresh);
    else await rm(fresh, { recursive: true, force: true });
    return joined;
  } finally {
    await lock.value.release();
  }
}

/** The record goes first and comes last: a folder without it is in no workspace and does nothing. */
async function takePlace(dataFolder: string, fresh: string): Promise<void> {
  const old = (await readdir(dataFolder)).filter(isContent);
  const aside = join(dataFolder, await freeName(dataFolder));
  await mkdir(aside);
  for (const name of recordFirst(old)) await rename(join(dataFolder, name), join(aside, name));
  const made = recordFirst((await readdir(fresh)).filter(isContent)).reverse();
  for (const name of made) await rename(join(fresh, name), join(dataFolder, name));
  await rm(fresh, { recursive: true, force: true });
}

function isContent(name: string): boolean {
  return !name.startsWith(REPLACED) && name !== JOINING && !/^lock(\.|$)/.test(name);
}

function recordFirst(names: readonly string[]): string[] {
  return [...names].sort((a, b) => Number(b === RECORD) - Number(a === RECORD));
}

async function freeName(dataFolder: string): Promise<string> {
  const taken = await readdir(dataFolder);
  let number = 1;
  while (taken.includes(`${REPLACED}${number}`)) number++;
  return `${REPLACED}${number}`;
}
