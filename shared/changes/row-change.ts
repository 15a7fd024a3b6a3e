/**
 * What a transaction did to single rows, read from its payload: for people who look at the past, on any
 * member and without the database. Knows column names as they were then, nothing of tables today.
 */
import { assert } from "../base/assert.ts";
import { cellFromValue } from "./json-cell.ts";
import {
  imageValueCount,
  type ChangeRecord,
  type RowOperation,
  type TableShape,
} from "./payload.ts";
import { readRow, rowEnd } from "./row-image.ts";
import type { JsonCell } from "./values.ts";

/** One row as one transaction changed it. */
export type RowChange = {
  readonly table: string;
  readonly operation: RowOperation;
  /**
   * Names of the values below, as the table had them then; generated columns are not stored. Where no column holds
   * the rowid, it comes first, under the name `rowid`.
   */
  readonly columns: readonly string[];
  /** null for an insert. */
  readonly before: readonly JsonCell[] | null;
  /** null for a delete. */
  readonly after: readonly JsonCell[] | null;
};

/** A run of rows in a payload. */
export type RowsRecord = Extract<ChangeRecord, { type: "rows" }>;

/** Where the images of one changed row lie in its payload. */
export type RowPlace = {
  readonly operation: RowOperation;
  readonly table: TableShape;
  /** The image before, or -1. */
  readonly before: number;
  /** The image after, or -1. */
  readonly after: number;
  readonly end: number;
};

/**
 * The rows of a run, in order. Stops early when the run is malformed: who must know compares the last
 * `end` with the run's.
 */
export function* rowPlaces(bytes: Uint8Array, record: RowsRecord): Generator<RowPlace> {
  const { operation, table } = record;
  const count = imageValueCount(table);
  let at = record.start;
  for (let row = 0; row < record.rowCount; row++) {
    const middle = rowEnd(bytes, at, count);
    const end = operation === "update" && middle >= 0 ? rowEnd(bytes, middle, count) : middle;
    if (end < 0 || end > record.end) return;
    if (operation === "insert") yield { operation, table, before: -1, after: at, end };
    else yield { operation, table, before: at, after: operation === "update" ? middle : -1, end };
    at = end;
  }
}

/** The change for people. */
export function readRowChange(bytes: Uint8Array, place: RowPlace): RowChange {
  const { operation, table, before, after } = place;
  assert(before >= 0 || after >= 0, "a change has a side");
  return {
    table: table.name,
    operation,
    columns: table.hasLeadingRowid ? ["rowid", ...table.columns] : table.columns,
    before: before < 0 ? null : cellsAt(bytes, before, table),
    after: after < 0 ? null : cellsAt(bytes, after, table),
  };
}

/** The cells of an image. */
export function cellsAt(bytes: Uint8Array, at: number, table: TableShape): JsonCell[] {
  return readRow(bytes, at, imageValueCount(table)).map(cellFromValue);
}
