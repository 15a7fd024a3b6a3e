/** The past as the API tells it: transactions, and what became of rows. */
import type { LogIndex, Term } from "../base/ids.ts";
import type { RowChange } from "../changes/row-change.ts";
import type { UndoConflict } from "../changes/undo.ts";
import type { JsonCell } from "../changes/values.ts";

/** How many rows of a table a transaction changed. */
export type RowCounts = {
  readonly table: string;
  readonly inserted: number;
  readonly updated: number;
  readonly deleted: number;
};

/** A transaction in short. */
export type TransactionLine = {
  readonly term: Term;
  /** Of its last part. */
  readonly index: LogIndex;
  /** ISO 8601 of the leader's wall clock. */
  readonly at: string;
  readonly author: string;
  /** Bytes of its changes in the log. */
  readonly bytes: number;
  /** Its first schema changes as SQL, at most 20. */
  readonly schemaChanges: readonly string[];
  /** The first tables whose rows it changed, at most 20, in the order it changed them. */
  readonly tables: readonly RowCounts[];
  /** Schema changes and tables that are not listed. */
  readonly moreCount: number;
};

/** A transaction as the log has it. */
export type LoggedChanges = {
  readonly term: Term;
  /** Of its last part. */
  readonly index: LogIndex;
  /** ISO 8601 of the leader's wall clock. */
  readonly at: string;
  readonly author: string;
  /** Schema changes as SQL, in order. */
  readonly schemaChanges: readonly string[];
  readonly changes: readonly RowChange[];
  /** All rows it changed, those not listed too. */
  readonly rowCount: number;
};

/** One change of a row, with where it stands in the log. */
export type RowVersion = {
  readonly term: Term;
  readonly index: LogIndex;
  readonly at: string;
  readonly author: string;
  readonly change: RowChange;
};

/** What a change would do that was not made. */
export type ChangePreview = {
  /** Rows that would change; 0 with conflicts. */
  readonly rowCount: number;
  readonly conflicts: readonly UndoConflict[];
  /** The first 100 of them. */
  readonly changes: readonly RowChange[];
};

/** What is brought back, and to when. */
export type RestoreParams = {
  /** The last entry of the log that is to count. */
  readonly toIndex: number;
  /** Without it: everything. */
  readonly table?: string;
  /** The row as it is named today: column -> value as stored. Without it: all of the table. */
  readonly key?: Readonly<Record<string, JsonCell>>;
};
