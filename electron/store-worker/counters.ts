import type { TableCounter } from "../../shared/changes/payload.ts";
import type { Connection } from "./connection.ts";
import type { Schema } from "./schema.ts";

/** All AUTOINCREMENT counters, by table name. */
export type Counters = readonly TableCounter[];

/** Reads SQLite's `sqlite_sequence`; empty when no table counts. */
export function readCounters(connection: Connection, schema: Schema): Counters {
  if (!schema.hasCounters) return [];
  return connection
    .cached("SELECT name, seq FROM sqlite_sequence ORDER BY name, rowid")
    .all()
    .map(([table, value]) => ({ table: String(table), value: toCounter(value) }));
}

/** Replaces them all. */
export function writeCounters(connection: Connection, counters: Counters): void {
  connection.run("DELETE FROM sqlite_sequence");
  for (const { table, value } of counters) {
    // The column has no type, and wide integers cannot be bound: the text is cast.
    connection
      .cached("INSERT INTO sqlite_sequence(name, seq) VALUES (?, CAST(? AS INTEGER))")
      .run([table, String(value)]);
  }
}

/** SQLite itself reads whatever a user wrote there as an integer. */
function toCounter(value: unknown): bigint {
  return typeof value === "bigint" ? value : 0n;
}
