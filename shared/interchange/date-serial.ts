/** Days of a spreadsheet as text. */

const DAY_MS = 86_400_000;
/** 30 December 1899: with it days from 1 March 1900 on are right. */
const EPOCH_1900_MS = Date.UTC(1899, 11, 30);
const EPOCH_1904_MS = Date.UTC(1904, 0, 1);
const SERIAL_MAX = 2_958_466;
/** Spreadsheets have a 29 February 1900, as the first of them had. */
const NO_SUCH_DAY = 60;

/**
 * `2026-11-23`, `2026-11-23 14:05:00`, `14:05:00`; of a duration the hours may exceed 24. Milliseconds
 * only where there are some.
 *
 * @returns null when the number is no day of a spreadsheet.
 */
export function serialText(
  serial: number,
  kind: "date" | "duration",
  isFrom1904: boolean,
): string | null {
  if (serial < 0 || serial >= SERIAL_MAX) return null;
  const ms = Math.round(serial * DAY_MS);
  if (kind === "duration" || (ms < DAY_MS && !isFrom1904)) return clockText(ms);
  const day = Math.floor(ms / DAY_MS);
  const time = ms % DAY_MS === 0 ? "" : ` ${clockText(ms % DAY_MS)}`;
  if (isFrom1904) return dayText(EPOCH_1904_MS + day * DAY_MS) + time;
  if (day === NO_SUCH_DAY) return `1900-02-29${time}`;
  const shift = day < NO_SUCH_DAY ? DAY_MS : 0;
  return dayText(EPOCH_1900_MS + day * DAY_MS + shift) + time;
}

function dayText(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

function clockText(ms: number): string {
  const two = (number: number): string => String(number).padStart(2, "0");
  const seconds = Math.floor(ms / 1000);
  const rest = ms % 1000;
  const clock = `${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
  return rest === 0 ? clock : `${clock}.${String(rest).padStart(3, "0")}`;
}
