/**
 * The store: one database and the methods of `messages.ts`, synchronous.
 *
 * The worker runs one engine per process; the simulator runs many in one thread, each with its
 * own database in the same SQLite instance. Decides the order of things (which transaction is
 * open, in which mode, what becomes of a captured batch) and leaves the work to its parts.
 */
import { assert, defined } from "../../shared/base/assert.ts";
import { formatPosition } from "../../shared/base/ids.ts";
import { err, ok } from "../../shared/base/result.ts";
import { joinParts } from "../../shared/changes/parts.ts";
import { ApplyBatch } from "./apply.ts";
import { BackupFile, foundFrom } from "./backup-file.ts";
import {
  createOwnTables,
  readChecksums,
  readPosition,
  totalChecksum,
  writeChecksums,
  writePosition,
} from "./bookkeeping.ts";
import { BatchCapture, isSameBatch, namesChangedBy, type CapturedBatch } from "./capture.ts";
import { PSEUDO_TABLE, sumSchema } from "./checksums.ts";
import { Connection, SqliteError } from "./connection.ts";
import { DatabaseSize } from "./database-size.ts";
import { DeferredKeys } from "./deferred-keys.ts";
import { describePayload } from "./describe.ts";
import { exportPlainImage } from "./image.ts";
import type {
  ApplyOutcome,
  CaptureOutcome,
  CaptureRequest,
  CommittedEntry,
  RepairOutcome,
  StoreImage,
  StoreMethods,
  StorePosition,
} from "./messages.ts";
import { comparePiece, readPiece } from "./compare-rows.ts";
import { ConnectionMode } from "./mode.ts";
import { runQuery } from "./query.ts";
import { readFormerRows, readOutline } from "./outline.ts";
import { findRow, readChanges } from "./past.ts";
import { Recorder, type Installed } from "./recorder.ts";
import { repairRows } from "./repair-rows.ts";
import { Divergence } from "./row-writer.ts";
import { readSchema } from "./schema.ts";
import type { SqliteModule } from "./sqlite-module.ts";
import type { StoreState } from "./state.ts";
import type { TableLayout } from "./table-layout.ts";
import { listTables, readColumns } from "./tables.ts";
import { verifyStore } from "./verify.ts";
import { wayBack } from "./way-back.ts";

/** Above it an apply first drops the recording triggers: firing them in vain costs more. */
const RECORDING_APPLY_BYTES_MAX = 64 * 1024;

/** One open database and everything that belongs to it. */
type OpenDatabase = {
  readonly connection: Connection;
  readonly recorder: Recorder;
  readonly deferredKeys: DeferredKeys;
  readonly size: DatabaseSize;
  readonly mode: ConnectionMode;
};

type ComparisonMethod = "rowPiece" | "compareRows" | "repairRows";
type BackupMethod = "packBackup" | "backupPiece" | "putBackup" | "openBackup" | "foundImage";

/** A store, empty until `load`. Call `dispose` at the end. */
export class StoreEngine {
  readonly #sqlite: SqliteModule;
  readonly #databaseBytesMax: number | undefined;
  readonly #backup: BackupFile;
  #open: OpenDatabase | null = null;
  #state: StoreState | null = null;
  /** A captured batch whose transaction is still open. */
  #captured: CapturedBatch | null = null;
  #recordedAtBegin: Installed | null = null;

  /** @param databaseBytesMax For tests; see `DATABASE_BYTES_MAX`. */
  constructor(sqlite: SqliteModule, databaseBytesMax?: number) {
    this.#sqlite = sqlite;
    this.#databaseBytesMax = databaseBytesMax;
    this.#backup = new BackupFile(sqlite);
  }

  /** Carries out one call. @throws only for bugs: the owner then restarts the store. */
  handle<M extends keyof StoreMethods>(
    method: M,
    params: StoreMethods[M]["params"],
  ): StoreMethods[M]["result"] {
    this.#open?.connection.sweep();
    return this.#dispatch(method, params) as StoreMethods[M]["result"];
  }

  /** Closes the database. */
  dispose(): void {
    this.#open?.connection.close();
    this.#open = null;
    this.#state = null;
    this.#captured = null;
  }

  #dispatch(method: keyof StoreMethods, params: unknown): unknown {
    switch (method) {
      case "load":
        return this.#load((params as StoreMethods["load"]["params"]).image);
      case "capture":
        return this.#capture((params as StoreMethods["capture"]["params"]).requests);
      case "apply":
        return this.#apply((params as StoreMethods["apply"]["params"]).entries);
      case "query": {
        const query = params as StoreMethods["query"]["params"];
        const outcome = runQuery(this.#settled().connection, query);
        const { applied } = this.#position();
        return outcome.ok ? ok({ ...outcome.value, applied }) : outcome;
      }
      case "tables":
        return this.#tables();
      case "columns": {
        const { table } = params as StoreMethods["columns"]["params"];
        return readColumns(this.#settled().connection, table);
      }
      case "image":
        return this.#image();
      case "plainImage":
        return this.#plainImage(params as StoreMethods["plainImage"]["params"]);
      case "verify": {
        const { connection } = this.#settled();
        return { position: this.#position(), ...verifyStore(connection, this.#now()) };
      }
      case "describe":
        return (params as StoreMethods["describe"]["params"]).payloads.map(describePayload);
      case "preview":
        return this.#preview(params as StoreMethods["preview"]["params"]);
      case "wayBack":
        return wayBack(params as StoreMethods["wayBack"]["params"]);
      case "outline":
        return readOutline(this.#settled().connection, this.#now());
      case "formerRows": {
        const wanted = params as StoreMethods["formerRows"]["params"];
        return readFormerRows(this.#settled().connection, this.#now().schema, wanted);
      }
      case "rowChanges":
        return readChanges(params as StoreMethods["rowChanges"]["params"]);
      case "rowHistory":
        return findRow(params as StoreMethods["rowHistory"]["params"]);
      default:
        return this.#dispatchComparison(method, params);
    }
  }

  /** What this database is compared with another one by, and repaired. */
  #dispatchComparison(method: ComparisonMethod | BackupMethod, params: unknown): unknown {
    switch (method) {
      case "rowPiece": {
        const { table, ...wanted } = params as StoreMethods["rowPiece"]["params"];
        return readPiece(this.#settled().connection, this.#layoutOf(table), wanted);
      }
      case "compareRows": {
        const compared = params as StoreMethods["compareRows"]["params"];
        const layout = this.#layoutOf(compared.table);
        return comparePiece(this.#settled().connection, layout, compared);
      }
      case "repairRows":
        return this.#repair(params as StoreMethods["repairRows"]["params"]);
      default:
        return this.#dispatchBackup(method, params);
    }
  }

  /** What backups are made and read with. */
  #dispatchBackup(method: BackupMethod, params: unknown): unknown {
    switch (method) {
      case "openBackup":
        return this.#openBackup();
      case "foundImage":
        return foundFrom(this.#settled().connection);
      default:
        return this.#backup.handle(method, params);
    }
  }

  #plainImage({
    tables = null,
    marks = null,
  }: StoreMethods["plainImage"]["params"]): StoreMethods["plainImage"]["result"] {
    const { image, position } = this.#image();
    const told = marks === null ? [] : [["position", formatPosition(position.applied)], ...marks];
    return { position, image: exportPlainImage(this.#sqlite, image, { tables, marks: told }) };
  }

  #load(image: Uint8Array | null): StoreMethods["load"]["result"] {
    this.dispose();
    const connection = new Connection(this.#sqlite, image ?? this.#emptyImage());
    try {
      const opened = this.#opened(connection);
      const position = readPosition(connection);
      if (position === null) throw new SqliteError("the image is not one of Tidemark's", 1);
      const schema = readSchema(connection);
      const checksums = readChecksums(connection);
      if (image === null) checksums.set(PSEUDO_TABLE.SCHEMA, sumSchema(connection));
      this.#begin(opened, { position, schema, checksums });
      return ok(this.#position());
    } catch (error) {
      connection.close();
      if (!(error instanceof SqliteError)) throw error;
      return err({ code: "image-damaged", detail: error.message });
    }
  }

  /** A file takes the place of what was loaded; its rows are read as a store's own. */
  #openBackup(): StoreMethods["openBackup"]["result"] {
    this.dispose();
    const opened = this.#backup.open();
    if (!opened.ok) return opened;
    const { connection, told, schema, checksums } = opened.value;
    this.#begin(this.#opened(connection), { position: told.position, schema, checksums });
    return ok(told);
  }

  #begin(open: OpenDatabase, state: Pick<StoreState, "position" | "schema" | "checksums">): void {
    this.#open = open;
    this.#state = { ...state, hasParts: null, rowCounts: new Map() };
  }

  #opened(connection: Connection): OpenDatabase {
    return {
      connection,
      recorder: new Recorder(connection),
      deferredKeys: new DeferredKeys(connection),
      mode: new ConnectionMode(connection),
      size: new DatabaseSize(connection, this.#databaseBytesMax),
    };
  }

  /** Made once for all engines: creating tables costs more than opening a file. */
  #emptyImage(): Uint8Array {
    const { facts } = this.#sqlite;
    const known = facts.emptyImage;
    if (known !== null) return known;
    const connection = new Connection(this.#sqlite, null);
    try {
      createOwnTables(connection);
      return (facts.emptyImage = connection.exportImage());
    } finally {
      connection.close();
    }
  }

  #capture(requests: readonly CaptureRequest[]): readonly CaptureOutcome[] {
    const database = this.#settled();
    const state = this.#now();
    const isRestore = requests.some(({ work }) => work.type === "restore-state");
    assert(!isRestore || requests.length === 1, "a former state is brought back alone");
    if (isRestore) database.mode.restore();
    else database.mode.capture();
    const { recorder } = database;
    // Outside of the transaction: a rollback then leaves them.
    for (const { work } of requests) recorder.cover(state.schema, namesChangedBy(work));
    this.#recordedAtBegin = recorder.installed;
    database.connection.run("BEGIN");
    const capture = new BatchCapture(database, state);
    this.#captured = capture.batch;
    const outcomes = requests.map((request) => capture.capture(request));
    this.#captured = capture.batch;
    if (this.#captured.payloads.length === 0) this.#settled();
    return outcomes;
  }

  /** A transaction that never comes: captured on top of what is committed, and rolled back. */
  #preview({
    work,
    rowsMax,
  }: StoreMethods["preview"]["params"]): StoreMethods["preview"]["result"] {
    const request = { work, client: null, author: "", atMs: 0, isInternal: false };
    const outcome = defined(this.#capture([request])[0], "one was asked for");
    this.#settled();
    if (!outcome.ok) return outcome;
    assert(outcome.value.type === "captured", "without a client nothing is a duplicate");
    const payload = joinParts(outcome.value.payloads);
    return readChanges({ payload, skip: 0, rowsMax });
  }

  #apply(entries: readonly CommittedEntry[]): ApplyOutcome {
    this.#assertFollows(entries);
    if (this.#captured !== null && isSameBatch(this.#captured, entries)) {
      this.#captured = null;
      return this.#applyIn(defined(this.#open, "the store is loaded"), entries, true);
    }
    const database = this.#settled();
    database.mode.apply();
    let bytes = 0;
    for (const entry of entries) bytes += entry.payload?.length ?? 0;
    if (bytes > RECORDING_APPLY_BYTES_MAX) database.recorder.remove();
    database.connection.run("BEGIN");
    return this.#applyIn(database, entries, false);
  }

  /** Applies inside the open transaction, and ends it either way. */
  #applyIn(
    { connection, recorder }: OpenDatabase,
    entries: readonly CommittedEntry[],
    isWritten: boolean,
  ): ApplyOutcome {
    const before = this.#now();
    const { installed } = recorder;
    const batch = new ApplyBatch(connection, recorder, { state: before, isWritten });
    let index = before.position.index;
    try {
      for (const entry of entries) {
        index = entry.index;
        batch.applyEntry(entry);
      }
      const last = entries.at(-1);
      const position = last === undefined ? before.position : { term: last.term, index };
      const state = batch.finish(position);
      writeChecksums(connection, before.checksums, state.checksums);
      writePosition(connection, position);
      connection.run("COMMIT");
      this.#state = state;
    } catch (error) {
      connection.rollback();
      recorder.wasRestoredTo(installed);
      if (!(error instanceof Divergence)) throw error;
      const detail = `Entry ${index} does not fit this database: ${error.message}. Nothing was applied.`;
      return { type: "diverged", index, detail };
    }
    const { tables, ...effect } = batch.effect;
    return {
      type: "applied",
      position: this.#position(),
      tables: [...tables],
      ...effect,
    };
  }

  #repair(wanted: StoreMethods["repairRows"]["params"]): RepairOutcome {
    const { connection, recorder, mode } = this.#settled();
    const state = this.#now();
    mode.apply();
    recorder.remove();
    const outcome = repairRows(connection, state, wanted);
    if (outcome.type === "repaired") this.#state = { ...state, rowCounts: new Map() };
    return outcome;
  }

  #layoutOf(table: string): TableLayout {
    return defined(this.#now().schema.tables.get(table), "who compares knows the tables");
  }

  #tables(): StoreMethods["tables"]["result"] {
    const { connection } = this.#settled();
    const state = this.#now();
    const rowCounts = new Map(state.rowCounts);
    const tables = listTables(connection, rowCounts);
    this.#state = { ...state, rowCounts };
    return { tables, applied: state.position };
  }

  #image(): StoreImage {
    const { connection } = this.#settled();
    return { position: this.#position(), image: connection.exportImage() };
  }

  /** The database with no transaction open: what was captured and not committed is undone. */
  #settled(): OpenDatabase {
    const open = defined(this.#open, "the store is loaded before it is used");
    const captured = this.#captured;
    if (captured === null) return open;
    this.#captured = null;
    open.connection.rollback();
    // The rollback brought the triggers back too, whatever schema changes were tried.
    open.recorder.wasRestoredTo(this.#recordedAtBegin);
    return open;
  }

  #now(): StoreState {
    return defined(this.#state, "the store is loaded before it is used");
  }

  #position(): StorePosition {
    const { position, checksums } = this.#now();
    return { applied: position, checksum: totalChecksum(checksums) };
  }

  #assertFollows(entries: readonly CommittedEntry[]): void {
    let last: number = this.#now().position.index;
    for (const { index } of entries) {
      assert(index === last + 1, "entries follow one another");
      last = index;
    }
  }
}

/** A new, empty-handed store. `load` comes first. */
export function createStoreEngine(sqlite: SqliteModule, databaseBytesMax?: number): StoreEngine {
  return new StoreEngine(sqlite, databaseBytesMax);
}
