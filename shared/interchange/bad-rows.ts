/** The rows that were left out, as a CSV of their own: corrected, it can be imported as it is. */
import type { JsonCell } from "../changes/values.ts";
import { csvRecord } from "./csv-writer.ts";
import { BAD_ROW_COLUMNS } from "./header.ts";
import type { BadRow } from "./problem.ts";

/** Above it the file is taken for the wrong one, and the import ends. */
export const BAD_ROWS_MAX = 100_000;

// It comes back here: a guard against formulas would change what is corrected.
const PLAIN = { delimiter: ",", isFormulaGuarded: false } as const;

/** Its first line: the columns of the file, and what is said of each row. */
export function badRowsHead(columns: readonly string[]): string {
  return csvRecord([...columns, ...BAD_ROW_COLUMNS], PLAIN);
}

/** One row of it. @param width Number of the file's columns. */
export function badRowLine(bad: BadRow, width: number): string {
  const cells: JsonCell[] = Array.from({ length: width }, (_, place) => bad.cells[place] ?? null);
  return csvRecord([...cells, bad.line, bad.column, bad.message, bad.text], PLAIN);
}
