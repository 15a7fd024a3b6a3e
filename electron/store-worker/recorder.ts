/**
 * Records every row change of a transaction: AFTER triggers in the temp schema hand whole rows
 * to a function of ours, which copies them from SQLite's memory into the payload.
 *
 * Complete with `recursive_triggers` on: REPLACE, upserts, key changes, DELETE without WHERE,
 * WITHOUT ROWID tables, cascades, other triggers' changes. SQLite runs temp triggers before the
 * main schema's AFTER triggers, so a change is recorded before what it causes. Measured against
 * temp tables as the recording medium: no second write per row, and no value is converted.
 */
import { assert, defined } from "../../shared/base/assert.ts";
import { quoteIdentifier } from "../../shared/changes/identifiers.ts";
import { TRANSACTION_BYTES_MAX } from "../../shared/changes/limits.ts";
import type { PayloadBuilder } from "../../shared/changes/payload.ts";
import { ImageWriter } from "../../shared/changes/row-image.ts";
import { STORAGE, type Connection } from "./connection.ts";
import { StepRows } from "./step-rows.ts";
import type { TableLayout } from "./table-layout.ts";
import type { Schema } from "./schema.ts";

const FUNCTION_NAME = "_tidemark_row";
/** The first two are told before a change, of tables whose changes may come back to them. */
const EVENT = {
  THERE: 0,
  WANTED: 1,
  INSERT: 2,
  UPDATE_BEFORE: 3,
  UPDATE_AFTER: 4,
  DELETE: 5,
} as const;
const EVENT_BITS = 3;

/** Owns the temp triggers of one connection. */
export class Recorder {
  readonly #connection: Connection;
  #installedFor: Schema | null = null;
  #layouts: readonly TableLayout[] = [];
  #builder: PayloadBuilder | null = null;
  /** Where changes can get out of order; null elsewhere. */
  #step: StepRows | null = null;
  readonly #told = new ImageWriter(256);
  #isOverflowing = false;

  constructor(connection: Connection) {
    this.#connection = connection;
    const code = connection.sqlite.addListenerFunction(connection.pointer, {
      name: FUNCTION_NAME,
      isDeterministic: false,
    });
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
      const isWatched = schema.parentsOfActions.has(layout.shape.name.toLowerCase());
      const triggers = [
        ...triggersFor(layout, number),
        ...(isWatched ? watch(layout, number) : []),
      ];
      for (const sql of triggers) this.#connection.runOnce(sql);
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

  /** Runs something that changes rows, and sees to it that its record can be replayed. */
  step<T>(action: () => T): T {
    const builder = defined(this.#builder, "recording was started");
    if (this.#installedFor?.hasReactions !== true) return action();
    const mark = builder.mark();
    const step = new StepRows();
    this.#step = step;
    try {
      const result = action();
      if (!step.isInOrder && !this.#isOverflowing) {
        builder.rewind(mark);
        step.writeNet(this.#connection, builder);
      }
      return result;
    } finally {
      this.#step = null;
    }
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
    const layout = this.#layouts[code >> EVENT_BITS] as TableLayout;
    const event = code & ((1 << EVENT_BITS) - 1);
    const isTold = event === EVENT.THERE || event === EVENT.WANTED;
    if (isTold) this.#told.length = 0;
    else if (event === EVENT.INSERT) builder.beginRow(layout.shape, "insert");
    else if (event === EVENT.DELETE) builder.beginRow(layout.shape, "delete");
    else if (event === EVENT.UPDATE_BEFORE) builder.beginRow(layout.shape, "update");
    const writer = isTold ? this.#told : builder.images;
    const start = writer.length;
    for (let i = 1; i < count; i++)
      this.#write(writer, sqlite.view.getUint32(values + 4 * i, true));
    if (this.#step === null) return;
    const image = { layout, bytes: writer.bytes, start, end: writer.length };
    if (event === EVENT.THERE) this.#step.isThere(image);
    else if (event === EVENT.WANTED) this.#step.isWanted(image);
    else if (event === EVENT.UPDATE_BEFORE || event === EVENT.DELETE) this.#step.vanished(image);
    else this.#step.appeared(image);
  }

  #write(writer: ImageWriter, value: number): void {
    const { sqlite } = this.#connection;
    const { raw } = sqlite;
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
  const { INSERT, UPDATE_BEFORE, UPDATE_AFTER, DELETE } = EVENT;
  const call = caller(layout, number);
  const trigger = triggerOn(layout, number);
  return [
    trigger("AFTER INSERT", call(INSERT, "new")),
    trigger("AFTER UPDATE", `${call(UPDATE_BEFORE, "old")}; ${call(UPDATE_AFTER, "new")}`),
    trigger("AFTER DELETE", call(DELETE, "old")),
  ];
}

/**
 * Actions of keys that refer to the table run before its own change is recorded, and may come back to it. So what
 * is there is told before the change: the row, and who has the name that it is about to get.
 */
function watch(layout: TableLayout, number: number): string[] {
  const table = `main.${quoteIdentifier(layout.shape.name)}`;
  const call = caller(layout, number);
  const trigger = triggerOn(layout, number);
  const old = call(EVENT.THERE, "old");
  const isNamed = layout.keyPlaces.map(
    (place) => `${layout.imageSql[place]} = new.${layout.imageSql[place]}`,
  );
  const owner = `${call(EVENT.THERE, null)} FROM ${table} WHERE ${isNamed.join(" AND ")}`;
  return [
    trigger("BEFORE UPDATE", `${old}; ${owner}; ${call(EVENT.WANTED, "new")}`),
    trigger("BEFORE DELETE", old),
  ];
}

type Caller = (event: number, row: "old" | "new" | null) => string;

function caller({ imageSql }: TableLayout, number: number): Caller {
  return (event, row) => {
    const values = imageSql.map((value) => (row === null ? value : `${row}.${value}`));
    return `SELECT ${FUNCTION_NAME}(${[(number << EVENT_BITS) + event, ...values].join(", ")})`;
  };
}

function triggerOn({ shape }: TableLayout, number: number): (when: string, body: string) => string {
  return (when, body) =>
    `CREATE TEMP TRIGGER "_tidemark_${when}_${number}" ${when} ON main.${quoteIdentifier(shape.name)} ` +
    `BEGIN ${body}; END`;
}
