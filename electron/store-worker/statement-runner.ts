/**
 * Runs the statements of one transaction inside its savepoint, schema changes included.
 *
 * All statements are judged before the first runs. A schema change is logged as SQL; what it
 * does to rows beyond that (CREATE TABLE AS SELECT) is logged as rows, because the SELECT could
 * give something else elsewhere.
 */
import type { StatementResult } from "../../shared/api/methods.ts";
import type { JsonCell, SqlStatement } from "../../shared/changes/values.ts";
import { quoteIdentifier } from "../../shared/changes/identifiers.ts";
import { RESULTS_BYTES_MAX } from "../../shared/changes/limits.ts";
import type { PayloadBuilder } from "../../shared/changes/payload.ts";
import { insertAllRows, type BulkInsert } from "./bulk-insert.ts";
import type { Connection, Statement } from "./connection.ts";
import { checkStatement, type CheckedSql } from "./guard.ts";
import type { Recorder } from "./recorder.ts";
import { Refusal } from "./refusal.ts";
import type { TableLayout } from "./table-layout.ts";
import { findTable, readSchema, schemaProblem, type Schema } from "./schema.ts";
import { bindUserStatement } from "./user-statement.ts";

const ROWS_RETURNED_MAX = 10_000;

/** Runs one transaction's work. */
export class StatementRunner {
  /** Which statement runs now, for error messages. */
  statementIndex: number | undefined = undefined;
  readonly #connection: Connection;
  readonly #recorder: Recorder;
  readonly #builder: PayloadBuilder;
  readonly #isInternal: boolean;
  #schema: Schema;

  constructor(
    connection: Connection,
    recorder: Recorder,
    work: {
      readonly builder: PayloadBuilder;
      readonly schema: Schema;
      readonly isInternal: boolean;
    },
  ) {
    this.#connection = connection;
    this.#recorder = recorder;
    this.#builder = work.builder;
    this.#schema = work.schema;
    this.#isInternal = work.isInternal;
  }

  /** The schema after what ran so far. */
  get schema(): Schema {
    return this.#schema;
  }

  /** @throws Refusal, SqliteError */
  runAll(statements: readonly SqlStatement[]): StatementResult[] {
    const checked = statements.map((statement, i) => {
      this.statementIndex = i;
      const verdict = checkStatement(statement.sql, this.#isInternal);
      if (!verdict.ok) throw new Refusal(verdict.error);
      return verdict.value;
    });
    return statements.map((statement, i) => {
      this.statementIndex = i;
      return this.#run(statement, checked[i] as CheckedSql);
    });
  }

  /** @throws Refusal naming the row. */
  insertRows(table: string, input: BulkInsert): StatementResult {
    const layout = findTable(this.#schema, table);
    if (layout === null) {
      throw new Refusal({ code: "not-found", message: `There is no table ${table}.` });
    }
    this.#recorder.step(() => insertAllRows(this.#connection, layout, input));
    return { changes: input.rows.length, lastInsertRowid: this.#lastInsertRowid() };
  }

  #run(input: SqlStatement, checked: CheckedSql): StatementResult {
    if (checked.kind.type === "schema") {
      this.#changeSchema(input, checked);
      return { changes: 0, lastInsertRowid: this.#lastInsertRowid() };
    }
    // After a schema change only: often nothing but further schema changes follow it.
    this.#recorder.install(this.#schema);
    const statement = bindUserStatement(this.#connection, input, checked.tokens);
    try {
      const rows = this.#recorder.step(() => collectRows(statement));
      // Writing a step anew runs statements of its own, which read only.
      const changes = checked.kind.type === "write" ? this.#connection.changes : 0;
      const lastInsertRowid = this.#lastInsertRowid();
      if (statement.columnCount === 0) return { changes, lastInsertRowid };
      return { changes, lastInsertRowid, columns: statement.columnNames(), rows };
    } finally {
      statement.reset();
    }
  }

  #changeSchema(input: SqlStatement, checked: CheckedSql): void {
    const before = this.#schema;
    // From here on the schema counts as changed, also when the statement fails.
    this.#schema = { ...before };
    const run = (): void => bindUserStatement(this.#connection, input, checked.tokens).run();
    const isDrop = checked.kind.type === "schema" && checked.kind.isTableDropped;
    const hasFollowers = isDrop && before.parentsOfActions.size > 0;
    if (hasFollowers) {
      // SQLite deletes its rows first, and others may follow them: they are logged before the drop.
      this.#recorder.install(before);
      this.#recorder.step(run);
    }
    // Temp triggers would stand in the way of ALTER TABLE and be rewritten by it.
    this.#recorder.remove();
    if (!hasFollowers) run();
    this.#schema = readSchema(this.#connection);
    const problem = schemaProblem(this.#schema);
    if (problem !== null) throw new Refusal({ code: "sql-refused", message: `${problem}.` });
    if (checked.kind.type === "schema" && checked.kind.isTableFromSelect) {
      this.#recordNewTables(before);
    } else this.#builder.schema(input.sql);
  }

  #recordNewTables(before: Schema): void {
    for (const [name, layout] of this.#schema.tables) {
      if (before.tables.has(name)) continue;
      this.#builder.schema(layout.sql);
      recordAllRows(this.#connection, layout, this.#builder);
    }
  }

  #lastInsertRowid(): JsonCell {
    const statement = this.#connection.cached("SELECT last_insert_rowid()");
    try {
      statement.step();
      return statement.cells()[0] ?? null;
    } finally {
      statement.reset();
    }
  }
}

function collectRows(statement: Statement): JsonCell[][] {
  const rows: JsonCell[][] = [];
  let bytes = 0;
  while (statement.step()) {
    bytes += statement.rowBytes;
    if (bytes > RESULTS_BYTES_MAX) {
      const message = `The answer of a transaction has at most ${RESULTS_BYTES_MAX} bytes.`;
      throw new Refusal({ code: "too-large", message });
    }
    rows.push(statement.cells());
    if (rows.length <= ROWS_RETURNED_MAX) continue;
    const message = `A statement in a transaction returns at most ${ROWS_RETURNED_MAX} rows.`;
    throw new Refusal({ code: "too-large", message });
  }
  return rows;
}

function recordAllRows(connection: Connection, layout: TableLayout, builder: PayloadBuilder): void {
  const table = quoteIdentifier(layout.shape.name);
  const { statement } = connection.prepare(
    `SELECT ${layout.imageSql.join(",")} FROM main.${table} NOT INDEXED`,
  );
  if (statement === null) return;
  try {
    while (statement.step()) {
      builder.beginRow(layout.shape, "insert");
      statement.writeImage(builder.images);
    }
  } finally {
    statement.finalize();
  }
}
