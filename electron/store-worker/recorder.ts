/**
 * Records every row change of a transaction: AFTER triggers in the temp schema hand whole rows
 * to a function of ours, which copies them from SQLite's memory into the payload.
 *
 * Complete with `recursive_triggers` on: REPLACE, upserts, key changes, DELETE without WHERE,
 * WITHOUT ROWID tables, cascades, other triggers' changes. SQLite runs temp triggers before the
 * main schema's AFTER triggers, so a change is recorded before what it causes. Measured against
 * temp tables as the recording medium: no second write per row, and no value is converted.
 */
import { assert } from "../../shared/base/assert.ts";
import { quoteIdentifier } from "../../shared/changes/identifiers.ts";
import { TRANSACTION_BYTES_MAX } from "../../shared/changes/limits.ts";
import type { PayloadBuilder } from "../../shared/changes/payload.ts";
import { STORAGE, type Connection } from "./connection.ts";
import type { TableLayout } from "./table-layout.ts";
import type { Schema } from "./schema.ts";

const FUNCTION_NAME = "_tidemark_row";
const EVENT = { INSERT: 0, UPDATE_BEFORE: 1, UPDATE_AFTER: 2, DELETE: 3 } as const;

/** Owns the temp triggers of one connection. */
export class Recorder {
  readonly #connection: Connection;
  #installedFor: Schema | null = null;
  #layouts: readonly TableLayout[] = [];
  #builder: PayloadBuilder | null = null;
  #isOverflowing = false;

  constructor(connection: Connection) {
    this.#connection = connection;
    const code = connection.sqlite.addListenerFunction(connection.pointer, FUNCTION_NAME);
    assert(code === 0, "SQLite takes the recording function");
  }

  get isInstalled(): boolean {
    return this.#installedFor !== null;
  }

  /** Whether the transaction outgrew the limit; what was recorded is then not complete. */
  get isOverflowing(): boolean {
    return this.#isOverflowing;
  }

  /** Makes the triggers fit the schema; nothing to do when they do already. */
  install(schema: Schema): void {
    if (this.#installedFor === schema) return;
    this.remove();
    this.#layouts = [...schema.tables.values()];
    this.#layouts.forEach((layout, number) => {
      for (const sql of triggersFor(layout, number)) this.#connection.runOnce(sql);
    });
    this.#installedFor = schema;
  }

  /** Drops the triggers: for large applies, which must not pay for them, and schema changes. */
  remove(): void {
    const names = this.#connection
      .cached("SELECT name FROM temp.sqlite_schema WHERE type = 'trigger'")
      .all();
    for (const [name] of names) {
      this.#connection.runOnce(`DROP TRIGGER temp.${quoteIdentifier(String(name))}`);
    }
    this.#installedFor = null;
  }

  /** Tells that a rollback brought the triggers back to what they were for this schema. */
  wasRestoredTo(schema: Schema): void {
    this.#installedFor = schema;
    this.#layouts = [...schema.tables.values()];
  }

  /** From here on rows go into this payload. */
  start(builder: PayloadBuilder): void {
    this.#builder = builder;
    this.#isOverflowing = false;
    this.#connection.sqlite.listener = (count, values) => this.#record(count, values);
  }

  stop(): void {
    this.#builder = null;
    this.#connection.sqlite.listener = null;
  }

  /** Called by SQLite. Must not throw: nothing unwinds through WebAssembly. */
  #record(count: number, values: number): void {
    const builder = this.#builder;
    if (builder === null || this.#isOverflowing) return;
    if (builder.bytes > TRANSACTION_BYTES_MAX) {
      this.#isOverflowing = true;
      return;
    }
    const { sqlite } = this.#connection;
    const { raw } = sqlite;
    const code = raw._sqlite3_value_int(sqlite.view.getUint32(values, true));
    const { shape } = this.#layouts[code >> 2] as TableLayout;
    const event = code & 3;
    if (event === EVENT.INSERT) builder.beginRow(shape, "insert");
    else if (event === EVENT.DELETE) builder.beginRow(shape, "delete");
    else if (event === EVENT.UPDATE_BEFORE) builder.beginRow(shape, "update");
    for (let i = 1; i < count; i++) {
      this.#write(builder, sqlite.view.getUint32(values + 4 * i, true));
    }
  }

  #write(builder: PayloadBuilder, value: number): void {
    const { sqlite } = this.#connection;
    const { raw } = sqlite;
    const writer = builder.images;
    switch (raw._sqlite3_value_type(value)) {
      case STORAGE.NULL:
        writer.null();
        break;
      case STORAGE.INTEGER: {
        const number = raw._sqlite3_value_double(value);
        if (Number.isSafeInteger(number)) writer.integer(number);
        else writer.bigInteger(BigInt(raw.UTF8ToString(raw._sqlite3_value_text(value))));
        break;
      }
      case STORAGE.REAL:
        writer.real(raw._sqlite3_value_double(value));
        break;
      case STORAGE.TEXT: {
        const pointer = raw._sqlite3_value_text(value);
        writer.textFrom(sqlite.heap, pointer, raw._sqlite3_value_bytes(value));
        break;
      }
      default: {
        const pointer = raw._sqlite3_value_blob(value);
        writer.blobFrom(sqlite.heap, pointer, raw._sqlite3_value_bytes(value));
      }
    }
  }
}

function triggersFor(layout: TableLayout, number: number): string[] {
  const table = `main.${quoteIdentifier(layout.shape.name)}`;
  const call = (event: number, row: "old" | "new"): string => {
    const values = layout.imageSql.map((value) => `${row}.${value}`);
    return `SELECT ${FUNCTION_NAME}(${[number * 4 + event, ...values].join(", ")});`;
  };
  const trigger = (event: string, body: string): string =>
    `CREATE TEMP TRIGGER "_tidemark_${event}_${number}" AFTER ${event} ON ${table} ` +
    `BEGIN ${body} END`;
  const update = `${call(EVENT.UPDATE_BEFORE, "old")} ${call(EVENT.UPDATE_AFTER, "new")}`;
  return [
    trigger("INSERT", call(EVENT.INSERT, "new")),
    trigger("UPDATE", update),
    trigger("DELETE", call(EVENT.DELETE, "old")),
  ];
}
