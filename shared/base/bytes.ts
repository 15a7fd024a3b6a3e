/**
 * Reading and writing bytes, for every format of the project: log, snapshot, wire, row changes.
 *
 * All numbers are little-endian. Variable-length whole numbers are LEB128 and at most 2^53 - 1.
 * A reader never throws for bad input that came from elsewhere: it goes into a failed state in
 * which every read gives a zero value, and the caller asks `failed` once at the end.
 */
import { assert } from "./assert.ts";

// Present in every runtime we use (Node, Electron, browsers), in none of the ES libs.
declare const TextEncoder: new () => { encode(text: string): Uint8Array<ArrayBuffer> };
declare const TextDecoder: new (
  label: string,
  options: { fatal: boolean; ignoreBOM: boolean },
) => { decode(bytes: Uint8Array): string };

const encoder = new TextEncoder();
const strictDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** An empty byte string; shared, so never written to. */
export const NO_BYTES: Uint8Array = new Uint8Array(0);

/** UTF-8 bytes. A lone surrogate becomes U+FFFD: refuse such text before it comes here. */
export function utf8Encode(text: string): Uint8Array {
  return encoder.encode(text);
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

/** Builds a byte string front to back. */
export class ByteWriter {
  #bytes: Uint8Array;
  #view: DataView;
  #length = 0;

  /** @param capacity First allocation in bytes; it doubles as needed. */
  constructor(capacity = 256) {
    this.#bytes = new Uint8Array(capacity);
    this.#view = new DataView(this.#bytes.buffer);
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
    this.#view.setUint32(this.#length, value, true);
    this.#length += 4;
    return this;
  }

  /** IEEE 754 double; keeps -0.0, infinities and NaN payloads as the engine stores them. */
  float64(value: number): this {
    this.#reserve(8);
    this.#view.setFloat64(this.#length, value, true);
    this.#length += 8;
    return this;
  }

  /** Signed 64-bit whole number. */
  int64(value: bigint): this {
    this.#reserve(8);
    this.#view.setBigInt64(this.#length, value, true);
    this.#length += 8;
    return this;
  }

  /** Variable-length whole number, 0 to 2^53 - 1. */
  varint(value: number): this {
    assert(Number.isSafeInteger(value) && value >= 0, `${value} is no unsigned whole number`);
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
    return this.bytes(encoder.encode(text));
  }

  /** Length, then each item. */
  list<T>(items: readonly T[], write: (item: T) => void): this {
    this.varint(items.length);
    for (const item of items) write(item);
    return this;
  }

  /** What was written. A view on the writer's memory: write nothing more afterwards. */
  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  #reserve(count: number): void {
    const needed = this.#length + count;
    if (needed <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
  }
}

/** Takes a byte string apart front to back. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;
  #failed = false;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
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
    return at < 0 ? 0 : this.#view.getUint8(at);
  }

  uint32(): number {
    const at = this.#take(4);
    return at < 0 ? 0 : this.#view.getUint32(at, true);
  }

  float64(): number {
    const at = this.#take(8);
    return at < 0 ? 0 : this.#view.getFloat64(at, true);
  }

  int64(): bigint {
    const at = this.#take(8);
    return at < 0 ? 0n : this.#view.getBigInt64(at, true);
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
    const text = utf8Decode(this.bytes(lengthMax));
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
