/**
 * Reading and writing bytes, for every format of the project: log, snapshot, wire, row changes.
 *
 * All numbers are little-endian. Variable-length whole numbers are LEB128 and at most 2^53 - 1.
 * A reader never throws for bad input that came from elsewhere: it goes into a failed state in
 * which every read gives a zero value, and the caller asks `failed` once at the end.
 */
import { InvariantError } from "./assert.ts";

// Present in every runtime we use (Node, Electron, browsers), in none of the ES libs.
declare const TextEncoder: new () => { encode(text: string): Uint8Array<ArrayBuffer> };
declare const TextDecoder: new (
  label: string,
  options: { fatal: boolean; ignoreBOM: boolean },
) => { decode(bytes: Uint8Array): string };

const encoder = new TextEncoder();
const strictDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Up to here V8 keeps an array's bytes beside the object, as long as nobody asks for its buffer. */
const SMALL_BYTES_MAX = 64;

/**
 * Eight bytes as a number and as bytes; used within one call only. A `DataView` on each message
 * would give each of them a buffer of its own, which costs more than everything else in it.
 */
const NUMBER_VIEW = new DataView(new ArrayBuffer(8));

/** An empty byte string; shared, so never written to. */
export const NO_BYTES: Uint8Array = new Uint8Array(0);

/** UTF-8 bytes. A lone surrogate becomes U+FFFD: refuse such text before it comes here. */
export function utf8Encode(text: string): Uint8Array {
  if (text.length > SMALL_BYTES_MAX) return encoder.encode(text);
  const bytes = new Uint8Array(text.length);
  return putAscii(bytes, 0, text) ? bytes : encoder.encode(text);
}

/** The text, or null when the bytes are not UTF-8. A byte order mark is kept. */
export function utf8Decode(bytes: Uint8Array): string | null {
  try {
    return strictDecoder.decode(bytes);
  } catch {
    return null;
  }
}

/** All parts in one array. */
export function concatBytes(parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const all = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** Whether two byte strings are the same. Not constant time: never for secrets. */
export function bytesEqual(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Lower-case hex. */
export function hexEncode(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += byte.toString(16).padStart(2, "0");
  return text;
}

/** The bytes, or null when the text is not an even number of hex digits. */
export function hexDecode(text: string): Uint8Array | null {
  if (text.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(text)) return null;
  const bytes = new Uint8Array(text.length / 2);
  for (let i = 0; i < bytes.length; i++) bytes[i] = parseInt(text.slice(i * 2, i * 2 + 2), 16);
  return bytes;
}

/** RFC 4648 base32, lower-case, without padding. */
export function base32Encode(bytes: Uint8Array): string {
  const alphabet = "abcdefghijklmnopqrstuvwxyz234567";
  let text = "";
  let buffer = 0;
  let bits = 0;
  for (const byte of bytes) {
    buffer = (buffer << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      text += alphabet[(buffer >>> (bits - 5)) & 31];
      bits -= 5;
    }
    buffer &= (1 << bits) - 1;
  }
  if (bits > 0) text += alphabet[(buffer << (5 - bits)) & 31];
  return text;
}

/**
 * Builds a byte string front to back. Most are a few dozen bytes: a heartbeat, its answer. So
 * all numbers are written byte by byte.
 */
export class ByteWriter {
  /** Memory of a small writer that has finished: most messages are written one after the other. */
  static #spare: Uint8Array | null = null;
  #bytes: Uint8Array;
  #length = 0;

  /** @param capacity First allocation in bytes; it doubles as needed. */
  constructor(capacity = SMALL_BYTES_MAX) {
    const spare = ByteWriter.#spare;
    if (spare !== null && capacity === SMALL_BYTES_MAX) {
      this.#bytes = spare;
      ByteWriter.#spare = null;
    } else this.#bytes = new Uint8Array(capacity);
  }

  get length(): number {
    return this.#length;
  }

  uint8(value: number): this {
    this.#reserve(1);
    this.#bytes[this.#length++] = value;
    return this;
  }

  uint32(value: number): this {
    this.#reserve(4);
    const bytes = this.#bytes;
    let at = this.#length;
    bytes[at++] = value;
    bytes[at++] = value >>> 8;
    bytes[at++] = value >>> 16;
    bytes[at++] = value >>> 24;
    this.#length = at;
    return this;
  }

  /** IEEE 754 double; keeps -0.0, infinities and NaN payloads as the engine stores them. */
  float64(value: number): this {
    NUMBER_VIEW.setFloat64(0, value, true);
    return this.#number();
  }

  /** Signed 64-bit whole number. */
  int64(value: bigint): this {
    NUMBER_VIEW.setBigInt64(0, value, true);
    return this.#number();
  }

  /** Variable-length whole number, 0 to 2^53 - 1. */
  varint(value: number): this {
    const isCount = Number.isSafeInteger(value) && value >= 0;
    if (!isCount) throw new InvariantError(`${value} is no unsigned whole number`);
    this.#reserve(8);
    let rest = value;
    while (rest >= 0x80) {
      this.#bytes[this.#length++] = (rest % 0x80) + 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.#bytes[this.#length++] = rest;
    return this;
  }

  boolean(value: boolean): this {
    return this.uint8(value ? 1 : 0);
  }

  /** The bytes as they are, without a length before them. */
  raw(bytes: Uint8Array): this {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
    return this;
  }

  /** Length, then the bytes. */
  bytes(bytes: Uint8Array): this {
    return this.varint(bytes.length).raw(bytes);
  }

  /** Length in bytes, then UTF-8. */
  text(text: string): this {
    return this.bytes(utf8Encode(text));
  }

  /** Length, then each item. */
  list<T>(items: readonly T[], write: (item: T) => void): this {
    this.varint(items.length);
    for (const item of items) write(item);
    return this;
  }

  /** What was written. Maybe a view on the writer's memory: write nothing more afterwards. */
  finish(): Uint8Array {
    if (this.#length === this.#bytes.length) return this.#bytes;
    if (this.#length <= SMALL_BYTES_MAX) return this.#finishSmall();
    return this.#bytes.subarray(0, this.#length);
  }

  /** Copying so little is cheaper than a view, which needs a buffer of its own behind it. */
  #finishSmall(): Uint8Array {
    const written = this.#bytes.slice(0, this.#length);
    if (this.#bytes.length === SMALL_BYTES_MAX) ByteWriter.#spare = this.#bytes;
    this.#bytes = written;
    return written;
  }

  #number(): this {
    this.#reserve(8);
    for (let i = 0; i < 8; i++) this.#bytes[this.#length++] = NUMBER_VIEW.getUint8(i);
    return this;
  }

  #reserve(count: number): void {
    const needed = this.#length + count;
    if (needed <= this.#bytes.length) return;
    const outgrown = this.#bytes;
    this.#bytes = new Uint8Array(Math.max(needed, outgrown.length * 2));
    this.#bytes.set(outgrown);
    if (outgrown.length === SMALL_BYTES_MAX) ByteWriter.#spare = outgrown;
  }
}

/** Takes a byte string apart front to back. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  #at = 0;
  #failed = false;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Whether a read went past the end or met an impossible value. */
  get failed(): boolean {
    return this.#failed;
  }

  /** Bytes not read yet; 0 once failed. */
  get remaining(): number {
    return this.#failed ? 0 : this.#bytes.length - this.#at;
  }

  /** Offset of the next read. */
  get offset(): number {
    return this.#at;
  }

  /** Marks the input as bad; for checks the caller makes on what it read. */
  fail(): void {
    this.#failed = true;
  }

  uint8(): number {
    const at = this.#take(1);
    return at < 0 ? 0 : (this.#bytes[at] as number);
  }

  uint32(): number {
    const at = this.#take(4);
    if (at < 0) return 0;
    const bytes = this.#bytes;
    const low = (bytes[at] as number) | ((bytes[at + 1] as number) << 8);
    return (low | ((bytes[at + 2] as number) << 16) | ((bytes[at + 3] as number) << 24)) >>> 0;
  }

  float64(): number {
    const at = this.#take(8);
    return at < 0 ? 0 : this.#numberAt(at).getFloat64(0, true);
  }

  int64(): bigint {
    const at = this.#take(8);
    return at < 0 ? 0n : this.#numberAt(at).getBigInt64(0, true);
  }

  varint(): number {
    let value = 0;
    let scale = 1;
    for (let i = 0; i < 8; i++) {
      const byte = this.uint8();
      if (this.#failed) return 0;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return this.#safe(value);
      scale *= 0x80;
    }
    this.#failed = true;
    return 0;
  }

  boolean(): boolean {
    const value = this.uint8();
    if (value > 1) this.#failed = true;
    return value === 1;
  }

  /** A view of `length` bytes, not a copy. */
  raw(length: number): Uint8Array {
    const at = this.#take(length);
    return at < 0 ? NO_BYTES : this.#bytes.subarray(at, at + length);
  }

  /** @param lengthMax Fails on a longer one before touching memory. */
  bytes(lengthMax: number): Uint8Array {
    const length = this.varint();
    if (length > lengthMax) this.#failed = true;
    return this.raw(length);
  }

  /** @param lengthMax In bytes. Fails on text that is not UTF-8. */
  text(lengthMax: number): string {
    const length = this.varint();
    if (length > lengthMax) this.#failed = true;
    const at = this.#take(length);
    if (at < 0) return "";
    const text = utf8Slice(this.#bytes, at, at + length);
    if (text === null) this.#failed = true;
    return text ?? "";
  }

  /** @param countMax Fails on a longer list before reading an item. */
  list<T>(countMax: number, read: () => T): T[] {
    const count = this.varint();
    if (count > countMax || count > this.remaining) this.#failed = true;
    const items: T[] = [];
    for (let i = 0; i < count && !this.#failed; i++) items.push(read());
    return items;
  }

  #numberAt(at: number): DataView {
    for (let i = 0; i < 8; i++) NUMBER_VIEW.setUint8(i, this.#bytes[at + i] as number);
    return NUMBER_VIEW;
  }

  #safe(value: number): number {
    if (Number.isSafeInteger(value)) return value;
    this.#failed = true;
    return 0;
  }

  #take(length: number): number {
    if (this.#failed || length > this.#bytes.length - this.#at) {
      this.#failed = true;
      return -1;
    }
    const at = this.#at;
    this.#at += length;
    return at;
  }
}

/** The text between two places, or null when that is not UTF-8. */
function utf8Slice(bytes: Uint8Array, start: number, end: number): string | null {
  // Names and checksums: a view and a decoder cost more than all else that is read of a message.
  if (end - start > SMALL_BYTES_MAX) return utf8Decode(bytes.subarray(start, end));
  const units: number[] = [];
  for (let at = start; at < end; at++) {
    const unit = bytes[at] as number;
    if (unit >= 0x80) return utf8Decode(bytes.subarray(start, end));
    units.push(unit);
  }
  return String.fromCharCode(...units);
}

/** Writes ASCII text. @returns false, with some of it written, when it is not ASCII. */
function putAscii(bytes: Uint8Array, start: number, text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit >= 0x80) return false;
    bytes[start + i] = unit;
  }
  return true;
}
