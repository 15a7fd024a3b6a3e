/**
 * Blocks of cells as spreadsheets put them on the clipboard: tabs between cells, lines between
 * rows, and double quotes around a cell that holds either. Pure.
 */

/** The block as text for the clipboard. */
export function formatTsv(rows: readonly (readonly string[])[]): string {
  return rows.map((row) => row.map(quoteCell).join("\t")).join("\r\n");
}

/** The cells of a text from the clipboard; every row has at least one cell. */
export function parseTsv(text: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  let at = 0;
  while (at <= text.length) {
    const cell = readCell(text, at);
    row.push(cell.value);
    at = cell.end;
    if (text[at] === "\t") {
      at += 1;
      continue;
    }
    rows.push(row);
    row = [];
    at += text.startsWith("\r\n", at) ? 2 : 1;
    if (at >= text.length) break; // A last line break ends the block; it begins no row.
  }
  return rows;
}

function quoteCell(cell: string): string {
  return /[\t\r\n]|^"/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
}

function readCell(text: string, start: number): { value: string; end: number } {
  const quoted = text[start] === '"' ? readQuoted(text, start) : null;
  if (quoted !== null) return quoted;
  let end = start;
  while (end < text.length && !/[\t\r\n]/.test(text[end] ?? "")) end += 1;
  return { value: text.slice(start, end), end };
}

/** null when the quote never closes before a cell ends: then it is an ordinary character. */
function readQuoted(text: string, start: number): { value: string; end: number } | null {
  let value = "";
  for (let at = start + 1; at < text.length; at += 1) {
    const character = text[at] ?? "";
    if (character !== '"') value += character;
    else if (text[at + 1] === '"') {
      value += '"';
      at += 1;
    } else {
      const after = text[at + 1];
      const isCellEnd = after === undefined || /[\t\r\n]/.test(after);
      return isCellEnd ? { value, end: at + 1 } : null;
    }
  }
  return null;
}
