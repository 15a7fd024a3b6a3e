/** The past as the API tells it: transactions, and what became of rows. */
import type { LogIndex, Term } from "../base/ids.ts";
import type { RowChange } from "../changes/row-change.ts";
import type { UndoConflict } from "../changes/undo.ts";
import type { JsonCell } from "../changes/values.ts";
import type { KeptSizes, RetentionKey } from "../cluster/retention.ts";

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
  /** The import it is a part of; null when of none. */
  readonly importId: string | null;
};

/** A transaction as the log has it. */
export type LoggedChanges = {
  readonly term: Term;
  /** Of its last part. */
  readonly index: LogIndex;
  /** ISO 8601 of the leader's wall clock. */
  readonly at: string;
  readonly author: string;
  /** The import it is a part of; null when of none. */
  readonly importId: string | null;
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
  /** SQL that would be run before: tables that come back, or go. */
  readonly schemaChanges: readonly string[];
  /** What cannot come back, in words, e.g. "column b of people": it is not there any more. */
  readonly leftOut: readonly string[];
};

/**
 * A moment in the past: after an entry of the log, or at a time (any text that `Date` reads). A time means the newest
 * transaction that was made by then, by the clocks of those who led.
 */
export type PastMoment =
  { readonly index: number; readonly term?: number } | { readonly at: string };

/** What a computer keeps of the past, and what that costs on its disk. */
export type RetentionReport = {
  /** The workspace's settings: at least so much is kept, whichever is reached first. */
  readonly settings: Readonly<Record<RetentionKey, number>>;
  readonly log: {
    readonly firstIndex: LogIndex;
    readonly lastIndex: LogIndex;
    readonly bytes: number;
  };
  /** Oldest first. */
  readonly snapshots: readonly { readonly index: LogIndex; readonly bytes: number }[];
  /** The oldest state that can be read; null when none before the present one can. */
  readonly readableFrom: LogIndex | null;
  /** ISO 8601: its time, as far as it is known. */
  readonly since: string | null;
  /** Bytes of log that a day has brought lately; null when that is not known yet. */
  readonly bytesPerDay: number | null;
  /** For `diskUseMax`: what another retention would cost. */
  readonly sizes: KeptSizes;
};

/** What taking back an import would do. */
export type ImportPreview = ChangePreview & {
  /** Of the import, in the log. */
  readonly transactionCount: number;
  /** Tables and views that it made and that are still there: they go too, unless somebody else's rows are in them. */
  readonly made: readonly string[];
};

/** What is brought back, and to when. */
export type RestoreParams =
  /** The last entry of the log that is to count. */
  (
    | { readonly toIndex: number }
    /** A backup of this workspace, by its whole path on the computer that is asked. */
    | { readonly file: string }
  ) & {
    /** Without it: everything. */
    readonly table?: string;
    /** The row as it is named today: column -> value as stored. Without it: all of the table. */
    readonly key?: Readonly<Record<string, JsonCell>>;
  };
