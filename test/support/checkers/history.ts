/**
 * The shape of a history: what clients asked, when, and what they were told. The format on disk
 * is in `../history.md`, its bytes in `history-lines.ts`, its files in `history-file.ts`.
 *
 * It knows nothing of the product but the words of the read levels; no checker looks further.
 */

/** What a register holds and what a list is made of; null is "no row". */
export type Value = number | string | null;

/** What a read asked for. */
export type Level = "local" | "bounded" | "session" | "linearizable";

/**
 * `ok`: it took effect and was answered. `fail`: it never takes effect. `unknown`: it may have,
 * or may yet; such an operation has no `end`.
 */
export type Outcome = "ok" | "fail" | "unknown";

/** A place in the log. A term of 0 means that only the index was noted. */
export type HistoryPosition = { readonly term: number; readonly index: number };

/** One step of a list transaction: an append, or a read of a whole list (null: not answered). */
export type MicroOperation =
  | readonly ["append", string, number | string]
  | readonly ["r", string, readonly (number | string)[] | null];

/** What every operation has. */
export type OperationHead = {
  /** Unique in the history; a `HistoryWriter` counts it up from 1. */
  readonly id: number;
  /** Who asked. One process has one operation under way at a time. */
  readonly process: string;
  /** Whose session guarantees it is under; the process when left out. */
  readonly session?: string;
  /** When the first attempt was sent, ms of the history's clock. */
  readonly start: number;
  /** When the answer that counts arrived. Invariant: absent exactly when the outcome is unknown. */
  readonly end?: number;
  readonly outcome: Outcome;
  /** The member that answered, or that was asked last. */
  readonly member?: string;
  /** How many times that member had been started; what one start owes a session ends with it. */
  readonly boot?: number;
  /** Of a write its place in the log, of a read the `as of` of the answer. */
  readonly position?: HistoryPosition;
  /** The timeline of `position`, 0 when left out; positions of two timelines are not compared. */
  readonly timeline?: number;
  /** How many times it was sent; 1 when left out. */
  readonly attempts?: number;
  /** The code of the last refusal or failure. */
  readonly error?: string;
};

/** How a read asks: absent means that it went through the log like a write. */
export type ReadTerms = {
  readonly level?: Level;
  /** With `bounded`: what was asked for. */
  readonly maxStalenessMs?: number;
  /** With `session`: what was asked for. Absent: the client passed all it ever saw. */
  readonly afterIndex?: number;
};

/** What a write waited for; absent means `committed`. */
export type WriteTerms = { readonly ack?: "flushed" | "committed" | "applied" };

/** Reads one register. `value` is present exactly when the outcome is ok. */
export type ReadOperation = OperationHead &
  ReadTerms & { readonly kind: "read"; readonly key: string; readonly value?: Value };

/** Sets one register, whatever it held. */
export type WriteOperation = OperationHead &
  WriteTerms & { readonly kind: "write"; readonly key: string; readonly value: Value };

/** Sets a register if it holds `from`. `swapped` says whether; present exactly when ok. */
export type CasOperation = OperationHead &
  WriteTerms & {
    readonly kind: "cas";
    readonly key: string;
    readonly from: Value;
    readonly to: Value;
    readonly swapped?: boolean;
  };

/** Appends to lists and reads them, all at one moment. */
export type TransactionOperation = OperationHead &
  ReadTerms &
  WriteTerms & { readonly kind: "txn"; readonly micro: readonly MicroOperation[] };

/** One thing a client did, over all its attempts. */
export type Operation = ReadOperation | WriteOperation | CasOperation | TransactionOperation;

type WithoutId<T> = T extends unknown ? Omit<T, "id"> : never;

/** An operation that a `HistoryWriter` has not numbered yet. */
export type NewOperation = WithoutId<Operation>;

/** What was done to the cluster meanwhile. For people: no checker reads it. */
export type Fault = {
  /** Names the fault: its `begin` and `end` have the same. */
  readonly fault: string;
  /** E.g. `kill`, `stop`, `partition`, `switchover`. */
  readonly what: string;
  readonly phase: "begin" | "end" | "moment";
  readonly time: number;
  readonly members?: readonly string[];
  readonly detail?: string;
};

/** The first line. */
export type HistoryHeader = {
  /** Which program made it, e.g. `chaos`. */
  readonly source: string;
  /** How far two times of the history may be off against each other, ms; 0 for one clock. */
  readonly clockUncertaintyMs: number;
  readonly seed?: number;
  /** Whatever helps to make it again: version, members, options. */
  readonly about?: unknown;
};

/** A whole history in memory. */
export type LoadedHistory = {
  readonly header: HistoryHeader;
  readonly operations: readonly Operation[];
  readonly faults: readonly Fault[];
};

/** The format this code writes. */
export const HISTORY_VERSION = 1;

/** When the answer arrived; never for one that has none. */
export function endOf(operation: Operation): number {
  return operation.end ?? Infinity;
}

/** Whose session it belongs to. */
export function sessionOf(operation: Operation): string {
  return operation.session ?? operation.process;
}

/** `7:18204`, as people write a position. */
export function positionText(position: HistoryPosition): string {
  return `${position.term}:${position.index}`;
}

/** The timeline of its position. */
export function timelineOf(operation: Operation): number {
  return operation.timeline ?? 0;
}

/** Whether the answer says that it took effect, and more than one member's disk stands for it. */
export function isSettled(operation: Operation): boolean {
  return operation.outcome === "ok" && !("ack" in operation && operation.ack === "flushed");
}

/** Whether it changed something, if it took effect. */
export function isWrite(operation: Operation): boolean {
  switch (operation.kind) {
    case "read":
      return false;
    case "write":
      return true;
    case "cas":
      return operation.swapped !== false;
    case "txn":
      return operation.micro.some(([what]) => what === "append");
  }
}

/** Whether it must see the newest state: linearizable, or through the log as writes are. */
export function isStrict(operation: Operation): boolean {
  if (operation.kind === "write" || operation.kind === "cas") return true;
  return operation.level === undefined || operation.level === "linearizable";
}
