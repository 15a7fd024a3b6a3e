/**
 * What this member knows of its backups: the schedule, those it made or checked, and why the last scheduled one is
 * missing. Kept in `backups.json` in the data folder; a file that cannot be read is begun anew, because the backups
 * themselves say what they are.
 */
import type { BackupEntry, BackupProblem } from "../../../shared/api/backups.ts";
import { BACKUP_SCHEDULE_DEFAULT, checkSchedule } from "../../../shared/cluster/backup-schedule.ts";
import type { BackupSchedule } from "../../../shared/cluster/backup-schedule.ts";
import { readSettings, writeSettings } from "../log/settings-file.ts";
import type { Disk, Logger } from "../ports.ts";

/** A backup as it is remembered. */
export type KnownBackup = Omit<BackupEntry, "isThere">;

/** What is remembered. */
type Catalog = {
  readonly schedule: BackupSchedule;
  /** When the last scheduled one was made, ms since 1970; null before the first. */
  readonly lastMs: number | null;
  readonly problem: BackupProblem | null;
  /** The newest last. */
  readonly known: readonly KnownBackup[];
};

/** Inside the data folder. */
const CATALOG_FILE = "backups.json";
/** Removed ones are forgotten with their file; this bounds what people put elsewhere. */
const KNOWN_MAX = 2_000;

const EMPTY: Catalog = {
  schedule: BACKUP_SCHEDULE_DEFAULT,
  lastMs: null,
  problem: null,
  known: [],
};

/** Loaded on first use; one write after the other. */
export class BackupCatalog {
  readonly #disk: Disk;
  readonly #logger: Logger;
  #content: Catalog = EMPTY;
  #loading: Promise<void> | null = null;
  #writing: Promise<unknown> = Promise.resolve();

  constructor(disk: Disk, logger: Logger) {
    this.#disk = disk;
    this.#logger = logger;
  }

  /** Before the first `load` it is empty. */
  get now(): Catalog {
    return this.#content;
  }

  /** Reads it once. */
  async load(): Promise<Catalog> {
    this.#loading ??= this.#read();
    await this.#loading;
    return this.#content;
  }

  /** Keeps a change. What a full disk does not take is known until this process ends. */
  async change(changes: Partial<Catalog>): Promise<void> {
    await this.load();
    const next = { ...this.#content, ...changes };
    this.#content = { ...next, known: next.known.slice(-KNOWN_MAX) };
    this.#writing = this.#writing.then(() => this.#write());
    await this.#writing;
  }

  /** A backup, in the place of what was known of the same file. */
  async remember(backup: KnownBackup): Promise<void> {
    const { known } = await this.load();
    const others = known.filter(({ file }) => file !== backup.file);
    await this.change({ known: [...others, backup] });
  }

  async #read(): Promise<void> {
    const read = await readSettings(this.#disk, CATALOG_FILE);
    if (!read.ok) {
      this.#logger.warn("backups-unreadable", { ...read.error });
      return;
    }
    if (typeof read.value !== "object" || read.value === null) return;
    // Its own file: what an older version did not write has its default.
    const stored = read.value as Partial<Catalog>;
    const schedule = { ...BACKUP_SCHEDULE_DEFAULT, ...stored.schedule };
    const isSound = checkSchedule(schedule).ok;
    this.#content = {
      ...EMPTY,
      ...stored,
      schedule: isSound ? schedule : BACKUP_SCHEDULE_DEFAULT,
      known: Array.isArray(stored.known) ? stored.known : [],
    };
  }

  async #write(): Promise<void> {
    const written = await writeSettings(this.#disk, CATALOG_FILE, this.#content);
    if (!written.ok) this.#logger.warn("backups-unsaved", { ...written.error });
  }
}
