/** Ascending figures of one kind, and what is said of them. */
export type Distribution = { readonly p50: number; readonly p99: number; readonly count: number };

/** The usual two percentiles. @param figures At least one, in any order. */
export function distributionOf(figures: readonly number[]): Distribution {
  const ascending = [...figures].sort((a, b) => a - b);
  const at = (part: number): number =>
    ascending[Math.min(ascending.length - 1, Math.floor(ascending.length * part))] ?? NaN;
  return { p50: at(0.5), p99: at(0.99), count: ascending.length };
}

/** One line of the report. */
export type Figure = {
  readonly name: string;
  readonly value: number;
  readonly unit: "ms" | "rows/s" | "commits/s" | "syncs/s" | "MiB" | "s" | "";
  /** What the machine itself does, measured in the same run; absent on the limits themselves. */
  readonly limit?: { readonly name: string; readonly value: number };
};

/** How much of the limit is reached: 1 is all of it, whichever way the unit counts. */
export function ratioOf(figure: Figure): number | null {
  if (figure.limit === undefined) return null;
  const isTime = figure.unit === "ms" || figure.unit === "s" || figure.unit === "MiB";
  const { value } = figure.limit;
  return isTime ? value / figure.value : figure.value / value;
}
