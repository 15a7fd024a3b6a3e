/**
 * Opens a data folder: makes it if need be, takes its lock, reads the key and which cluster it
 * belongs to. The lock is held until `release`: two agents on one folder would both vote.
 */
import { err, ok } from "../../shared/base/result.ts";
import type { Result } from "../../shared/base/result.ts";
import type { DataFolder } from "./agent-base.ts";
import { readSettings, writeSettings } from "./log/settings-file.ts";
import { clusterRecordToJson, parseClusterRecord } from "./members/cluster-record.ts";
import type { ClusterRecord } from "./members/cluster-record.ts";
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
  const identity = loadOrCreateIdentity(path);
  if (!identity.ok) return err(cannotUse(path, identity.error));
  const record = await readRecord(disk);
  if (!record.ok) return record;
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
    saveRecord: (next: ClusterRecord) => writes.write(RECORD_FILE, clusterRecordToJson(next)),
  };
  const release = async (): Promise<void> => {
    await writes.settled();
    await releaseLock();
  };
  return ok({ folder, identity: identity.value, disk, release });
}

async function readRecord(disk: Disk): Promise<Result<ClusterRecord | null, FolderError>> {
  const json = await readSettings(disk, RECORD_FILE);
  if (!json.ok)
    return err({ code: json.error.code, message: `cluster.json: ${json.error.detail}` });
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
    "identity-damaged": `The key in ${path} cannot be read (${error.detail}).`,
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
