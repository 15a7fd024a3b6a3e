/**
 * Brings a former state back over changes of the schema, as part of a request that is being captured: first the
 * schema, then each row that is otherwise than it was. The rows of then come from another store (`readFormerRows`);
 * here they are compared with what is there now, and what differs is written as an undo is.
 *
 * Where a table has other columns now, rows are matched by their key and values by the names of columns: what has no
 * column now is left out, and a column that is new keeps its value, or gets its default in a row that comes back.
 * Foreign keys rest meanwhile (`ConnectionMode`) and are checked at the end.
 */
import { bytesEqual, hexEncode } from "../../shared/base/bytes.ts";
import { defined } from "../../shared/base/assert.ts";
import { quoteIdentifier } from "../../shared/changes/identifiers.ts";
import { finishInverse } from "../../shared/changes/inverse.ts";
import { PayloadBuilder, PayloadReader, type TableShape } from "../../shared/changes/payload.ts";
import { planRestore } from "../../shared/changes/restore-plan.ts";
import { rowPlaces } from "../../shared/changes/row-change.ts";
import { ImageWriter, rowEnd, valueEnd } from "../../shared/changes/row-image.ts";
import { namesRow, rowMatcher, type RowName } from "../../shared/changes/row-name.ts";
import type { Connection } from "./connection.ts";
import { readCounters, writeCounters } from "./counters.ts";
import type { FormerState } from "./messages.ts";
import { imagesOf, readOutline } from "./outline.ts";
import type { Recorder } from "./recorder.ts";
import { Refusal } from "./refusal.ts";
import { findTable, type Schema } from "./schema.ts";
import type { StatementRunner } from "./statement-runner.ts";
import type { StoreState } from "./state.ts";
import type { TableLayout } from "./table-layout.ts";
import { takeBack } from "./undo.ts";

/** Where it happens. */
export type RestoreContext = {
  readonly connection: Connection;
  readonly recorder: Recorder;
  readonly runner: StatementRunner;
  /** What the recorder writes to meanwhile. */
  readonly builder: PayloadBuilder;
  readonly state: Pick<StoreState, "schema" | "checksums">;
};

/** @returns rows that were changed. @throws Refusal */
export function restoreState(context: RestoreContext, former: FormerState): number {
  const { connection, recorder, runner, builder, state } = context;
  const now = readOutline(connection, state);
  const plan = planRestore(former.outline, now, former.scope);
  if (!plan.ok) throw refused(plan.error);
  const rows = groupRows(former.rows);
  // Between the question and now somebody changed one more table, whose rows of then did not come along.
  const missing = plan.value.tables.find((name) => !former.tables.includes(name));
  if (missing !== undefined) throw refused(`Table ${missing} was changed meanwhile; try again.`);
  runner.runAll(plan.value.statements.map((sql) => ({ sql })));
  const schema = runner.currentSchema();
  const difference = new PayloadBuilder();
  for (const name of plan.value.tables) {
    const layout = findTable(schema, name);
    if (layout === null) throw refused(`Table ${name} is not one that can be written.`);
    const found = rows.get(name) ?? { shape: null, images: [] };
    new TableDifference(connection, layout, former.scope).write(found, difference);
  }
  if (!difference.isEmpty) {
    const inverse = finishInverse(difference);
    const record = <T>(tables: readonly string[], work: () => T): T => {
      recorder.cover(schema, tables);
      return recorder.step(work);
    };
    takeBack({ connection, deferredKeys: null, schema, builder, record }, inverse);
  }
  raiseCounters(connection, schema, [...now.counters, ...former.outline.counters]);
  // Dropping a table forgets its counter, here and wherever this is applied.
  const hasForgotten = schema.hasCounters && plan.value.statements.length > 0;
  if (hasForgotten) builder.counters(readCounters(connection, schema));
  return builder.rowCount;
}

/** Rows of one table as they were; no shape: it was empty. */
type FormerRows = { readonly shape: TableShape | null; readonly images: readonly Uint8Array[] };

function groupRows(payload: Uint8Array): Map<string, FormerRows> {
  const groups = new Map<string, { shape: TableShape; images: Uint8Array[] }>();
  const reader = PayloadReader.open(payload);
  if (!reader.ok) throw refused(reader.error.detail);
  for (let record = reader.value.next(); record !== null; record = reader.value.next()) {
    if (record.type !== "rows") continue;
    const shape = record.table;
    const group = groups.get(shape.name) ?? { shape, images: [] };
    groups.set(shape.name, group);
    for (const { after, end } of rowPlaces(payload, record)) {
      group.images.push(payload.subarray(after, end));
    }
  }
  return groups;
}

/** What turns the rows of a table into what they were. */
class TableDifference {
  readonly #connection: Connection;
  readonly #layout: TableLayout;
  /** Only a row of this name, by today's columns. */
  readonly #wanted: ReadonlyMap<string, Uint8Array> | null;
  #defaults: readonly Uint8Array[] | null = null;

  constructor(connection: Connection, layout: TableLayout, scope: RowName | null) {
    this.#connection = connection;
    this.#layout = layout;
    const matcher = scope === null ? null : rowMatcher(scope);
    if (matcher?.ok === false) throw refused(matcher.error.message);
    const values = matcher?.value.values;
    this.#wanted = values === undefined || values.size === 0 ? null : values;
  }

  /** Deletes first, so that a key or a unique value is free for the row that had it. */
  write(former: FormerRows, difference: PayloadBuilder): void {
    const { shape, keyPlaces } = this.#layout;
    const sources = former.shape === null ? [] : sourcesOf(this.#layout, former.shape);
    const waiting = new Map<string, Uint8Array>();
    for (const image of former.images) {
      const key = keyPlaces.map((place) => hexEncode(valueAt(image, sources[place] ?? 0)));
      waiting.set(key.join("."), image);
    }
    const updates: [Uint8Array, Uint8Array][] = [];
    for (const image of imagesOf(this.#connection, this.#layout)) {
      if (this.#wanted !== null && !namesRow(image, shape, this.#wanted)) continue;
      const key = keyPlaces.map((place) => hexEncode(valueAt(image, place))).join(".");
      const was = waiting.get(key);
      waiting.delete(key);
      if (was === undefined) {
        difference.beginRow(shape, "delete");
        difference.images.copy(image, 0, image.length);
        continue;
      }
      const goal = goalOf(sources, was, (place) => valueAt(image, place));
      if (!bytesEqual(goal, image)) updates.push([image.slice(), goal]);
    }
    for (const [before, after] of updates) {
      difference.beginRow(shape, "update");
      difference.images.copy(before, 0, before.length);
      difference.images.copy(after, 0, after.length);
    }
    for (const was of waiting.values()) {
      const goal = goalOf(sources, was, (place) => this.#defaultAt(place));
      difference.beginRow(shape, "insert");
      difference.images.copy(goal, 0, goal.length);
    }
  }

  /** What SQLite itself would store in a column that a row says nothing of. */
  #defaultAt(place: number): Uint8Array {
    this.#defaults ??= readDefaults(this.#connection, this.#layout);
    return defined(this.#defaults[place], "each value has a default");
  }
}

/** Per value of an image now: where it lies in an image of then; -1 when there was no such column. */
function sourcesOf({ shape, keyPlaces }: TableLayout, former: TableShape): readonly number[] {
  const isLeading = shape.hasLeadingRowid;
  if (isLeading !== former.hasLeadingRowid) throw otherKey(shape.name);
  const lead = isLeading ? 1 : 0;
  const places = new Map(former.columns.map((column, i) => [column.toLowerCase(), i + lead]));
  const columns = shape.columns.map((column) => places.get(column.toLowerCase()) ?? -1);
  const sources = isLeading ? [0, ...columns] : columns;
  const formerKey = isLeading ? [0] : former.keyPlaces;
  const isSameKey =
    keyPlaces.length === formerKey.length &&
    keyPlaces.every((place, i) => sources[place] === formerKey[i]);
  if (!isSameKey) throw otherKey(shape.name);
  return sources;
}

function goalOf(
  sources: readonly number[],
  was: Uint8Array,
  otherwise: (place: number) => Uint8Array,
): Uint8Array {
  const writer = new ImageWriter(was.length + 64);
  for (const [place, source] of sources.entries()) {
    const value = source < 0 ? otherwise(place) : valueAt(was, source);
    writer.copy(value, 0, value.length);
  }
  return writer.finish();
}

function valueAt(image: Uint8Array, place: number): Uint8Array {
  const start = rowEnd(image, 0, place);
  return image.subarray(start, valueEnd(image, start));
}

/**
 * A table with the same types and defaults and nothing else tells what SQLite makes of them.
 *
 * @returns a value per place of an image.
 */
function readDefaults(connection: Connection, { shape }: TableLayout): readonly Uint8Array[] {
  const columns = connection
    .cached(
      "SELECT type, dflt_value FROM pragma_table_xinfo(?1, 'main') WHERE hidden = 0 ORDER BY cid",
    )
    .all([shape.name]);
  const definitions = columns.map(([type, defaultSql], i) => {
    const typeSql = typeof type === "string" && type !== "" ? quoteIdentifier(type) : "";
    return `c${i} ${typeSql}${typeof defaultSql === "string" ? ` DEFAULT ${asDefault(defaultSql)}` : ""}`;
  });
  connection.runOnce(`CREATE TEMP TABLE tidemark_defaults(${definitions.join(", ")})`);
  try {
    connection.runOnce("INSERT INTO temp.tidemark_defaults DEFAULT VALUES");
    const { statement } = connection.prepare("SELECT * FROM temp.tidemark_defaults");
    const writer = new ImageWriter(256);
    const read = defined(statement, "a SELECT is a statement");
    try {
      read.step();
      read.writeImage(writer);
    } finally {
      read.finalize();
    }
    const image = writer.finish();
    const values = columns.map((_, place) => valueAt(image, place));
    return shape.hasLeadingRowid ? [NO_VALUE, ...values] : values;
  } finally {
    connection.runOnce("DROP TABLE temp.tidemark_defaults");
  }
}

/** SQLite tells an expression without its parentheses, and takes a lone name as a text. */
function asDefault(sql: string): string {
  return /^(?:\w+|"(?:[^"]|"")*")$/.test(sql) ? sql : `(${sql})`;
}

/** A rowid always comes from the row of then. */
const NO_VALUE = new Uint8Array(0);

/** A number that was given is never given again, whichever state it is of. */
function raiseCounters(
  connection: Connection,
  schema: Schema,
  least: readonly { readonly table: string; readonly value: bigint }[],
): void {
  if (!schema.hasCounters) return;
  const counters = new Map(
    readCounters(connection, schema).map((each) => [each.table, each.value]),
  );
  for (const { table, value } of least) {
    if (schema.tables.get(table)?.isAutoincrement !== true) continue;
    if (value > (counters.get(table) ?? -1n)) counters.set(table, value);
  }
  writeCounters(
    connection,
    [...counters].map(([table, value]) => ({ table, value })),
  );
}

function otherKey(table: string): Refusal {
  return refused(
    `The rows of table ${table} are named by another key since then, so they cannot be matched.`,
  );
}

function refused(why: string): Refusal {
  const message = `It cannot be brought back as it is. ${why} Nothing was done.`;
  return new Refusal({ code: "sql-refused", message });
}
