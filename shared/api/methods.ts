/**
 * The one map of methods. The window (MessagePort), the browser (WebSocket), the CLI and HTTP
 * all call these; a method that is missing on one side does not compile.
 */
import type { LogIndex, MemberId, Term } from "../base/ids.ts";
import type { InterchangeMethods } from "./interchange.ts";
import type { ExpectedRow } from "../changes/expected-row.ts";
import type { UndoConflict } from "../changes/undo.ts";
import type { JsonCell, JsonParams, SqlStatement } from "../changes/values.ts";
import type { AsOf, LagSample, SeatReason, SeatStatus, Status } from "../cluster/status.ts";
import type { BackupMethods } from "./backups.ts";
import type { CopyMethods } from "./copy.ts";
import type { PastMoment } from "./past.ts";
import type { PastApiMethods } from "./past-methods.ts";

/** How long a write waits: the leader's disk, a quorum's disks, every connected member's store. */
export type AckLevel = "flushed" | "committed" | "applied";

/** What a read may see. */
export type ReadLevel = "local" | "bounded" | "session" | "linearizable";

/** Stable codes; the window chooses its words by them, HTTP its status, the CLI its exit code. */
export type ApiErrorCode =
  | "not-leader"
  | "no-quorum"
  | "no-cluster"
  | "already-in-cluster"
  | "unknown-outcome"
  | "sql-error"
  | "sql-refused"
  | "constraint"
  | "sequence-too-old"
  | "too-large"
  | "busy"
  | "query-timeout"
  | "stale"
  | "not-found"
  | "bad-request"
  | "unauthorized"
  | "storage-full"
  | "storage-failed"
  | "diverged"
  | "log-damaged"
  | "invite-invalid"
  | "unreachable"
  | "change-in-progress"
  | "not-caught-up"
  | "import-row"
  | "row-conflict"
  | "undo-conflict"
  /** The state asked for is further back than what is kept here. */
  | "too-old"
  | "internal";

/** Every failure of a method. `leader` comes with `not-leader` when it is known. */
export type ApiError = {
  readonly code: ApiErrorCode;
  /** One sentence: what was expected, what came, what happens now. */
  readonly message: string;
  readonly leader?: {
    readonly id: MemberId;
    readonly name: string;
    readonly address: string | null;
    /** Where the leader's own UI and HTTP answer, when it told; loopback members only. */
    readonly http: string | null;
  };
  /** Which statement failed, from 0. */
  readonly statement?: number;
  /** With `undo-conflict` and `row-conflict`: what stands in the way, at most 100 of it. */
  readonly conflicts?: readonly UndoConflict[];
};

/** The result of one statement of a transaction. */
export type StatementResult = {
  readonly changes: number;
  /** As SQLite's last_insert_rowid() after it; a JsonCell because it may exceed 2^53. */
  readonly lastInsertRowid: JsonCell;
  readonly columns?: readonly string[];
  readonly rows?: readonly (readonly JsonCell[])[];
  /** Of a bulk insert that leaves out what does not fit. */
  readonly badRows?: readonly RefusedRow[];
};

/** A row of a bulk insert that the table did not take. */
export type RefusedRow = {
  /** From 0. */
  readonly row: number;
  /** SQLite's own words, at most 200 characters. */
  readonly message: string;
};

/** A column as `pragma table_xinfo` tells it, hidden ones left out. */
export type ColumnInfo = {
  readonly name: string;
  /** As declared; may be empty. */
  readonly type: string;
  readonly isNullable: boolean;
  /** Place in the primary key from 1; 0 when not part of it. */
  readonly keyPlace: number;
  readonly isGenerated: boolean;
  /** SQL text of the default, or null. */
  readonly defaultSql: string | null;
};

/** A table or view of the shared database. */
export type TableInfo = {
  readonly name: string;
  readonly kind: "table" | "view";
  readonly columns: readonly ColumnInfo[];
  /** Rows at the answer's position; null for views. */
  readonly rowCount: number | null;
  /** False for WITHOUT ROWID tables and views: rows are then named by their key. */
  readonly hasRowid: boolean;
};

/** A line of the replication log as people read it. */
export type LogLine = {
  readonly term: Term;
  readonly index: LogIndex;
  readonly kind: "noop" | "configuration" | "transaction";
  /** ISO 8601 of the leader's wall clock; null for the core's own entries. */
  readonly at: string | null;
  readonly author: string | null;
  readonly bytes: number;
  /** E.g. "insert 3 into people, update 1 in visits"; for DDL the statement. */
  readonly summary: string;
};

type Empty = { readonly [key: string]: never };

/** name -> params and result. */
export interface ApiMethods extends BackupMethods, CopyMethods, InterchangeMethods, PastApiMethods {
  status: { params: Empty; result: Status };
  /** First run: a new cluster with this member as its only voter. */
  createCluster: {
    params: {
      readonly name: string;
      readonly memberName?: string;
      /** A backup to begin with, by its whole path. */
      readonly from?: string;
    };
    result: { readonly clusterId: string };
  };
  /** First run: joins by an invite link; resolves when the cluster has committed the seat. */
  joinCluster: {
    params: { readonly link: string; readonly memberName?: string };
    result: { readonly clusterId: string; readonly clusterName: string };
  };
  execute: {
    params: {
      readonly statements: readonly SqlStatement[];
      /** Rows as the asker saw them: `row-conflict` when one is another by now. At most 10,000. */
      readonly expect?: readonly ExpectedRow[];
      readonly clientId?: string;
      readonly sequence?: number;
      readonly ack?: AckLevel;
    };
    result: {
      readonly term: Term;
      readonly index: LogIndex;
      readonly results: readonly StatementResult[];
    };
  };
  query: {
    params: {
      readonly sql: string;
      readonly params?: JsonParams;
      readonly readLevel?: ReadLevel;
      readonly maxStalenessMs?: number;
      /** With `session`: the index of the last write this reader made. */
      readonly afterIndex?: number;
      /** At most this many rows are returned; `isTruncated` then says so. 1 to 100,000. */
      readonly rowsMax?: number;
      /** Asks the database as it was then, from this member's own log; without `readLevel`. */
      readonly asOf?: PastMoment;
    };
    result: {
      readonly columns: readonly string[];
      readonly rows: readonly (readonly JsonCell[])[];
      readonly isTruncated: boolean;
      readonly asOf: AsOf;
    };
  };
  tables: {
    params: { readonly asOf?: PastMoment };
    result: { readonly tables: readonly TableInfo[]; readonly asOf: AsOf };
  };
  /** Bulk insert of one import; all rows of one call are one transaction. */
  insertRows: {
    params: {
      readonly table: string;
      readonly columns: readonly string[];
      readonly rows: readonly (readonly JsonCell[])[];
      /** Rows that the table refuses are left out and told, instead of ending it all. */
      readonly skipsBadRows?: boolean;
      readonly clientId?: string;
      readonly sequence?: number;
    };
    result: {
      readonly term: Term;
      readonly index: LogIndex;
      /** Rows that are in. */
      readonly rowCount: number;
      /** Those that were left out, in order. */
      readonly badRows?: readonly RefusedRow[];
    };
  };
  log: {
    params: { readonly fromIndex?: number; readonly count?: number };
    result: { readonly lines: readonly LogLine[]; readonly lastIndex: LogIndex };
  };
  invite: {
    params: { readonly role?: "voter" | "mirror"; readonly expiresMs?: number };
    result: { readonly link: string; readonly expiresAt: string };
  };
  switchover: {
    params: { readonly to?: string };
    result: { readonly leader: MemberId; readonly tookMs: number };
  };
  removeMember: { params: { readonly member: string }; result: { readonly index: LogIndex } };
  /** The database as a plain SQLite file, base64; for `backup` and exports. */
  backup: {
    params: {
      /** Only these tables, without views. */
      readonly tables?: readonly string[];
      /** Whether the file has a table that says where it stands (`_tidemark_as_of`). */
      readonly isMarked?: boolean;
    };
    result: { readonly image: { readonly $blob: string }; readonly asOf: AsOf };
  };
  /** What a person still wants to read of what this member saw since it started. */
  history: {
    params: Empty;
    /** Oldest first, at most 200. */
    result: { readonly events: readonly HistoryEvent[] };
  };
  lagHistory: {
    params: { readonly sinceMs?: number };
    result: { readonly samples: readonly LagSample[] };
  };
}

/** Names of all methods. */
export type ApiMethod = keyof ApiMethods;
/** Parameters of a method. */
export type ApiParams<M extends ApiMethod> = ApiMethods[M]["params"];
/** Result of a method. */
export type ApiResult<M extends ApiMethod> = ApiMethods[M]["result"];

/** A change of who leads, in one sentence for people. */
export type LeadershipEvent = {
  readonly type: "leadership";
  readonly term: Term;
  readonly leader: MemberId | null;
  /** ISO 8601, by the wall clock of the member that tells. */
  readonly at: string;
  readonly sentence: string;
};

/** This member's seat: given up, given anew, or filled again, in one sentence for people. */
export type SeatEvent = {
  readonly type: "seat";
  readonly state: SeatStatus["state"];
  readonly reason: SeatReason | null;
  /** ISO 8601, by the wall clock of the member that tells. */
  readonly at: string;
  readonly sentence: string;
};

/** Another member's data folder was found to be older than it should be, or to run twice. */
export type DoubtEvent = {
  readonly type: "doubt";
  readonly member: MemberId;
  readonly reason: SeatReason;
  readonly at: string;
  readonly sentence: string;
};

/** An event that is kept: it may be over before anybody looks. */
export type HistoryEvent = LeadershipEvent | SeatEvent | DoubtEvent;

/** Pushed to windows and `/api/events`. */
export type ApiEvent =
  /** The status changed; at most every 100 ms, and at least every second. */
  | { readonly type: "status"; readonly status: Status }
  /** Transactions were applied here; `tables` names what they touched ("*" after a reload). */
  | {
      readonly type: "committed";
      readonly fromIndex: LogIndex;
      readonly toIndex: LogIndex;
      readonly tables: readonly string[];
      readonly rowCount: number;
      readonly isSchemaChange: boolean;
    }
  | HistoryEvent
  | { readonly type: "lag"; readonly samples: readonly LagSample[] };

/** What crosses the MessagePort or WebSocket: window to agent. */
export type ApiRequest = {
  readonly id: number;
  readonly method: ApiMethod;
  readonly params: unknown;
};

/** Agent to window. */
export type ApiReply =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: ApiError }
  | { readonly event: ApiEvent };
