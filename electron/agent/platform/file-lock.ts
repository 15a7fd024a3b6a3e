/**
 * Keeps two processes off one data folder.
 *
 * The lock is a file naming its process: number and, where the system tells (Linux), the boot and
 * the moment it started, because numbers are used again. A lock whose process is gone is taken
 * over; so nobody has to delete a file by hand after a crash. In another container the same number is
 * another process: so the holder listens on a socket beside the lock as well, as long as it lives
 * (`lock-socket.ts`). Between computers (a folder on a network drive) it does not protect; live clones
 * are found by the hello of the protocol.
 *
 * On a full disk the lock is a symbolic link that leads nowhere: its text takes no room.
 */
import {
  constants,
  copyFile,
  link,
  readFile,
  readlink,
  rename,
  rm,
  symlink,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import { err, ok } from "../../../shared/base/result.ts";
import type { Result } from "../../../shared/base/result.ts";
import type { DiskError } from "../ports.ts";
import { errorNumber, toDiskError } from "./disk-errors.ts";
import { isSocketAlive, listenBeside } from "./lock-socket.ts";

type Holder = { readonly pid: number; readonly startedAt: string };

/** The data folder is this process's until `release`. */
export type FileLock = { release(): Promise<void> };

const LOCK_NAME = "lock";
const TAKE_ATTEMPTS_MAX = 3;

/** Takes the name if it is free. */
type Taker = () => Promise<boolean>;

/**
 * Locks an existing data folder.
 *
 * @returns `locked` when a living process holds it.
 */
export async function lockFolder(root: string): Promise<Result<FileLock, DiskError>> {
  const path = join(root, LOCK_NAME);
  const own: Holder = { pid: process.pid, startedAt: (await startOf(process.pid)) ?? "" };
  const aside = join(root, `${LOCK_NAME}.${process.pid}`);
  try {
    const take = await takerOf(path, aside, own);
    for (let attempt = 0; attempt < TAKE_ATTEMPTS_MAX; attempt++) {
      if (await take()) return await holdLock(root, { path, own, take });
      const holder = await readHolder(path);
      if (holder !== null && (await isAlive(holder))) return err(lockedBy(holder));
      if (await isSocketAlive(root)) return err(lockedBy(holder));
      await removeStale(path, aside, holder);
    }
  } catch (error) {
    if (errorNumber(error) === null) throw error;
    return err(toDiskError(error));
  } finally {
    await rm(aside, { force: true });
  }
  return err({ code: "locked", detail: "several programs are starting on this data folder" });
}

/** The name is this process's; from here on others can ask whether it lives. */
async function holdLock(
  root: string,
  { path, own, take }: { readonly path: string; readonly own: Holder; readonly take: Taker },
): Promise<Result<FileLock, DiskError>> {
  // Another one may have lost its name to somebody who judged it by its number alone.
  const socket = (await isSocketAlive(root)) ? null : await listenBeside(root);
  const isAlone = socket !== null || !(await isSocketAlive(root));
  for (let attempt = 0; isAlone && attempt < TAKE_ATTEMPTS_MAX; attempt++) {
    const holder = await readHolder(path);
    if (isSame(holder, own)) {
      return ok({
        release: async () => {
          await socket?.close();
          await release(path, own);
        },
      });
    }
    if (holder !== null) break;
    // Another starter moved it away for a moment, to see whose it is.
    await take();
  }
  await socket?.close();
  await release(path, own);
  return err(lockedBy(null));
}

/** How this process takes a free name, all at once: with a file, or on a full disk with a link. */
async function takerOf(path: string, aside: string, own: Holder): Promise<Taker> {
  const text = JSON.stringify(own);
  try {
    await writeFile(aside, text, { mode: 0o600 });
    return () => linkIfFree(aside, path);
  } catch (error) {
    if (!["ENOSPC", "EDQUOT"].includes(errorNumber(error) ?? "")) throw error;
  }
  await rm(aside, { force: true });
  return async () => {
    try {
      await symlink(text, path);
      return true;
    } catch (error) {
      if (errorNumber(error) === "EEXIST") return false;
      throw error;
    }
  };
}

/** `link` is the one call that creates a file with its content, and only if the name is free. */
async function linkIfFree(aside: string, path: string): Promise<boolean> {
  try {
    await link(aside, path);
    return true;
  } catch (error) {
    if (errorNumber(error) === "EEXIST") return false;
    if (!["EPERM", "ENOSYS", "ENOTSUP"].includes(errorNumber(error) ?? "")) throw error;
  }
  // A file system without links (exFAT): a copy that refuses to overwrite is nearly as good.
  try {
    await copyFile(aside, path, constants.COPYFILE_EXCL);
    return true;
  } catch (error) {
    if (errorNumber(error) === "EEXIST") return false;
    throw error;
  }
}

/**
 * Moves the dead process's lock away. Another starter may have done so already and hold the lock
 * by now: then what was moved is not what was judged, and it is put back.
 */
async function removeStale(path: string, aside: string, judged: Holder | null): Promise<void> {
  const moved = `${aside}.stale`;
  try {
    await rename(path, moved);
  } catch (error) {
    if (errorNumber(error) === "ENOENT") return;
    throw error;
  }
  const found = await readHolder(moved);
  if (JSON.stringify(found) !== JSON.stringify(judged)) await linkIfFree(moved, path);
  await rm(moved, { force: true });
}

async function release(path: string, own: Holder): Promise<void> {
  if (isSame(await readHolder(path), own)) await rm(path, { force: true });
}

function isSame(holder: Holder | null, own: Holder): boolean {
  return holder?.pid === own.pid && holder.startedAt === own.startedAt;
}

/** Null for a missing or unreadable lock: nobody living writes one that is not whole. */
async function readHolder(path: string): Promise<Holder | null> {
  let text: string;
  try {
    text = (await linkText(path)) ?? (await readFile(path, "utf8"));
  } catch (error) {
    if (errorNumber(error) === "ENOENT") return null;
    throw error;
  }
  try {
    const raw: unknown = JSON.parse(text);
    if (typeof raw !== "object" || raw === null) return null;
    if (!("pid" in raw) || typeof raw.pid !== "number") return null;
    if (!("startedAt" in raw) || typeof raw.startedAt !== "string") return null;
    return { pid: raw.pid, startedAt: raw.startedAt };
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

/** The text of a symbolic link; null for an ordinary file. */
async function linkText(path: string): Promise<string | null> {
  try {
    return await readlink(path);
  } catch (error) {
    // Windows says UNKNOWN of an ordinary file.
    if (["EINVAL", "UNKNOWN"].includes(errorNumber(error) ?? "")) return null;
    throw error;
  }
}

async function isAlive(holder: Holder): Promise<boolean> {
  try {
    process.kill(holder.pid, 0);
  } catch (error) {
    // Not ours to signal still means that it lives.
    if (errorNumber(error) !== "EPERM") return false;
  }
  const startedAt = await startOf(holder.pid);
  return startedAt === null || holder.startedAt === "" || startedAt === holder.startedAt;
}

/** Boot and start tick of a process; null where the system does not tell. */
async function startOf(pid: number): Promise<string | null> {
  try {
    const boot = await readFile("/proc/sys/kernel/random/boot_id", "utf8");
    const line = await readFile(`/proc/${pid}/stat`, "utf8");
    // Field 22; the second one, the program's name, may itself contain blanks and brackets.
    const startTick = line.slice(line.lastIndexOf(")") + 2).split(" ")[19];
    return startTick === undefined ? null : `${boot.trim()}:${startTick}`;
  } catch (error) {
    if (errorNumber(error) === null) throw error;
    return null;
  }
}

/** @param holder null when its own name is gone. */
function lockedBy(holder: Holder | null): DiskError {
  const who = holder === null ? "" : ` (process ${holder.pid})`;
  return { code: "locked", detail: `another Tidemark${who} is running on this data folder` };
}
