/**
 * When backups are made by themselves and which of them stay: grandfather, father, son.
 *
 * Pure arithmetic over wall clocks, which jump: a clock that was set back makes a backup due, and one that was set
 * forward removes nothing, because what stays is counted in backups and not in age. Days, weeks (from Monday) and
 * months are those of UTC, so that every computer counts alike.
 */
import { err, ok } from "../base/result.ts";
import type { Result } from "../base/result.ts";

/** How many backups of each kind stay; one backup may count for several. */
type BackupKeep = {
  readonly hourly: number;
  readonly daily: number;
  readonly weekly: number;
  readonly monthly: number;
};

/** One member's schedule. */
export type BackupSchedule = {
  readonly isOn: boolean;
  /** Where they are put; null: `backups` in the data folder. */
  readonly folder: string | null;
  /** 1 to 720. */
  readonly everyHours: number;
  readonly keep: BackupKeep;
};

/** Off until a person turns it on: it takes room on a disk. */
export const BACKUP_SCHEDULE_DEFAULT: BackupSchedule = {
  isOn: false,
  folder: null,
  everyHours: 24,
  keep: { hourly: 0, daily: 7, weekly: 4, monthly: 12 },
};

/** The longest time between two. */
const BACKUP_HOURS_MAX = 720;

/** The most backups of one kind. */
const BACKUP_KEEP_MAX = 1000;

const HOUR_MS = 60 * 60 * 1000;
const DAY_MS = 24 * HOUR_MS;
/** 1970 began on a Thursday. */
const MONDAY_OFFSET_DAYS = 3;

/** What is wrong with a schedule, as a sentence; its folder is not looked at. */
export function checkSchedule(schedule: BackupSchedule): Result<BackupSchedule, string> {
  const { everyHours, keep } = schedule;
  if (!isWithin(everyHours, 1, BACKUP_HOURS_MAX)) {
    return err(`Backups are made every 1 to ${BACKUP_HOURS_MAX} hours.`);
  }
  const counts = [keep.hourly, keep.daily, keep.weekly, keep.monthly];
  if (!counts.every((count) => isWithin(count, 0, BACKUP_KEEP_MAX))) {
    return err(`0 to ${BACKUP_KEEP_MAX} backups of a kind are kept.`);
  }
  if (counts.every((count) => count === 0)) return err("At least one backup is kept.");
  return ok(schedule);
}

/** When the next one is to be made, ms since 1970. @param lastMs null: never yet. */
export function nextBackupMs(
  { everyHours }: BackupSchedule,
  lastMs: number | null,
  wallMs: number,
): number {
  // Made in a future that was taken back: nobody knows how long ago it is.
  if (lastMs === null || lastMs > wallMs) return wallMs;
  return lastMs + everyHours * HOUR_MS;
}

/**
 * Those that nobody needs any more: of each hour, day, week and month the newest stays, for as many of them as are
 * kept. The newest of all stays always.
 *
 * @param madeMs When each was made, in any order.
 * @returns their places in `madeMs`.
 */
export function surplusBackups(madeMs: readonly number[], keep: BackupKeep): readonly number[] {
  const places = madeMs.map((_, place) => place);
  const newestFirst = places.sort((a, b) => (madeMs[b] ?? 0) - (madeMs[a] ?? 0));
  const stay = new Set(newestFirst.slice(0, 1));
  const kinds: readonly (readonly [number, (ms: number) => number])[] = [
    [keep.hourly, (ms) => Math.floor(ms / HOUR_MS)],
    [keep.daily, (ms) => Math.floor(ms / DAY_MS)],
    [keep.weekly, (ms) => Math.floor((Math.floor(ms / DAY_MS) + MONDAY_OFFSET_DAYS) / 7)],
    [keep.monthly, monthOf],
  ];
  for (const [count, periodOf] of kinds) {
    const seen = new Set<number>();
    for (const place of newestFirst) {
      const period = periodOf(madeMs[place] ?? 0);
      if (seen.has(period)) continue;
      if (seen.size >= count) break;
      seen.add(period);
      stay.add(place);
    }
  }
  return newestFirst.filter((place) => !stay.has(place));
}

function monthOf(ms: number): number {
  const date = new Date(ms);
  return date.getUTCFullYear() * 12 + date.getUTCMonth();
}

function isWithin(value: number, least: number, most: number): boolean {
  return Number.isSafeInteger(value) && value >= least && value <= most;
}
