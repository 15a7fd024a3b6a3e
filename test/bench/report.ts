import { cpus, totalmem } from "node:os";
import { ratioOf, type Figure } from "./figures.ts";

const GIB = 1024 ** 3;

/** The figures as a table for people. */
export function textReport(figures: readonly Figure[]): string {
  const lines = [["", "measured", "", "limit", "", "of the limit"]];
  for (const figure of figures) {
    const { limit, unit } = figure;
    const ratio = ratioOf(figure);
    lines.push([
      figure.name,
      shown(figure.value),
      unit,
      limit === undefined ? "" : shown(limit.value),
      limit === undefined ? "" : limit.name,
      ratio === null ? "" : ratio.toFixed(2),
    ]);
  }
  const widths = lines[0]?.map((_, i) => Math.max(...lines.map((line) => line[i]?.length ?? 0)));
  const isNumber = [false, true, false, true, false, true];
  const padded = (cell: string, i: number): string => {
    const width = widths?.[i] ?? 0;
    return isNumber[i] === true ? cell.padStart(width) : cell.padEnd(width);
  };
  return lines.map((line) => `${line.map(padded).join("  ").trimEnd()}\n`).join("");
}

/** The same for programs. */
export function jsonReport(figures: readonly Figure[]): string {
  const withRatios = figures.map((figure) => ({ ...figure, ratio: ratioOf(figure) }));
  return `${JSON.stringify({ machine: machine(), figures: withRatios }, null, 2)}\n`;
}

/** What it was measured on. */
export function machine(): string {
  const [processor] = cpus();
  const memory = `${Math.round(totalmem() / GIB)} GiB`;
  return `${cpus().length} x ${processor?.model.trim() ?? "?"}, ${memory}, Node ${process.version}`;
}

function shown(value: number): string {
  if (value >= 1_000) return Math.round(value).toLocaleString("en");
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}
