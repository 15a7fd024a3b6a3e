/**
 * Opens a data folder: makes it if need be, takes its lock, reads the key and which cluster it
 * belongs to. The lock is held until `release`: two agents on one folder would both vote.
 */
import { err, ok } from "../../shared/base/result.ts";
import type { Result } from "../../shared/base/result.ts";
import type { MemberId } from "../../shared/base/ids.ts";
import type { DataFolder } from "./agent-base.ts";
import { readSettings, writeSettings } from "./log/settings-file.ts";
import { clusterRecordToJson, parseClusterRecord } from "./members/cluster-record.ts";
import type { ClusterRecord } from "./members/cluster-record.ts";
import { LOG_FOLDER } from "./replica/open-log.ts";
import { loadOrCreateIdentity } from "./pairing/identity.ts";
import type { Identity } from "./pairing/identity.ts";
import { lockFolder } from "./platform/file-lock.ts";
import { NodeDisk } from "./platform/node-disk.ts";
import type { Disk } from "./ports.ts";
import { AddressBook } from "./transport/address-book.ts";

/** Why the folder cannot be used; `message` is one sentence. */
export type FolderError = { readonly code: string; readonly message: string };

/** An open folder and what it takes to run in it. */
export type OpenedFolder = {
  readonly folder: DataFolder;
  readonly identity: Identity;
  readonly disk: Disk;
  /** Waits for what is being written, then gives the lock back. */
  readonly release: () => Promise<void>;
};

const RECORD_FILE = "cluster.json";
/** Stands in for the record when the disk spoilt that. */
const RECORD_COPY_FILE = "cluster.copy.json";
const ADDRESSES_FILE = "addresses.json";

/** Opens and locks. */
export async function openFolder(
  path: string,
  nowMs: () => number,
): Promise<Result<OpenedFolder, FolderError>> {
  const disk = new NodeDisk(path, nowMs);
  const made = await disk.makeFolder("");
  if (!made.ok) return err(cannotUse(path, made.error));
  const lock = await lockFolder(path);
  if (!lock.ok) return err(cannotUse(path, lock.error));
  const opened = await readFolder(path, disk, lock.value.release);
  if (!opened.ok) await lock.value.release();
  return opened;
}

async function readFolder(
  path: string,
  disk: Disk,
  releaseLock: () => Promise<void>,
): Promise<Result<OpenedFolder, FolderError>> {
  const record = await readRecord(disk);
  if (!record.ok) return record;
  const log = await disk.list(LOG_FOLDER);
  if (!log.ok) return err(cannotUse(path, log.error));
  const isNew = record.value === null && log.value.length === 0;
  const identity = loadOrCreateIdentity(path, isNew);
  if (!identity.ok) return err(cannotUse(path, identity.error));
  if (record.value !== null && !isOwnRecord(record.value, identity.value.memberId)) {
    const detail = "identity/key.pem is the key of another computer";
    return err(cannotUse(path, { code: "identity-damaged", detail }));
  }
  const addresses = await readSettings(disk, ADDRESSES_FILE);
  const saved = addresses.ok && addresses.value !== null ? JSON.stringify(addresses.value) : null;
  const writes = new WriteQueue(disk);
  const addressBook = new AddressBook(saved, (json) => {
    void writes.write(ADDRESSES_FILE, JSON.parse(json));
  });
  const folder = {
    path,
    self: identity.value.memberId,
    record: record.value,
    addressBook,
    saveRecord: async (next: ClusterRecord) => {
      const json = clusterRecordToJson(next);
      const saved = await writes.write(RECORD_FILE, json);
      // What counts is the first one; on a full disk the copy stays older.
      if (saved.ok) void writes.write(RECORD_COPY_FILE, json);
      return saved;
    },
  };
  const release = async (): Promise<void> => {
    await writes.settled();
    await releaseLock();
  };
  return ok({ folder, identity: identity.value, disk, release });
}

/** A record names its own member from the beginning; with another key everything here would be foreign. */
function isOwnRecord({ initial, known }: ClusterRecord, self: MemberId): boolean {
  return initial.seats.some((seat) => seat.id === self) || known.includes(self);
}

async function readRecord(disk: Disk): Promise<Result<ClusterRecord | null, FolderError>> {
  const record = await readRecordIn(disk, RECORD_FILE);
  if (record.ok || record.error.code !== "settings-damaged") return record;
  const copy = await readRecordIn(disk, RECORD_COPY_FILE);
  return copy.ok && copy.value !== null ? copy : record;
}

async function readRecordIn(
  disk: Disk,
  path: string,
): Promise<Result<ClusterRecord | null, FolderError>> {
  const json = await readSettings(disk, path);
  if (!json.ok) return err({ code: json.error.code, message: `${path}: ${json.error.detail}` });
  if (json.value === null) return ok(null);
  const record = parseClusterRecord(json.value);
  return record.ok ? record : err({ code: "settings-damaged", message: `${record.error}.` });
}

function cannotUse(
  path: string,
  error: { readonly code: string; readonly detail: string },
): FolderError {
  const reasons: Readonly<Record<string, string>> = {
    locked: `Another Tidemark uses the data folder ${path} (${error.detail}).`,
    "not-writable": `The data folder ${path} cannot be written (${error.detail}).`,
    "storage-full": `The disk of the data folder ${path} is full.`,
    "identity-damaged":
      `The key in ${path} cannot be used (${error.detail}). Nothing was changed: ` +
      "put the right one back from a backup of this computer.",
  };
  const message = reasons[error.code] ?? `The data folder ${path} cannot be used: ${error.detail}.`;
  return { code: error.code, message };
}

/** One write after the other: two replacements of one file must not overtake each other. */
class WriteQueue {
  readonly #disk: Disk;
  #last: ReturnType<typeof writeSettings> = Promise.resolve(ok(null));

  constructor(disk: Disk) {
    this.#disk = disk;
  }

  write(path: string, value: unknown): ReturnType<typeof writeSettings> {
    this.#last = this.#last.then(() => writeSettings(this.#disk, path, value));
    return this.#last;
  }

  async settled(): Promise<void> {
    await this.#last;
  }
}
