/**
 * One open database: prepared statements, values in and out, errors.
 *
 * Failures of SQL are thrown as `SqliteError` inside this folder and turned into results at its
 * edge (`engine.ts`), because a transaction must be unwound from wherever it failed.
 */
import { assert } from "../../shared/base/assert.ts";
import { ImageWriter } from "../../shared/changes/row-image.ts";
import type { JsonCell, Value } from "../../shared/changes/values.ts";
import { base64Encode } from "../../shared/changes/base64.ts";
import { cellFromReal } from "../../shared/changes/json-cell.ts";
import { KeptStatements } from "./kept-statements.ts";
import type { RawDatabase, SqliteModule } from "./sqlite-module.ts";

/** SQLite's storage classes as `sqlite3_column_type` numbers them. */
export const STORAGE = { INTEGER: 1, REAL: 2, TEXT: 3, BLOB: 4, NULL: 5 } as const;

const SQLITE_ROW = 100;
const SQLITE_DONE = 101;
const SQLITE_CONSTRAINT = 19;
const SQLITE_RANGE = 25;
const COPY_AT_ONCE = -1;
const INT32_MIN = -2147483648;
const INT32_MAX = 2147483647;

/** SQLite said no. `isConstraint` tells a broken constraint from wrong SQL. */
export class SqliteError extends Error {
  override readonly name = "SqliteError";
  readonly isConstraint: boolean;

  constructor(message: string, code: number) {
    super(message);
    this.isConstraint = (code & 0xff) === SQLITE_CONSTRAINT;
  }
}

/** A prepared statement. Columns are counted from 0, parameters from 1, as in SQLite. */
export class Statement {
  readonly pointer: number;
  readonly #connection: Connection;
  readonly #sqlite: SqliteModule;

  constructor(connection: Connection, sqlite: SqliteModule, pointer: number) {
    this.#connection = connection;
    this.#sqlite = sqlite;
    this.pointer = pointer;
  }

  /** Whether there is a row. */
  step(): boolean {
    const code = this.#sqlite.raw._sqlite3_step(this.pointer);
    if (code === SQLITE_ROW) return true;
    if (code === SQLITE_DONE) return false;
    throw this.#connection.failure(code);
  }

  /** Ends the execution; bound values stay. */
  reset(): void {
    this.#sqlite.raw._sqlite3_reset(this.pointer);
  }

  /** Runs to the end, from fresh bindings in order. */
  run(values: readonly Value[] = []): void {
    this.bindAll(values);
    try {
      while (this.step());
    } finally {
      this.reset();
    }
  }

  /** The first row's values, or null. */
  first(values: readonly Value[] = []): Value[] | null {
    this.bindAll(values);
    try {
      return this.step() ? this.row() : null;
    } finally {
      this.reset();
    }
  }

  /** All rows' values; for small results. */
  all(values: readonly Value[] = []): Value[][] {
    this.bindAll(values);
    const rows: Value[][] = [];
    try {
      while (this.step()) rows.push(this.row());
      return rows;
    } finally {
      this.reset();
    }
  }

  bindAll(values: readonly Value[]): void {
    for (let i = 0; i < values.length; i++) this.bind(i + 1, values[i] as Value);
  }

  /**
   * Binds one value. SQL.js exports no 64-bit bind, so an integer beyond 32 bits must have been
   * written into the SQL, unless its column makes it an integer again (see `bind-image.ts`).
   */
  bind(place: number, value: Value): void {
    const { raw } = this.#sqlite;
    if (value === null) this.#check(raw._sqlite3_bind_blob(this.pointer, place, 0, 0, 0));
    else if (typeof value === "bigint") {
      const number = Number(value);
      assert(number >= INT32_MIN && number <= INT32_MAX, "wide integers are written into the SQL");
      this.#check(raw._sqlite3_bind_int(this.pointer, place, number));
    } else if (typeof value === "number") {
      this.#check(raw._sqlite3_bind_double(this.pointer, place, value));
    } else this.#bindBytes(place, value);
  }

  columnNames(): string[] {
    const { raw } = this.#sqlite;
    const names: string[] = [];
    const count = raw._sqlite3_column_count(this.pointer);
    for (let i = 0; i < count; i++) {
      names.push(raw.UTF8ToString(raw._sqlite3_column_name(this.pointer, i)));
    }
    return names;
  }

  get columnCount(): number {
    return this.#sqlite.raw._sqlite3_column_count(this.pointer);
  }

  /** The current row. */
  row(): Value[] {
    const values: Value[] = [];
    for (let i = 0, count = this.columnCount; i < count; i++) values.push(this.value(i));
    return values;
  }

  value(column: number): Value {
    const { raw } = this.#sqlite;
    switch (raw._sqlite3_column_type(this.pointer, column)) {
      case STORAGE.NULL:
        return null;
      case STORAGE.INTEGER: {
        const number = raw._sqlite3_column_double(this.pointer, column);
        return Number.isSafeInteger(number) ? BigInt(number) : BigInt(this.#text(column));
      }
      case STORAGE.REAL:
        return raw._sqlite3_column_double(this.pointer, column);
      case STORAGE.TEXT:
        return this.#text(column);
      default:
        return this.#blob(column);
    }
  }

  /** Bytes of the current row's texts and blobs: to be asked before `cells` copies them. */
  get rowBytes(): number {
    const { raw } = this.#sqlite;
    let bytes = 0;
    for (let i = 0, count = this.columnCount; i < count; i++) {
      const type = raw._sqlite3_column_type(this.pointer, i);
      // Of a number SQLite would make a text first.
      if (type !== STORAGE.TEXT && type !== STORAGE.BLOB) continue;
      bytes += raw._sqlite3_column_bytes(this.pointer, i);
    }
    return bytes;
  }

  /** The current row as JSON cells. */
  cells(): JsonCell[] {
    const { raw } = this.#sqlite;
    const cells: JsonCell[] = [];
    for (let i = 0, count = this.columnCount; i < count; i++) {
      const type = raw._sqlite3_column_type(this.pointer, i);
      if (type === STORAGE.NULL) cells.push(null);
      else if (type === STORAGE.TEXT) cells.push(this.#text(i));
      else if (type === STORAGE.BLOB) cells.push({ $blob: base64Encode(this.#blob(i)) });
      else {
        const number = raw._sqlite3_column_double(this.pointer, i);
        if (type === STORAGE.REAL) cells.push(cellFromReal(number));
        else cells.push(Number.isSafeInteger(number) ? number : { $int: this.#text(i) });
      }
    }
    return cells;
  }

  /** Appends the current row's columns, from `first` on, to an image. */
  writeImage(writer: ImageWriter, first = 0): void {
    const { raw } = this.#sqlite;
    const statement = this.pointer;
    for (let i = first, count = raw._sqlite3_column_count(statement); i < count; i++) {
      switch (raw._sqlite3_column_type(statement, i)) {
        case STORAGE.NULL:
          writer.null();
          break;
        case STORAGE.INTEGER: {
          const number = raw._sqlite3_column_double(statement, i);
          if (Number.isSafeInteger(number)) writer.integer(number);
          else writer.bigInteger(BigInt(this.#text(i)));
          break;
        }
        case STORAGE.REAL:
          writer.real(raw._sqlite3_column_double(statement, i));
          break;
        case STORAGE.TEXT: {
          const pointer = raw._sqlite3_column_text(statement, i);
          const bytes = raw._sqlite3_column_bytes(statement, i);
          writer.textFrom(this.#sqlite.heap, pointer, bytes);
          break;
        }
        default: {
          const pointer = raw._sqlite3_column_blob(statement, i);
          const bytes = raw._sqlite3_column_bytes(statement, i);
          writer.blobFrom(this.#sqlite.heap, pointer, bytes);
        }
      }
    }
  }

  /** Place of a named parameter, or 0. @param name With its `:`, `@` or `$`. */
  parameterPlace(name: string): number {
    const { pointer } = this.#sqlite.allocateText(name);
    const place = this.#sqlite.raw._sqlite3_bind_parameter_index(this.pointer, pointer);
    this.#sqlite.raw._free(pointer);
    return place;
  }

  finalize(): void {
    this.#sqlite.raw._sqlite3_finalize(this.pointer);
  }

  #bindBytes(place: number, value: string | Uint8Array): void {
    const { raw } = this.#sqlite;
    const isText = typeof value === "string";
    // There is a NUL behind it: an empty blob needs an address, or SQLite binds NULL.
    const placed = isText ? this.#sqlite.allocateText(value) : this.#sqlite.allocateBytes(value);
    const bind = isText ? raw._sqlite3_bind_text : raw._sqlite3_bind_blob;
    const code = bind(this.pointer, place, placed.pointer, placed.bytes, COPY_AT_ONCE);
    raw._free(placed.pointer);
    this.#check(code);
  }

  #text(column: number): string {
    const { raw } = this.#sqlite;
    const pointer = raw._sqlite3_column_text(this.pointer, column);
    const bytes = raw._sqlite3_column_bytes(this.pointer, column);
    return this.#connection.decodeText(pointer, bytes);
  }

  #blob(column: number): Uint8Array {
    const { raw } = this.#sqlite;
    const pointer = raw._sqlite3_column_blob(this.pointer, column);
    const bytes = raw._sqlite3_column_bytes(this.pointer, column);
    return this.#sqlite.heap.slice(pointer, pointer + bytes);
  }

  #check(code: number): void {
    if (code === SQLITE_RANGE) throw new SqliteError("more values than the SQL has parameters", 25);
    if (code !== 0) throw this.#connection.failure(code);
  }
}

/** One open database and its cache of statements. */
export class Connection {
  readonly sqlite: SqliteModule;
  readonly pointer: number;
  /** For one image at a time, by whoever works with it and lets nobody else in between. */
  readonly scratch = new ImageWriter(256);
  readonly #database: RawDatabase;
  readonly #kept = new KeptStatements<Statement>();
  readonly #scratch: number;

  /** @param image A SQLite file, or null for an empty database. */
  constructor(sqlite: SqliteModule, image: Uint8Array | null) {
    this.sqlite = sqlite;
    this.#database = new sqlite.raw.Database(image);
    this.pointer = this.#database.db;
    this.#scratch = sqlite.allocate(8);
  }

  /** Runs one statement without parameters; cached, so for a limited set of texts. */
  run(sql: string): void {
    this.cached(sql).run();
  }

  /**
   * Rolls the whole transaction back. SQLite may go on with tables and indexes that it knew from it (after a
   * savepoint in it was rolled back), until a statement looks at the file: so one does.
   */
  rollback(): void {
    this.run("ROLLBACK");
    this.cached("SELECT 1 FROM main.sqlite_schema LIMIT 1").first();
  }

  /** Runs one statement once. */
  runOnce(sql: string): void {
    const { statement } = this.prepare(sql);
    if (statement === null) return;
    try {
      statement.run();
    } finally {
      statement.finalize();
    }
  }

  /** A statement kept for the next time; the caller resets it, and never finalizes it. */
  cached(sql: string): Statement {
    const known = this.#kept.get(sql);
    if (known !== undefined) return known;
    const { statement } = this.prepare(sql);
    assert(statement !== null, "a cached statement is not empty");
    this.#kept.keep(sql, statement);
    return statement;
  }

  /** The same for text that may hold more than one statement: `check` judges the rest, once. */
  cachedSingle(sql: string, check: (rest: string) => void): Statement {
    const known = this.#kept.get(sql);
    if (known !== undefined) return known;
    const { statement, rest } = this.prepare(sql);
    if (statement === null) throw new SqliteError("there is no statement", 1);
    try {
      check(rest);
    } catch (error) {
      statement.finalize();
      throw error;
    }
    this.#kept.keep(sql, statement);
    return statement;
  }

  /** Compiles the first statement; `rest` is the text after it. null for blank SQL. */
  prepare(sql: string): { readonly statement: Statement | null; readonly rest: string } {
    const { raw } = this.sqlite;
    const text = this.sqlite.allocateText(sql);
    try {
      const code = raw._sqlite3_prepare_v2(
        this.pointer,
        text.pointer,
        text.bytes + 1,
        this.#scratch,
        this.#scratch + 4,
      );
      if (code !== 0) throw this.failure(code);
      const statement = this.sqlite.view.getUint32(this.#scratch, true);
      const tail = this.sqlite.view.getUint32(this.#scratch + 4, true);
      const restBytes = text.pointer + text.bytes - tail;
      const rest = restBytes > 0 ? this.decodeText(tail, restBytes) : "";
      if (statement === 0) return { statement: null, rest };
      return { statement: new Statement(this, this.sqlite, statement), rest };
    } finally {
      raw._free(text.pointer);
    }
  }

  /** Rows changed by the last INSERT, UPDATE or DELETE, triggers not counted. */
  get changes(): number {
    return this.sqlite.raw._sqlite3_changes(this.pointer);
  }

  /** Rows changed since the database was opened, by triggers and actions of keys too. */
  get totalChanges(): number {
    return Number(this.cached("SELECT total_changes()").first()?.[0]);
  }

  /** What SQLite says went wrong last. */
  failure(code: number): SqliteError {
    const { raw } = this.sqlite;
    return new SqliteError(raw.UTF8ToString(raw._sqlite3_errmsg(this.pointer)), code);
  }

  decodeText(pointer: number, bytes: number): string {
    return this.sqlite.decodeText(pointer, bytes);
  }

  /** The whole database as a SQLite file. No transaction may be open. */
  exportImage(): Uint8Array {
    return this.#database.export();
  }

  /** Between two calls of the store, when nobody runs a statement: frees those that made room for others. */
  sweep(): void {
    this.#kept.sweep();
  }

  close(): void {
    this.#kept.clear();
    this.sqlite.raw._free(this.#scratch);
    this.#database.close();
  }
}
