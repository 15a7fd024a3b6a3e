/** Aligned columns for people; programs use `--json`. */

/** How one column is set. */
export type TextColumn = { readonly title: string; readonly isNumber?: boolean };

const CELL_WIDTH_MAX = 60;

/** Lines of a table with a header, two spaces between columns, without trailing blanks. */
export function textTable(
  columns: readonly TextColumn[],
  rows: readonly (readonly string[])[],
): string {
  const shown = rows.map((row) => row.map(shorten));
  const widths = columns.map(({ title }, place) =>
    Math.max(title.length, ...shown.map((row) => row[place]?.length ?? 0)),
  );
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, place) => {
        const width = widths[place] ?? 0;
        return columns[place]?.isNumber === true ? cell.padStart(width) : cell.padEnd(width);
      })
      .join("  ")
      .trimEnd();
  const head = line(columns.map(({ title }) => title));
  return [head, ...shown.map(line)].map((text) => `${text}\n`).join("");
}

/** `name   value` lines. */
export function textPairs(pairs: readonly (readonly [name: string, value: string])[]): string {
  const width = Math.max(...pairs.map(([name]) => name.length));
  return pairs.map(([name, value]) => `${name.padEnd(width)}  ${value}\n`).join("");
}

/** 1284 as `1,284`; the same on every computer, because scripts read it too. */
export function formatCount(count: number): string {
  return count.toLocaleString("en-US");
}

/** `12.3 MiB`. */
export function formatBytes(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}

/** `340 ms`, `2.4 s`, `3 min`, `5 h`; "-" when unknown. */
export function formatMs(ms: number | null): string {
  if (ms === null) return "-";
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`;
  if (ms < 3_600_000) return `${Math.round(ms / 60_000)} min`;
  return `${Math.round(ms / 3_600_000)} h`;
}

/** What a person can read of a value: control characters, which could steer a terminal, are shown as escapes. */
export function shorten(cell: string): string {
  const safe = cell.replace(/[\u0000-\u001f\u007f-\u009f]/g, (character) =>
    character === "\n" ? "\\n" : `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`,
  );
  return safe.length <= CELL_WIDTH_MAX ? safe : `${safe.slice(0, CELL_WIDTH_MAX - 1)}…`;
}
