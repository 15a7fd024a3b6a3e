/**
 * Runs the statements of one transaction inside its savepoint, schema changes included.
 *
 * All statements are judged before the first runs. A schema change is logged as SQL; what it
 * does to rows beyond that (CREATE TABLE AS SELECT) is logged as rows, because the SELECT could
 * give something else elsewhere.
 */
import { assert } from "../../shared/base/assert.ts";
import type { StatementResult } from "../../shared/api/methods.ts";
import type { JsonCell, SqlStatement } from "../../shared/changes/values.ts";
import { RESULTS_BYTES_MAX } from "../../shared/changes/limits.ts";
import type { PayloadBuilder } from "../../shared/changes/payload.ts";
import { insertAllRows, type BulkInsert } from "./bulk-insert.ts";
import type { Connection, Statement } from "./connection.ts";
import { checkStatement, type CheckedSql } from "./guard.ts";
import { scanImages } from "./image-scan.ts";
import type { Recorder } from "./recorder.ts";
import { Refusal } from "./refusal.ts";
import { findTable, readSchema, schemaProblem, type Schema } from "./schema.ts";
import { namesOf } from "./tokens.ts";
import { bindUserStatement } from "./user-statement.ts";

const COUNTERS_TABLE = "sqlite_sequence";
const ROWS_RETURNED_MAX = 10_000;

type CheckedSchemaChange = CheckedSql & { readonly kind: { readonly type: "schema" } };

/** Runs one transaction's work. */
export class StatementRunner {
  /** Which statement runs now, for error messages. */
  statementIndex: number | undefined = undefined;
  readonly #connection: Connection;
  readonly #recorder: Recorder;
  readonly #builder: PayloadBuilder;
  readonly #isInternal: boolean;
  #schema: Schema;
  #isSchemaStale = false;

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

  /**
   * The schema after what ran so far. Read only when it is asked for: a transaction may make thousands of tables.
   *
   * @throws Refusal when a table in it cannot be shared.
   */
  currentSchema(): Schema {
    if (!this.#isSchemaStale) return this.#schema;
    this.#isSchemaStale = false;
    this.#schema = readSchema(this.#connection);
    const problem = schemaProblem(this.#schema);
    if (problem !== null) throw new Refusal({ code: "sql-refused", message: `${problem}.` });
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
    const schema = this.currentSchema();
    const layout = findTable(schema, table);
    if (layout === null) {
      throw new Refusal({ code: "not-found", message: `There is no table ${table}.` });
    }
    // SQLite counts rows of a statement that failed too.
    let isForgotten = false;
    const mark = (): (() => void) => {
      const marked = this.#builder.mark();
      return () => {
        isForgotten = true;
        this.#builder.rewind(marked);
      };
    };
    const isExcused = (): boolean => isForgotten;
    this.#recorder.cover(schema, [table]);
    const badRows = this.#recorder.step(() =>
      this.#complete([], () => insertAllRows(this.#connection, layout, input, mark), isExcused),
    );
    const changes = input.rows.length - badRows.length;
    const told = input.skipsBadRows === true ? { badRows } : {};
    return { changes, lastInsertRowid: this.#lastInsertRowid(), ...told };
  }

  #run(input: SqlStatement, checked: CheckedSql): StatementResult {
    const { kind, tokens } = checked;
    if (kind.type === "schema") {
      this.#changeSchema(input, { kind, tokens });
      return { changes: 0, lastInsertRowid: this.#lastInsertRowid() };
    }
    const names = kind.type === "write" ? namesOf(tokens) : [];
    if (kind.type === "write") this.#recorder.cover(this.currentSchema(), names);
    const statement = bindUserStatement(this.#connection, input, checked.tokens);
    try {
      const rows = this.#recorder.step(() => this.#complete(names, () => collectRows(statement)));
      // Writing a step anew runs statements of its own, which read only.
      const changes = checked.kind.type === "write" ? this.#connection.changes : 0;
      const lastInsertRowid = this.#lastInsertRowid();
      if (statement.columnCount === 0) return { changes, lastInsertRowid };
      return { changes, lastInsertRowid, columns: statement.columnNames(), rows };
    } finally {
      statement.reset();
    }
  }

  /** Every row that SQLite counts must have been recorded; rows that made way are recorded and not counted. */
  #complete<T>(names: Iterable<string>, action: () => T, isExcused = () => false): T {
    const rowsBefore = this.#builder.rowCount;
    const countBefore = this.#connection.totalChanges;
    const result = action();
    const recorded = this.#builder.rowCount - rowsBefore;
    const counted = this.#connection.totalChanges - countBefore;
    // Counters are shipped as they are, and have no triggers.
    const hasOthers =
      isExcused() ||
      this.#recorder.isOverflowing ||
      this.#schema.reach.isOnCounters ||
      [...names].includes(COUNTERS_TABLE);
    assert(recorded >= counted || hasOthers, "every changed row was recorded");
    return result;
  }

  #changeSchema(input: SqlStatement, { kind, tokens }: CheckedSchemaChange): void {
    const before = kind.isTableDropped || kind.isTableFromSelect ? this.currentSchema() : null;
    const run = (): void => bindUserStatement(this.#connection, input, tokens).run();
    const hasFollowers = kind.isTableDropped && before?.reach.hasFollowers === true;
    if (hasFollowers) {
      // SQLite deletes its rows first, and others may follow them: they are logged before the drop.
      this.#recorder.cover(before, namesOf(tokens));
      this.#recorder.step(run);
    }
    // Temp triggers would stand in the way of ALTER TABLE and be rewritten by it.
    this.#recorder.remove();
    if (!hasFollowers) run();
    this.#isSchemaStale = true;
    if (before !== null && kind.isTableFromSelect) this.#recordNewTables(before);
    else this.#builder.schema(input.sql);
  }

  #recordNewTables(before: Schema): void {
    for (const [name, layout] of this.currentSchema().tables) {
      if (before.tables.has(name)) continue;
      this.#builder.schema(layout.sql);
      scanImages(this.#connection, layout, ({ bytes, length }) => {
        this.#builder.beginRow(layout.shape, "insert");
        this.#builder.images.copy(bytes, 0, length);
      });
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
