/**
 * The bytes of the replication log on disk: segment headers and records, little-endian. The
 * tables are in DESIGN.md beside this file. Pure functions over byte strings: no file, no
 * decision about what a bad record means (see segment-scan.ts).
 *
 * A record's checksum covers everything but itself; its chained hash covers kind, term, index,
 * the hash before it and the payload, but not how entries were grouped for the disk. So the same
 * entries give the same hashes on every member, and swapped or stale files are found.
 */
import { hash } from "node:crypto";
import { crc32 } from "node:zlib";
import { InvariantError, unreachable } from "../../../shared/base/assert.ts";
import { logIndex, term } from "../../../shared/base/ids.ts";
import type { LogIndex, Position } from "../../../shared/base/ids.ts";
import type { EntryKind, LogEntry } from "../../../shared/raft/types.ts";

/** Bytes of a record before its payload. */
export const RECORD_HEADER_BYTES = 48;

/** Bytes before a segment's first record. */
export const SEGMENT_HEADER_BYTES = 64;

/**
 * Bytes of a chained hash. SHA-256 cut to 128 bits: it guards against faults and mix-ups, where
 * 2^-128 is never; only an author of entries could search for collisions, at 2^64 work each.
 */
export const CHAIN_HASH_BYTES = 16;

/** Bytes of the owner tag that fit into a segment's header. */
export const SEGMENT_OWNER_BYTES = 4;

/** What stands before the very first record. Shared, so never written to. */
export const CHAIN_HASH_ZERO: Uint8Array = new Uint8Array(CHAIN_HASH_BYTES);

const SEGMENT_MAGIC = "TIDEMLOG";
const SEGMENT_VERSION = 1;
const HASHED_FROM = 12;
const PREVIOUS_HASH_AT = 32;
const OWNER_AT = 56;
const TWO_32 = 0x1_0000_0000;

/** What a segment file says about itself. */
export type SegmentHeader = {
  /** Counts how often the whole log was replaced; only the highest generation is the log. */
  readonly generation: number;
  /** The entry before the segment's first one. */
  readonly previous: Position;
  readonly previousHash: Uint8Array;
  /** When the file was begun, by the wall clock in ms since 1970; 0 when not stated. */
  readonly createdMs: number;
  /** Whose log it is, 4 bytes; zero when not stated. See owner-tag.ts. */
  readonly owner: Uint8Array;
};

/** A record whose checksum was right. */
export type DecodedRecord = {
  readonly entry: LogEntry;
  readonly previousHash: Uint8Array;
  readonly hash: Uint8Array;
  /**
   * Place in the batch it was written with, from 0. All batches before were on the disk when
   * this one was written, so `index - batchOffset - 1` is proven to have been durable once.
   */
  readonly batchOffset: number;
  readonly sizeBytes: number;
};

/** Consecutive records as they go to the disk in one write. */
export type EncodedBatch = {
  readonly bytes: Uint8Array;
  /** Where each record starts in `bytes`. */
  readonly offsets: readonly number[];
  /** The entries with their payloads as views on `bytes`. */
  readonly entries: readonly LogEntry[];
  readonly lastHash: Uint8Array;
};

/** Encodes entries that follow the record with `previousHash`. @param entries At least one. */
export function encodeBatch(entries: readonly LogEntry[], previousHash: Uint8Array): EncodedBatch {
  let sizeBytes = 0;
  for (const entry of entries) sizeBytes += RECORD_HEADER_BYTES + entry.payload.length;
  const bytes = new Uint8Array(sizeBytes);
  const view = new DataView(bytes.buffer);
  const offsets: number[] = [];
  const stored: LogEntry[] = [];
  let at = 0;
  let lastHash = previousHash;
  for (const [batchOffset, entry] of entries.entries()) {
    const end = at + RECORD_HEADER_BYTES + entry.payload.length;
    view.setUint32(at + 4, entry.payload.length, true);
    view.setUint32(at + 8, batchOffset, true);
    view.setUint8(at + 12, kindByte(entry.kind));
    setUint53(view, at + 16, entry.term);
    setUint53(view, at + 24, entry.index);
    bytes.set(lastHash, at + PREVIOUS_HASH_AT);
    bytes.set(entry.payload, at + RECORD_HEADER_BYTES);
    view.setUint32(at, crc32(bytes.subarray(at + 4, end)), true);
    lastHash = chainHash(bytes.subarray(at + HASHED_FROM, end));
    offsets.push(at);
    stored.push({ ...entry, payload: bytes.subarray(at + RECORD_HEADER_BYTES, end) });
    at = end;
  }
  return { bytes, offsets, entries: stored, lastHash };
}

/** The record at `at`, its payload a view on `bytes`; null when there is no whole, valid one. */
export function decodeRecord(bytes: Uint8Array, at: number): DecodedRecord | null {
  if (at + RECORD_HEADER_BYTES > bytes.length) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const sizeBytes = RECORD_HEADER_BYTES + view.getUint32(at + 4, true);
  const end = at + sizeBytes;
  if (end > bytes.length) return null;
  if (crc32(bytes.subarray(at + 4, end)) !== view.getUint32(at, true)) return null;
  const kind = kindOf(view.getUint32(at + 12, true));
  const entryTerm = getUint53(view, at + 16);
  const index = getUint53(view, at + 24);
  if (kind === null || entryTerm === null || index === null) return null;
  return {
    entry: {
      term: term(entryTerm),
      index: logIndex(index),
      kind,
      payload: bytes.subarray(at + RECORD_HEADER_BYTES, end),
    },
    previousHash: bytes.subarray(at + PREVIOUS_HASH_AT, at + PREVIOUS_HASH_AT + CHAIN_HASH_BYTES),
    hash: chainHash(bytes.subarray(at + HASHED_FROM, end)),
    batchOffset: view.getUint32(at + 8, true),
    sizeBytes,
  };
}

/**
 * Whether a whole record is at `at` whose kind this program does not know: a newer one wrote it.
 * It must not be skipped, nor cut off as if it were torn.
 */
export function isOfLaterVersion(bytes: Uint8Array, at: number): boolean {
  if (at + RECORD_HEADER_BYTES > bytes.length) return false;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = at + RECORD_HEADER_BYTES + view.getUint32(at + 4, true);
  if (end > bytes.length || kindOf(view.getUint32(at + 12, true)) !== null) return false;
  return crc32(bytes.subarray(at + 4, end)) === view.getUint32(at, true);
}

/**
 * Whether any valid record at or after `from` proves that the one at `index` had been durable.
 * Tries every byte, because the length of the bad record cannot be believed.
 */
export function provesDurable(bytes: Uint8Array, from: number, index: LogIndex): boolean {
  return findRecord(bytes, from, (at, batchOffset) => at > index && at - batchOffset > index) >= 0;
}

/**
 * Where the first valid record at or after `from` begins, trying every byte; -1 without one.
 *
 * @param isWanted Asked with index and place in the batch before the checksum is computed: that
 *   of a megabyte at every byte would take minutes.
 */
export function findRecord(
  bytes: Uint8Array,
  from: number,
  isWanted: (index: number, batchOffset: number) => boolean,
): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = from; at + RECORD_HEADER_BYTES <= bytes.length; at++) {
    if (kindOf(view.getUint32(at + 12, true)) === null) continue;
    if (view.getUint32(at + 4, true) > bytes.length - at - RECORD_HEADER_BYTES) continue;
    const index = getUint53(view, at + 24);
    if (index === null || !isWanted(index, view.getUint32(at + 8, true))) continue;
    if (decodeRecord(bytes, at) !== null) return at;
  }
  return -1;
}

/** The first 64 bytes of a segment file. */
export function encodeSegmentHeader(header: SegmentHeader): Uint8Array {
  const bytes = new Uint8Array(SEGMENT_HEADER_BYTES);
  const view = new DataView(bytes.buffer);
  setMagic(bytes, SEGMENT_MAGIC);
  view.setUint32(8, SEGMENT_VERSION, true);
  view.setUint32(12, header.generation, true);
  setUint53(view, 16, header.previous.index);
  setUint53(view, 24, header.previous.term);
  bytes.set(header.previousHash, 32);
  setUint53(view, 48, header.createdMs);
  bytes.set(header.owner, OWNER_AT);
  view.setUint32(60, crc32(bytes.subarray(0, 60)), true);
  return bytes;
}

/** `too-new`: intact, but of a version this program does not know. */
export function decodeSegmentHeader(bytes: Uint8Array): SegmentHeader | "damaged" | "too-new" {
  if (bytes.length < SEGMENT_HEADER_BYTES || !hasMagic(bytes, SEGMENT_MAGIC)) return "damaged";
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (crc32(bytes.subarray(0, 60)) !== view.getUint32(60, true)) return "damaged";
  if (view.getUint32(8, true) !== SEGMENT_VERSION) return "too-new";
  const index = getUint53(view, 16);
  const previousTerm = getUint53(view, 24);
  const createdMs = getUint53(view, 48);
  if (index === null || previousTerm === null || createdMs === null) return "damaged";
  return {
    generation: view.getUint32(12, true),
    previous: { term: term(previousTerm), index: logIndex(index) },
    previousHash: bytes.slice(32, 32 + CHAIN_HASH_BYTES),
    createdMs,
    owner: bytes.slice(OWNER_AT, OWNER_AT + SEGMENT_OWNER_BYTES),
  };
}

/** Writes an ASCII magic at the front. */
export function setMagic(bytes: Uint8Array, magic: string): void {
  for (let i = 0; i < magic.length; i++) bytes[i] = magic.charCodeAt(i);
}

/** Whether the bytes begin with an ASCII magic. */
export function hasMagic(bytes: Uint8Array, magic: string): boolean {
  for (let i = 0; i < magic.length; i++) if (bytes[i] !== magic.charCodeAt(i)) return false;
  return true;
}

/** Writes a whole number from 0 to 2^53 - 1 as 64 bits. */
export function setUint53(view: DataView, at: number, value: number): void {
  const isCount = Number.isSafeInteger(value) && value >= 0;
  if (!isCount) throw new InvariantError(`${value} is no unsigned whole number`);
  view.setUint32(at, value % TWO_32, true);
  view.setUint32(at + 4, Math.floor(value / TWO_32), true);
}

/** Reads what `setUint53` wrote; null when it is above 2^53 - 1. */
export function getUint53(view: DataView, at: number): number | null {
  const high = view.getUint32(at + 4, true);
  return high > 0x1f_ffff ? null : high * TWO_32 + view.getUint32(at, true);
}

function chainHash(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(hash("sha256", bytes, "buffer").subarray(0, CHAIN_HASH_BYTES));
}

function kindByte(kind: EntryKind): number {
  switch (kind) {
    case "noop":
      return 1;
    case "configuration":
      return 2;
    case "data":
      return 3;
    default:
      return unreachable(kind);
  }
}

function kindOf(word: number): EntryKind | null {
  if (word === 1) return "noop";
  if (word === 2) return "configuration";
  return word === 3 ? "data" : null;
}
