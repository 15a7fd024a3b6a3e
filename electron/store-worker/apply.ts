/**
 * Committed entries into the database: one SQLite transaction per batch, with the new position
 * and checksums in it, so that a crash or a divergence leaves all or nothing.
 */
import { assert } from "../../shared/base/assert.ts";
import type { Position } from "../../shared/base/ids.ts";
import { CHECKSUM_ZERO, RowSum, type Checksum } from "../../shared/changes/checksum.ts";
import { isReservedName } from "../../shared/changes/identifiers.ts";
import { readPart } from "../../shared/changes/parts.ts";
import { isSameShape, PayloadReader, type ChangeRecord } from "../../shared/changes/payload.ts";
import type { RowsRecord } from "../../shared/changes/row-change.ts";
import { dropParts, hasParts, readClientSequence, takePart, writeClient } from "./bookkeeping.ts";
import { PSEUDO_TABLE, sumCounters, sumSchema, sumTable } from "./checksums.ts";
import { SqliteError, type Connection } from "./connection.ts";
import { writeCounters } from "./counters.ts";
import type { CommittedEntry } from "./messages.ts";
import { PlacedBytes } from "./placed-bytes.ts";
import type { Recorder } from "./recorder.ts";
import { RestingTriggers } from "./resting-triggers.ts";
import { rollRows } from "./rolling.ts";
import { Divergence, RowWriter } from "./row-writer.ts";
import type { TableLayout } from "./table-layout.ts";
import { readSchema, SETTINGS_TABLE, type Schema } from "./schema.ts";
import type { StoreState } from "./state.ts";

/** What a batch changed, for windows. */
export type BatchEffect = {
  readonly tables: ReadonlySet<string>;
  readonly rowCount: number;
  readonly isSchemaChange: boolean;
  /** Whether the workspace's settings may be others. */
  readonly isSettingsChange: boolean;
};

/** One batch on its way in. Made for each batch; the transaction is the caller's. */
export class ApplyBatch {
  readonly #connection: Connection;
  readonly #recorder: Recorder;
  /** The rows are in the database already: the batch was captured here and is still open. */
  readonly #isWritten: boolean;
  readonly #sums = new Map<string, RowSum>();
  readonly #checksums: Map<string, Checksum>;
  readonly #rowCounts: Map<string, number>;
  readonly #tables = new Set<string>();
  readonly #triggers: RestingTriggers;
  #schema: Schema;
  #rowCount = 0;
  #isSchemaChange = false;
  #isSettingsChange = false;
  #isSchemaStale = false;
  #hasCounterChange = false;
  #hasParts: boolean | null;

  constructor(
    connection: Connection,
    recorder: Recorder,
    start: { readonly state: StoreState; readonly isWritten: boolean },
  ) {
    this.#connection = connection;
    this.#recorder = recorder;
    this.#triggers = new RestingTriggers(connection);
    this.#isWritten = start.isWritten;
    this.#schema = start.state.schema;
    this.#checksums = new Map(start.state.checksums);
    this.#rowCounts = new Map(start.state.rowCounts);
    this.#hasParts = start.state.hasParts;
  }

  get effect(): BatchEffect {
    return {
      tables: this.#tables,
      rowCount: this.#rowCount,
      isSchemaChange: this.#isSchemaChange,
      isSettingsChange: this.#isSettingsChange,
    };
  }

  /** Applies one entry. @throws Divergence */
  applyEntry(entry: CommittedEntry): void {
    const position: Position = { term: entry.term, index: entry.index };
    if (entry.payload === null) {
      // The core's own entry: a transaction in parts that it interrupts has lost its end.
      this.#dropParts();
      return;
    }
    const part = readPart(entry.payload);
    if (part === null) {
      this.#dropParts();
      this.#applyPayload(entry.payload, position);
      return;
    }
    const payload = takePart(this.#connection, part, position);
    this.#hasParts = null;
    const isWaiting = part.place < part.partCount - 1;
    assert(!this.#isWritten || isWaiting || payload !== null, "what is written is complete");
    if (payload !== null) this.#applyPayload(payload, position);
  }

  /** Ends the batch. @returns the state after it, for when the transaction is committed. */
  finish(position: Position): StoreState {
    const schema = this.#currentSchema();
    this.#triggers.wake();
    this.#closeSums();
    if (this.#isSchemaChange) {
      this.#checksums.set(PSEUDO_TABLE.SCHEMA, sumSchema(this.#connection));
    }
    if (this.#isSchemaChange || this.#hasCounterChange) {
      const sum = sumCounters(this.#connection, schema);
      if (sum === null) this.#checksums.delete(PSEUDO_TABLE.COUNTERS);
      else this.#checksums.set(PSEUDO_TABLE.COUNTERS, sum);
    }
    return {
      position,
      schema,
      checksums: this.#checksums,
      hasParts: this.#hasParts,
      rowCounts: this.#rowCounts,
    };
  }

  /** Parts whose end has not come have lost it now. There are hardly ever any. */
  #dropParts(): void {
    this.#hasParts ??= hasParts(this.#connection);
    if (this.#hasParts) dropParts(this.#connection);
    this.#hasParts = false;
  }

  #applyPayload(payload: Uint8Array, position: Position): void {
    const opened = PayloadReader.open(payload);
    if (!opened.ok) throw new Divergence(opened.error.detail);
    const reader = opened.value;
    const { client } = reader.header;
    // A retry that overtook its first try: the first one counts, on every member alike.
    if (client !== null) {
      const last = readClientSequence(this.#connection, client.id);
      if (last !== null && client.sequence <= last) {
        assert(!this.#isWritten, "a retry is not captured on top of its first try");
        return;
      }
    }
    const placed = this.#isWritten ? null : new PlacedBytes(this.#connection.sqlite, payload);
    try {
      for (let record = reader.next(); record !== null; record = reader.next()) {
        this.#applyRecord(record, payload, placed);
      }
    } finally {
      placed?.dispose();
    }
    if (reader.failed) throw new Divergence("an entry of the log is malformed");
    writeClient(this.#connection, reader.header, position);
  }

  #applyRecord(record: ChangeRecord, payload: Uint8Array, placed: PlacedBytes | null): void {
    switch (record.type) {
      case "rows":
        this.#applyRows(record, payload, placed);
        break;
      case "schema":
        this.#applySchema(record.sql);
        break;
      case "counters":
        this.#hasCounterChange = true;
        if (!this.#isWritten) writeCounters(this.#connection, record.counters);
    }
  }

  #applyRows(record: RowsRecord, payload: Uint8Array, placed: PlacedBytes | null): void {
    const layout = this.#layoutOf(record);
    const { name } = layout.shape;
    const sum = this.#sumOf(name);
    if (placed === null) {
      const isWellFormed = rollRows(sum, payload, record);
      assert(isWellFormed, "what was captured here is well-formed");
    } else {
      this.#triggers.rest(layout);
      writeRows(new RowWriter(this.#connection, layout, { placed, sum }), record);
    }
    this.#rowCount += record.rowCount;
    if (!isReservedName(name)) this.#tables.add(name);
    if (name === SETTINGS_TABLE) this.#isSettingsChange = true;
    this.#countRows(name, record);
  }

  #layoutOf(record: RowsRecord): TableLayout {
    const layout = this.#currentSchema().tables.get(record.table.name);
    if (layout === undefined) throw new Divergence(`there is no table ${record.table.name}`);
    if (isSameShape(layout.shape, record.table)) return layout;
    throw new Divergence(`table ${layout.shape.name} has other columns than on the leader`);
  }

  #applySchema(sql: string): void {
    assert(!this.#isWritten, "a batch with a schema change is applied anew");
    this.#triggers.wake();
    this.#closeSums();
    this.#recorder.remove();
    try {
      this.#connection.runOnce(sql);
    } catch (error) {
      if (!(error instanceof SqliteError)) throw error;
      throw new Divergence(`a schema change failed: ${error.message}`);
    }
    this.#isSchemaChange = true;
    this.#isSchemaStale = true;
    // What is made new can be looked at later, all at once; what is changed or dropped may be made again.
    if (!/^\s*CREATE\s/i.test(sql)) this.#currentSchema();
  }

  #currentSchema(): Schema {
    if (!this.#isSchemaStale) return this.#schema;
    this.#isSchemaStale = false;
    const before = this.#schema;
    this.#schema = readSchema(this.#connection);
    this.#takeOverTables(before);
    return this.#schema;
  }

  /** Tables that a schema change made, rewrote or dropped get their sums anew. */
  #takeOverTables(before: Schema): void {
    for (const [name, layout] of this.#schema.tables) {
      if (before.tables.get(name)?.sql === layout.sql) continue;
      this.#checksums.set(name, sumTable(this.#connection, layout));
      this.#rowCounts.delete(name);
      this.#tables.add(name);
    }
    for (const name of before.tables.keys()) {
      if (this.#schema.tables.has(name)) continue;
      this.#checksums.delete(name);
      this.#rowCounts.delete(name);
      this.#tables.add(name);
    }
  }

  #sumOf(name: string): RowSum {
    const known = this.#sums.get(name);
    if (known !== undefined) return known;
    const sum = new RowSum(name, this.#checksums.get(name) ?? CHECKSUM_ZERO);
    this.#sums.set(name, sum);
    return sum;
  }

  #closeSums(): void {
    for (const [name, sum] of this.#sums) this.#checksums.set(name, sum.value);
    this.#sums.clear();
  }

  #countRows(name: string, record: RowsRecord): void {
    const known = this.#rowCounts.get(name);
    if (known === undefined || record.operation === "update") return;
    const change = record.operation === "insert" ? record.rowCount : -record.rowCount;
    this.#rowCounts.set(name, known + change);
  }
}

function writeRows(writer: RowWriter, record: RowsRecord): void {
  let at = record.start;
  if (record.operation === "insert") at = writer.insertRows(at, record.rowCount);
  else {
    for (let row = 0; row < record.rowCount; row++) {
      at = record.operation === "update" ? writer.updateRow(at) : writer.deleteRow(at);
    }
  }
  if (at !== record.end) throw new Divergence("a run of rows in the log is malformed");
}
