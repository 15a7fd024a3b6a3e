/** What stands in the way of taking a transaction back, or of a change to rows that somebody saw. */
import type { JsonCell } from "./values.ts";

/**
 * `row-changed`: somebody changed it since; `row-gone`: somebody deleted it since; `row-exists`: its key was
 * given to another row since; `constraint`: a rule of the table forbids it now; `table-changed`: the table has
 * other columns, or is gone; `reference`: rows would refer to what is not there; `cascade`: rows that the
 * transaction did not touch would change too.
 */
export type UndoConflictReason =
  | "row-changed"
  | "row-gone"
  | "row-exists"
  | "constraint"
  | "table-changed"
  | "reference"
  | "cascade";

/** One of them. */
export type UndoConflict = {
  readonly table: string;
  readonly reason: UndoConflictReason;
  /** One sentence. */
  readonly detail: string;
  /** Names of the values below; empty where no single row stands in the way. */
  readonly columns: readonly string[];
  /** The row as the transaction left it, or as the asker saw it; null: there was none. */
  readonly left: readonly JsonCell[] | null;
  /** The row today; null when it is gone. */
  readonly now: readonly JsonCell[] | null;
};

/** Conflicts listed in one answer; the message says how many there are. */
export const UNDO_CONFLICTS_MAX = 100;
