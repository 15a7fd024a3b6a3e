/**
 * Which row of a table is meant: by its rowid, or by the values of some of its columns (its primary key).
 * A row keeps its name through the log until an update changes it.
 */
import { bytesEqual } from "../base/bytes.ts";
import { ok, type Result } from "../base/result.ts";
import { cellFromValue, valueFromCell, type CellError } from "./json-cell.ts";
import type { TableShape } from "./payload.ts";
import type { RowPlace } from "./row-change.ts";
import { ImageWriter, readValue, valueEnd } from "./row-image.ts";
import type { JsonCell } from "./values.ts";

/** `rowid` names the rowid of a table that has one beside its columns. */
export type RowName = {
  readonly table: string;
  /** Column -> value, exactly as stored: 5 is not 5.0. Empty: every row of the table. */
  readonly key: Readonly<Record<string, JsonCell>>;
};

/** A name in bytes, to be compared with many images. */
export type RowMatcher = {
  readonly table: string;
  readonly values: ReadonlyMap<string, Uint8Array>;
};

/** The name of the rowid among the columns of a change. */
export const ROWID_NAME = "rowid";

/** Checks a name: it may come from another program. */
export function rowMatcher({ table, key }: RowName): Result<RowMatcher, CellError> {
  const values = new Map<string, Uint8Array>();
  for (const [column, cell] of Object.entries(key)) {
    const value = valueFromCell(cell);
    if (!value.ok) return value;
    const writer = new ImageWriter(64);
    writer.value(value.value);
    values.set(column, writer.finish());
  }
  return ok({ table, values });
}

/** The values of the named columns in the image at `at`; null when one of them is not in it. */
function nameIn(
  bytes: Uint8Array,
  at: number,
  { shape, columns }: { readonly shape: TableShape; readonly columns: Iterable<string> },
): Map<string, Uint8Array> | null {
  const found = new Map<string, Uint8Array>();
  for (const column of columns) {
    const place = placeOf(shape, column);
    if (place < 0) return null;
    const start = skip(bytes, at, place);
    found.set(column, bytes.subarray(start, valueEnd(bytes, start)));
  }
  return found;
}

/** Whether an image is of the row of this name. @param values Column -> value; empty: any row. */
export function namesRow(
  image: Uint8Array,
  shape: TableShape,
  values: ReadonlyMap<string, Uint8Array>,
): boolean {
  return isSameName(values, nameIn(image, 0, { shape, columns: values.keys() }));
}

/** Whether both name the same row. */
function isSameName(
  a: ReadonlyMap<string, Uint8Array>,
  b: ReadonlyMap<string, Uint8Array> | null,
): boolean {
  if (b === null) return false;
  for (const [column, bytes] of a) {
    const other = b.get(column);
    if (other === undefined || !bytesEqual(bytes, other)) return false;
  }
  return true;
}

/**
 * Whether the change is one of the named row (it has the name after it, or had it before), and how the row was
 * named before. What a name was taken away from is its past too, as what was deleted is.
 */
export function sidesOf(
  bytes: Uint8Array,
  { table, before, after }: RowPlace,
  { values }: RowMatcher,
): { readonly isMeant: boolean; readonly formerValues: Map<string, Uint8Array> | null } {
  const about = { shape: table, columns: [...values.keys()] };
  const former = before < 0 ? null : nameIn(bytes, before, about);
  const isLeft = after >= 0 && isSameName(values, nameIn(bytes, after, about));
  return { isMeant: isLeft || isSameName(values, former), formerValues: isLeft ? former : null };
}

/** The name for people. */
export function nameOf({ table, values }: RowMatcher): RowName {
  const key = Object.fromEntries(
    [...values].map(([column, bytes]) => [column, cellFromValue(readValue(bytes, 0))]),
  );
  return { table, key };
}

function placeOf(shape: TableShape, column: string): number {
  const place = shape.columns.indexOf(column);
  if (place >= 0) return shape.hasLeadingRowid ? place + 1 : place;
  return column === ROWID_NAME && shape.hasLeadingRowid ? 0 : -1;
}

function skip(bytes: Uint8Array, at: number, count: number): number {
  let start = at;
  for (let i = 0; i < count; i++) start = valueEnd(bytes, start);
  return start;
}
