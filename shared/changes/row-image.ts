/**
 * The bytes of a row: its values one after the other, each with a tag.
 *
 * Every value has exactly one encoding (integers take the shortest form), so that two images
 * are equal if and only if their bytes are: divergence checks and checksums compare bytes.
 * Text is kept as SQLite's bytes. Writing is laid out for speed, because capture and apply of
 * an import pass through here once per cell; nothing is allocated per value.
 *
 * Knows nothing of tables; who reads must know how many values a row has.
 */
import { assert } from "../base/assert.ts";
import type { Value } from "./values.ts";

// See base/bytes.ts: present everywhere we run, in none of the ES libs.
declare const TextEncoder: new () => { encode(text: string): Uint8Array };
declare const TextDecoder: new (
  label: string,
  options: { ignoreBOM: boolean },
) => { decode(bytes: Uint8Array): string };

/** First byte of a value. From `SHORT_TEXT` on: text of `tag - SHORT_TEXT` bytes, 0 to 63. */
export const TAG = {
  NULL: 0,
  INT8: 1,
  INT16: 2,
  INT32: 3,
  INT64: 4,
  REAL: 5,
  TEXT: 6,
  BLOB: 7,
  SHORT_TEXT: 0x40,
} as const;

const SHORT_TEXT_BYTES_MAX = 63;
const TAG_MAX = TAG.SHORT_TEXT + SHORT_TEXT_BYTES_MAX;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Writes values; `bytes` up to `length` is what was written. */
export class ImageWriter {
  bytes: Uint8Array;
  length = 0;
  #view: DataView | null = null;

  /** @param capacity First allocation in bytes; it doubles as needed. */
  constructor(capacity = 1024) {
    this.bytes = new Uint8Array(capacity);
  }

  /** Makes room for `count` more bytes. */
  reserve(count: number): void {
    const needed = this.length + count;
    if (needed <= this.bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, this.bytes.length * 2));
    grown.set(this.bytes.subarray(0, this.length));
    this.bytes = grown;
    this.#view = null;
  }

  uint8(value: number): void {
    this.reserve(1);
    this.bytes[this.length++] = value;
  }

  uint32(value: number): void {
    this.reserve(4);
    this.length += 4;
    this.patchUint32(this.length - 4, value);
  }

  /** Overwrites four bytes written before: for counts known only at the end. */
  patchUint32(at: number, value: number): void {
    const { bytes } = this;
    bytes[at] = value;
    bytes[at + 1] = value >>> 8;
    bytes[at + 2] = value >>> 16;
    bytes[at + 3] = value >>> 24;
  }

  null(): void {
    this.uint8(TAG.NULL);
  }

  /** @param value A whole number below 2^53 in size. */
  integer(value: number): void {
    this.reserve(9);
    const at = this.length;
    if (value >= -128 && value <= 127) {
      this.bytes[at] = TAG.INT8;
      this.bytes[at + 1] = value;
      this.length = at + 2;
    } else if (value >= -32768 && value <= 32767) {
      this.bytes[at] = TAG.INT16;
      this.bytes[at + 1] = value;
      this.bytes[at + 2] = value >> 8;
      this.length = at + 3;
    } else if (value >= -2147483648 && value <= 2147483647) {
      this.bytes[at] = TAG.INT32;
      this.patchUint32(at + 1, value);
      this.length = at + 5;
    } else {
      this.bytes[at] = TAG.INT64;
      this.patchUint32(at + 1, value % 0x1_0000_0000);
      this.patchUint32(at + 5, Math.floor(value / 0x1_0000_0000));
      this.length = at + 9;
    }
  }

  /** Any 64-bit integer. */
  bigInteger(value: bigint): void {
    if (value >= -2147483648n && value <= 2147483647n) {
      this.integer(Number(value));
      return;
    }
    this.reserve(9);
    this.bytes[this.length] = TAG.INT64;
    this.#viewNow().setBigInt64(this.length + 1, value, true);
    this.length += 9;
  }

  real(value: number): void {
    this.reserve(9);
    this.bytes[this.length] = TAG.REAL;
    this.#viewNow().setFloat64(this.length + 1, value, true);
    this.length += 9;
  }

  /** Text whose UTF-8 bytes lie in `source`. */
  textFrom(source: Uint8Array, start: number, count: number): void {
    if (count > SHORT_TEXT_BYTES_MAX) {
      this.#long(TAG.TEXT, count);
      this.copy(source, start, count);
      return;
    }
    this.reserve(1 + count);
    const target = this.bytes;
    let at = this.length;
    target[at++] = TAG.SHORT_TEXT + count;
    // A loop beats creating a subarray for texts this short.
    for (let i = 0; i < count; i++) target[at + i] = source[start + i] as number;
    this.length = at + count;
  }

  blobFrom(source: Uint8Array, start: number, count: number): void {
    this.#long(TAG.BLOB, count);
    this.copy(source, start, count);
  }

  /** Bytes as they are, without a tag. */
  copy(source: Uint8Array, start: number, count: number): void {
    this.reserve(count);
    this.bytes.set(source.subarray(start, start + count), this.length);
    this.length += count;
  }

  value(value: Value): void {
    if (value === null) this.null();
    else if (typeof value === "bigint") this.bigInteger(value);
    else if (typeof value === "number") this.real(value);
    else if (typeof value === "string") {
      const bytes = encoder.encode(value);
      this.textFrom(bytes, 0, bytes.length);
    } else this.blobFrom(value, 0, value.length);
  }

  /** A copy of what was written. */
  finish(): Uint8Array {
    return this.bytes.slice(0, this.length);
  }

  #viewNow(): DataView {
    return (this.#view ??= new DataView(this.bytes.buffer));
  }

  #long(tag: number, count: number): void {
    this.reserve(5);
    this.bytes[this.length++] = tag;
    this.uint32(count);
  }
}

/** Offset after the value at `at`, or -1 when there is no well-formed value. */
export function valueEnd(bytes: Uint8Array, at: number): number {
  const tag = bytes[at];
  if (tag === undefined) return -1;
  let end = at + 1;
  if (tag >= TAG.SHORT_TEXT) end += tag <= TAG_MAX ? tag - TAG.SHORT_TEXT : Infinity;
  else if (tag === TAG.INT8) end += 1;
  else if (tag === TAG.INT16) end += 2;
  else if (tag === TAG.INT32) end += 4;
  else if (tag === TAG.INT64 || tag === TAG.REAL) end += 8;
  else if (tag === TAG.TEXT || tag === TAG.BLOB) {
    if (at + 5 > bytes.length) return -1;
    end += 4 + readUint32(bytes, at + 1);
  } else if (tag !== TAG.NULL) return -1;
  return end <= bytes.length ? end : -1;
}

/** Offset after `count` values from `at`, or -1 when one of them is not well-formed. */
export function rowEnd(bytes: Uint8Array, at: number, count: number): number {
  let end = at;
  for (let i = 0; i < count && end >= 0; i++) end = valueEnd(bytes, end);
  return end;
}

/** Little-endian; the caller knows that four bytes are there. */
export function readUint32(bytes: Uint8Array, at: number): number {
  const low =
    (bytes[at] as number) | ((bytes[at + 1] as number) << 8) | ((bytes[at + 2] as number) << 16);
  return (low | ((bytes[at + 3] as number) << 24)) >>> 0;
}

/**
 * The value at `at`. Bytes of text that are not UTF-8 show as U+FFFD: for people to read, not
 * for writing back.
 *
 * @param at Where `valueEnd` says a well-formed value is.
 */
export function readValue(bytes: Uint8Array, at: number): Value {
  const end = valueEnd(bytes, at);
  assert(end > 0, "only checked images are read");
  const tag = bytes[at] as number;
  if (tag === TAG.NULL) return null;
  if (tag >= TAG.SHORT_TEXT) return decoder.decode(bytes.subarray(at + 1, end));
  if (tag === TAG.TEXT) return decoder.decode(bytes.subarray(at + 5, end));
  if (tag === TAG.BLOB) return bytes.slice(at + 5, end);
  const view = new DataView(bytes.buffer, bytes.byteOffset + at + 1, end - at - 1);
  if (tag === TAG.REAL) return view.getFloat64(0, true);
  if (tag === TAG.INT64) return view.getBigInt64(0, true);
  if (tag === TAG.INT32) return BigInt(view.getInt32(0, true));
  return BigInt(tag === TAG.INT16 ? view.getInt16(0, true) : view.getInt8(0));
}

/** `count` values from `at`; the caller knows them to be well-formed. */
export function readRow(bytes: Uint8Array, at: number, count: number): Value[] {
  const values: Value[] = [];
  let next = at;
  for (let i = 0; i < count; i++) {
    values.push(readValue(bytes, next));
    next = valueEnd(bytes, next);
  }
  return values;
}
