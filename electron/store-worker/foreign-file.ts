/**
 * A SQLite file of another program, opened in a thread of its own: whatever is wrong with it ends
 * that thread and nothing else. Nothing of it runs but what reads tables.
 */
import type {
  ForeignContents,
  ForeignObject,
  ForeignRows,
  ForeignTable,
} from "../../shared/api/interchange.ts";
import { err, ok, type Result } from "../../shared/base/result.ts";
import { isMarkTable, isReservedName, quoteIdentifier } from "../../shared/changes/identifiers.ts";
import type { JsonCell } from "../../shared/changes/values.ts";
import { Connection, SqliteError, type Statement } from "./connection.ts";
import type { ForeignError, ForeignMethods } from "./foreign-messages.ts";
import type { SqliteModule } from "./sqlite-module.ts";
import { readColumns } from "./tables.ts";

const ROWS_MAX = 5_000;
/** An answer ends after the row that reaches it. */
const ROWS_BYTES_MAX = 4 * 1024 * 1024;
/** Where the header says how the file is written, and what it says of a write-ahead log. */
const WRITE_VERSION_AT = 18;
const READ_VERSION_AT = 19;
const WITH_LOG = 2;
const WITHOUT_LOG = 1;

type Cursor = { readonly table: string; readonly statement: Statement; at: number };

/** One such file. */
export class ForeignFile {
  readonly #sqlite: SqliteModule;
  #connection: Connection | null = null;
  /** Rows are asked for in order, so the next ones are where the last ones ended. */
  #cursor: Cursor | null = null;

  constructor(sqlite: SqliteModule) {
    this.#sqlite = sqlite;
  }

  /** Carries out one call. @throws for bugs, and where SQLite itself gives up: the thread then ends. */
  handle<M extends keyof ForeignMethods>(
    method: M,
    params: ForeignMethods[M]["params"],
  ): ForeignMethods[M]["result"] {
    const result =
      method === "contents"
        ? this.#attempt(() =>
            this.#contents((params as ForeignMethods["contents"]["params"]).image),
          )
        : this.#attempt(() => ok(this.#rows(params as ForeignMethods["rows"]["params"])));
    return result as ForeignMethods[M]["result"];
  }

  #attempt<T>(action: () => Result<T, ForeignError>): Result<T, ForeignError> {
    try {
      return action();
    } catch (error) {
      if (!(error instanceof SqliteError)) throw error;
      return err({
        code: "bad-request",
        message: `SQLite cannot read this file: ${error.message}.`,
      });
    }
  }

  #contents(image: Uint8Array): Result<ForeignContents, ForeignError> {
    const notes: string[] = [];
    if (image[READ_VERSION_AT] === WITH_LOG) {
      // What the log holds is in another file; what this one holds is whole all the same.
      image[WRITE_VERSION_AT] = WITHOUT_LOG;
      image[READ_VERSION_AT] = WITHOUT_LOG;
      notes.push(
        "Its program keeps newest changes in a file beside it (-wal), which is not read: close that program first.",
      );
    }
    const connection = new Connection(this.#sqlite, image);
    this.#connection = connection;
    // What a schema refers to is not run while it is read.
    connection.runOnce("PRAGMA trusted_schema = OFF");
    const version = connection.cached("PRAGMA user_version").first()?.[0] ?? 0n;
    if (version !== 0n) notes.push(`Its user_version ${String(version)} is not taken over.`);
    return ok({
      tables: sortedByReference(connection, this.#tables(connection)),
      indexes: objectsOf(connection, "index"),
      views: objectsOf(connection, "view"),
      triggers: objectsOf(connection, "trigger"),
      notes,
    });
  }

  #tables(connection: Connection): ForeignTable[] {
    const list = connection.cached(
      "SELECT l.name, l.type, s.sql FROM pragma_table_list l JOIN main.sqlite_schema s " +
        "ON s.name = l.name AND s.type = 'table' WHERE l.schema = 'main' ORDER BY s.rowid",
    );
    const tables: ForeignTable[] = [];
    for (const [nameValue, type, sqlValue] of list.all()) {
      const name = String(nameValue);
      const sql = String(sqlValue);
      if (/^sqlite_/i.test(name) || isMarkTable(name)) continue;
      const refusal = refusalOf(name, String(type));
      if (refusal !== null) {
        tables.push({ name, sql, columns: [], rowCount: 0, refusal });
        continue;
      }
      const columns = readColumns(connection, name);
      const filled = columns.ok ? columns.value.filter(({ isGenerated }) => !isGenerated) : [];
      const rowCount = countRows(connection, name);
      tables.push({ name, sql, columns: filled.map((each) => each.name), rowCount, refusal });
    }
    return tables;
  }

  #rows({ table, columns, from }: ForeignMethods["rows"]["params"]): ForeignRows {
    const cursor = this.#cursorAt(table, columns, from);
    const rows: JsonCell[][] = [];
    let bytes = 0;
    while (rows.length < ROWS_MAX && bytes < ROWS_BYTES_MAX) {
      if (!cursor.statement.step()) {
        this.#closeCursor();
        return { rows, isLast: true };
      }
      bytes += cursor.statement.rowBytes;
      rows.push(cursor.statement.cells());
      cursor.at += 1;
    }
    return { rows, isLast: false };
  }

  #cursorAt(table: string, columns: readonly string[], from: number): Cursor {
    if (this.#cursor?.table === table && this.#cursor.at === from) return this.#cursor;
    this.#closeCursor();
    const connection = this.#connection;
    if (connection === null) throw new SqliteError("no file was opened", 1);
    const names = columns.map(quoteIdentifier).join(", ");
    const source = `main.${quoteIdentifier(table)}`;
    const { statement } = connection.prepare(
      `SELECT ${names} FROM ${source} LIMIT -1 OFFSET ${from}`,
    );
    if (statement === null) throw new SqliteError("there is no statement", 1);
    this.#cursor = { table, statement, at: from };
    return this.#cursor;
  }

  #closeCursor(): void {
    this.#cursor?.statement.finalize();
    this.#cursor = null;
  }
}

function refusalOf(name: string, type: string): string | null {
  if (type === "virtual") return "Virtual tables (full-text search, R-trees) cannot be shared.";
  if (type === "shadow") return "It belongs to a virtual table.";
  return isReservedName(name) ? "Its name is kept for Tidemark's own tables." : null;
}

function countRows(connection: Connection, name: string): number {
  const { statement } = connection.prepare(`SELECT count(*) FROM main.${quoteIdentifier(name)}`);
  try {
    return Number(statement?.first()?.[0] ?? 0);
  } finally {
    statement?.finalize();
  }
}

/** Those made by a statement; what SQLite makes by itself for a key has none. */
function objectsOf(connection: Connection, type: string): ForeignObject[] {
  const list = connection.cached(
    "SELECT name, tbl_name, sql FROM main.sqlite_schema " +
      "WHERE type = ?1 AND sql IS NOT NULL ORDER BY rowid",
  );
  return list
    .all([type])
    .map(([name, table, sql]) => ({ name: String(name), table: String(table), sql: String(sql) }));
}

/** So that rows that are referred to are there first; where tables refer in a circle, as they come. */
function sortedByReference(
  connection: Connection,
  tables: readonly ForeignTable[],
): ForeignTable[] {
  const keys = connection.cached('SELECT DISTINCT "table" FROM pragma_foreign_key_list(?1)');
  const parents = new Map(
    tables.map(({ name }) => [
      name.toLowerCase(),
      keys.all([name]).map(([parent]) => String(parent).toLowerCase()),
    ]),
  );
  const sorted: ForeignTable[] = [];
  const seen = new Set<string>();
  const visit = (table: ForeignTable): void => {
    const lower = table.name.toLowerCase();
    if (seen.has(lower)) return;
    seen.add(lower);
    for (const parent of parents.get(lower) ?? []) {
      const found = tables.find(({ name }) => name.toLowerCase() === parent);
      if (found !== undefined) visit(found);
    }
    sorted.push(table);
  };
  tables.forEach(visit);
  return sorted;
}
