import { csvRecord } from "./csv-writer.ts";
import type { BadRow } from "./problem.ts";
import type { CellRecord, FileFormat } from "./records.ts";

/**
 * What is wrong with a row of another width than the header; null when it fits. In a workbook empty
 * cells at the end are not written at all, so only too long a row is wrong there.
 */
export function raggedRow(
  { cells, line }: CellRecord,
  width: number,
  format: FileFormat,
): BadRow | null {
  if (cells.length === width || (format === "xlsx" && cells.length < width)) return null;
  if (format === "xlsx") {
    const message = `a value to the right of the ${width} columns that the first row has.`;
    return { line, column: width + 1, message, cells, text: null };
  }
  const message = `${cells.length} cells where there are ${width} columns.`;
  const text = csvRecord(cells, { delimiter: ",", isFormulaGuarded: false }).trimEnd();
  return { line, column: raggedColumn(cells, width), message, cells: cells.slice(0, width), text };
}

/**
 * Where the first cell too many begins, or where the row ends too early. Exact for rows without
 * quoted cells; with them, the quotes are not counted.
 */
function raggedColumn(cells: CellRecord["cells"], width: number): number {
  const before = cells.slice(0, width);
  const isShort = cells.length <= width;
  const separators = isShort ? before.length - 1 : before.length;
  const lengths = before.map((cell) => (typeof cell === "string" ? cell.length : 0));
  return lengths.reduce((sum, length) => sum + length, 0) + separators + 1;
}
