/**
 * Whether the recorded changes of a transaction follow from each other in the order they were
 * recorded. They do, except when SQLite changes one row a second time in the middle of changing
 * it: a BEFORE trigger that updates its own row, or a row that refers to itself by a cascading
 * key. The inner change is recorded first then, and no member could replay the entry; so such a
 * transaction is refused on the leader instead.
 */
import { imageValueCount, PayloadReader, type TableShape } from "../../shared/changes/payload.ts";
import type { RowsRecord } from "../../shared/changes/row-change.ts";
import { rowEnd, valueEnd } from "../../shared/changes/row-image.ts";

/** Row name -> its image as the transaction has left it so far; null when it is gone. */
type KnownRows = Map<string, string | null>;

/** @param payload A whole, well-formed transaction. */
export function isReplayable(payload: Uint8Array): boolean {
  const opened = PayloadReader.open(payload);
  if (!opened.ok) return false;
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.length);
  const known: KnownRows = new Map();
  const reader = opened.value;
  for (let record = reader.next(); record !== null; record = reader.next()) {
    // A schema change may rewrite rows: what was known of them ends there.
    if (record.type === "schema") known.clear();
    if (record.type === "rows" && !replayRun(bytes, record, known)) return false;
  }
  return !reader.failed;
}

function replayRun(bytes: Buffer, record: RowsRecord, known: KnownRows): boolean {
  const count = imageValueCount(record.table);
  let at = record.start;
  for (let row = 0; row < record.rowCount; row++) {
    const end = rowEnd(bytes, at, count);
    const isInsert = record.operation === "insert";
    if (!(isInsert ? appear : vanish)(bytes, record.table, { known, at, end })) return false;
    at = end;
    if (record.operation !== "update") continue;
    const afterEnd = rowEnd(bytes, at, count);
    if (!appear(bytes, record.table, { known, at, end: afterEnd })) return false;
    at = afterEnd;
  }
  return true;
}

type Image = { readonly known: KnownRows; readonly at: number; readonly end: number };

function vanish(bytes: Buffer, table: TableShape, { known, at, end }: Image): boolean {
  const name = rowName(bytes, table, at);
  const before = known.get(name);
  known.set(name, null);
  return before === undefined || before === bytes.toString("latin1", at, end);
}

function appear(bytes: Buffer, table: TableShape, { known, at, end }: Image): boolean {
  const name = rowName(bytes, table, at);
  const isFree = (known.get(name) ?? null) === null;
  known.set(name, bytes.toString("latin1", at, end));
  return isFree;
}

function rowName(bytes: Buffer, table: TableShape, at: number): string {
  if (table.hasLeadingRowid) {
    return `${table.name}\u0000${bytes.toString("latin1", at, valueEnd(bytes, at))}`;
  }
  const keys: string[] = [];
  let start = at;
  for (let place = 0; place < table.columns.length; place++) {
    const end = valueEnd(bytes, start);
    if (table.keyPlaces.includes(place)) keys.push(bytes.toString("latin1", start, end));
    start = end;
  }
  return `${table.name}\u0000${keys.join("\u0000")}`;
}
