/**
 * Mistakes with the disk, made by standing between the agent and its disk: the agent's own code
 * is right, and what it is told is not. Each loses what was promised when a crash comes.
 */
import type { Disk, DiskError, DiskFile } from "../../electron/agent/ports.ts";
import { ok } from "../../shared/base/result.ts";
import type { Result } from "../../shared/base/result.ts";
import type { Plant } from "./plant.ts";

type Answer = Promise<Result<null, DiskError>>;
type Wait = (ms: number) => Promise<void>;

/** How late a write comes to the disk that should have come first. */
const LATE_MS = 40;

/** New, renamed and removed names are left to chance. */
export const folderSyncDoesNothing: Plant = {
  disk: (disk) => wrapDisk(disk, { syncFolder: () => Promise.resolve(ok(null)) }),
};

/** "It failed once; let us try again": the second time there is nothing left to write. */
export const failedSyncIsRetried: Plant = {
  disk: (disk) => wrapDisk(disk, { file: (file, path) => retrying(disk, file, path) }),
};

/** What fitted was written, and nobody looked how much that was. */
export const shortWriteIsTakenForWhole: Plant = {
  disk: (disk) =>
    wrapDisk(disk, {
      file: (file) =>
        override(file, {
          append: async (parts) => {
            const written = await file.append(parts);
            if (written.ok || written.error.code !== "storage-full") return written;
            await appendWhatFits(file, parts);
            return ok(null);
          },
        }),
    }),
};

/** The refused write leaves its beginning behind, and the next record comes after it. */
export const tornRecordIsLeftBehind: Plant = {
  disk: (disk) =>
    wrapDisk(disk, {
      file: (file) =>
        override(file, {
          append: async (parts) => {
            const written = await file.append(parts);
            const isFull = !written.ok && written.error.code === "storage-full";
            if (isFull) await appendWhatFits(file, parts);
            return written;
          },
        }),
    }),
};

/** Messages leave, and term and vote come to the disk some time after. */
export const hardStateComesAfterMessages: Plant = {
  disk: (disk, wait) =>
    wrapDisk(disk, {
      file: (file, path) => (path.includes("hard-state") ? late(file, wait) : file),
    }),
};

/** A snapshot counts when it is written, and the log behind it is dropped. */
export const snapshotIsAdoptedUnsynced: Plant = {
  disk: (disk) =>
    wrapDisk(disk, {
      file: (file, path) =>
        path.startsWith("snapshots/")
          ? override(file, { sync: () => Promise.resolve(ok(null)) })
          : file,
    }),
};

type Changes = {
  readonly syncFolder?: Disk["syncFolder"];
  readonly file?: (file: DiskFile, path: string) => DiskFile;
};

function wrapDisk(disk: Disk, { syncFolder, file }: Changes): Disk {
  return override(disk, {
    open: async (path) => {
      const opened = await disk.open(path);
      return opened.ok && file !== undefined ? ok(file(opened.value, path)) : opened;
    },
    ...(syncFolder === undefined ? {} : { syncFolder }),
  });
}

/** The same with some of its methods replaced. */
function override<T extends object>(target: T, changes: Partial<T>): T {
  return new Proxy(target, {
    get: (whole, name) => {
      const from = Object.hasOwn(changes, name) ? changes : whole;
      const value: unknown = Reflect.get(from, name);
      return typeof value === "function" ? value.bind(from) : value;
    },
  });
}

function retrying(disk: Disk, first: DiskFile, path: string): DiskFile {
  let file = first;
  return new Proxy(first, {
    get: (_first, name) => {
      if (name !== "sync") return Reflect.get(file, name) as unknown;
      return async (): Answer => {
        const synced = await file.sync();
        if (synced.ok) return synced;
        const again = await disk.open(path);
        if (!again.ok) return again;
        file = again.value;
        return file.sync();
      };
    },
  });
}

async function appendWhatFits(file: DiskFile, parts: readonly Uint8Array[]): Promise<void> {
  const bytes = Buffer.concat(parts);
  for (let length = bytes.length >> 1; length > 0; length >>= 1) {
    const written = await file.append([bytes.subarray(0, length)]);
    if (written.ok) return;
  }
}

/** Every change is answered at once and carried out later, in order. */
function late(file: DiskFile, wait: Wait): DiskFile {
  let queue: Promise<unknown> = Promise.resolve();
  const later = (change: () => Answer): Answer => {
    queue = queue.then(async () => {
      await wait(LATE_MS);
      await change();
    });
    return Promise.resolve(ok(null));
  };
  return override(file, {
    append: (parts) => {
      const copies = parts.map((part) => part.slice());
      return later(() => file.append(copies));
    },
    overwrite: (offset, bytes) => {
      const copy = bytes.slice();
      return later(() => file.overwrite(offset, copy));
    },
    truncate: (sizeBytes) => later(() => file.truncate(Math.min(sizeBytes, file.sizeBytes))),
    sync: () => later(() => file.sync()),
  });
}
