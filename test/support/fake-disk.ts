/**
 * A data folder in memory that loses exactly what a real one may lose.
 *
 * Written bytes are safe after `sync` of their file, names after `syncFolder` of their folder.
 * `crash` keeps a random subset of everything else, decided by the seed. Results are resolved
 * promises: nothing real is awaited. Calls of a crashed process's handles fail from then on.
 */
import { assert } from "../../shared/base/assert.ts";
import { err, ok } from "../../shared/base/result.ts";
import type { Result } from "../../shared/base/result.ts";
import { randomChance, seededRng } from "../../shared/base/rng.ts";
import type { Rng } from "../../shared/base/rng.ts";
import type { Disk, DiskError, DiskFile, SpoiltFile } from "../../electron/agent/ports.ts";
import { FakeFile } from "./fake-disk-file.ts";

type NameChange = { readonly folder: string } & (
  | { readonly type: "link"; readonly name: string; readonly file: FakeFile }
  | { readonly type: "unlink"; readonly name: string }
  | { readonly type: "rename"; readonly from: string; readonly to: string; readonly file: FakeFile }
);

/** How a process ended: by itself (the system still writes everything) or with the power. */
export type CrashKind = "process-killed" | "power-lost";

/** One thing a program asks the disk to do that changes something. */
export type DiskStep = {
  readonly operation:
    "create" | "append" | "overwrite" | "truncate" | "sync" | "rename" | "remove" | "sync-folder";
  /** The file; of a rename its new name; of `sync-folder` the folder. */
  readonly path: string;
};

/** What a fake disk is made with. */
export type FakeDiskOptions = {
  readonly seed?: number;
  /** Whether writing over old bytes takes new room first, as on btrfs, ZFS and APFS. */
  readonly isCopyOnWrite?: boolean;
  /** Called before every sync; a simulator waits on its virtual clock here. */
  readonly beforeSync?: () => Promise<void>;
};

const FAILED: DiskError = { code: "storage-failed", detail: "the fake disk failed the call" };
const GONE: DiskError = { code: "storage-failed", detail: "the process of this handle is gone" };
const UNREADABLE: DiskError = {
  code: "storage-failed",
  detail: "EIO: the fake disk cannot read it",
};
const FULL: DiskError = { code: "storage-full", detail: "the fake disk is full" };

/** See the top of the file. One instance is one physical disk and outlives its processes. */
export class FakeDisk implements Disk {
  readonly #rng: Rng;
  readonly #beforeSync: (() => Promise<void>) | null;
  readonly #isCopyOnWrite: boolean;
  #names = new Map<string, FakeFile>();
  #durableNames = new Map<string, FakeFile>();
  #unsyncedNames: NameChange[] = [];
  #process = 0;
  #failingSyncCount = 0;
  #freeBytes = Infinity;
  #changeCount = 0;
  #haltAtChange = Infinity;
  #syncCount = 0;
  #refuse: (step: DiskStep) => DiskError | null = () => null;

  constructor(options: FakeDiskOptions = {}) {
    this.#rng = seededRng(options.seed ?? 1);
    this.#beforeSync = options.beforeSync ?? null;
    this.#isCopyOnWrite = options.isCopyOnWrite ?? false;
  }

  /** Writes, truncations, renames and so on so far: the boundaries at which a crash can come. */
  get changeCount(): number {
    return this.#changeCount;
  }

  /** Syncs of files and folders that were carried out. */
  get syncCount(): number {
    return this.#syncCount;
  }

  /** Ends the process that uses the disk; a new one may use the same instance. */
  crash(kind: CrashKind = "power-lost"): void {
    this.#process++;
    this.#haltAtChange = Infinity;
    this.#failingSyncCount = 0;
    if (kind === "process-killed") return;
    for (const change of this.#unsyncedNames) {
      if (randomChance(this.#rng, 0.5)) applyName(this.#durableNames, change);
    }
    this.#unsyncedNames = [];
    this.#names = new Map(this.#durableNames);
    for (const file of new Set(this.#names.values())) file.loseUnsynced(this.#rng);
  }

  /** From the `count`th change on nothing happens any more and every call fails. */
  haltAfter(count: number): void {
    this.#haltAtChange = this.#changeCount + count;
  }

  /** The next syncs of files fail, and what they should have stored is lost. */
  failNextSync(count = 1): void {
    this.#failingSyncCount = count;
  }

  /**
   * Asks `refuse` before each step; what it answers is the step's failure. A refused sync loses
   * what it should have stored, as a failed one does. Also a way to watch the steps go by.
   */
  setFault(refuse: (step: DiskStep) => DiskError | null): void {
    this.#refuse = refuse;
  }

  /** Room for so many more bytes; null for any number. */
  setFreeBytes(count: number | null): void {
    this.#freeBytes = count ?? Infinity;
  }

  /** Spoils stored bits. */
  flipBits(path: string, offset: number, mask = 1): void {
    const file = this.#names.get(path);
    assert(file !== undefined, `there is no ${path}`);
    file.flip(offset, mask);
  }

  /** From now on the disk does not give these bytes back, until they are written over. */
  makeUnreadable(path: string, from: number, to: number): void {
    const file = this.#names.get(path);
    assert(file !== undefined, `there is no ${path}`);
    file.makeUnreadable(from, to);
  }

  /** Puts a file there as if it had always been. */
  putFile(path: string, bytes: Uint8Array): void {
    const file = new FakeFile();
    file.write(0, bytes);
    file.sync();
    this.#names.set(path, file);
    this.#durableNames.set(path, file);
  }

  /** Takes a file away as if it had never been. */
  dropFile(path: string): void {
    this.#names.delete(path);
    this.#durableNames.delete(path);
  }

  /** What would be left of a file if the power failed now and nothing unsynced survived. */
  durable(path: string): Uint8Array | null {
    return this.#durableNames.get(path)?.durable() ?? null;
  }

  /** Copies of all files as `durable` tells them, sorted by path. */
  durableContents(): ReadonlyMap<string, Uint8Array> {
    const sorted = [...this.#durableNames].sort(([a], [b]) => (a < b ? -1 : 1));
    return new Map(sorted.map(([path, file]) => [path, file.durable().slice()]));
  }

  /** A copy of everything a program would see, sorted by path. */
  contents(): ReadonlyMap<string, Uint8Array> {
    const sorted = [...this.#names].sort(([a], [b]) => (a < b ? -1 : 1));
    return new Map(sorted.map(([path, file]) => [path, file.read(0, file.sizeBytes)]));
  }

  async open(path: string): Promise<Result<DiskFile, DiskError>> {
    let file = this.#names.get(path);
    if (file === undefined) {
      const refused = this.#before({ operation: "create", path });
      if (refused !== null) return err(refused);
      file = new FakeFile();
      this.#names.set(path, file);
      const [folder, name] = splitPath(path);
      this.#unsyncedNames.push({ type: "link", folder, name, file });
    }
    return ok(this.#handle(path, file));
  }

  async read(path: string): Promise<Result<Uint8Array | null, DiskError>> {
    const file = this.#names.get(path);
    if (file === undefined) return ok(null);
    if (file.unreadableFrom(0, file.sizeBytes) !== null) return err(UNREADABLE);
    return ok(file.read(0, file.sizeBytes));
  }

  async readAround(path: string): Promise<Result<SpoiltFile | null, DiskError>> {
    const file = this.#names.get(path);
    if (file === undefined) return ok(null);
    const unreadableFrom = file.unreadableFrom(0, file.sizeBytes);
    return ok({ bytes: file.readAround(), unreadableFrom });
  }

  async list(folder: string): Promise<Result<readonly string[], DiskError>> {
    const names: string[] = [];
    for (const path of this.#names.keys()) {
      const [inFolder, name] = splitPath(path);
      if (inFolder === folder) names.push(name);
    }
    return ok(names.sort());
  }

  /** Folders need no making here: they are where their files are. */
  async makeFolder(): Promise<Result<null, DiskError>> {
    return ok(null);
  }

  async rename(from: string, to: string): Promise<Result<null, DiskError>> {
    const file = this.#names.get(from);
    if (file === undefined) return err({ ...FAILED, detail: `there is no ${from} to rename` });
    const refused = this.#before({ operation: "rename", path: to });
    if (refused !== null) return err(refused);
    const [folder] = splitPath(to);
    this.#names.delete(from);
    this.#names.set(to, file);
    this.#unsyncedNames.push({ type: "rename", folder, from, to, file });
    return ok(null);
  }

  async remove(path: string): Promise<Result<null, DiskError>> {
    const file = this.#names.get(path);
    if (file === undefined) return ok(null);
    const refused = this.#before({ operation: "remove", path });
    if (refused !== null) return err(refused);
    this.#freeBytes += file.sizeBytes;
    const [folder, name] = splitPath(path);
    this.#names.delete(path);
    this.#unsyncedNames.push({ type: "unlink", folder, name });
    return ok(null);
  }

  async syncFolder(folder: string): Promise<Result<null, DiskError>> {
    if (this.#beforeSync !== null) await this.#beforeSync();
    const touches = (change: NameChange): boolean =>
      change.folder === folder ||
      (change.type === "rename" && splitPath(change.from)[0] === folder);
    const refused = this.#before({ operation: "sync-folder", path: folder });
    if (refused === null) this.#syncCount++;
    for (const change of this.#unsyncedNames) {
      if (refused === null && touches(change)) applyName(this.#durableNames, change);
    }
    // As with a file: what a failed sync should have stored is called stored, and is not.
    if (refused === GONE) return err(GONE);
    this.#unsyncedNames = this.#unsyncedNames.filter((change) => !touches(change));
    return refused === null ? ok(null) : err(refused);
  }

  #handle(path: string, file: FakeFile): DiskFile {
    const process = this.#process;
    let failure: DiskError | null = null;
    let isClosed = false;
    const before = (operation: DiskStep["operation"]): DiskError | null => {
      assert(!isClosed, "a closed file is not used");
      if (process !== this.#process) return GONE;
      return failure ?? this.#before({ operation, path });
    };
    return {
      get sizeBytes() {
        return file.sizeBytes;
      },
      append: async (parts) => {
        let lengthBytes = 0;
        for (const part of parts) lengthBytes += part.length;
        const refused = before("append") ?? this.#take(lengthBytes);
        if (refused !== null) return err(refused);
        for (const part of parts) file.write(file.sizeBytes, part);
        return ok(null);
      },
      overwrite: async (offset, bytes) => {
        assert(offset + bytes.length <= file.sizeBytes, "overwriting keeps the size of the file");
        const refused = before("overwrite") ?? this.#mayCopy(bytes.length);
        if (refused !== null) return err(refused);
        file.write(offset, bytes);
        return ok(null);
      },
      sync: async () => {
        if (this.#beforeSync !== null) await this.#beforeSync();
        const refused = before("sync") ?? this.#syncFailure();
        if (refused === null) {
          this.#syncCount++;
          file.sync();
          return ok(null);
        }
        if (refused === GONE) return err(GONE);
        file.forgetUnsynced();
        failure = FAILED;
        return err(FAILED);
      },
      truncate: async (sizeBytes) => {
        assert(sizeBytes <= file.sizeBytes, "truncating makes a file shorter");
        const refused = before("truncate");
        if (refused !== null) return err(refused);
        this.#freeBytes += file.sizeBytes - sizeBytes;
        file.truncate(sizeBytes);
        return ok(null);
      },
      read: async (offset, length) => {
        if (file.unreadableFrom(offset, length) !== null) return err(UNREADABLE);
        return ok(file.read(offset, length));
      },
      readNow: (offset, length) => {
        if (file.unreadableFrom(offset, length) === null) return file.read(offset, length);
        throw Object.assign(new Error(UNREADABLE.detail), { code: "EIO" });
      },
      close: async () => {
        isClosed = true;
      },
    };
  }

  #before(step: DiskStep): DiskError | null {
    return this.#mayChange() ? this.#refuse(step) : GONE;
  }

  #take(sizeBytes: number): DiskError | null {
    if (sizeBytes > this.#freeBytes) return FULL;
    this.#freeBytes -= sizeBytes;
    return null;
  }

  #mayCopy(sizeBytes: number): DiskError | null {
    return this.#isCopyOnWrite && sizeBytes > this.#freeBytes ? FULL : null;
  }

  #syncFailure(): DiskError | null {
    if (this.#failingSyncCount === 0) return null;
    this.#failingSyncCount--;
    return FAILED;
  }

  #mayChange(): boolean {
    if (this.#changeCount >= this.#haltAtChange) return false;
    this.#changeCount++;
    return true;
  }
}

function applyName(names: Map<string, FakeFile>, change: NameChange): void {
  const path = (name: string): string => (change.folder === "" ? name : `${change.folder}/${name}`);
  switch (change.type) {
    case "link":
      names.set(path(change.name), change.file);
      return;
    case "unlink":
      names.delete(path(change.name));
      return;
    case "rename":
      // A rename is atomic: the old name is gone exactly if the new one is there.
      if (names.get(change.from) === change.file) names.delete(change.from);
      names.set(change.to, change.file);
  }
}

function splitPath(path: string): readonly [folder: string, name: string] {
  const slash = path.lastIndexOf("/");
  return slash < 0 ? ["", path] : [path.slice(0, slash), path.slice(slash + 1)];
}
