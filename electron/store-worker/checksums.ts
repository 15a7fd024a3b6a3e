/**
 * Checksums computed from what is in the database now: for `verify`, and for tables whose rows
 * a schema change rewrote. Two pseudo-tables cover what has no triggers: `sqlite_schema` and
 * the AUTOINCREMENT counters in `sqlite_sequence`.
 */
import { CHECKSUM_ZERO, RowSum, type Checksum } from "../../shared/changes/checksum.ts";
import type { Connection, Statement } from "./connection.ts";
import { scanImages } from "./image-scan.ts";
import type { TableLayout } from "./table-layout.ts";
import type { Schema } from "./schema.ts";

/** Names under which the sums of the pseudo-tables are kept. */
export const PSEUDO_TABLE = { SCHEMA: "sqlite_schema", COUNTERS: "sqlite_sequence" } as const;

/** The sum over a table's rows. */
export function sumTable(connection: Connection, layout: TableLayout): Checksum {
  const sum = new RowSum(layout.shape.name, CHECKSUM_ZERO);
  scanImages(connection, layout, (image) => sum.add(image.bytes, 0, image.length));
  return sum.value;
}

/** The sum over the user's schema. */
export function sumSchema(connection: Connection): Checksum {
  const sql =
    "SELECT type, name, tbl_name, sql FROM main.sqlite_schema " +
    "WHERE substr(lower(name), 1, 7) <> 'sqlite_' AND substr(lower(tbl_name), 1, 10) <> '_tidemark_'";
  return sumQuery(connection, PSEUDO_TABLE.SCHEMA, connection.cached(sql));
}

/** The sum over the AUTOINCREMENT counters; null without such a table. */
export function sumCounters(connection: Connection, schema: Schema): Checksum | null {
  if (!schema.hasCounters) return null;
  const statement = connection.cached("SELECT name, seq FROM sqlite_sequence");
  return sumQuery(connection, PSEUDO_TABLE.COUNTERS, statement);
}

/** Everything anew. */
export function sumAll(connection: Connection, schema: Schema): Map<string, Checksum> {
  const sums = new Map<string, Checksum>();
  for (const [name, layout] of schema.tables) sums.set(name, sumTable(connection, layout));
  sums.set(PSEUDO_TABLE.SCHEMA, sumSchema(connection));
  const counters = sumCounters(connection, schema);
  if (counters !== null) sums.set(PSEUDO_TABLE.COUNTERS, counters);
  return sums;
}

function sumQuery(connection: Connection, name: string, statement: Statement): Checksum {
  const sum = new RowSum(name, CHECKSUM_ZERO);
  const { scratch } = connection;
  try {
    while (statement.step()) {
      scratch.length = 0;
      statement.writeImage(scratch);
      sum.add(scratch.bytes, 0, scratch.length);
    }
    return sum.value;
  } finally {
    statement.reset();
  }
}
