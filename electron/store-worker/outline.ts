/** A database without its rows, and its rows without the database: what a former state is carried over by. */
import { assert } from "../../shared/base/assert.ts";
import { err, ok, type Result } from "../../shared/base/result.ts";
import { formatChecksum } from "../../shared/changes/checksum.ts";
import { isReservedName, quoteIdentifier } from "../../shared/changes/identifiers.ts";
import { finishInverse } from "../../shared/changes/inverse.ts";
import { TRANSACTION_BYTES_MAX } from "../../shared/changes/limits.ts";
import { PayloadBuilder } from "../../shared/changes/payload.ts";
import type { Outline, SchemaObject } from "../../shared/changes/restore-plan.ts";
import { namesRow, rowMatcher } from "../../shared/changes/row-name.ts";
import type { Connection } from "./connection.ts";
import { readCounters } from "./counters.ts";
import type { StoreError, StoreMethods } from "./messages.ts";
import type { Schema } from "./schema.ts";
import type { StoreState } from "./state.ts";
import type { TableLayout } from "./table-layout.ts";

/** Reads it. */
export function readOutline(
  connection: Connection,
  { schema, checksums }: Pick<StoreState, "schema" | "checksums">,
): Outline {
  const tables = [...schema.tables.values()].filter(({ shape }) => !isReservedName(shape.name));
  return {
    objects: readObjects(connection),
    tables: tables.map(({ shape }) => {
      const sum = checksums.get(shape.name);
      const checksum = sum === undefined ? "" : formatChecksum(sum);
      return { name: shape.name, columns: shape.columns, checksum };
    }),
    counters: readCounters(connection, schema),
  };
}

/** What people made, in the order in which they did. */
export function readObjects(connection: Connection): SchemaObject[] {
  const rows = connection
    .cached("SELECT type, name, tbl_name, sql FROM main.sqlite_schema ORDER BY rowid")
    .all();
  const objects: SchemaObject[] = [];
  for (const [type, name, table, sql] of rows) {
    // What a constraint made has no SQL, and comes with its table.
    if (typeof sql !== "string" || /^sqlite_/i.test(String(name))) continue;
    if (isReservedName(String(table))) continue;
    objects.push({
      type: type as SchemaObject["type"],
      name: String(name),
      table: String(table),
      sql,
    });
  }
  return objects;
}

/** All rows of some tables, or one row, as a payload of inserts. */
export function readFormerRows(
  connection: Connection,
  schema: Schema,
  { tables, row }: StoreMethods["formerRows"]["params"],
): Result<Uint8Array, StoreError> {
  const matcher = row === null ? ok(null) : rowMatcher(row);
  if (!matcher.ok) return matcher;
  const builder = new PayloadBuilder();
  for (const name of tables) {
    const layout = schema.tables.get(name);
    if (layout === undefined) {
      return err({ code: "not-found", message: `There was no table ${name} then.` });
    }
    for (const image of imagesOf(connection, layout)) {
      const isMeant = matcher.value === null || namesRow(image, layout.shape, matcher.value.values);
      if (!isMeant) continue;
      builder.beginRow(layout.shape, "insert");
      builder.images.copy(image, 0, image.length);
      if (builder.bytes > TRANSACTION_BYTES_MAX) return err(tooMuch(name));
    }
  }
  return ok(finishInverse(builder));
}

/** The images of all rows. Each is valid until the next. */
export function* imagesOf(connection: Connection, layout: TableLayout): Generator<Uint8Array> {
  const table = quoteIdentifier(layout.shape.name);
  const { statement } = connection.prepare(
    `SELECT ${layout.imageSql.join(",")} FROM main.${table} NOT INDEXED`,
  );
  assert(statement !== null, "a SELECT is a statement");
  const { scratch } = connection;
  try {
    while (statement.step()) {
      scratch.length = 0;
      statement.writeImage(scratch);
      yield scratch.bytes.subarray(0, scratch.length);
    }
  } finally {
    statement.finalize();
  }
}

function tooMuch(table: string): StoreError {
  const message =
    `The rows of then come to more than ${TRANSACTION_BYTES_MAX / 1024 / 1024} MiB (at table ${table}). ` +
    "Bring back one table after the other, or single rows; `tidemark export --as-of` gives all of them.";
  return { code: "too-large", message };
}
