/** Why a file cannot be imported, and where: nothing of it was imported then. */
export type FileProblem = {
  readonly code:
    | "not-utf8"
    | "ragged-row"
    | "bad-quote"
    | "cell-too-large"
    | "bad-header"
    | "bad-json"
    | "empty-file"
    | "file-changed";
  /** From 1. */
  readonly line: number;
  /** In characters, from 1. */
  readonly column: number;
  /** One sentence, without the place. */
  readonly message: string;
};

/** `line 12, column 3: ...`. */
export function describeProblem(problem: FileProblem): string {
  return `line ${problem.line}, column ${problem.column}: ${problem.message}`;
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
