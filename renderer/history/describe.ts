/** Transactions and changes of rows as people read them. Pure. */
import type { TableInfo } from "../../shared/api/methods.ts";
import type { RowCounts, TransactionLine } from "../../shared/api/past.ts";
import type { RowChange } from "../../shared/changes/row-change.ts";
import { ROWID_NAME } from "../../shared/changes/row-name.ts";
import type { UndoConflict } from "../../shared/changes/undo.ts";
import type { JsonCell } from "../../shared/changes/values.ts";
import type { RowName } from "../../shared/api/statements.ts";
import { cellText } from "../parts/cell-text.ts";
import { isChangedCell } from "../parts/change-groups.ts";
import { formatCount, formatPlural } from "../parts/format.ts";
import { text } from "../text/en.ts";

/** A longer statement is cut in a list, in characters. */
const SQL_SHOWN_MAX = 120;

/** One cell of a changed row; a side that did not exist is left out. */
export type CellChange = {
  readonly column: string;
  readonly before?: JsonCell;
  readonly after?: JsonCell;
};

/** A row by the names its log uses. */
export type RowKey = Readonly<Record<string, JsonCell>>;

/** What a transaction did: "people: 2 rows added, visits: 1 row changed". */
export function describeTransaction({
  schemaChanges,
  tables,
  moreCount,
}: Pick<TransactionLine, "schemaChanges" | "tables" | "moreCount">): string {
  const words = [...schemaChanges.map(oneLine), ...tables.map(describeCounts)];
  if (words.length === 0) return text.history.noChange;
  return [...words, ...(moreCount > 0 ? [`${formatCount(moreCount)} more`] : [])].join("; ");
}

/** All cells of a row that came or went; of a changed one those that changed. */
export function cellChanges(change: RowChange): CellChange[] {
  const { columns, before, after } = change;
  const isUpdate = before !== null && after !== null;
  return columns.flatMap((column, i): CellChange[] => {
    if (isUpdate && !isChangedCell(change, i)) return [];
    const was = before === null ? {} : { before: before[i] ?? null };
    return [{ column, ...was, ...(after === null ? {} : { after: after[i] ?? null }) }];
  });
}

/** A cell of a row as a transaction left it, and as it is today. */
export type ConflictCell = {
  readonly column: string;
  readonly left: JsonCell;
  readonly now: JsonCell;
};

/** The cells in which a row differs today; none when one of the two is not there. */
export function conflictCells({ columns, left, now }: UndoConflict): ConflictCell[] {
  if (left === null || now === null) return [];
  return columns.flatMap((column, i) => {
    const cell = { column, left: left[i] ?? null, now: now[i] ?? null };
    return JSON.stringify(cell.left) === JSON.stringify(cell.now) ? [] : [cell];
  });
}

/** The key the log knows a row of today's table by; null when nothing names it. */
export function rowKeyOf(
  table: TableInfo,
  { name, cells }: { readonly name: RowName | null; readonly cells: readonly JsonCell[] },
): RowKey | null {
  const keyed = [...table.columns.entries()].filter(([, { keyPlace }]) => keyPlace > 0);
  if (keyed.length > 0) {
    return Object.fromEntries(keyed.map(([i, column]) => [column.name, cells[i] ?? null]));
  }
  return name !== null && "rowid" in name ? { [ROWID_NAME]: name.rowid } : null;
}

/** `id 5`, `room B1, bed 2`. */
export function describeKey(key: RowKey): string {
  return Object.entries(key)
    .map(([column, cell]) => `${column} ${cellText(cell) || text.grid.nullValue}`)
    .join(", ");
}

function describeCounts({ table, inserted, updated, deleted }: RowCounts): string {
  const words: string[] = [];
  if (inserted > 0) words.push(`${formatPlural(inserted, "row", "rows")} added`);
  if (updated > 0) words.push(`${formatPlural(updated, "row", "rows")} changed`);
  if (deleted > 0) words.push(`${formatPlural(deleted, "row", "rows")} deleted`);
  return `${table}: ${words.join(", ")}`;
}

function oneLine(sql: string): string {
  const line = sql.replaceAll(/\s+/g, " ");
  return line.length > SQL_SHOWN_MAX ? `${line.slice(0, SQL_SHOWN_MAX)}…` : line;
}
