/**
 * One file of the log: a header and consecutive records. It knows where each record starts and
 * nothing of terms, commits or other segments; replication-log.ts puts segments together.
 */
import { assert } from "../../../shared/base/assert.ts";
import { logIndex } from "../../../shared/base/ids.ts";
import type { LogIndex } from "../../../shared/base/ids.ts";
import { err, ok } from "../../../shared/base/result.ts";
import type { Result } from "../../../shared/base/result.ts";
import type { LogEntry } from "../../../shared/raft/types.ts";
import type { Disk, DiskError, DiskFile } from "../ports.ts";
import { LogReadError } from "./log-error.ts";
import { joinPath } from "./folders.ts";
import { OffsetTable } from "./offset-table.ts";
import {
  RECORD_HEADER_BYTES,
  SEGMENT_HEADER_BYTES,
  decodeRecord,
  encodeSegmentHeader,
} from "./record-format.ts";
import type { DecodedRecord, EncodedBatch, SegmentHeader } from "./record-format.ts";

/** What a segment's file name says. */
export type SegmentName = {
  readonly name: string;
  readonly generation: number;
  readonly firstIndex: number;
};

/** `000001-0000000000000042.seg`: sorting names sorts segments. */
export function segmentName(header: Pick<SegmentHeader, "generation" | "previous">): string {
  const generation = String(header.generation).padStart(6, "0");
  return `${generation}-${String(header.previous.index + 1).padStart(16, "0")}.seg`;
}

/** Null for other files. */
export function parseSegmentName(name: string): SegmentName | null {
  const match = /^(\d{6,10})-(\d{16})\.seg$/.exec(name);
  if (match === null) return null;
  return { name, generation: Number(match[1]), firstIndex: Number(match[2]) };
}

/** An open segment. Mutations come one after the other, from the log's queue. */
export class Segment {
  readonly path: string;
  readonly header: SegmentHeader;
  readonly #file: DiskFile;
  readonly #offsets: OffsetTable;
  /** End of the last record. More may be in the file: what is damaged, while it is only read. */
  #endBytes: number;

  /** @param found The records in the file; owned by the segment from now on. */
  constructor(
    path: string,
    header: SegmentHeader,
    file: DiskFile,
    found: { readonly offsets: OffsetTable; readonly goodBytes: number } = {
      offsets: new OffsetTable(),
      goodBytes: SEGMENT_HEADER_BYTES,
    },
  ) {
    this.path = path;
    this.header = header;
    this.#file = file;
    this.#offsets = found.offsets;
    this.#endBytes = found.goodBytes;
  }

  /**
   * Creates the file with its header, not synced. What a failed creation left behind under the
   * same name was never acknowledged and is overwritten.
   */
  static async create(
    disk: Disk,
    folder: string,
    header: SegmentHeader,
  ): Promise<Result<Segment, DiskError>> {
    const path = joinPath(folder, segmentName(header));
    const opened = await disk.open(path);
    if (!opened.ok) return opened;
    const file = opened.value;
    const emptied = await emptyFile(file);
    const written = emptied.ok ? await file.append([encodeSegmentHeader(header)]) : emptied;
    if (written.ok) return ok(new Segment(path, header, file));
    await file.close();
    await disk.remove(path);
    return err(written.error);
  }

  get firstIndex(): LogIndex {
    return logIndex(this.header.previous.index + 1);
  }

  /** The index before `firstIndex` when there is no record. */
  get lastIndex(): LogIndex {
    return logIndex(this.header.previous.index + this.#offsets.count);
  }

  get sizeBytes(): number {
    return this.#endBytes;
  }

  /** Bytes of all records after `index`. */
  bytesAfter(index: LogIndex): number {
    if (index >= this.lastIndex) return 0;
    if (index < this.firstIndex) return this.sizeBytes - SEGMENT_HEADER_BYTES;
    return this.sizeBytes - this.#offsetOf(logIndex(index + 1));
  }

  /** Writes without syncing. On failure nothing is added. */
  async append(batch: EncodedBatch): Promise<Result<null, DiskError>> {
    const start = this.#endBytes;
    assert(this.#file.sizeBytes === start, "a segment that is written to ends with its records");
    const written = await this.#file.append([batch.bytes]);
    if (!written.ok) return written;
    for (const offset of batch.offsets) this.#offsets.push(start + offset);
    this.#endBytes += batch.bytes.length;
    return written;
  }

  sync(): Promise<Result<null, DiskError>> {
    return this.#file.sync();
  }

  /** Cuts the records from `index` on, not synced. */
  async cutFrom(index: LogIndex): Promise<Result<null, DiskError>> {
    assert(index >= this.firstIndex && index <= this.lastIndex, "the cut is inside the segment");
    const endBytes = this.#offsetOf(index);
    const cut = await this.#file.truncate(endBytes);
    if (!cut.ok) return cut;
    this.#offsets.cutTo(index - this.firstIndex);
    this.#endBytes = endBytes;
    return cut;
  }

  /**
   * Entries from `from` on whose payloads fit into `bytesMax`, at least one when `atLeastOne`.
   *
   * @throws LogReadError when the disk gives back something else than was stored.
   */
  read(from: LogIndex, bytesMax: number, atLeastOne: boolean): readonly LogEntry[] {
    let end = from as number;
    let payloadBytes = 0;
    while (end <= this.lastIndex) {
      payloadBytes += this.#payloadBytes(logIndex(end));
      if (payloadBytes > bytesMax && !(atLeastOne && end === from)) break;
      end++;
    }
    return this.#readRecords(from, end - from).map((record) => record.entry);
  }

  /** @throws LogReadError as `read`. */
  readRecord(index: LogIndex): DecodedRecord {
    return this.#readRecords(index, 1)[0] as DecodedRecord;
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  #readRecords(from: LogIndex, count: number): readonly DecodedRecord[] {
    if (count === 0) return [];
    const start = this.#offsetOf(from);
    const end = this.#endOf(logIndex(from + count - 1));
    const bytes = this.#readBytes(start, end - start);
    const records: DecodedRecord[] = [];
    let at = 0;
    for (let i = 0; i < count; i++) {
      const record = decodeRecord(bytes, at);
      if (record === null || record.entry.index !== from + i) {
        throw new LogReadError(`${this.path} holds no valid record ${from + i} at ${start + at}`);
      }
      records.push(record);
      at += record.sizeBytes;
    }
    return records;
  }

  #readBytes(offset: number, length: number): Uint8Array {
    try {
      return this.#file.readNow(offset, length);
    } catch (error) {
      throw new LogReadError(`${this.path} cannot be read at ${offset}`, { cause: error });
    }
  }

  #payloadBytes(index: LogIndex): number {
    return this.#endOf(index) - this.#offsetOf(index) - RECORD_HEADER_BYTES;
  }

  #offsetOf(index: LogIndex): number {
    return this.#offsets.at(index - this.firstIndex);
  }

  #endOf(index: LogIndex): number {
    return index === this.lastIndex ? this.sizeBytes : this.#offsetOf(logIndex(index + 1));
  }
}

async function emptyFile(file: DiskFile): Promise<Result<null, DiskError>> {
  if (file.sizeBytes === 0) return ok(null);
  const cut = await file.truncate(0);
  return cut.ok ? file.sync() : cut;
}
