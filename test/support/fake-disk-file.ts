/**
 * What one file of the fake disk holds: its content as programs see it, and what of that would
 * still be there after a power failure.
 */
import { UNREADABLE_BYTE } from "../../electron/agent/ports.ts";
import { randomBetween, randomChance } from "../../shared/base/rng.ts";
import type { Rng } from "../../shared/base/rng.ts";

type Change =
  | { readonly type: "write"; readonly offset: number; readonly bytes: Uint8Array }
  | { readonly type: "truncate"; readonly sizeBytes: number };

/** Disks write whole sectors; within one write they may land in any order. */
const SECTOR_BYTES = 512;

/** A growing byte array. */
class Content {
  #bytes = new Uint8Array(256);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** A view, valid until the next change. */
  view(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  apply(change: Change): void {
    if (change.type === "truncate") return this.#resize(change.sizeBytes);
    if (change.offset > this.#length) this.#resize(change.offset);
    const end = change.offset + change.bytes.length;
    this.#reserve(end);
    this.#bytes.set(change.bytes, change.offset);
    this.#length = Math.max(this.#length, end);
  }

  copyFrom(other: Content): void {
    this.#bytes = other.#bytes.slice();
    this.#length = other.#length;
  }

  #reserve(length: number): void {
    if (length <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(length, this.#bytes.length * 2));
    grown.set(this.view());
    this.#bytes = grown;
  }

  #resize(length: number): void {
    this.#reserve(length);
    if (length > this.#length) this.#bytes.fill(0, this.#length, length);
    this.#length = length;
  }
}

/** One file, whatever its name is at the moment. */
export class FakeFile {
  readonly #seen = new Content();
  readonly #durable = new Content();
  #unsynced: Change[] = [];
  /** Bytes that the disk does not give back; written over, they are good again. */
  #unreadable: { readonly from: number; readonly to: number } | null = null;

  get sizeBytes(): number {
    return this.#seen.length;
  }

  /** A copy of a part; shorter at the end of the file. */
  read(offset: number, length: number): Uint8Array {
    return this.#seen.view().slice(offset, offset + length);
  }

  /** The first byte of a part that cannot be read; null when all can. */
  unreadableFrom(offset: number, length: number): number | null {
    const bad = this.#unreadable;
    if (bad === null || offset >= bad.to || offset + length <= bad.from) return null;
    return Math.max(offset, bad.from);
  }

  /** All of it, with 0xdb where it cannot be read. */
  readAround(): Uint8Array {
    const bytes = this.read(0, this.sizeBytes);
    if (this.#unreadable !== null)
      bytes.fill(UNREADABLE_BYTE, this.#unreadable.from, this.#unreadable.to);
    return bytes;
  }

  /** A sector goes bad. */
  makeUnreadable(from: number, to: number): void {
    this.#unreadable = { from, to: Math.min(to, this.sizeBytes) };
  }

  /** What is on the platter; a view, valid until the next change. */
  durable(): Uint8Array {
    return this.#durable.view();
  }

  /** Copies the bytes: the caller may change its own afterwards. */
  write(offset: number, bytes: Uint8Array): void {
    const bad = this.#unreadable;
    if (bad !== null && offset <= bad.from && offset + bytes.length >= bad.to)
      this.#unreadable = null;
    this.#change({ type: "write", offset, bytes: bytes.slice() });
  }

  truncate(sizeBytes: number): void {
    if (this.#unreadable !== null && sizeBytes <= this.#unreadable.from) this.#unreadable = null;
    this.#change({ type: "truncate", sizeBytes });
  }

  /** Everything is on the platter from here on. */
  sync(): void {
    for (const change of this.#unsynced) this.#durable.apply(change);
    this.#unsynced = [];
  }

  /** A failed sync: the system drops the dirty pages and calls them clean (Rebello 2020). */
  forgetUnsynced(): void {
    this.#unsynced = [];
  }

  /** Spoils a byte on the platter, as a worn disk does. */
  flip(offset: number, mask: number): void {
    for (const content of [this.#seen, this.#durable]) {
      const view = content.view();
      const byte = view[offset];
      if (byte !== undefined) view[offset] = byte ^ mask;
    }
  }

  /** The power fails: a random subset of the unsynced changes survives, the last one in part. */
  loseUnsynced(rng: Rng): void {
    for (const [i, change] of this.#unsynced.entries()) {
      const isLast = i === this.#unsynced.length - 1;
      if (randomChance(rng, 0.4)) continue;
      for (const part of isLast ? tear(change, rng) : [change]) this.#durable.apply(part);
    }
    this.#unsynced = [];
    this.#seen.copyFrom(this.#durable);
  }

  #change(change: Change): void {
    this.#seen.apply(change);
    this.#unsynced.push(change);
  }
}

/** Whole, cut short at any byte, or with some sectors missing in between. */
function tear(change: Change, rng: Rng): readonly Change[] {
  if (change.type === "truncate" || randomChance(rng, 0.25)) return [change];
  const { offset, bytes } = change;
  if (randomChance(rng, 0.6)) {
    return [{ type: "write", offset, bytes: bytes.slice(0, randomBetween(rng, 0, bytes.length)) }];
  }
  const parts: Change[] = [];
  for (let at = 0; at < bytes.length;) {
    const end = Math.min(bytes.length, at + SECTOR_BYTES - ((offset + at) % SECTOR_BYTES));
    if (randomChance(rng, 0.5)) {
      parts.push({ type: "write", offset: offset + at, bytes: bytes.slice(at, end) });
    }
    at = end;
  }
  return parts;
}
