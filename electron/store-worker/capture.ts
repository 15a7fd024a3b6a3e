/**
 * Runs client transactions, records what they change, and leaves nothing behind.
 *
 * A batch is one SQLite transaction, each request in it a savepoint, so that later requests see
 * earlier ones. The transaction stays open at the end: when exactly these payloads come back as
 * committed entries, the applier finishes it; whatever else comes first rolls it back.
 */
import { unreachable } from "../../shared/base/assert.ts";
import { utf8Encode } from "../../shared/base/bytes.ts";
import { err, ok } from "../../shared/base/result.ts";
import type { StatementResult } from "../../shared/api/methods.ts";
import { isReservedName } from "../../shared/changes/identifiers.ts";
import {
  LABEL_BYTES_MAX,
  RESULTS_BYTES_MAX,
  TRANSACTION_BYTES_MAX,
} from "../../shared/changes/limits.ts";
import { splitPayload } from "../../shared/changes/parts.ts";
import { PayloadBuilder, resultsBytes } from "../../shared/changes/payload.ts";
import { readClient, type Checksums } from "./bookkeeping.ts";
import type { Connection } from "./connection.ts";
import { checkExpected } from "./expectation.ts";
import { readCounters, type Counters } from "./counters.ts";
import type { DatabaseSize } from "./database-size.ts";
import type { DeferredKeys } from "./deferred-keys.ts";
import type { CaptureOutcome, CaptureRequest, CommittedEntry, FormerState } from "./messages.ts";
import type { Recorder } from "./recorder.ts";
import { errorAnswer, Refusal } from "./refusal.ts";
import { restoreState } from "./restore-state.ts";
import { StatementRunner } from "./statement-runner.ts";
import { namesIn } from "./tokens.ts";
import type { Schema } from "./schema.ts";
import type { StoreState } from "./state.ts";
import { takeBack, undoTransaction, type UndoContext } from "./undo.ts";
import { joinInverses } from "./way-back.ts";

/** What a batch left open in its transaction. */
export type CapturedBatch = {
  readonly payloads: readonly Uint8Array[];
  /** Whether the schema changed in it: such a batch is never finished, only rolled back. */
  readonly hasSchemaChange: boolean;
};

/** What belongs to one connection. */
export type CaptureTools = {
  readonly connection: Connection;
  readonly recorder: Recorder;
  readonly deferredKeys: DeferredKeys;
  readonly size: DatabaseSize;
};

/** Captures one batch on one connection, whose transaction is open. */
export class BatchCapture {
  readonly #connection: Connection;
  readonly #recorder: Recorder;
  readonly #deferredKeys: DeferredKeys;
  readonly #size: DatabaseSize;
  readonly #payloads: Uint8Array[] = [];
  readonly #sequences = new Map<string, number>();
  readonly #checksums: Checksums;
  #schema: Schema;
  #hasSchemaChange = false;

  /** @param state What the transaction began with. */
  constructor(
    { connection, recorder, deferredKeys, size }: CaptureTools,
    state: Pick<StoreState, "schema" | "checksums">,
  ) {
    this.#connection = connection;
    this.#recorder = recorder;
    this.#deferredKeys = deferredKeys;
    this.#size = size;
    this.#schema = state.schema;
    this.#checksums = state.checksums;
  }

  get batch(): CapturedBatch {
    return { payloads: this.#payloads, hasSchemaChange: this.#hasSchemaChange };
  }

  /** Captures one request; a failed one leaves no trace in the transaction. */
  capture(request: CaptureRequest): CaptureOutcome {
    const known = this.#knownAnswer(request);
    if (known !== null) return known;
    const schemaBefore = this.#schema;
    const builder = new PayloadBuilder();
    const { installed } = this.#recorder;
    this.#connection.run("SAVEPOINT request");
    this.#recorder.start(builder);
    const runner = new StatementRunner(this.#connection, this.#recorder, {
      builder,
      schema: schemaBefore,
      isInternal: request.isInternal,
    });
    try {
      const results = this.#work(request, runner, builder);
      const payload = finishPayload(builder, request, results);
      this.#connection.run("RELEASE request");
      this.#schema = runner.currentSchema();
      this.#hasSchemaChange ||= this.#schema !== schemaBefore;
      return this.#accept(request, payload, results);
    } catch (thrown) {
      const error = errorAnswer(thrown, runner.statementIndex);
      this.#connection.run("ROLLBACK TO request");
      this.#connection.run("RELEASE request");
      this.#recorder.wasRestoredTo(installed);
      return err(error);
    } finally {
      this.#recorder.stop();
    }
  }

  #work(
    request: CaptureRequest,
    runner: StatementRunner,
    builder: PayloadBuilder,
  ): readonly StatementResult[] {
    const countersBefore = readCounters(this.#connection, this.#schema);
    const bytesBefore = this.#size.usedBytes;
    const results = this.#run(request, runner, builder);
    runner.statementIndex = undefined;
    if (this.#recorder.isOverflowing) throw tooLarge();
    const schema = runner.currentSchema();
    if (schema.hasDeferredKeys && this.#deferredKeys.areBroken) throw keyBroken();
    recordCounters(this.#connection, { schema, countersBefore, builder });
    if (!request.isInternal) this.#size.checkGrowth(bytesBefore);
    return results;
  }

  #run(
    { work, isInternal }: CaptureRequest,
    runner: StatementRunner,
    builder: PayloadBuilder,
  ): readonly StatementResult[] {
    switch (work.type) {
      case "statements":
        if (work.expected) checkExpected(this.#connection, this.#schema, work.expected);
        return runner.runAll(work.statements);
      case "insert-rows":
        if (!isInternal && isReservedName(work.table)) throw notAUsersTable(work.table);
        return [runner.insertRows(work.table, work)];
      case "undo":
        return this.#takeBack((context) => undoTransaction(context, work.payload), builder);
      case "restore":
        return this.#takeBack((context) => takeBack(context, joinInverses(work.inverses)), builder);
      case "restore-state":
        return takenBack(this.#restore(runner, builder, work.former));
      default:
        return unreachable(work);
    }
  }

  #takeBack(
    action: (context: UndoContext) => number,
    builder: PayloadBuilder,
  ): readonly StatementResult[] {
    const [connection, deferredKeys] = [this.#connection, this.#deferredKeys];
    const context: UndoContext = {
      ...{ connection, deferredKeys, schema: this.#schema, builder },
      record: (tables, work) => {
        this.#recorder.cover(this.#schema, tables);
        return this.#recorder.step(work);
      },
    };
    return takenBack(action(context));
  }

  #restore(runner: StatementRunner, builder: PayloadBuilder, former: FormerState): number {
    const state = { schema: this.#schema, checksums: this.#checksums };
    const [connection, recorder] = [this.#connection, this.#recorder];
    return restoreState({ connection, recorder, runner, builder, state }, former);
  }

  #accept(
    request: CaptureRequest,
    payload: Uint8Array,
    results: readonly StatementResult[],
  ): CaptureOutcome {
    const payloads = splitPayload(payload);
    this.#payloads.push(...payloads);
    if (request.client !== null) {
      this.#sequences.set(request.client.id, request.client.sequence);
    }
    return ok({ type: "captured", payloads, results });
  }

  /** The answer when this transaction was asked for before, or cannot be any more. */
  #knownAnswer(request: CaptureRequest): CaptureOutcome | null {
    const { client, author, atMs } = request;
    const labels = [author, client?.id ?? ""];
    if (labels.some((label) => utf8Encode(label).length > LABEL_BYTES_MAX)) {
      return badRequest(`A client id and an author have at most ${LABEL_BYTES_MAX} bytes.`);
    }
    const sequence = client?.sequence ?? 0;
    if (![sequence, atMs].every((number) => Number.isSafeInteger(number) && number >= 0)) {
      return badRequest("A sequence and a time are whole numbers from 0.");
    }
    if (client === null) return null;
    const waiting = this.#sequences.get(client.id);
    if (waiting !== undefined && sequence <= waiting) {
      return badRequest(`Sequence ${sequence} of this client is being carried out already.`);
    }
    const record = readClient(this.#connection, client.id);
    if (record === null || sequence > record.sequence) return null;
    if (sequence < record.sequence) {
      const message = `Sequence ${sequence} is older than ${record.sequence}, this client's last.`;
      return err({ code: "sequence-too-old", message });
    }
    return ok({ type: "duplicate", position: record.position, results: record.results });
  }
}

function takenBack(changes: number): readonly StatementResult[] {
  return [{ changes, lastInsertRowid: 0 }];
}

/** Every name in it that may be one of a table. */
export function namesChangedBy(work: CaptureRequest["work"]): ReadonlySet<string> {
  if (work.type === "insert-rows") return new Set([work.table]);
  if (work.type !== "statements") return new Set();
  const [first, ...others] = work.statements;
  if (first !== undefined && others.length === 0) return namesIn(first.sql);
  return new Set(work.statements.flatMap(({ sql }) => [...namesIn(sql)]));
}

function notAUsersTable(table: string): Refusal {
  return new Refusal({
    code: "sql-refused",
    message: `Table ${table} is not a user's. Nothing was done.`,
  });
}

/** In SQLite's own words: it does not know which one. */
function keyBroken(): Refusal {
  return new Refusal({ code: "constraint", message: "FOREIGN KEY constraint failed" });
}

/** AUTOINCREMENT counters have no triggers, so they are compared and shipped as a whole. */
function recordCounters(
  connection: Connection,
  context: {
    readonly schema: Schema;
    readonly countersBefore: Counters;
    readonly builder: PayloadBuilder;
  },
): void {
  const { schema, countersBefore, builder } = context;
  if (!schema.hasCounters) return;
  const now = readCounters(connection, schema);
  const isSame =
    now.length === countersBefore.length &&
    now.every((counter, i) => {
      const before = countersBefore[i];
      return counter.table === before?.table && counter.value === before.value;
    });
  const hasInserted = [...schema.tables.values()].some(
    (layout) => layout.isAutoincrement && builder.hasTable(layout.shape),
  );
  if (!isSame || hasInserted) builder.counters(now);
}

function finishPayload(
  builder: PayloadBuilder,
  request: CaptureRequest,
  results: readonly StatementResult[],
): Uint8Array {
  const kept = resultsBytes(request.client === null ? null : results);
  if (kept.length > RESULTS_BYTES_MAX) {
    const message = `The answer of a transaction has at most ${RESULTS_BYTES_MAX} bytes.`;
    throw new Refusal({ code: "too-large", message });
  }
  const { client, author, atMs } = request;
  const payload = builder.finish({ client, author, atMs, results: kept });
  if (payload.length > TRANSACTION_BYTES_MAX) throw tooLarge();
  return payload;
}

function tooLarge(): Refusal {
  const message =
    `A transaction changes at most ${TRANSACTION_BYTES_MAX / 1024 / 1024} MiB of rows. ` +
    "Nothing was done; make it several smaller ones.";
  return new Refusal({ code: "too-large", message });
}

function badRequest(message: string): CaptureOutcome {
  return err({ code: "bad-request", message });
}

/**
 * Whether the entries are exactly what was captured: one after the other in one term, because
 * parts that something came between are dropped. The core's own entries may come before.
 */
export function isSameBatch(batch: CapturedBatch, entries: readonly CommittedEntry[]): boolean {
  if (batch.hasSchemaChange) return false;
  const first = entries.findIndex((entry) => entry.payload !== null);
  const own = first < 0 ? [] : entries.slice(first);
  return (
    own.length === batch.payloads.length &&
    own.every(({ payload, term }, i) => {
      const captured = batch.payloads[i];
      if (payload === null || captured === undefined || term !== own[0]?.term) return false;
      return Buffer.compare(payload, captured) === 0;
    })
  );
}
