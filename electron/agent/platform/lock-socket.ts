/**
 * Whether the holder of a data folder lives, asked of the kernel: it listens on a Unix socket in the folder,
 * which nobody else can answer and which ends with its process, in whatever container that runs.
 *
 * Linux only: elsewhere there are no process numbers that mean something else in another container, and paths
 * of sockets are too short for data folders. (On Linux the way leads over an open folder's number, so any path
 * is short.) On disks without sockets there is none, and the process number alone is asked.
 */
import { open, rm } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { connect, createServer } from "node:net";
import type { Server } from "node:net";
import { join } from "node:path";

/** Something that others can reach while this process lives. */
export type LockSocket = { close(): Promise<void> };

const SOCKET_NAME = "lock.socket";
/** On one computer an answer takes microseconds, also while its process stands still. */
const ANSWER_MS_MAX = 2_000;

/** Listens; null where that is not possible. A socket that a dead process left is taken away. */
export async function listenBeside(folder: string): Promise<LockSocket | null> {
  if (process.platform !== "linux") return null;
  const handle = await open(folder, "r");
  const server = createServer((socket) => socket.destroy());
  server.unref();
  try {
    await rm(join(folder, SOCKET_NAME), { force: true });
    await listen(server, shortPath(handle));
  } catch {
    // No sockets on this kind of disk, or no room for a name.
    await handle.close();
    return null;
  }
  return {
    close: async () => {
      await new Promise((resolve) => server.close(resolve));
      await rm(join(folder, SOCKET_NAME), { force: true });
      await handle.close();
    },
  };
}

/** Whether a living process listens in this folder. */
export async function isSocketAlive(folder: string): Promise<boolean> {
  if (process.platform !== "linux") return false;
  const handle = await open(folder, "r");
  try {
    return await answers(shortPath(handle));
  } finally {
    await handle.close();
  }
}

function shortPath(folder: FileHandle): string {
  return `/proc/self/fd/${folder.fd}/${SOCKET_NAME}`;
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(path, resolve);
  });
}

/** A full queue of connections is a living process, too: it only stands still. */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const end = (isAlive: boolean): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(isAlive);
    };
    const timer = setTimeout(() => end(true), ANSWER_MS_MAX);
    socket.once("connect", () => end(true));
    socket.once("error", (error: NodeJS.ErrnoException) => end(error.code === "EAGAIN"));
  });
}
