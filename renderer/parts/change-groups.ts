/** Changes of rows as tables show them. Pure. */
import type { RowChange } from "../../shared/changes/row-change.ts";

/** Changes of rows that share a head: one table after the other, as the transaction made them. */
export type ChangeGroup = {
  readonly table: string;
  readonly columns: readonly string[];
  readonly changes: readonly RowChange[];
};

/** Changes under their heads. */
export function groupChanges(changes: readonly RowChange[]): ChangeGroup[] {
  const groups: (ChangeGroup & { readonly changes: RowChange[] })[] = [];
  for (const change of changes) {
    const last = groups.at(-1);
    const isSame = last?.table === change.table && last.columns.join() === change.columns.join();
    if (isSame) last.changes.push(change);
    else groups.push({ table: change.table, columns: change.columns, changes: [change] });
  }
  return groups;
}

/** Whether the two sides of a cell differ: 1 and 1.0 do. */
export function isChangedCell({ before, after }: RowChange, column: number): boolean {
  if (before === null || after === null) return false;
  return JSON.stringify(before[column]) !== JSON.stringify(after[column]);
}
