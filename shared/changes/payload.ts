/**
 * The payload of a transaction's log entry: who asked, what it answered, which rows changed.
 *
 *   "TMTX", version, kind 0, header, records...
 *
 * A record defines a table (the next number, from 0), holds a run of rows of one table and one
 * operation, one schema change as SQL, or all AUTOINCREMENT counters. Runs carry their length,
 * so that a reader may skip them, and a writer needs no second pass.
 *
 * Knows nothing of SQLite; `electron/store-worker` fills and applies these.
 */
import { ByteReader, ByteWriter, NO_BYTES, utf8Encode } from "../base/bytes.ts";
import { err, ok, type Result } from "../base/result.ts";
import { COLUMN_COUNT_MAX, LABEL_BYTES_MAX, RESULTS_BYTES_MAX } from "./limits.ts";
import { ImageWriter } from "./row-image.ts";

/** First bytes of every payload: "TMTX". */
export const PAYLOAD_MAGIC = 0x58544d54;

/** Raised when a reader of the former version could not understand the bytes. */
export const PAYLOAD_VERSION = 1;

/** After magic and version: a whole transaction, or one part of a large one. */
export const PAYLOAD_KIND = { WHOLE: 0, PART: 1 } as const;

const RECORD = { TABLE: 1, INSERT: 2, UPDATE: 3, DELETE: 4, SCHEMA: 5, COUNTERS: 6 } as const;
const NAME_BYTES_MAX = 64 * 1024;
const SQL_BYTES_MAX = 16 * 1024 * 1024;
const RUN_HEADER_BYTES = 12;

/** What was asked by whom, and what it answered. */
export type TransactionHeader = {
  readonly client: { readonly id: string; readonly sequence: number } | null;
  readonly author: string;
  /** The leader's wall clock, ms since 1970. */
  readonly atMs: number;
  /** The answer as JSON bytes, kept for retries; empty without a client. */
  readonly results: Uint8Array;
};

/** A table as the rows after it are laid out. */
export type TableShape = {
  readonly name: string;
  /** Whether each row starts with its rowid, because no column holds it. */
  readonly hasLeadingRowid: boolean;
  /** Stored columns in order; generated ones are left out. */
  readonly columns: readonly string[];
  /** Places in `columns` of the key, when there is no leading rowid. */
  readonly keyPlaces: readonly number[];
};

/** Whether rows of the one lie as rows of the other. */
export function isSameShape(a: TableShape, b: TableShape): boolean {
  return (
    a.hasLeadingRowid === b.hasLeadingRowid &&
    a.columns.length === b.columns.length &&
    a.columns.every((column, i) => column === b.columns[i]) &&
    a.keyPlaces.join() === b.keyPlaces.join()
  );
}

/** What happened to the rows of a run. An update holds two images per row: before, after. */
export type RowOperation = "insert" | "update" | "delete";

/** One AUTOINCREMENT counter. */
export type TableCounter = { readonly table: string; readonly value: bigint };

/** A record of a payload, in order. */
export type ChangeRecord =
  | {
      readonly type: "rows";
      readonly operation: RowOperation;
      readonly table: TableShape;
      readonly rowCount: number;
      /** The images are `bytes[start..end)` of the payload. */
      readonly start: number;
      readonly end: number;
    }
  | { readonly type: "schema"; readonly sql: string }
  /** All of them: they replace what was there. */
  | { readonly type: "counters"; readonly counters: readonly TableCounter[] };

/** Why bytes are no payload. */
export type PayloadError = {
  readonly code: "payload-malformed" | "payload-version";
  readonly detail: string;
};

/** Values in each image of a table's rows. */
export function imageValueCount(table: TableShape): number {
  return table.columns.length + (table.hasLeadingRowid ? 1 : 0);
}

/** A place in a payload that is being written. */
export type PayloadMark = {
  readonly length: number;
  readonly rowCount: number;
  readonly recordCount: number;
  readonly tableCount: number;
  /** The run of rows that was being written, which may go on. */
  readonly run: readonly [TableShape | null, RowOperation, number, number];
};

/** Collects the records of one transaction; rows are written straight into `images`. */
export class PayloadBuilder {
  readonly images = new ImageWriter(1024);
  readonly #numbers = new Map<TableShape, number>();
  #runTable: TableShape | null = null;
  #runOperation: RowOperation = "insert";
  #runAt = -1;
  #runRowCount = 0;
  #recordCount = 0;
  #rowCount = 0;

  /** Rows that were changed. */
  get rowCount(): number {
    return this.#rowCount;
  }

  /** Whether nothing was changed. */
  get isEmpty(): boolean {
    return this.#recordCount === 0;
  }

  get bytes(): number {
    return this.images.length;
  }

  /** Whether rows of this table were written. */
  hasTable(table: TableShape): boolean {
    return this.#numbers.has(table);
  }

  /** Before the image (or two) of each changed row is written to `images`. */
  beginRow(table: TableShape, operation: RowOperation): void {
    this.#rowCount++;
    if (this.#runAt >= 0 && this.#runTable === table && this.#runOperation === operation) {
      this.#runRowCount++;
      return;
    }
    this.#endRun();
    const number = this.#numberOf(table);
    this.images.uint8(RECORD[operationTag(operation)]);
    this.images.uint32(number);
    this.#runAt = this.images.length;
    this.images.uint32(0);
    this.images.uint32(0);
    this.#runTable = table;
    this.#runOperation = operation;
    this.#runRowCount = 1;
    this.#recordCount++;
  }

  /** Where the records end now: what is written from here on can be taken back. */
  mark(): PayloadMark {
    return {
      length: this.images.length,
      rowCount: this.#rowCount,
      recordCount: this.#recordCount,
      tableCount: this.#numbers.size,
      run: [this.#runTable, this.#runOperation, this.#runAt, this.#runRowCount],
    };
  }

  /** Forgets what was written since. */
  rewind({ length, rowCount, recordCount, tableCount, run }: PayloadMark): void {
    [this.#runTable, this.#runOperation, this.#runAt, this.#runRowCount] = run;
    this.images.length = length;
    this.#rowCount = rowCount;
    this.#recordCount = recordCount;
    for (const [table, number] of this.#numbers) {
      if (number >= tableCount) this.#numbers.delete(table);
    }
  }

  /** A schema change; tables are defined anew after it. */
  schema(sql: string): void {
    this.#endRun();
    this.#runTable = null;
    this.#record(RECORD.SCHEMA, new ByteWriter().text(sql).finish());
    this.#recordCount++;
  }

  /** All AUTOINCREMENT counters as they are at the end. */
  counters(counters: readonly TableCounter[]): void {
    this.#endRun();
    const writer = new ByteWriter();
    writer.list(counters, (counter) => writer.text(counter.table).int64(counter.value));
    this.#record(RECORD.COUNTERS, writer.finish());
    this.#recordCount++;
  }

  /** The payload. The builder is used up. */
  finish(header: TransactionHeader): Uint8Array {
    this.#endRun();
    const writer = new ByteWriter(256 + this.images.length + header.results.length);
    writer.uint32(PAYLOAD_MAGIC).uint8(PAYLOAD_VERSION).uint8(PAYLOAD_KIND.WHOLE);
    writer.boolean(header.client !== null);
    if (header.client !== null) writer.text(header.client.id).varint(header.client.sequence);
    writer.text(header.author).varint(header.atMs).bytes(header.results);
    writer.raw(this.images.bytes.subarray(0, this.images.length));
    return writer.finish();
  }

  #numberOf(table: TableShape): number {
    const known = this.#numbers.get(table);
    if (known !== undefined) return known;
    const number = this.#numbers.size;
    this.#numbers.set(table, number);
    const writer = new ByteWriter();
    writer.text(table.name).boolean(table.hasLeadingRowid);
    writer.list(table.columns, (column) => writer.text(column));
    writer.list(table.keyPlaces, (place) => writer.varint(place));
    this.#record(RECORD.TABLE, writer.finish());
    return number;
  }

  #record(tag: number, body: Uint8Array): void {
    this.images.uint8(tag);
    this.images.uint32(body.length);
    this.images.copy(body, 0, body.length);
  }

  #endRun(): void {
    if (this.#runAt < 0) return;
    this.images.patchUint32(this.#runAt, this.#runRowCount);
    this.images.patchUint32(this.#runAt + 4, this.images.length - this.#runAt - 8);
    this.#runAt = -1;
  }
}

/** A payload being read: the header at once, the records one by one. */
export class PayloadReader {
  readonly header: TransactionHeader;
  readonly bytes: Uint8Array;
  readonly #tables: TableShape[] = [];
  #at: number;
  #failed = false;

  private constructor(bytes: Uint8Array, header: TransactionHeader, at: number) {
    this.bytes = bytes;
    this.header = header;
    this.#at = at;
  }

  /** Checks magic, version and header. Parts must have been joined before. */
  static open(bytes: Uint8Array): Result<PayloadReader, PayloadError> {
    const reader = new ByteReader(bytes);
    const magic = reader.uint32();
    const version = reader.uint8();
    const kind = reader.uint8();
    if (magic !== PAYLOAD_MAGIC || kind !== PAYLOAD_KIND.WHOLE) return malformed("its first bytes");
    if (version !== PAYLOAD_VERSION) {
      const detail = `Expected payload version ${PAYLOAD_VERSION}, got ${version}.`;
      return err({ code: "payload-version", detail });
    }
    const header = readHeader(reader);
    if (reader.failed) return malformed("its header");
    return ok(new PayloadReader(bytes, header, reader.offset));
  }

  /** Whether `next` met bytes that are no record. */
  get failed(): boolean {
    return this.#failed;
  }

  /** The next record; null at the end or when the rest is malformed (`failed`). */
  next(): ChangeRecord | null {
    while (!this.#failed && this.#at < this.bytes.length) {
      const reader = new ByteReader(this.bytes.subarray(this.#at));
      const tag = reader.uint8();
      const record = tag === RECORD.TABLE ? this.#defineTable(reader) : this.#read(tag, reader);
      if (reader.failed) this.#failed = true;
      else if (record !== null) return record;
    }
    return null;
  }

  #defineTable(reader: ByteReader): null {
    const body = this.#body(reader);
    const name = body.text(NAME_BYTES_MAX);
    const hasLeadingRowid = body.boolean();
    const columns = body.list(COLUMN_COUNT_MAX, () => body.text(NAME_BYTES_MAX));
    const keyPlaces = body.list(COLUMN_COUNT_MAX, () => body.varint());
    const hasKey = hasLeadingRowid || keyPlaces.length > 0;
    const isKeyKnown = keyPlaces.every((place) => place < columns.length);
    if (body.failed || !hasKey || !isKeyKnown) reader.fail();
    this.#tables.push({ name, hasLeadingRowid, columns, keyPlaces });
    return null;
  }

  #read(tag: number, reader: ByteReader): ChangeRecord | null {
    switch (tag) {
      case RECORD.INSERT:
        return this.#rows("insert", reader);
      case RECORD.UPDATE:
        return this.#rows("update", reader);
      case RECORD.DELETE:
        return this.#rows("delete", reader);
      case RECORD.SCHEMA: {
        const body = this.#body(reader);
        const sql = body.text(SQL_BYTES_MAX);
        if (body.failed) reader.fail();
        return { type: "schema", sql };
      }
      case RECORD.COUNTERS: {
        const body = this.#body(reader);
        const counters = body.list(1_000_000, () => ({
          table: body.text(NAME_BYTES_MAX),
          value: body.int64(),
        }));
        if (body.failed) reader.fail();
        return { type: "counters", counters };
      }
      default:
        reader.fail();
        return null;
    }
  }

  #body(reader: ByteReader): ByteReader {
    const length = reader.uint32();
    const body = new ByteReader(reader.raw(length));
    this.#at += reader.offset;
    return body;
  }

  #rows(operation: RowOperation, reader: ByteReader): ChangeRecord | null {
    const table = this.#tables[reader.uint32()];
    const rowCount = reader.uint32();
    const length = reader.uint32();
    if (table === undefined || length > reader.remaining || rowCount > length) {
      reader.fail();
      return null;
    }
    const start = this.#at + 1 + RUN_HEADER_BYTES;
    this.#at = start + length;
    return { type: "rows", operation, table, rowCount, start, end: this.#at };
  }
}

function readHeader(reader: ByteReader): TransactionHeader {
  const hasClient = reader.boolean();
  const client = hasClient ? { id: reader.text(LABEL_BYTES_MAX), sequence: reader.varint() } : null;
  const author = reader.text(LABEL_BYTES_MAX);
  const atMs = reader.varint();
  return { client, author, atMs, results: reader.bytes(RESULTS_BYTES_MAX) };
}

function operationTag(operation: RowOperation): "INSERT" | "UPDATE" | "DELETE" {
  return operation === "insert" ? "INSERT" : operation === "update" ? "UPDATE" : "DELETE";
}

function malformed(where: string): Result<never, PayloadError> {
  const detail = `Expected a transaction; ${where} are not one.`;
  return err({ code: "payload-malformed", detail });
}

/** The answer of a transaction as the bytes kept for retries. */
export function resultsBytes(results: unknown): Uint8Array {
  return results === null ? NO_BYTES : utf8Encode(JSON.stringify(results));
}
