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
import { isKey } from "./row-sql.ts";
import { StepRows, type PlacedImage } from "./step-rows.ts";
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
  /** More values of the row that was begun: SQLite hands over at most 1,000 at once. */
  MORE: 6,
} as const;
const EVENT_BITS = 3;
const VALUES_AT_ONCE_MAX = 900;

/** Triggers that are made: each table's place is part of what its triggers say. */
export type Installed = { readonly schema: Schema; readonly layouts: readonly TableLayout[] };

/** Owns the temp triggers of one connection. */
export class Recorder {
  readonly #connection: Connection;
  #installed: Installed | null = null;
  #builder: PayloadBuilder | null = null;
  /** Where changes can get out of order; null elsewhere. */
  #step: StepRows | null = null;
  readonly #told = new ImageWriter(256);
  /** The row that is being handed over. */
  #event: number = EVENT.MORE;
  #start = 0;
  #valuesLeft = 0;
  #isOverflowing = false;

  constructor(connection: Connection) {
    this.#connection = connection;
    const code = connection.sqlite.addListenerFunction(connection.pointer, {
      name: FUNCTION_NAME,
      isDeterministic: false,
    });
    assert(code === 0, "SQLite takes the recording function");
  }

  /** Which triggers there are; to be given to `wasRestoredTo` after a rollback to this moment. */
  get installed(): Installed | null {
    return this.#installed;
  }

  /** Whether the transaction outgrew the limit; what was recorded is then not complete. */
  get isOverflowing(): boolean {
    return this.#isOverflowing;
  }

  /** Makes the triggers that recording changes of these tables and views takes. */
  cover(schema: Schema, names: Iterable<string>): void {
    if (this.#installed?.schema !== schema) this.remove();
    const layouts = new Set(this.#installed?.layouts);
    const count = layouts.size;
    for (const name of names) for (const layout of schema.reach.from(name)) layouts.add(layout);
    if (this.#installed !== null && layouts.size === count) return;
    const all = [...layouts];
    for (let number = count; number < all.length; number++) {
      const layout = all[number] as TableLayout;
      const watching = schema.reach.isFollowed(layout) ? watch(layout, number) : [];
      for (const sql of [...triggersFor(layout, number), ...watching])
        this.#connection.runOnce(sql);
    }
    this.#installed = { schema, layouts: all };
  }

  /** Drops the triggers: for large applies, which must not pay for them, and schema changes. */
  remove(): void {
    if (this.#installed === null) return;
    const names = this.#connection
      .cached("SELECT name FROM temp.sqlite_schema WHERE type = 'trigger'")
      .all();
    for (const [name] of names) {
      this.#connection.runOnce(`DROP TRIGGER temp.${quoteIdentifier(String(name))}`);
    }
    this.#installed = null;
  }

  /** Tells that a rollback brought the triggers back to what they were at some moment. */
  wasRestoredTo(installed: Installed | null): void {
    this.#installed = installed;
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
    if (this.#installed?.schema.hasReactions !== true) return action();
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
    const layout = this.#installed?.layouts[code >> EVENT_BITS] as TableLayout;
    const event = code & ((1 << EVENT_BITS) - 1);
    if (event !== EVENT.MORE) this.#begin(builder, layout, event);
    const writer = this.#isTold ? this.#told : builder.images;
    for (let i = 1; i < count; i++)
      this.#write(writer, sqlite.view.getUint32(values + 4 * i, true));
    this.#valuesLeft -= count - 1;
    if (this.#valuesLeft > 0 || this.#step === null) return;
    this.#noteIn(this.#step, {
      layout,
      bytes: writer.bytes,
      start: this.#start,
      end: writer.length,
    });
  }

  get #isTold(): boolean {
    return this.#event === EVENT.THERE || this.#event === EVENT.WANTED;
  }

  #begin(builder: PayloadBuilder, { shape, imageSql }: TableLayout, event: number): void {
    this.#event = event;
    this.#valuesLeft = imageSql.length;
    if (this.#isTold) this.#told.length = 0;
    else if (event === EVENT.INSERT) builder.beginRow(shape, "insert");
    else if (event === EVENT.DELETE) builder.beginRow(shape, "delete");
    else if (event === EVENT.UPDATE_BEFORE) builder.beginRow(shape, "update");
    this.#start = this.#isTold ? 0 : builder.images.length;
  }

  #noteIn(step: StepRows, image: PlacedImage): void {
    if (this.#event === EVENT.THERE) step.isThere(image);
    else if (this.#event === EVENT.WANTED) step.isWanted(image);
    else if (this.#event === EVENT.UPDATE_BEFORE || this.#event === EVENT.DELETE) {
      step.vanished(image);
    } else step.appeared(image);
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
  const key = layout.keyPlaces.map((place) => layout.imageSql[place] as string);
  const isOwner = isKey(
    key,
    key.map((column) => `new.${column}`),
  );
  const owner = call(EVENT.THERE, null, ` FROM ${table} WHERE ${isOwner}`);
  return [
    trigger("BEFORE UPDATE", `${old}; ${owner}; ${call(EVENT.WANTED, "new")}`),
    trigger("BEFORE DELETE", old),
  ];
}

type Caller = (event: number, row: "old" | "new" | null, from?: string) => string;

function caller({ imageSql }: TableLayout, number: number): Caller {
  return (event, row, from = "") => {
    const values = imageSql.map((value) => (row === null ? value : `${row}.${value}`));
    const calls: string[] = [];
    for (let at = 0; at < values.length; at += VALUES_AT_ONCE_MAX) {
      const code = (number << EVENT_BITS) + (at === 0 ? event : EVENT.MORE);
      const some = values.slice(at, at + VALUES_AT_ONCE_MAX);
      calls.push(`SELECT ${FUNCTION_NAME}(${[code, ...some].join(", ")})${from}`);
    }
    return calls.join("; ");
  };
}

function triggerOn({ shape }: TableLayout, number: number): (when: string, body: string) => string {
  return (when, body) =>
    `CREATE TEMP TRIGGER "_tidemark_${when}_${number}" ${when} ON main.${quoteIdentifier(shape.name)} ` +
    `BEGIN ${body}; END`;
}
