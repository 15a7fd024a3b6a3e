/** Reads the past from payloads: what a transaction changed, and what became of one row. */
import { defined } from "../../shared/base/assert.ts";
import { err, ok, type Result } from "../../shared/base/result.ts";
import { importIdOf } from "../../shared/changes/import-id.ts";
import { PayloadReader } from "../../shared/changes/payload.ts";
import {
  readRowChange,
  rowPlaces,
  type RowChange,
  type RowPlace,
} from "../../shared/changes/row-change.ts";
import { nameOf, rowMatcher, sidesOf } from "../../shared/changes/row-name.ts";
import { isReservedName } from "../../shared/changes/identifiers.ts";
import { isoOf } from "./describe.ts";
import type { StoreError, StoreMethods, TransactionChanges } from "./messages.ts";

/** The rows of a transaction, from one on. */
export function readChanges({
  payload,
  skip,
  rowsMax,
}: StoreMethods["rowChanges"]["params"]): Result<TransactionChanges, StoreError> {
  const opened = PayloadReader.open(payload);
  if (!opened.ok) return err({ code: "not-found", message: opened.error.detail });
  const reader = opened.value;
  const schemaChanges: string[] = [];
  const changes: RowChange[] = [];
  let rowCount = 0;
  for (let record = reader.next(); record !== null; record = reader.next()) {
    if (record.type === "schema") schemaChanges.push(record.sql.trim());
    if (record.type !== "rows" || isReservedName(record.table.name)) continue;
    const isWanted = rowCount + record.rowCount > skip && changes.length < rowsMax;
    if (isWanted) {
      let number = rowCount;
      for (const place of rowPlaces(payload, record)) {
        if (number++ >= skip && changes.length < rowsMax)
          changes.push(readRowChange(payload, place));
      }
    }
    rowCount += record.rowCount;
  }
  const { author, atMs, client } = reader.header;
  const importId = importIdOf(client?.id ?? null);
  return ok({ at: isoOf(atMs), author, importId, schemaChanges, changes, rowCount });
}

/** One row's changes, the newest first; its name is followed when an update changed it. */
export function findRow({
  payloads,
  row,
}: StoreMethods["rowHistory"]["params"]): StoreMethods["rowHistory"]["result"] {
  const matcher = rowMatcher(row);
  if (!matcher.ok) return { versions: [], row };
  const versions: StoreMethods["rowHistory"]["result"]["versions"][number][] = [];
  let name = matcher.value;
  for (let place = payloads.length - 1; place >= 0; place--) {
    const payload = defined(payloads[place], "a place in the list");
    const opened = PayloadReader.open(payload);
    if (!opened.ok) continue;
    const { author, atMs } = opened.value.header;
    const rows = rowsOf(opened.value, name.table);
    for (let i = rows.length - 1; i >= 0; i--) {
      const found = defined(rows[i], "a place in the list");
      const sides = sidesOf(payload, found, name);
      if (!sides.isMeant) continue;
      const change = readRowChange(payload, found);
      versions.push({ place, at: isoOf(atMs), author, change });
      if (sides.formerValues !== null) name = { table: name.table, values: sides.formerValues };
    }
  }
  return { versions, row: nameOf(name) };
}

function rowsOf(reader: PayloadReader, table: string): RowPlace[] {
  const rows: RowPlace[] = [];
  for (let record = reader.next(); record !== null; record = reader.next()) {
    if (record.type !== "rows" || record.table.name !== table) continue;
    for (const place of rowPlaces(reader.bytes, record)) rows.push(place);
  }
  return rows;
}
