import type { JsonCell } from "../changes/values.ts";

/** How CSV is written. */
export type CsvOptions = {
  readonly delimiter: string;
  /**
   * Puts `'` before text that a spreadsheet would run as a formula. Numbers stay numbers. Switch
   * it off for files that come back here, or to other programs than spreadsheets.
   */
  readonly isFormulaGuarded: boolean;
};

/** One record with its line end. NULL is an empty cell, the empty text is `""`. */
export function csvRecord(cells: readonly JsonCell[], options: CsvOptions): string {
  const line = cells.map((cell) => csvCell(cell, options)).join(options.delimiter);
  return `${line}\r\n`;
}

function csvCell(cell: JsonCell, options: CsvOptions): string {
  if (cell === null) return "";
  if (typeof cell === "number") return String(cell);
  if (typeof cell === "string") {
    const isFormula = options.isFormulaGuarded && /^[=+\-@\t\r\0＝＋－＠]/.test(cell);
    return quoted(isFormula ? `'${cell}` : cell, options.delimiter);
  }
  if ("$int" in cell) return cell.$int;
  if ("$real" in cell) return cell.$real;
  return quoted(cell.$blob, options.delimiter);
}

function quoted(text: string, delimiter: string): string {
  const isPlain = text !== "" && !text.includes(delimiter) && !/["\r\n]/.test(text);
  return isPlain ? text : `"${text.replaceAll('"', '""')}"`;
}
