/** Lag samples in the shape the chart draws. Pure. */
import type { LagSample } from "../../shared/cluster/status.ts";
import type { MemberId } from "../../shared/base/ids.ts";

/** Points kept for drawing: an hour at one sample a second, for each computer. */
export const SAMPLES_MAX = 3_600;

/** One line of the chart. */
export type LagLine = { readonly memberId: MemberId; readonly entries: (number | null)[] };

/** Times in seconds since 1970, ascending, and a line for each computer. */
export type LagSeries = { readonly seconds: number[]; readonly lines: readonly LagLine[] };

/** Adds samples to known ones; the oldest make room. */
export function mergeSamples(
  known: readonly LagSample[],
  added: readonly LagSample[],
): readonly LagSample[] {
  const memberCount = new Set([...known, ...added].map((sample) => sample.memberId)).size;
  return [...known, ...added].slice(-SAMPLES_MAX * Math.max(1, memberCount));
}

/** The lines for some members, in their order. Silence (no ms) is a gap, not a zero. */
export function toSeries(samples: readonly LagSample[], members: readonly MemberId[]): LagSeries {
  const seconds = [...new Set(samples.map((sample) => Math.round(sample.atMs / 1_000)))].toSorted(
    (a, b) => a - b,
  );
  const places = new Map(seconds.map((second, place) => [second, place]));
  const lines = members.map((memberId) => ({
    memberId,
    entries: seconds.map((): number | null => null),
  }));
  const lineOf = new Map(lines.map((line) => [line.memberId, line]));
  for (const sample of samples) {
    const place = places.get(Math.round(sample.atMs / 1_000));
    const line = lineOf.get(sample.memberId);
    if (place === undefined || line === undefined) continue;
    line.entries[place] = sample.ms === null ? null : sample.entries;
  }
  return { seconds, lines };
}
