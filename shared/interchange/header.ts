/** Names of columns, and whether the first row of a file gives them. Pure. */
import type { JsonCell } from "../changes/values.ts";
import { ColumnKind } from "./column-kind.ts";

const COLUMN_NAME_LENGTH_MAX = 200;

/** Columns that the file of left out rows adds; they are not taken for data when it comes back. */
export const BAD_ROW_COLUMNS = [
  "tidemark_line",
  "tidemark_column",
  "tidemark_problem",
  "tidemark_text",
] as const;

/**
 * Whether the first row names the columns. It does not where it holds numbers as the rows below do:
 * names are rarely numbers, and then the rows below differ from them.
 *
 * @param rows The first rows of the file, that one included.
 */
export function hasHeader(rows: readonly (readonly JsonCell[])[]): boolean {
  const [first, ...rest] = rows;
  if (first === undefined || rest.length === 0) return true;
  let isLikeData = false;
  for (const [place, cell] of first.entries()) {
    const below = new ColumnKind();
    for (const row of rest) add(below, row[place] ?? null);
    const own = new ColumnKind();
    // Years are names of columns as often as data; a header is what most files have.
    if (!/^(19|20)\d\d$/.test(String(cell))) add(own, cell);
    const isNumber = isNumeric(own);
    if (isNumber !== isNumeric(below) && cell !== null) return true;
    if (isNumber) isLikeData = true;
  }
  return !isLikeData;
}

/** A name for each column: as the header says, made unique, and made up where it says none. */
export function columnNames(header: readonly JsonCell[]): string[] {
  const taken = new Set<string>();
  return header.map((cell, place) => {
    const text = String(typeof cell === "object" ? "" : cell).replaceAll("\0", "");
    const said = text.trim().slice(0, COLUMN_NAME_LENGTH_MAX);
    const wanted = said === "" ? `column ${place + 1}` : said;
    let name = wanted;
    // SQLite's names do not tell a from A.
    for (let count = 2; taken.has(name.toLowerCase()); count += 1) name = `${wanted} ${count}`;
    taken.add(name.toLowerCase());
    return name;
  });
}

function add(kind: ColumnKind, cell: JsonCell): void {
  if (typeof cell === "string") kind.addText(cell);
  else kind.addCell(cell);
}

function isNumeric(kind: ColumnKind): boolean {
  const type = kind.typeOfText();
  return type === "INTEGER" || type === "REAL";
}
