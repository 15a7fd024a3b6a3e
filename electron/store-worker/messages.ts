/**
 * What the agent asks of the store and what it answers. The agent imports these types only;
 * the store runs in a worker thread (real) or in the same thread (simulator).
 */
import type { LogIndex, Position, Term } from "../../shared/base/ids.ts";
import type { Result } from "../../shared/base/result.ts";
import type { ColumnInfo, StatementResult, TableInfo } from "../../shared/api/methods.ts";
import type { TransactionLine } from "../../shared/api/past.ts";
import type { ExpectedRow } from "../../shared/changes/expected-row.ts";
import type { Outline, RestoreScope } from "../../shared/changes/restore-plan.ts";
import type { TableCounter } from "../../shared/changes/payload.ts";
import type { RowChange } from "../../shared/changes/row-change.ts";
import type { RowName } from "../../shared/changes/row-name.ts";
import type { UndoConflict } from "../../shared/changes/undo.ts";
import type { JsonCell, JsonParams, SqlStatement } from "../../shared/changes/values.ts";

/** Where the database stands. */
export type StorePosition = {
  readonly applied: Position;
  /** Total rolling checksum, 16 hex digits: equal on all members at the same index. */
  readonly checksum: string;
};

/** Why the store did not do something; a subset of the API's codes. */
export type StoreError = {
  readonly code:
    | "sql-error"
    | "sql-refused"
    | "constraint"
    | "sequence-too-old"
    | "too-large"
    | "query-timeout"
    | "not-found"
    | "bad-request"
    | "import-row"
    | "row-conflict"
    | "undo-conflict";
  readonly message: string;
  /** Which statement (or, for a bulk insert, which row) failed, from 0. */
  readonly statement?: number;
  /** With `undo-conflict` and `row-conflict`: what stands in the way, at most `UNDO_CONFLICTS_MAX`. */
  readonly conflicts?: readonly UndoConflict[];
};

/** One client transaction to be captured. */
export type CaptureRequest = {
  readonly work:
    | {
        readonly type: "statements";
        readonly statements: readonly SqlStatement[];
        /** Carried out only while these rows are so. */
        readonly expected?: readonly ExpectedRow[];
      }
    | {
        readonly type: "insert-rows";
        readonly table: string;
        readonly columns: readonly string[];
        readonly rows: readonly (readonly JsonCell[])[];
        /** Rows that do not fit are left out and told. */
        readonly skipsBadRows?: boolean;
      }
    /** Takes a whole transaction back. */
    | { readonly type: "undo"; readonly payload: Uint8Array }
    /** Brings a former state back: the answers of `wayBack`, the newest stretch of the log first. */
    | { readonly type: "restore"; readonly inverses: readonly Uint8Array[] }
    /** The same over changes of the schema. Alone in its batch: foreign keys rest while it is captured. */
    | { readonly type: "restore-state"; readonly former: FormerState };
  /** Exactly-once key; null for clients that do not retry. */
  readonly client: { readonly id: string; readonly sequence: number } | null;
  /** Shown in the history: the member (and user) that asked. */
  readonly author: string;
  /** The leader's wall clock, ms since 1970. */
  readonly atMs: number;
  /** Tidemark's own bookkeeping: may touch `_tidemark_*` tables. */
  readonly isInternal: boolean;
};

/** A former state as it is brought back. */
export type FormerState = {
  readonly scope: RestoreScope;
  readonly outline: Outline;
  /** Whose rows are in `rows`; one without rows was empty. */
  readonly tables: readonly string[];
  /** The answer of `formerRows`. */
  readonly rows: Uint8Array;
};

/** What capturing one transaction gave. Nothing of it stays in the database. */
export type CaptureOutcome = Result<
  | {
      readonly type: "captured";
      /** Entry payloads in order: one, or the parts of a transaction above 1 MiB. */
      readonly payloads: readonly Uint8Array[];
      readonly results: readonly StatementResult[];
    }
  /** This (client, sequence) was done before: the first answer, and where it stands. */
  | {
      readonly type: "duplicate";
      readonly position: Position;
      readonly results: readonly StatementResult[];
    },
  StoreError
>;

/** A committed entry on its way into the database. */
export type CommittedEntry = {
  readonly term: Term;
  readonly index: LogIndex;
  /** null for the consensus core's own entries: they only move the applied index. */
  readonly payload: Uint8Array | null;
};

/** What applying a batch did. */
export type ApplyOutcome =
  | {
      readonly type: "applied";
      readonly position: StorePosition;
      /** Names of user tables whose rows or schema changed; for the window's grids. */
      readonly tables: readonly string[];
      readonly rowCount: number;
      readonly isSchemaChange: boolean;
      /** Whether the workspace's settings may be others. */
      readonly isSettingsChange: boolean;
    }
  /** A before image did not match: nothing of the batch was applied. */
  | { readonly type: "diverged"; readonly index: LogIndex; readonly detail: string };

/** Rows of a query with the position they were read at. */
export type QueryOutcome = Result<
  {
    readonly columns: readonly string[];
    readonly rows: readonly (readonly JsonCell[])[];
    readonly isTruncated: boolean;
    readonly applied: Position;
  },
  StoreError
>;

/** A database image with what is needed to go on from it. */
export type StoreImage = {
  readonly position: StorePosition;
  /** A complete SQLite file, `_tidemark_*` tables included. */
  readonly image: Uint8Array;
};

/** `verify`: the rolling checksums against ones computed from the rows now. */
export type VerifyOutcome = {
  readonly position: StorePosition;
  readonly recomputed: string;
  readonly tables: readonly {
    readonly name: string;
    readonly rolling: string;
    readonly recomputed: string;
  }[];
};

/** Rows of a table behind one key of it, in the key's order. */
export type RowPiece = {
  /** Their images, one after the other. */
  readonly rows: Uint8Array;
  /** The key of the last one, to go on from; null: the table has no more. */
  readonly upTo: Uint8Array | null;
};

/** What is otherwise in one store than in a piece of another one. */
export type PieceComparison = {
  /** Rows that are not here, that should not be here, and that hold other values. */
  readonly missing: number;
  readonly surplus: number;
  readonly changed: number;
  /** Of these, as many as were to be kept: the changes that would make them equal, as a payload; null: none. */
  readonly changes: Uint8Array | null;
  readonly keptCount: number;
  /** Of all of them, kept or not. */
  readonly bytes: number;
};

/** What became of a repair. */
export type RepairOutcome =
  | { readonly type: "repaired" }
  /** The database has moved on since it was compared. Nothing was changed. */
  | { readonly type: "moved" }
  /** It would still not have been what the log says. Nothing was changed. */
  | { readonly type: "not-proven"; readonly detail: string };

/** What an entry changed, in short. */
export type PayloadSummary = Pick<
  TransactionLine,
  "schemaChanges" | "tables" | "moreCount" | "importId"
> & {
  /** ISO 8601 of the leader's wall clock. */
  readonly at: string;
  readonly author: string;
  /** The same as a sentence; of what is no whole transaction, what it is instead. */
  readonly summary: string;
};

/** A transaction, row by row. */
export type TransactionChanges = {
  /** ISO 8601 of the leader's wall clock. */
  readonly at: string;
  readonly author: string;
  /** The import it is a part of; null when of none. */
  readonly importId: string | null;
  /** Schema changes as SQL, in order. */
  readonly schemaChanges: readonly string[];
  readonly changes: readonly RowChange[];
  /** All it changed, also those that were skipped or are beyond the limit. */
  readonly rowCount: number;
};

/** What some transactions did to a row. */
export type RowPast = {
  readonly versions: readonly {
    /** Place of the transaction among those that were given. */
    readonly place: number;
    readonly at: string;
    readonly author: string;
    readonly change: RowChange;
  }[];
  /** How the row was named before the oldest of them: its key may have changed. */
  readonly row: RowName;
};

/** What a backup says of itself besides its position: name -> value. */
export type BackupMarks = Readonly<Record<string, string>>;

/** A backup as it was read. */
export type OpenedBackup = {
  readonly position: Position;
  /** The workspace's checksum at that position, as the file says. */
  readonly checksum: string;
  /** The same from the rows that are in the file: they are right when both are equal. */
  readonly recomputed: string;
  readonly marks: BackupMarks;
};

/** The store's methods: name -> params and result. One at a time, in order of arrival. */
export type StoreMethods = {
  /** Replaces everything. null: an empty database at position 0:0. */
  load: {
    params: { readonly image: Uint8Array | null };
    result: Result<StorePosition, { code: "image-damaged"; detail: string }>;
  };
  /** Runs each request on top of the ones before it in the list, then rolls everything back. */
  capture: {
    params: { readonly requests: readonly CaptureRequest[] };
    result: readonly CaptureOutcome[];
  };
  /** What a transaction would do if it came now; nothing of it stays. */
  preview: {
    params: { readonly work: CaptureRequest["work"]; readonly rowsMax: number };
    result: Result<Pick<TransactionChanges, "schemaChanges" | "changes" | "rowCount">, StoreError>;
  };
  /** One SQLite transaction; the entries ascend by 1 from the applied index. */
  apply: { params: { readonly entries: readonly CommittedEntry[] }; result: ApplyOutcome };
  query: {
    params: {
      readonly sql: string;
      readonly params: JsonParams;
      readonly rowsMax: number;
      /** Tidemark's own question: may read `_tidemark_*` tables. */
      readonly isInternal?: boolean;
    };
    result: QueryOutcome;
  };
  tables: {
    params: Record<string, never>;
    result: { readonly tables: readonly TableInfo[]; readonly applied: Position };
  };
  columns: {
    params: { readonly table: string };
    result: Result<readonly ColumnInfo[], StoreError>;
  };
  image: { params: Record<string, never>; result: StoreImage };
  /** The same without `_tidemark_*` tables: opens in any SQLite tool. */
  plainImage: {
    params: {
      /** Only these tables, without views; null for all of both. */
      readonly tables?: readonly string[] | null;
      /** What the file says of itself besides its position, as rows of a table; null for none of it. */
      readonly marks?: readonly (readonly [name: string, value: string])[] | null;
    };
    result: StoreImage;
  };
  verify: { params: Record<string, never>; result: VerifyOutcome };
  /** For another store to compare itself with. */
  rowPiece: {
    params: {
      readonly table: string;
      /** The last piece's `upTo`; null for the first one. */
      readonly after: Uint8Array | null;
      /** One row more may come. */
      readonly bytesMax: number;
    };
    result: RowPiece;
  };
  /** Compares the rows behind `after` with another store's `rowPiece`. */
  compareRows: {
    params: {
      readonly table: string;
      readonly after: Uint8Array | null;
      readonly piece: RowPiece;
      /** Kept at most; all are counted. */
      readonly rowsMax: number;
      readonly bytesMax: number;
    };
    result: PieceComparison;
  };
  /** Carries out what `compareRows` found, unless the checksums are then still others than the log's. */
  repairRows: {
    params: {
      /** Where the database stood when it was compared. */
      readonly applied: Position;
      readonly changes: readonly Uint8Array[];
      /** All of them, as they should be. */
      readonly counters: readonly TableCounter[];
    };
    result: RepairOutcome;
  };
  describe: {
    params: { readonly payloads: readonly Uint8Array[] };
    result: readonly PayloadSummary[];
  };
  /** The rows a transaction changed, in order. */
  rowChanges: {
    params: { readonly payload: Uint8Array; readonly skip: number; readonly rowsMax: number };
    result: Result<TransactionChanges, StoreError>;
  };
  /** What whole transactions did to one row, the newest first. */
  rowHistory: {
    params: { readonly payloads: readonly Uint8Array[]; readonly row: RowName };
    result: RowPast;
  };
  /**
   * What takes whole transactions back, the last change first: of a row, of a table (a row without a key), of
   * everything (null). `inverse` is null when there is nothing; `row` is the name the row had before. What a table
   * held that was itself changed is not in the log: then the state of then is needed.
   */
  wayBack: {
    params: { readonly payloads: readonly Uint8Array[]; readonly row: RowName | null };
    result: Result<
      | {
          readonly type: "inverse";
          readonly inverse: Uint8Array | null;
          readonly row: RowName | null;
        }
      | { readonly type: "schema-changed" },
      StoreError
    >;
  };
  /** The database without its rows. */
  outline: { params: Record<string, never>; result: Outline };
  /** All rows of tables, or one row of a table, as a payload; `too-large` above what a transaction may hold. */
  formerRows: {
    params: { readonly tables: readonly string[]; readonly row: RowName | null };
    result: Result<Uint8Array, StoreError>;
  };
  /** Scratch stores only: makes a backup of an image; `backupPiece` reads the file. */
  packBackup: {
    params: { readonly image: Uint8Array; readonly marks: BackupMarks };
    result: { readonly sizeBytes: number };
  };
  backupPiece: {
    params: { readonly at: number; readonly countMax: number };
    result: Uint8Array;
  };
  /** Scratch stores only: takes in a file in pieces, in order, for `openBackup`. */
  putBackup: {
    params: { readonly sizeBytes: number; readonly at: number; readonly bytes: Uint8Array };
    result: null;
  };
  /** Opens it in place of what the store held; the error is the end of a sentence about the file. */
  openBackup: { params: Record<string, never>; result: Result<OpenedBackup, string> };
  /** The opened backup as the first state of a new workspace. */
  foundImage: { params: Record<string, never>; result: StoreImage };
};
