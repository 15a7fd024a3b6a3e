/** Imports as a whole, and SQLite files of other programs, as the agent reads them for an import. */
import type { LogIndex, Term } from "../base/ids.ts";
import type { JsonCell } from "../changes/values.ts";
import type { ImportPreview } from "./past.ts";

/** A table of such a file. */
export type ForeignTable = {
  readonly name: string;
  /** How it was made. */
  readonly sql: string;
  /** Those that hold values; generated ones are computed anew. */
  readonly columns: readonly string[];
  readonly rowCount: number;
  /** Why it cannot be imported, as a sentence; null when it can. */
  readonly refusal: string | null;
};

/** An index, a view or a trigger of it. */
export type ForeignObject = {
  readonly name: string;
  /** What it belongs to; of a view, itself. */
  readonly table: string;
  readonly sql: string;
};

/** What is in such a file. */
export type ForeignContents = {
  /** Those that others refer to come before those that refer to them. */
  readonly tables: readonly ForeignTable[];
  readonly indexes: readonly ForeignObject[];
  readonly views: readonly ForeignObject[];
  /** Shown, never run. */
  readonly triggers: readonly ForeignObject[];
  /** What else is not taken over, each as a sentence. */
  readonly notes: readonly string[];
};

/** Rows of a table of it, in its own order. */
export type ForeignRows = {
  readonly rows: readonly (readonly JsonCell[])[];
  readonly isLast: boolean;
};

/** The largest file that is read: it is in memory while it is. */
export const FOREIGN_FILE_BYTES_MAX = 512 * 1024 * 1024;

/** A file is sent to the agent in pieces of this size. */
export const FOREIGN_PIECE_BYTES = 2 * 1024 * 1024;

/** name -> params and result; a part of `ApiMethods`. */
export type InterchangeMethods = {
  /** What taking back a whole import would do now; nothing is done. */
  undoImportPreview: { params: { readonly importId: string }; result: ImportPreview };
  /**
   * Takes back the newest part of an import, as much as one transaction holds: all of it, unless it is large. To be
   * called again with `next` until that is null; the last call also drops the tables that the import made, where
   * they are empty. A part that was taken back before is passed over.
   */
  undoImport: {
    params: {
      readonly importId: string;
      /** From a former answer's `next`. */
      readonly beforeIndex?: number;
      readonly clientId?: string;
      readonly sequence?: number;
    };
    result: {
      /** Of the transaction that did it, or that dropped the last table; null when there was nothing to do. */
      readonly position: { readonly term: Term; readonly index: LogIndex } | null;
      readonly rowCount: number;
      readonly dropped: readonly string[];
      /** Tables and views of the import that stay, because somebody else's rows are in them or they are used. */
      readonly kept: readonly string[];
      readonly next: LogIndex | null;
    };
  };
  /**
   * Begins to send a SQLite file of another program to the agent, which reads one at a time: another begun before is
   * forgotten, and each is after some minutes without a question.
   */
  openFile: { params: { readonly sizeBytes: number }; result: { readonly file: string } };
  /** The next piece of it; `at` is where it belongs. */
  sendFile: {
    params: {
      readonly file: string;
      readonly at: number;
      readonly bytes: { readonly $blob: string };
    };
    result: { readonly receivedBytes: number };
  };
  /** What is in it. `bad-request` when SQLite cannot read it. */
  fileContents: { params: { readonly file: string }; result: ForeignContents };
  /** Rows of a table of it, some thousands at a time. */
  fileRows: {
    params: {
      readonly file: string;
      readonly table: string;
      readonly columns: readonly string[];
      readonly from: number;
    };
    result: ForeignRows;
  };
  closeFile: { params: { readonly file: string }; result: { readonly [key: string]: never } };
};

/** Those that need no cluster: the file is on this computer. */
export type ForeignMethod = "openFile" | "sendFile" | "fileContents" | "fileRows" | "closeFile";
