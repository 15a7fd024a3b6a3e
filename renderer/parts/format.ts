/**
 * Numbers, durations and moments as people read them. Pure: the clock comes in as an argument.
 * Lag is always an absolute remainder, never a percentage that stays at 99.
 */
import type { AsOf } from "../../shared/cluster/status.ts";

const wholeNumber = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
const timeOfDay = new Intl.DateTimeFormat("en-GB", {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
});
const dayAndTime = new Intl.DateTimeFormat("en-GB", {
  weekday: "short",
  day: "numeric",
  month: "short",
  hour: "2-digit",
  minute: "2-digit",
});

const fullMoment = new Intl.DateTimeFormat("en-GB", {
  weekday: "short",
  day: "numeric",
  month: "long",
  year: "numeric",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
});

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** `1284` as `1,284`. */
export function formatCount(count: number): string {
  return wholeNumber.format(count);
}

/** `1 row`, `1,284 rows`. */
export function formatPlural(count: number, one: string, many: string): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}

/** A duration with one unit: `84 ms`, `2.4 s`, `2 min`, `3 h`, `5 days`. */
export function formatDuration(durationMs: number): string {
  const ms = Math.max(0, durationMs);
  if (ms < SECOND_MS) return `${Math.round(ms)} ms`;
  if (ms < 10 * SECOND_MS) return `${(ms / SECOND_MS).toFixed(1)} s`;
  if (ms < MINUTE_MS) return `${Math.round(ms / SECOND_MS)} s`;
  if (ms < HOUR_MS) return `${Math.round(ms / MINUTE_MS)} min`;
  if (ms < 2 * DAY_MS) return `${Math.round(ms / HOUR_MS)} h`;
  return `${Math.round(ms / DAY_MS)} days`;
}

/** `14:02:31` when it was within the last day, else `Tue 3 Nov, 18:02`. */
export function formatMoment(atMs: number, nowMs: number): string {
  const format = Math.abs(nowMs - atMs) < DAY_MS / 2 ? timeOfDay : dayAndTime;
  return format.format(atMs);
}

/** `Tue 3 November 2026, 18:02:31`: where a moment must not be mistaken for another. */
export function formatFullMoment(atMs: number): string {
  return fullMoment.format(atMs);
}

/** `2026-11-03T18:02:31` in this computer's zone, as a field for times takes it. */
export function localSecond(atMs: number): string {
  const date = new Date(atMs);
  const two = (part: number): string => String(part).padStart(2, "0");
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day}T${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** The moment that a result stands for: of a former state, its own. */
export function asOfMs({ at, past }: AsOf): number | null {
  return parseMoment(past === undefined ? at : past.at);
}

/** The moment of an ISO 8601 text, or null when it is missing or no moment. */
export function parseMoment(iso: string | null): number | null {
  if (iso === null) return null;
  const atMs = Date.parse(iso);
  return Number.isNaN(atMs) ? null : atMs;
}

/** `7:18204`: how a position is written everywhere. */
export function formatAsOfPosition(asOf: {
  readonly term: number;
  readonly index: number;
}): string {
  return `${asOf.term}:${asOf.index}`;
}

/** A file or log size: `64 MiB`. */
export function formatBytes(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  if (bytes < 1024 ** 2) return `${(bytes / 1024).toFixed(0)} KiB`;
  if (bytes < 1024 ** 3) return `${(bytes / 1024 ** 2).toFixed(1)} MiB`;
  return `${(bytes / 1024 ** 3).toFixed(2)} GiB`;
}
