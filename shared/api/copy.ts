/** This computer's copy as the API tells it: whether it is what the log says, row by row, and how it is repaired. */
import type { LogIndex } from "../base/ids.ts";
import type { RowChange } from "../changes/row-change.ts";
import type { JsonCell } from "../changes/values.ts";

type Empty = { readonly [key: string]: never };

/** Checksums recomputed from the rows. */
export type Verification = {
  /** The rows are what the log says, and what the leader has where it could be compared: see `comparedWith`. */
  readonly isIdentical: boolean;
  /**
   * What `isIdentical` rests on. `leader`: another computer that leads told its checksum at this very index.
   * `own-log`: nobody did, so nothing is said of the leader's data: it was not heard, or this computer leads itself.
   */
  readonly comparedWith: "leader" | "own-log";
  readonly index: LogIndex;
  readonly rolling: string;
  readonly recomputed: string;
  readonly tables: readonly {
    readonly name: string;
    readonly rolling: string;
    readonly recomputed: string;
  }[];
  /** The leader's checksum at the same index, when it was heard at that very index; its own where this one leads. */
  readonly leader: string | null;
};

/**
 * What was found. `sound`: the rows are what the own log says. `rows-differ`: some are not, and a repair writes these.
 * `tables-differ`: tables themselves are not, or too many rows, and a repair makes the whole copy anew from the own log.
 * `log-differs`: the leader has another checksum at the same index, so the own log or the images it began with are not
 * the workspace's, whatever the rows say. `no-proof`: rows are not what the log says, and no image kept here leads to
 * what it says. With the last two only a new copy from the other computers helps.
 */
export type CopyFinding = "sound" | "rows-differ" | "tables-differ" | "log-differs" | "no-proof";

/** How the copy differs from what the log says. */
export type CopyDifferences = {
  /** Where it was compared. */
  readonly index: LogIndex;
  readonly tables: readonly {
    readonly table: string;
    /** Rows that are not here, that should not be here, and that hold other values here. All are counted. */
    readonly missing: number;
    readonly surplus: number;
    readonly changed: number;
  }[];
  /** Tables, indexes, views and triggers; null: there is none, or there should be none. */
  readonly objects: readonly {
    readonly type: string;
    readonly name: string;
    readonly here: string | null;
    readonly should: string | null;
  }[];
  /** AUTOINCREMENT counters. */
  readonly counters: readonly {
    readonly table: string;
    readonly here: JsonCell;
    readonly should: JsonCell;
  }[];
  /**
   * The first rows, as what would make them right: an `insert` is missing here, a `delete` should not be here, an
   * `update` holds `before` and should hold `after`. Tidemark's own are counted and not listed.
   */
  readonly rows: readonly RowChange[];
};

/** What became of a repair. */
export type CopyRepair =
  /** There was nothing to repair, or nothing that a repair can put right: see `finding`. */
  | { readonly done: "nothing" }
  /** These were written: all checksums recomputed from the rows are the log's again. */
  | { readonly done: "rows"; readonly differences: Omit<CopyDifferences, "rows"> }
  /** The whole copy was made anew from the own log, and proven alike. */
  | { readonly done: "all"; readonly differences: Omit<CopyDifferences, "rows"> }
  /** It would not have come to the log's checksums, so all of it was rolled back. */
  | { readonly done: "rolled-back"; readonly detail: string };

/** The API's methods about this computer's copy: name -> params and result. */
export type CopyMethods = {
  /** Recomputes the checksums. */
  verify: { params: Empty; result: Verification };
  /** The same, and which rows differ: compared with what the own log leads to, offline too. Changes nothing. */
  verifyRows: {
    params: {
      /** Rows listed, 0 to 1,000; 100 unless asked. */
      readonly rowsMax?: number;
    };
    result: {
      readonly verification: Verification;
      readonly finding: CopyFinding;
      /** null when nothing differs, or nothing can be compared. */
      readonly differences: CopyDifferences | null;
    };
  };
  /**
   * Makes this computer's database what its log says: of this computer alone, no entry, no trigger. It compares anew,
   * and counts only when the checksums say so.
   */
  repairCopy: {
    params: Empty;
    result: CopyRepair & {
      readonly finding: CopyFinding;
      /** As it is now. */
      readonly verification: Verification;
    };
  };
};
