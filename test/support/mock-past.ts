/**
 * A past for the mock agent: what a clinic might have changed on one day. It is made up, and nothing of it has
 * to do with the rows of the mock's database; taking something back changes none of them.
 */
import type { ApiParams, ApiResult } from "../../shared/api/methods.ts";
import { logIndex, term } from "../../shared/base/ids.ts";
import type { RowChange } from "../../shared/changes/row-change.ts";
import type { UndoConflict } from "../../shared/changes/undo.ts";
import type { JsonCell } from "../../shared/changes/values.ts";
import type {
  PastMoment,
  RetentionReport,
  RowCounts,
  TransactionLine,
} from "../../shared/api/past.ts";
import type { AsOf } from "../../shared/cluster/status.ts";
import { MockRefusal } from "./mock-refusal.ts";

type Made = {
  readonly index: number;
  readonly at: string;
  readonly author: string;
  readonly importId?: string;
  readonly schemaChanges?: readonly string[];
  readonly changes: readonly RowChange[];
};

const COLUMNS = ["id", "name", "born", "ward", "weight_kg", "allergies"];
const OLUMIDE: readonly JsonCell[] = [4, "Olumide Adeyemi", "2001-01-30", "Ward 3", 77.8, null];
const ADA: readonly JsonCell[] = [1, "Ada Byron", "1985-12-10", "Ward 1", 61.5, null];
/** The transaction that cannot be taken back. */
const OVERTAKEN = 18_211;
const IMPORT = "spring26";
/** One of whose rows was changed since. */
const OVERTAKEN_IMPORT = "autumn25";

function patient(before: readonly JsonCell[] | null, after: readonly JsonCell[] | null): RowChange {
  const operation = before === null ? "insert" : after === null ? "delete" : "update";
  return { table: "patients", operation, columns: COLUMNS, before, after };
}

const MADE: readonly Made[] = [
  {
    index: 18_215,
    at: "2026-11-03T10:41:09.000Z",
    author: "Reception",
    changes: [
      patient(OLUMIDE, [4, "Olumide Adeyemi", "2001-01-30", "Ward 3", 77.8, "Latex"]),
      patient([41, "Test Person", null, "", null, null], null),
    ],
  },
  {
    index: OVERTAKEN,
    at: "2026-11-03T10:40:55.000Z",
    author: "Ward 2 laptop",
    changes: [patient(ADA, [1, "Ada Byron", "1985-12-10", "Ward 2", 61.5, null])],
  },
  {
    index: 18_206,
    at: "2026-11-03T10:12:31.000Z",
    author: "Reception",
    changes: [
      ...[1, 2, 3].map((place): RowChange => ({
        table: "rooms",
        operation: "insert",
        columns: ["code", "beds"],
        before: null,
        after: [`C${place}`, place * 2],
      })),
      patient([1, "Ada Byron", "1985-12-10", "Ward 1", 60, null], ADA),
    ],
  },
  {
    index: 18_204,
    at: "2026-11-03T10:12:04.000Z",
    author: "Reception",
    schemaChanges: ["CREATE TABLE rooms (code TEXT PRIMARY KEY, beds INTEGER) WITHOUT ROWID"],
    changes: [],
  },
  {
    index: 18_203,
    at: "2026-11-03T09:55:12.000Z",
    author: "Office",
    importId: IMPORT,
    changes: ["Bandages Ltd", "Vials & Co"].map(supplier),
  },
  {
    index: 18_201,
    at: "2026-11-03T09:40:01.000Z",
    author: "Office",
    importId: OVERTAKEN_IMPORT,
    changes: ["Gauze Brothers"].map(supplier),
  },
];

function supplier(name: string, place: number): RowChange {
  const after = [place + 1, name];
  return {
    table: "suppliers",
    operation: "insert",
    columns: ["id", "name"],
    before: null,
    after,
  };
}

/** The newest first. */
export function mockTransactions(): ApiResult<"transactions"> {
  const transactions = MADE.map(
    ({ index, at, author, importId = null, schemaChanges = [], changes }): TransactionLine => ({
      ...{
        term: term(7),
        index: logIndex(index),
        at,
        author,
        bytes: 120,
        moreCount: 0,
        importId,
      },
      ...{ schemaChanges, tables: countsOf(changes) },
    }),
  );
  return { transactions, next: null, firstIndex: logIndex(18_200) };
}

/** null when the mock has no such transaction. */
export function mockTransaction(index: number): ApiResult<"transaction"> | null {
  const made = MADE.find((each) => each.index === index);
  if (made === undefined) return null;
  const { at, author, importId = null, schemaChanges = [], changes } = made;
  const position = { term: term(7), index: logIndex(index) };
  return { ...position, at, author, importId, schemaChanges, changes, rowCount: changes.length };
}

/** Rows are told apart by their id. */
export function mockRowHistory({ table, key }: ApiParams<"rowHistory">): ApiResult<"rowHistory"> {
  const versions = MADE.flatMap(({ index, at, author, changes }) =>
    changes
      .filter((change) => change.table === table)
      .filter(({ before, after }) => (after ?? before)?.[0] === key?.["id"])
      .map((change) => ({ term: term(7), index: logIndex(index), at, author, change })),
  );
  return { versions, next: null, firstIndex: logIndex(18_200) };
}

/** One of them is in the way of itself. */
export function mockUndoPreview(index: number): ApiResult<"undoPreview"> {
  const rowCount = mockTransaction(index)?.rowCount ?? 0;
  const changes = mockTransaction(index)?.changes ?? [];
  const none = { schemaChanges: [], leftOut: [] };
  if (index !== OVERTAKEN) return { ...none, rowCount, conflicts: [], changes };
  const conflict: UndoConflict = {
    table: "patients",
    reason: "row-changed",
    detail: "The row id=1 of patients was changed since.",
    columns: COLUMNS,
    left: [1, "Ada Byron", "1985-12-10", "Ward 2", 61.5, null],
    now: [1, "Ada Lovelace", "1985-12-10", "Ward 2", 61.5, null],
  };
  return { ...none, rowCount: 0, conflicts: [conflict], changes: [] };
}

/** One of the two imports is in the way of itself. */
export function mockUndoImportPreview(importId: string): ApiResult<"undoImportPreview"> {
  const made = MADE.find((each) => each.importId === importId);
  if (made === undefined) {
    throw new MockRefusal({ code: "not-found", message: `No import ${importId} is in the log.` });
  }
  const { changes } = made;
  const told = { schemaChanges: [], leftOut: [], transactionCount: 2, made: ["suppliers"] };
  if (importId === IMPORT) return { ...told, rowCount: changes.length, conflicts: [], changes };
  const conflict: UndoConflict = {
    table: "suppliers",
    reason: "row-changed",
    detail: "The row id=1 of suppliers was changed since.",
    columns: ["id", "name"],
    left: [1, "Gauze Brothers"],
    now: [1, "Gauze Sisters"],
  };
  return { ...told, rowCount: 0, conflicts: [conflict], changes: [] };
}

function countsOf(changes: readonly RowChange[]): RowCounts[] {
  return [...new Set(changes.map(({ table }) => table))].map((table) => {
    const count = (operation: RowChange["operation"]): number =>
      changes.filter((each) => each.table === table && each.operation === operation).length;
    return { table, inserted: count("insert"), updated: count("update"), deleted: count("delete") };
  });
}

/** Of a moment of the past; the mock's rows are the same at all times. */
export function mockAsOf(now: AsOf, moment: PastMoment | undefined): AsOf {
  if (moment === undefined) return now;
  if ("index" in moment) {
    const made = MADE.find(({ index }) => index <= moment.index);
    return { ...now, index: logIndex(moment.index), past: { at: made?.at ?? null } };
  }
  const atMs = Date.parse(moment.at);
  const made = MADE.find(({ at }) => Date.parse(at) <= atMs);
  if (made === undefined) {
    throw new MockRefusal({ code: "too-old", message: "The state of then is not kept here." });
  }
  return { ...now, index: logIndex(made.index), past: { at: made.at } };
}

/** What the mock keeps. */
export function mockRetention(settings: RetentionReport["settings"]): RetentionReport {
  const mebibyte = 1024 * 1024;
  return {
    settings,
    log: { firstIndex: logIndex(12_001), lastIndex: logIndex(18_215), bytes: 71 * mebibyte },
    snapshots: [12_400, 15_020, 17_880].map((index) => {
      return { index: logIndex(index), bytes: 12 * mebibyte };
    }),
    readableFrom: logIndex(12_400),
    since: "2026-10-06T07:12:00.000Z",
    bytesPerDay: 2.4 * mebibyte,
    sizes: {
      retentionBytes: settings["retention-mib"] * mebibyte,
      snapshotAfterBytes: 32 * mebibyte,
      segmentBytes: 8 * mebibyte,
      imageBytes: 12 * mebibyte,
      snapshotsMax: 4,
    },
  };
}
