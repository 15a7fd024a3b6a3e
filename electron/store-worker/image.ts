import { quoteIdentifier, RESERVED_PREFIX } from "../../shared/changes/identifiers.ts";
import { Connection } from "./connection.ts";
import type { SqliteModule } from "./sqlite-module.ts";

/**
 * The image without Tidemark's own tables: a plain SQLite file for other tools. What they held
 * is overwritten with zeros, because backups are given away and invites are secrets.
 */
export function exportPlainImage(sqlite: SqliteModule, image: Uint8Array): Uint8Array {
  const connection = new Connection(sqlite, image);
  try {
    connection.runOnce("PRAGMA secure_delete = ON");
    const names = connection
      .cached("SELECT name FROM sqlite_schema WHERE type = 'table'")
      .all()
      .map((row) => String(row[0]))
      .filter((name) => name.toLowerCase().startsWith(RESERVED_PREFIX));
    for (const name of names) connection.runOnce(`DROP TABLE main.${quoteIdentifier(name)}`);
    return connection.exportImage();
  } finally {
    connection.close();
  }
}
