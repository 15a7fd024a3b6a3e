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
  /** 1 to 720; does not count while there is a time of day. */
  readonly everyHours: number;
  /** Once a day at this local time, `HH:MM`; null: every so many hours. */
  readonly dailyAt: string | null;
  readonly keep: BackupKeep;
};

/** Off until a person turns it on: it takes room on a disk. */
export const BACKUP_SCHEDULE_DEFAULT: BackupSchedule = {
  isOn: false,
  folder: null,
  everyHours: 24,
  dailyAt: null,
  // One a day: the newest of so many hours would be the same files as the newest of so many days.
  keep: { hourly: 0, daily: 7, weekly: 4, monthly: 12 },
};

/** The longest time between two. */
const BACKUP_HOURS_MAX = 720;

/** The most backups of one kind. */
const BACKUP_KEEP_MAX = 1000;

const MINUTE_MS = 60 * 1000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
/** 1970 began on a Thursday. */
const MONDAY_OFFSET_DAYS = 3;

/** What is wrong with a schedule, as a sentence; its folder is not looked at. */
export function checkSchedule(schedule: BackupSchedule): Result<BackupSchedule, string> {
  const { everyHours, dailyAt, keep } = schedule;
  if (!isWithin(everyHours, 1, BACKUP_HOURS_MAX)) {
    return err(`Backups are made every 1 to ${BACKUP_HOURS_MAX} hours.`);
  }
  if (dailyAt !== null && minuteOfDay(dailyAt) === null) {
    return err("A time of day is written HH:MM, from 00:00 to 23:59.");
  }
  const counts = [keep.hourly, keep.daily, keep.weekly, keep.monthly];
  if (!counts.every((count) => isWithin(count, 0, BACKUP_KEEP_MAX))) {
    return err(`0 to ${BACKUP_KEEP_MAX} backups of a kind are kept.`);
  }
  if (counts.every((count) => count === 0)) return err("At least one backup is kept.");
  return ok(schedule);
}

/**
 * When the next one is to be made, ms since 1970: the first at once, whatever the time of day.
 *
 * @param lastMs null: never yet.
 * @param localOffsetMs How far local time is ahead of UTC at a moment.
 */
export function nextBackupMs(
  { everyHours, dailyAt }: BackupSchedule,
  lastMs: number | null,
  now: { readonly wallMs: number; readonly localOffsetMs: (atWallMs: number) => number },
): number {
  // Made in a future that was taken back: nobody knows how long ago it is.
  if (lastMs === null || lastMs > now.wallMs) return now.wallMs;
  const minute = dailyAt === null ? null : minuteOfDay(dailyAt);
  if (minute === null) return lastMs + everyHours * HOUR_MS;
  const day = Math.floor((lastMs + now.localOffsetMs(lastMs)) / DAY_MS);
  // A day before: where the clocks change, the day of a moment and that of its time of day may differ.
  for (const next of [day - 1, day, day + 1]) {
    const atMs = momentOf(next * DAY_MS + minute * MINUTE_MS, now.localOffsetMs);
    if (atMs > lastMs) return atMs;
  }
  return lastMs + DAY_MS;
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

/**
 * The moment of a local time, the same whenever it is asked: one that the clocks skip is an hour off, of one that
 * comes twice one is taken.
 */
function momentOf(localMs: number, localOffsetMs: (atWallMs: number) => number): number {
  const nearMs = localMs - localOffsetMs(localMs);
  return localMs - localOffsetMs(nearMs);
}

function minuteOfDay(text: string): number | null {
  const [, hours, minutes] = /^([01]\d|2[0-3]):([0-5]\d)$/.exec(text) ?? [];
  return hours === undefined ? null : Number(hours) * 60 + Number(minutes);
}

function monthOf(ms: number): number {
  const date = new Date(ms);
  return date.getUTCFullYear() * 12 + date.getUTCMonth();
}

function isWithin(value: number, least: number, most: number): boolean {
  return Number.isSafeInteger(value) && value >= least && value <= most;
}
