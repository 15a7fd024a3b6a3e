import { AS_OF_TABLE, quoteIdentifier, RESERVED_PREFIX } from "../../shared/changes/identifiers.ts";
import { Connection } from "./connection.ts";
import type { SqliteModule } from "./sqlite-module.ts";

/** What is to be in a plain image. */
export type PlainImage = {
  /** Only these tables, without views; null for all of both. */
  readonly tables?: readonly string[] | null;
  /** What the file says of itself, as rows of a table. */
  readonly marks?: readonly (readonly string[])[];
};

/**
 * The image without Tidemark's own tables: a plain SQLite file for other tools. What they held
 * is overwritten with zeros, because backups are given away and invites are secrets.
 */
export function exportPlainImage(
  sqlite: SqliteModule,
  image: Uint8Array,
  { tables = null, marks = [] }: PlainImage = {},
): Uint8Array {
  const connection = new Connection(sqlite, image);
  try {
    dropTables(connection, (name) => isLeftOut(name, tables));
    if (tables !== null) dropViews(connection);
    if (marks.length > 0) writeMarks(connection, marks);
    return connection.exportImage();
  } finally {
    connection.close();
  }
}

/** What they held is overwritten with zeros. */
export function dropTables(connection: Connection, isDropped: (name: string) => boolean): void {
  connection.runOnce("PRAGMA secure_delete = ON");
  // What refers to a table that is dropped would stand in its way.
  connection.runOnce("PRAGMA foreign_keys = OFF");
  const tables = connection
    .cached("SELECT name FROM main.sqlite_schema WHERE type = 'table'")
    .all();
  for (const [value] of tables) {
    const name = String(value);
    if (isDropped(name)) connection.runOnce(`DROP TABLE main.${quoteIdentifier(name)}`);
  }
}

/** Whether it is one of Tidemark's own. */
export function isOwnTable(name: string): boolean {
  return name.toLowerCase().startsWith(RESERVED_PREFIX);
}

function isLeftOut(name: string, tables: readonly string[] | null): boolean {
  if (isOwnTable(name)) return true;
  return tables !== null && !tables.includes(name) && !/^sqlite_/i.test(name);
}

function dropViews(connection: Connection): void {
  const views = connection.cached("SELECT name FROM sqlite_schema WHERE type = 'view'").all();
  for (const [name] of views) {
    connection.runOnce(`DROP VIEW main.${quoteIdentifier(String(name))}`);
  }
}

function writeMarks(connection: Connection, marks: readonly (readonly string[])[]): void {
  connection.runOnce(`CREATE TABLE main.${AS_OF_TABLE} (name TEXT, value TEXT)`);
  const insert = connection.cached(`INSERT INTO main.${AS_OF_TABLE} VALUES (?1, ?2)`);
  for (const mark of marks) insert.run(mark);
}
