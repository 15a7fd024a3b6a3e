import type { JsonCell } from "../changes/values.ts";

/** Why a file cannot be read on, and where. */
export type FileProblem = {
  readonly code:
    | "not-utf8"
    | "bad-quote"
    | "cell-too-large"
    | "bad-header"
    | "bad-json"
    | "bad-workbook"
    | "bad-database"
    | "empty-file"
    | "file-changed"
    | "too-many-bad-rows"
    | "stopped";
  /** From 1. */
  readonly line: number;
  /** In characters, from 1. */
  readonly column: number;
  /** One sentence, without the place. */
  readonly message: string;
};

/** A row of a file that does not fit. The others can be imported without it. */
export type BadRow = {
  readonly line: number;
  /** In characters, from 1; of a workbook the number of the cell. null where no single place is wrong. */
  readonly column: number | null;
  /** One sentence, without the place. */
  readonly message: string;
  /** What could be told apart of it. */
  readonly cells: readonly JsonCell[];
  /** The row as it stands in the file, where its cells do not tell all of it. */
  readonly text: string | null;
};

/** `line 12, column 3: ...`. */
export function describeProblem({
  line,
  column,
  message,
}: Pick<BadRow, "line" | "column" | "message">): string {
  return `line ${line}${column === null ? "" : `, column ${column}`}: ${message}`;
}

/** A place in a text, both from 1. */
export type Place = { readonly line: number; readonly column: number };

/** The place after `text`, when it began at `start`. Lines end with LF, CRLF or CR. */
export function placeAfter(text: string, start: Place): Place {
  let { line } = start;
  let lineStart = -1;
  for (const match of text.matchAll(/\r\n|\n|\r/g)) {
    line += 1;
    lineStart = match.index + match[0].length;
  }
  const column = lineStart < 0 ? start.column + text.length : text.length - lineStart + 1;
  return { line, column };
}
