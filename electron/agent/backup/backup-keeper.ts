/**
 * This member's backups: made when somebody asks or the schedule says so, one at a time, listed, checked, and let go of
 * once newer ones are proven.
 *
 * The schedule goes by the wall clock, because a computer that slept must notice; it is looked at every half a minute
 * of waking time. Whatever goes wrong with a scheduled one is kept and told until one is made.
 */
import { basename, dirname, join } from "node:path";
import type {
  BackupCheck,
  BackupEntry,
  BackupReport,
  CheckedBackup,
} from "../../../shared/api/backups.ts";
import type { ApiError, ApiParams } from "../../../shared/api/methods.ts";
import type { MemberId } from "../../../shared/base/ids.ts";
import { err, ok } from "../../../shared/base/result.ts";
import type { Result } from "../../../shared/base/result.ts";
import {
  checkSchedule,
  nextBackupMs,
  surplusBackups,
} from "../../../shared/cluster/backup-schedule.ts";
import type { BackupSchedule } from "../../../shared/cluster/backup-schedule.ts";
import type { Clock, Disk, Folders, Logger, Store } from "../ports.ts";
import type { BackupCatalog, KnownBackup } from "./backup-catalog.ts";
import type { BackupExchange } from "./backup-exchange.ts";
import type { BackupMaker, MadeBackup } from "./backup-maker.ts";
import { backupName, parseBackupName } from "./backup-name.ts";
import { toApiError } from "./backup-scratch.ts";
import type { BackupPlace, BackupScratch } from "./backup-scratch.ts";
import type { WorkNow } from "./backup-work.ts";

type BackupKeeperOptions = {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly folders: Folders;
  readonly catalog: BackupCatalog;
  readonly maker: BackupMaker;
  readonly exchange: BackupExchange;
  readonly scratch: BackupScratch;
  readonly work: WorkNow;
  /** The data folder as the system names it. */
  readonly dataFolder: string;
  /** Followers that could make it in this leader's place, the best first; empty on a follower. */
  readonly followers: () => readonly MemberId[];
  readonly workspace: () => { readonly id: string; readonly name: string };
  readonly memberName: () => string;
};

/** A file that was read back and recomputed. */
type OpenedFile = { readonly checked: CheckedBackup; readonly sha256: string };

/** Inside the data folder. */
const OWN_FOLDER = "backups";
const LOOK_EVERY_MS = 30_000;
const RETRY_MS = 15 * 60_000;
const SQLITE_MAGIC = "SQLite format 3\0";

/** One per member. */
export class BackupKeeper {
  readonly #options: BackupKeeperOptions;
  #last: Promise<unknown> = Promise.resolve();
  #makingCount = 0;
  #lookAtMs: number;
  #hasBegun = false;
  #isClosed = false;

  constructor(options: BackupKeeperOptions) {
    this.#options = options;
    this.#lookAtMs = options.clock.nowMs() + LOOK_EVERY_MS;
  }

  /** Called every second. */
  tick(): void {
    const { clock } = this.#options;
    const nowMs = clock.nowMs();
    if (this.#isClosed || nowMs < this.#lookAtMs || this.#makingCount > 0) return;
    this.#lookAtMs = nowMs + LOOK_EVERY_MS;
    void this.#look();
  }

  /** Makes one now. @param file A whole path; null: a new name in the folder of scheduled ones. */
  make({ file, here = false }: ApiParams<"makeBackup">): Promise<Result<BackupEntry, ApiError>> {
    return this.#oneAtATime(() => this.#makeInto(file ?? null, here, "asked"));
  }

  /** What another member's call makes: into a place, nothing is listed. */
  makeAt(place: BackupPlace): Promise<Result<MadeBackup, ApiError>> {
    return this.#oneAtATime(() => this.#options.maker.make(place, this.#options.dataFolder));
  }

  /** What is known, and what lies in the folder. */
  async report(): Promise<BackupReport> {
    const { catalog, clock } = this.#options;
    const { schedule, lastMs, problem } = await catalog.load();
    const nextMs = Math.max(clock.wallMs(), this.#nextMs(schedule, lastMs));
    return {
      schedule,
      folder: this.#folder,
      nextAt: schedule.isOn ? new Date(nextMs).toISOString() : null,
      work: this.#options.work.now,
      problem,
      backups: await this.#list(),
    };
  }

  /** Changes the schedule of this member. */
  async setSchedule(changes: Partial<BackupSchedule>): Promise<Result<BackupSchedule, ApiError>> {
    const { catalog, folders } = this.#options;
    const { schedule } = await catalog.load();
    const checked = checkSchedule({ ...schedule, ...changes });
    if (!checked.ok) return err({ code: "bad-request", message: checked.error });
    const { folder } = checked.value;
    if (folder !== null) {
      const made = await folders.open(folder).makeFolder("");
      if (!made.ok) return err(toApiError(made.error));
    }
    await catalog.change({ schedule: checked.value });
    this.#lookAtMs = 0;
    return checked;
  }

  /** Reads a file back and proves it anew. */
  async verify(file: string): Promise<Result<CheckedBackup, ApiError>> {
    const opened = await this.open(file, (found) => Promise.resolve(found));
    if (!opened.ok) return opened;
    const { checked, sha256 } = opened.value;
    await this.#remember(checked, sha256);
    return ok(checked);
  }

  /** The same for who also wants its rows. @param then May ask the store that holds them. */
  open<T>(
    file: string,
    then: (found: OpenedFile, store: Store) => Promise<T>,
  ): Promise<Result<T, ApiError>> {
    const { scratch, maker } = this.#options;
    return this.#oneAtATime(() =>
      scratch.read(this.#placeOf(file), async (read, store) => {
        const check = await maker.judgeAlone(read);
        const told = read.content.ok ? read.content.value : null;
        const checked = toChecked(file, read.sizeBytes, { told, check });
        return then({ checked, sha256: read.sha256 }, store);
      }),
    );
  }

  /** A call of another member; null when it is none of these. */
  serve(method: string, params: unknown): Promise<Result<unknown, ApiError> | null> {
    return this.#options.exchange.serve(method, params);
  }

  /** Waits for the one under way; none after it. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#options.scratch.close();
    await this.#options.exchange.close();
    await this.#last;
  }

  get #folder(): string {
    const { catalog, dataFolder } = this.#options;
    return catalog.now.schedule.folder ?? join(dataFolder, OWN_FOLDER);
  }

  async #look(): Promise<void> {
    const { catalog, clock, exchange } = this.#options;
    // What a process that ended was handing over.
    if (!this.#hasBegun) await exchange.drop();
    this.#hasBegun = true;
    const { schedule, lastMs } = await catalog.load();
    if (!schedule.isOn || clock.wallMs() < this.#nextMs(schedule, lastMs)) return;
    if (this.#makingCount === 0 && !this.#isClosed) await this.#scheduled();
  }

  #nextMs(schedule: BackupSchedule, lastMs: number | null): number {
    const { clock } = this.#options;
    const localOffsetMs = (atMs: number): number => clock.localOffsetMs(atMs);
    return nextBackupMs(schedule, lastMs, { wallMs: clock.wallMs(), localOffsetMs });
  }

  async #scheduled(): Promise<void> {
    const { catalog, clock, logger } = this.#options;
    const made = await this.#oneAtATime(() => this.#makeInto(null, false, "scheduled"));
    const wallMs = clock.wallMs();
    if (made.ok) {
      await catalog.change({ lastMs: wallMs, problem: null });
      await this.#letGo();
      return;
    }
    const { code, message } = made.error;
    logger.warn("backup-not-made", { code, message });
    await catalog.change({ problem: { at: new Date(wallMs).toISOString(), code, message } });
    this.#lookAtMs = clock.nowMs() + RETRY_MS;
  }

  async #makeInto(
    file: string | null,
    isHere: boolean,
    kind: BackupEntry["kind"],
  ): Promise<Result<BackupEntry, ApiError>> {
    const { catalog, folders, logger, workspace, memberName, clock } = this.#options;
    await catalog.load();
    const folder = file === null ? this.#folder : dirname(file);
    const disk = folders.open(folder);
    // A folder that a person named may be a disk that is not plugged in: it is not made here.
    const isOwn = folder === join(this.#options.dataFolder, OWN_FOLDER);
    const ready = isOwn ? await disk.makeFolder("") : await disk.syncFolder("");
    if (!ready.ok) return err(toApiError(ready.error));
    const wanted = file === null ? null : basename(file);
    const taken = wanted === null ? null : await replaceProblem(disk, wanted);
    if (taken !== null) return err(taken);
    const aside = {
      disk,
      path: `.tidemark-${workspace().id.slice(0, 8)}-${slugOf(memberName())}.part`,
    };
    const made = await this.#makeOrFetch(aside, folder, isHere);
    if (!made.ok) return made;
    const { position, at, sizeBytes: bytes, sha256, madeBy, check } = made.value;
    const naming = { workspace: workspace().name, member: memberName(), atMs: clock.wallMs() };
    const name = wanted ?? backupName({ ...naming, position });
    const renamed = await disk.rename(aside.path, name);
    const synced = renamed.ok ? await disk.syncFolder("") : renamed;
    if (!synced.ok) return err(toApiError(synced.error));
    const entry: KnownBackup = {
      ...{ file: join(folder, name), position, at, bytes, sha256, madeBy, kind, check },
    };
    await catalog.remember(entry);
    logger.info("backup", { file: entry.file, index: position.index, bytes, madeBy });
    return ok({ ...entry, isThere: true });
  }

  /** On a follower if there is one; what it cannot do is done here. */
  async #makeOrFetch(
    aside: BackupPlace,
    folder: string,
    isHere: boolean,
  ): Promise<Result<MadeBackup, ApiError>> {
    const { followers, exchange, maker, logger } = this.#options;
    const [follower] = isHere ? [] : followers();
    if (follower !== undefined) {
      const room = (sizeBytes: number): Promise<ApiError | null> =>
        maker.roomProblem(folder, sizeBytes);
      const fetched = await exchange.fetch(follower, aside, room);
      if (fetched.ok || fetched.error.code === "storage-full") return fetched;
      logger.warn("backup-made-here", { follower, ...fetched.error });
    }
    return maker.make(aside, folder);
  }

  /** After a proven one: those of the schedule that nobody needs any more. */
  async #letGo(): Promise<void> {
    const { catalog, folders, logger } = this.#options;
    const { known, schedule } = catalog.now;
    const own = known.filter(({ kind }) => kind === "scheduled");
    const times = own.map(({ at }) => Date.parse(at ?? ""));
    // The one just made is last, and stays whatever the clocks said before.
    const surplus = surplusBackups(times, schedule.keep).filter((place) => place < own.length - 1);
    const gone = new Set<string>();
    for (const place of surplus) {
      const file = own[place]?.file ?? "";
      const { disk, path } = this.#placeOf(file);
      const removed = await disk.remove(path);
      if (removed.ok) gone.add(file);
      else logger.warn("backup-not-removed", { file, ...removed.error });
    }
    if (gone.size === 0) return;
    await catalog.change({ known: catalog.now.known.filter(({ file }) => !gone.has(file)) });
    await folders.open(this.#folder).syncFolder("");
  }

  async #list(): Promise<readonly BackupEntry[]> {
    const { known } = this.#options.catalog.now;
    const folders = new Set([this.#folder, ...known.map(({ file }) => dirname(file))]);
    const names = new Map<string, readonly string[]>();
    for (const folder of folders) {
      const listed = await this.#options.folders.open(folder).list("");
      names.set(folder, listed.ok ? listed.value : []);
    }
    const isThere = (file: string): boolean =>
      names.get(dirname(file))?.includes(basename(file)) ?? false;
    const listed = known.map((each): BackupEntry => ({ ...each, isThere: isThere(each.file) }));
    const files = new Set(known.map(({ file }) => file));
    for (const name of names.get(this.#folder) ?? []) {
      const named = parseBackupName(name);
      const file = join(this.#folder, name);
      if (named !== null && !files.has(file)) listed.push(await this.#found(file, named));
    }
    return listed.sort((a, b) => (b.at ?? "").localeCompare(a.at ?? ""));
  }

  async #found(
    file: string,
    named: NonNullable<ReturnType<typeof parseBackupName>>,
  ): Promise<BackupEntry> {
    const { disk, path } = this.#placeOf(file);
    const opened = await disk.open(path);
    const bytes = opened.ok ? opened.value.sizeBytes : 0;
    if (opened.ok) await opened.value.close();
    const { position, atMs } = named;
    const at = new Date(atMs).toISOString();
    const unknown = { sha256: null, madeBy: null, check: null };
    return { file, position, at, bytes, ...unknown, kind: "found", isThere: true };
  }

  async #remember(checked: CheckedBackup, sha256: string): Promise<void> {
    const { catalog } = this.#options;
    const { known } = await catalog.load();
    const before = known.find(({ file }) => file === checked.file);
    const { file, position, at, madeBy, bytes, check } = checked;
    const kind = before?.kind ?? "found";
    await catalog.remember({ ...before, file, position, at, madeBy, bytes, check, sha256, kind });
  }

  #placeOf(file: string): BackupPlace {
    return { disk: this.#options.folders.open(dirname(file)), path: basename(file) };
  }

  /** The others wait. */
  #oneAtATime<T>(work: () => Promise<Result<T, ApiError>>): Promise<Result<T, ApiError>> {
    this.#makingCount += 1;
    const done = this.#last.then(async () => {
      try {
        if (this.#isClosed) return err(shuttingDown());
        return await work();
      } finally {
        this.#makingCount -= 1;
        this.#options.work.end();
      }
    });
    this.#last = done;
    return done;
  }
}

/** A file of that name is replaced only when it is a database: a mistyped path must not cost a document. */
async function replaceProblem(disk: Disk, name: string): Promise<ApiError | null> {
  const names = await disk.list("");
  if (!names.ok) return toApiError(names.error);
  if (!names.value.includes(name)) return null;
  const opened = await disk.open(name);
  if (!opened.ok) return toApiError(opened.error);
  const head = await opened.value.read(0, SQLITE_MAGIC.length);
  await opened.value.close();
  const isDatabase = head.ok && String.fromCharCode(...head.value) === SQLITE_MAGIC;
  if (isDatabase) return null;
  const message = `There is a file ${name} already, and it is no database; nothing was written.`;
  return { code: "bad-request", message };
}

function toChecked(
  file: string,
  bytes: number,
  { told, check }: { readonly told: Told | null; readonly check: BackupCheck },
): CheckedBackup {
  const { marks = {}, position = null } = told ?? {};
  const id = marks["workspace-id"];
  const workspace = id === undefined ? null : { id, name: marks["workspace"] ?? "" };
  const [at = null, madeBy = null] = [marks["made"], marks["made-by"]];
  return { file, position, workspace, at, madeBy, bytes, check };
}

type Told = {
  readonly position: NonNullable<CheckedBackup["position"]>;
  readonly marks: Readonly<Record<string, string>>;
};

function slugOf(name: string): string {
  return name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .slice(0, 40);
}

function shuttingDown(): ApiError {
  return { code: "busy", message: "This computer is shutting down." };
}
