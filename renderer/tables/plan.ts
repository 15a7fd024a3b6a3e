import type { ColumnPlan } from "../parts/statements.ts";

/** A column while somebody types it. */
export type ColumnDraft = { name: string; type: string };

/** The types offered; SQLite's own names. */
export const COLUMN_TYPES = ["TEXT", "INTEGER", "REAL", "BLOB"] as const;

/**
 * The columns to make from what was typed; lines left empty are dropped.
 *
 * @returns null when a table cannot be made from them: no name, no column, or one twice.
 */
export function planTable(
  name: string,
  drafts: readonly ColumnDraft[],
): { readonly name: string; readonly columns: readonly ColumnPlan[] } | null {
  const columns = drafts.map(planColumn).filter((column) => column !== null);
  const names = new Set(columns.map((column) => column.name.toLowerCase()));
  if (name.trim() === "" || columns.length === 0 || names.size < columns.length) return null;
  return { name: name.trim(), columns };
}

/** One column, or null when it has no name. */
export function planColumn(draft: ColumnDraft): ColumnPlan | null {
  const name = draft.name.trim();
  const type = COLUMN_TYPES.find((known) => known === draft.type) ?? "TEXT";
  return name === "" ? null : { name, type };
}
