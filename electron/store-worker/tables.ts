import type { ColumnInfo, TableInfo } from "../../shared/api/methods.ts";
import { err, ok, type Result } from "../../shared/base/result.ts";
import { isReservedName, quoteIdentifier } from "../../shared/changes/identifiers.ts";
import type { Connection } from "./connection.ts";
import type { StoreError } from "./messages.ts";
import { SqliteError } from "./connection.ts";

const HIDDEN_VIRTUAL = 2n;
const HIDDEN_STORED = 3n;

/**
 * The user's tables and views.
 *
 * @param rowCounts What is known; tables counted here are added to it.
 */
export function listTables(connection: Connection, rowCounts: Map<string, number>): TableInfo[] {
  const list = connection.cached(
    "SELECT name, type, wr FROM pragma_table_list " +
      "WHERE schema = 'main' AND type IN ('table', 'view') ORDER BY name COLLATE NOCASE",
  );
  const tables: TableInfo[] = [];
  for (const [nameValue, type, withoutRowid] of list.all()) {
    const name = String(nameValue);
    if (isReservedName(name)) continue;
    const kind = type === "view" ? "view" : "table";
    const rowCount = kind === "view" ? null : countRows(connection, name, rowCounts);
    const columns = columnsOf(connection, name) ?? [];
    const hasRowid = kind === "table" && withoutRowid === 0n;
    tables.push({ name, kind, columns, rowCount, hasRowid });
  }
  return tables;
}

/** The columns of a table or view. */
export function readColumns(
  connection: Connection,
  table: string,
): Result<readonly ColumnInfo[], StoreError> {
  const columns = isReservedName(table) ? null : columnsOf(connection, table);
  if (columns === null || columns.length === 0) {
    return err({ code: "not-found", message: `There is no table ${table}.` });
  }
  return ok(columns);
}

/** null for a view whose tables are gone. */
function columnsOf(connection: Connection, table: string): ColumnInfo[] | null {
  const statement = connection.cached(
    'SELECT name, type, "notnull", pk, hidden, dflt_value ' +
      "FROM pragma_table_xinfo(?1, 'main') WHERE hidden <> 1 ORDER BY cid",
  );
  try {
    return statement.all([table]).map(([name, type, notNull, key, hidden, defaultSql]) => ({
      name: String(name),
      type: String(type),
      isNullable: notNull === 0n,
      keyPlace: Number(key),
      isGenerated: hidden === HIDDEN_VIRTUAL || hidden === HIDDEN_STORED,
      defaultSql: defaultSql === null || defaultSql === undefined ? null : String(defaultSql),
    }));
  } catch (error) {
    if (!(error instanceof SqliteError)) throw error;
    return null;
  }
}

function countRows(connection: Connection, name: string, rowCounts: Map<string, number>): number {
  const known = rowCounts.get(name);
  if (known !== undefined) return known;
  const { statement } = connection.prepare(`SELECT count(*) FROM main.${quoteIdentifier(name)}`);
  if (statement === null) return 0;
  try {
    const count = Number(statement.first()?.[0] ?? 0);
    rowCounts.set(name, count);
    return count;
  } finally {
    statement.finalize();
  }
}
