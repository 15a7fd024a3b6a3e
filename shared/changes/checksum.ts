/**
 * Rolling checksums: the sum over all rows of a 64-bit hash of each row.
 *
 * A sum does not depend on order, so each transaction moves it by its row images alone, and two
 * members that hold the same rows hold the same sum however they got there. Two 32-bit lanes,
 * because JavaScript multiplies 32-bit integers exactly and fast. It finds accidents, not
 * attackers: whoever may write rows may also make sums collide.
 *
 * Knows bytes only; what is hashed as a row is decided by its callers.
 */
import { utf8Encode } from "../base/bytes.ts";

/** A sum of row hashes; 16 hex digits when printed. */
export type Checksum = { readonly high: number; readonly low: number };

/** The sum over no rows. */
export const CHECKSUM_ZERO: Checksum = { high: 0, low: 0 };

/** 16 hex digits. */
export function formatChecksum(checksum: Checksum): string {
  return hex8(checksum.high) + hex8(checksum.low);
}

/** The reverse of `formatChecksum`, or null. */
export function parseChecksum(text: string): Checksum | null {
  if (!/^[0-9a-f]{16}$/.test(text)) return null;
  return { high: parseInt(text.slice(0, 8), 16), low: parseInt(text.slice(8), 16) };
}

/** The sum of two sums. */
export function addChecksums(a: Checksum, b: Checksum): Checksum {
  return { high: (a.high + b.high) >>> 0, low: (a.low + b.low) >>> 0 };
}

/** A running sum for the rows of one table. */
export class RowSum {
  #high: number;
  #low: number;
  readonly #seedHigh: number;
  readonly #seedLow: number;
  // What `#hash` last computed: two results without an object per row.
  #hashHigh = 0;
  #hashLow = 0;

  /** @param table Its name is part of every row's hash: equal rows of two tables differ. */
  constructor(table: string, start: Checksum) {
    this.#high = start.high | 0;
    this.#low = start.low | 0;
    this.#seedHigh = SEED_HIGH;
    this.#seedLow = SEED_LOW;
    const name = utf8Encode(table);
    this.#hash(name, 0, name.length);
    this.#seedHigh = this.#hashHigh;
    this.#seedLow = this.#hashLow;
  }

  get value(): Checksum {
    return { high: this.#high >>> 0, low: this.#low >>> 0 };
  }

  /** Adds the row whose image is `bytes[start..end)`. */
  add(bytes: Uint8Array, start: number, end: number): void {
    this.#hash(bytes, start, end);
    this.#high = (this.#high + this.#hashHigh) | 0;
    this.#low = (this.#low + this.#hashLow) | 0;
  }

  /** Takes a row away that was added before. */
  subtract(bytes: Uint8Array, start: number, end: number): void {
    this.#hash(bytes, start, end);
    this.#high = (this.#high - this.#hashHigh) | 0;
    this.#low = (this.#low - this.#hashLow) | 0;
  }

  /** Two MurmurHash3-style lanes over the same words, crossed at the end (Appleby 2011). */
  #hash(bytes: Uint8Array, start: number, end: number): void {
    let high = this.#seedHigh;
    let low = this.#seedLow;
    let at = start;
    for (; at + 4 <= end; at += 4) {
      const word =
        (bytes[at] as number) |
        ((bytes[at + 1] as number) << 8) |
        ((bytes[at + 2] as number) << 16) |
        ((bytes[at + 3] as number) << 24);
      high = mixWord(high, Math.imul(word, 0xcc9e2d51), 15, 0x1b873593);
      low = mixWord(low, Math.imul(word, 0x239b961b), 17, 0x38b34ae5);
    }
    for (; at < end; at++) {
      const byte = (bytes[at] as number) + 0x100;
      high = mixWord(high, Math.imul(byte, 0xcc9e2d51), 15, 0x1b873593);
      low = mixWord(low, Math.imul(byte, 0x239b961b), 17, 0x38b34ae5);
    }
    high = finalize((high ^ (end - start)) + low);
    low = finalize((low ^ (end - start)) + high);
    this.#hashHigh = (high + low) | 0;
    this.#hashLow = low | 0;
  }
}

const SEED_HIGH = 0x9e3779b9;
const SEED_LOW = 0x7f4a7c15;

function mixWord(lane: number, word: number, turn: number, factor: number): number {
  const turned = Math.imul((word << turn) | (word >>> (32 - turn)), factor);
  const mixed = lane ^ turned;
  return (Math.imul((mixed << 13) | (mixed >>> 19), 5) + 0x561ccd1b) | 0;
}

function finalize(lane: number): number {
  let mixed = Math.imul(lane ^ (lane >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}

function hex8(value: number): string {
  return (value + 0x1_0000_0000).toString(16).slice(1);
}
