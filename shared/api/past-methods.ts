/** What can be asked of the past, and what of it is kept: the part of `ApiMethods` that history, undo and restore are. */
import type { LogIndex, Term } from "../base/ids.ts";
import type { JsonCell } from "../changes/values.ts";
import type { SettingValue } from "../cluster/settings.ts";
import type {
  ChangePreview,
  LoggedChanges,
  RestoreParams,
  RetentionReport,
  RowVersion,
  TransactionLine,
} from "./past.ts";

type Empty = { readonly [key: string]: never };

/** name -> params and result. */
export type PastApiMethods = {
  /** What was changed, the newest transaction first, from this member's log: what was applied here, offline too. */
  transactions: {
    params: {
      /** Only older ones; from a former answer's `next`. */
      readonly beforeIndex?: number;
      /** At most so many, 1 to 500; 50 unless asked. Fewer when they are large. */
      readonly count?: number;
    };
    result: {
      readonly transactions: readonly TransactionLine[];
      /** The `beforeIndex` to ask for older ones; null when the kept log has none. */
      readonly next: LogIndex | null;
      /** Where the kept log begins: nothing older is known here. */
      readonly firstIndex: LogIndex;
    };
  };
  /** One transaction, row by row, from this member's log. Any index of its parts names it. */
  transaction: {
    params: {
      readonly index: number;
      /** Rows of it that were seen already. */
      readonly skip?: number;
      /** 1 to 10,000; 500 unless asked. */
      readonly rowsMax?: number;
    };
    result: LoggedChanges;
  };
  /**
   * What became of a row, the newest first, from this member's log: offline too, and as far back as the log is
   * kept. Without a key: of every row of the table.
   */
  rowHistory: {
    params: {
      readonly table: string;
      /** Column -> value as stored; "rowid" names the rowid where no column holds it. */
      readonly key?: Readonly<Record<string, JsonCell>>;
      /** Only older ones; from a former answer's `next`. */
      readonly beforeIndex?: number;
      /** About so many, 1 to 1,000; 50 unless asked. */
      readonly count?: number;
    };
    result: {
      readonly versions: readonly RowVersion[];
      /** How to ask for older ones; null when the kept log has none. */
      readonly next: {
        readonly key: Readonly<Record<string, JsonCell>>;
        readonly beforeIndex: LogIndex;
      } | null;
      /** Where the kept log begins: nothing older is known here. */
      readonly firstIndex: LogIndex;
    };
  };
  /** What `undo` would do now, by this member's data; nothing is done. */
  undoPreview: { params: { readonly index: number }; result: ChangePreview };
  /** Takes a transaction back, by a new one. `undo-conflict` when rows are not as it left them. */
  undo: {
    params: { readonly index: number; readonly clientId?: string; readonly sequence?: number };
    result: { readonly term: Term; readonly index: LogIndex; readonly rowCount: number };
  };
  /** What `restore` would do now, by this member's data; nothing is done. */
  restorePreview: { params: RestoreParams; result: ChangePreview };
  /**
   * Brings back what was after an entry of the log, by a new transaction: of a row, a table, or everything. What is
   * committed while it is prepared stays, unless the schema was changed since then: then all is as it was.
   */
  restore: {
    params: RestoreParams & { readonly clientId?: string; readonly sequence?: number };
    result: { readonly term: Term; readonly index: LogIndex; readonly rowCount: number };
  };
  /** What this computer keeps of the past, and what it costs. */
  retention: { params: Empty; result: RetentionReport };
  /** Sets one of the workspace's settings, for every member; any member may be asked. */
  changeSetting: {
    params: { readonly key: string; readonly value: SettingValue };
    result: { readonly term: Term; readonly index: LogIndex };
  };
};
