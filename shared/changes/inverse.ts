/**
 * The way back: the changes that undo a transaction, in the order in which they fit on top of it.
 *
 * The last change is taken back first; an insert becomes a delete, a delete an insert, and an update gets
 * its images the other way round. A transaction that changed tables themselves has no inverse: what a
 * dropped table held is not in its entry.
 */
import { err, ok, type Result } from "../base/result.ts";
import { isReservedName } from "./identifiers.ts";
import { PayloadBuilder, PayloadReader } from "./payload.ts";
import type { RowOperation } from "./payload.ts";
import { rowPlaces, type RowPlace } from "./row-change.ts";

/** Why there is no way back; the text is a sentence. */
export type InverseError = {
  readonly code: "schema-change" | "internal" | "no-rows" | "malformed";
  readonly detail: string;
};

const INVERSE: Readonly<Record<RowOperation, RowOperation>> = {
  insert: "delete",
  update: "update",
  delete: "insert",
};

/**
 * A payload with the inverse changes and an empty header.
 *
 * @param payload A whole transaction.
 */
export function invertPayload(payload: Uint8Array): Result<Uint8Array, InverseError> {
  const opened = PayloadReader.open(payload);
  if (!opened.ok) return err({ code: "malformed", detail: opened.error.detail });
  const reader = opened.value;
  const rows: RowPlace[] = [];
  for (let record = reader.next(); record !== null; record = reader.next()) {
    if (record.type === "schema") return err(schemaChange(record.sql));
    // Counters only ever grow: a number that was given is never given again.
    if (record.type !== "rows") continue;
    if (isReservedName(record.table.name)) {
      return err({ code: "internal", detail: "It is Tidemark's own bookkeeping." });
    }
    for (const row of rowPlaces(payload, record)) rows.push(row);
    if ((rows.at(-1)?.end ?? record.start) !== record.end) return err(malformed());
  }
  if (reader.failed) return err(malformed());
  if (rows.length === 0) return err({ code: "no-rows", detail: "It changed no rows." });
  return ok(buildInverse(payload, rows));
}

function buildInverse(payload: Uint8Array, rows: readonly RowPlace[]): Uint8Array {
  const builder = new PayloadBuilder();
  for (let i = rows.length - 1; i >= 0; i--) {
    const row = rows[i] as RowPlace;
    writeInverse(builder, payload, row);
  }
  return finishInverse(builder);
}

/** Writes what takes one change back. @param row Its table may be another object of the same shape. */
export function writeInverse(builder: PayloadBuilder, payload: Uint8Array, row: RowPlace): void {
  const { operation, table, before, after, end } = row;
  builder.beginRow(table, INVERSE[operation]);
  const { images } = builder;
  if (after >= 0) images.copy(payload, after, end - after);
  if (before >= 0) images.copy(payload, before, (after < 0 ? end : after) - before);
}

/** The payload of inverse changes: an instruction, never a log entry. */
export function finishInverse(builder: PayloadBuilder): Uint8Array {
  return builder.finish({ client: null, author: "", atMs: 0, results: new Uint8Array(0) });
}

function schemaChange(sql: string): InverseError {
  const words = sql.trim().split(/\s+/).slice(0, 4).join(" ");
  return { code: "schema-change", detail: `It changed tables themselves (${words} ...).` };
}

function malformed(): InverseError {
  return { code: "malformed", detail: "It cannot be read." };
}
