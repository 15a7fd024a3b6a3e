/** When the next backup is due, over days on which the clocks change. */
import { expect, it } from "vitest";
import { BACKUP_SCHEDULE_DEFAULT, nextBackupMs } from "../../shared/cluster/backup-schedule.ts";

const HOUR_MS = 60 * 60 * 1000;
const SUMMER_FROM = Date.UTC(2026, 2, 29, 1);
const SUMMER_TO = Date.UTC(2026, 9, 25, 1);

/** Central Europe in 2026. */
function berlin(atMs: number): number {
  return (atMs >= SUMMER_FROM && atMs < SUMMER_TO ? 2 : 1) * HOUR_MS;
}

/** The next ones after each other, each made a while after it was due. */
function dueTimes(dailyAt: string, from: number, count: number, lateMs: number): string[] {
  const schedule = { ...BACKUP_SCHEDULE_DEFAULT, isOn: true, dailyAt };
  const times: string[] = [];
  for (let lastMs = from; times.length < count;) {
    const now = { wallMs: lastMs, localOffsetMs: berlin };
    const dueMs = nextBackupMs(schedule, lastMs, now);
    times.push(new Date(dueMs + berlin(dueMs)).toISOString().slice(5, 16));
    lastMs = dueMs + lateMs;
  }
  return times;
}

it.each([1, 20 * 60_000, 5 * HOUR_MS])(
  "is once a day at the same local time when the clocks change, made %i ms late",
  (lateMs) => {
    expect(dueTimes("04:00", Date.UTC(2026, 2, 27, 20), 4, lateMs)).toEqual([
      "03-28T04:00",
      "03-29T04:00",
      "03-30T04:00",
      "03-31T04:00",
    ]);
    expect(dueTimes("04:00", Date.UTC(2026, 9, 23, 20), 3, lateMs)).toEqual([
      "10-24T04:00",
      "10-25T04:00",
      "10-26T04:00",
    ]);
  },
);

it("is once a day, too, at a time that the clocks skip or repeat", () => {
  const spring = dueTimes("02:30", Date.UTC(2026, 2, 27, 20), 4, 1);
  expect(spring.map((time) => time.slice(0, 5))).toEqual(["03-28", "03-29", "03-30", "03-31"]);
  const autumn = dueTimes("02:30", Date.UTC(2026, 9, 23, 20), 4, 1);
  expect(autumn).toEqual(["10-24T02:30", "10-25T02:30", "10-26T02:30", "10-27T02:30"]);
});

it("is at once when none was made, and when the last one is of the future", () => {
  const schedule = { ...BACKUP_SCHEDULE_DEFAULT, isOn: true, dailyAt: "04:00" };
  const now = { wallMs: Date.UTC(2026, 5, 1), localOffsetMs: berlin };
  expect(nextBackupMs(schedule, null, now)).toBe(now.wallMs);
  expect(nextBackupMs(schedule, now.wallMs + 1, now)).toBe(now.wallMs);
});
