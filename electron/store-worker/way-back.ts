/**
 * The way back over many transactions, for everything, a table, or one row: what restores a former state. A row is
 * followed by the names it had.
 */
import { defined } from "../../shared/base/assert.ts";
import { err, ok, type Result } from "../../shared/base/result.ts";
import { finishInverse, writeInverse } from "../../shared/changes/inverse.ts";
import { isReservedName } from "../../shared/changes/identifiers.ts";
import { PayloadBuilder, PayloadReader, type TableShape } from "../../shared/changes/payload.ts";
import { rowPlaces, type RowPlace } from "../../shared/changes/row-change.ts";
import { nameOf, rowMatcher, sidesOf, type RowMatcher } from "../../shared/changes/row-name.ts";
import type { StoreError, StoreMethods } from "./messages.ts";
import { isWord, tokenize } from "./tokens.ts";

type WayBack = StoreMethods["wayBack"]["result"];

/** Inverse changes of whole transactions, the last change first. */
export function wayBack({ payloads, row }: StoreMethods["wayBack"]["params"]): WayBack {
  const matcher = row === null ? ok(null) : rowMatcher(row);
  if (!matcher.ok) return err(matcher.error);
  const shapes = new Shapes();
  const builder = new PayloadBuilder();
  let name = matcher.value;
  for (let i = payloads.length - 1; i >= 0; i--) {
    const payload = defined(payloads[i], "a place in the list");
    const rows = rowsOf(payload, name);
    if (!rows.ok) return rows;
    if (rows.value === null) return ok({ type: "schema-changed" });
    for (const change of rows.value.reverse()) {
      if (name !== null) {
        const sides = sidesOf(payload, change, name);
        if (!sides.isMeant) continue;
        if (sides.formerValues !== null) name = { table: name.table, values: sides.formerValues };
      }
      writeInverse(builder, payload, { ...change, table: shapes.like(change.table) });
    }
  }
  const inverse = builder.isEmpty ? null : finishInverse(builder);
  return ok({ type: "inverse", inverse, row: name === null ? null : nameOf(name) });
}

/** Inverses of one stretch of the log after the other as one. */
export function joinInverses(inverses: readonly Uint8Array[]): Uint8Array {
  const shapes = new Shapes();
  const builder = new PayloadBuilder();
  for (const inverse of inverses) {
    const opened = PayloadReader.open(inverse);
    if (!opened.ok) continue;
    const reader = opened.value;
    for (let record = reader.next(); record !== null; record = reader.next()) {
      if (record.type !== "rows") continue;
      const table = shapes.like(record.table);
      for (const { before, after, end } of rowPlaces(inverse, record)) {
        const start = before < 0 ? after : before;
        builder.beginRow(table, record.operation);
        builder.images.copy(inverse, start, end - start);
      }
    }
  }
  return finishInverse(builder);
}

/** null when the schema changed in it, as far as it matters here. */
function rowsOf(
  payload: Uint8Array,
  name: RowMatcher | null,
): Result<RowPlace[] | null, StoreError> {
  const opened = PayloadReader.open(payload);
  if (!opened.ok) return err({ code: "not-found", message: opened.error.detail });
  const rows: RowPlace[] = [];
  const reader = opened.value;
  for (let record = reader.next(); record !== null; record = reader.next()) {
    if (record.type === "schema" && (name === null || changesTable(record.sql, name.table))) {
      return ok(null);
    }
    if (record.type !== "rows" || isReservedName(record.table.name)) continue;
    if (name !== null && record.table.name !== name.table) continue;
    for (const row of rowPlaces(payload, record)) rows.push(row);
  }
  return ok(rows);
}

/** Whether a schema change may be one of this table. Indexes, views and triggers hold no rows. */
function changesTable(sql: string, table: string): boolean {
  const tokens = tokenize(sql).filter(({ text }) => text !== ";");
  if (!isWord(tokens[1], "TABLE")) return false;
  const lower = table.toLowerCase();
  return tokens.some((token) => token.text.toLowerCase() === lower);
}

/** One object for each shape: a payload defines it once then. */
class Shapes {
  readonly #known = new Map<string, TableShape>();

  like(shape: TableShape): TableShape {
    const key = JSON.stringify(shape);
    const known = this.#known.get(key);
    if (known === undefined) this.#known.set(key, shape);
    return known ?? shape;
  }
}
