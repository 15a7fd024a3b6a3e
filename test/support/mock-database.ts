/**
 * The SQLite database behind the mock agent: plain SQL, none of the real store's rules.
 */
import initSqlJs, { type Database, type SqlValue, type Statement } from "sql.js";
import type { StatementResult, TableInfo } from "../../shared/api/methods.ts";
import type { JsonCell, SqlStatement } from "../../shared/changes/values.ts";

/** Rows of an answer. */
export type MockRows = { readonly columns: string[]; readonly rows: JsonCell[][] };

/** One in-memory SQLite database behind the mock agent. */
export class MockDatabase {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  static async open(): Promise<MockDatabase> {
    const sqlJs = await initSqlJs();
    return new MockDatabase(new sqlJs.Database());
  }

  close(): void {
    this.#database.close();
  }

  /** All statements or none; throws SQLite's error. */
  execute(statements: readonly SqlStatement[]): StatementResult[] {
    this.#database.run("BEGIN");
    try {
      const results = statements.map((statement) => {
        const { columns, rows } = this.query(statement, 100_000);
        const changes = this.#database.getRowsModified();
        const returned = columns.length > 0 ? { columns, rows } : {};
        return {
          changes,
          lastInsertRowid: this.#scalar("SELECT last_insert_rowid()"),
          ...returned,
        };
      });
      this.#database.run("COMMIT");
      return results;
    } catch (error) {
      this.#database.run("ROLLBACK");
      throw error;
    }
  }

  query(statement: SqlStatement, rowsMax: number): MockRows & { readonly isTruncated: boolean } {
    const prepared = this.#database.prepare(statement.sql);
    try {
      prepared.bind(bindable(statement));
      const rows: JsonCell[][] = [];
      let isTruncated = false;
      while (prepared.step()) {
        isTruncated = rows.length === rowsMax;
        if (isTruncated) break;
        const values = readRow(prepared);
        rows.push(values.map(toJson));
      }
      return { columns: prepared.getColumnNames(), rows, isTruncated };
    } finally {
      prepared.free();
    }
  }

  tables(): TableInfo[] {
    const { rows } = this.query(
      {
        sql: `SELECT l.name, l.type, l.wr, s.sql IS NULL FROM pragma_table_list l
              LEFT JOIN sqlite_schema s ON s.name = l.name
              WHERE l.schema = 'main' AND l.name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY l.name`,
      },
      1_000,
    );
    return rows.map((row) => this.#table(String(row[0]), row[1] === "view", row[2] === 1));
  }

  /** The tables that statements name; a guess that is good enough here. */
  touchedTables(statements: readonly string[]): string[] {
    const text = statements.join("\n");
    const names = this.tables().map((table) => table.name);
    const touched = names.filter((name) => text.includes(name));
    return touched.length === 0 ? ["*"] : touched;
  }

  #table(name: string, isView: boolean, isKeyed: boolean): TableInfo {
    const columns = this.query(
      {
        sql: `SELECT name, type, "notnull", pk, hidden, dflt_value FROM pragma_table_xinfo(?)`,
        params: [name],
      },
      1_000,
    ).rows.map((row) => ({
      name: String(row[0]),
      type: String(row[1]),
      isNullable: row[2] === 0,
      keyPlace: Number(row[3]),
      isGenerated: Number(row[4]) > 1,
      defaultSql: row[5] === null ? null : String(row[5]),
    }));
    const quoted = `"${name.replaceAll('"', '""')}"`;
    return {
      name,
      kind: isView ? "view" : "table",
      columns,
      rowCount: isView ? null : Number(this.#scalar(`SELECT count(*) FROM ${quoted}`)),
      hasRowid: !isView && !isKeyed,
    };
  }

  #scalar(sql: string): JsonCell {
    return this.query({ sql }, 1).rows[0]?.[0] ?? null;
  }
}

/** Whole numbers as bigint: sql.js can do it, its types do not know. */
function readRow(prepared: Statement): (SqlValue | bigint)[] {
  const reader = prepared as unknown as {
    get(params: null, config: { readonly useBigInt: true }): (SqlValue | bigint)[];
  };
  return reader.get(null, { useBigInt: true });
}

function bindable(statement: SqlStatement): SqlValue[] {
  const { params } = statement;
  if (params === undefined) return [];
  return Object.values(params).map((cell: JsonCell) => {
    if (cell === null || typeof cell !== "object") return cell;
    if ("$int" in cell) return BigInt(cell.$int) as unknown as number;
    if ("$real" in cell) return Number(cell.$real);
    return Uint8Array.from(Buffer.from(cell.$blob, "base64"));
  });
}

function toJson(value: SqlValue | bigint): JsonCell {
  if (typeof value === "bigint") {
    const whole = Number(value);
    return Number.isSafeInteger(whole) ? whole : { $int: value.toString() };
  }
  if (typeof value === "number" && Number.isInteger(value)) return { $real: value.toFixed(1) };
  if (value instanceof Uint8Array) return { $blob: Buffer.from(value).toString("base64") };
  return value;
}
