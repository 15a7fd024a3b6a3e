import { assert } from "../../../shared/base/assert.ts";

/** Where each record of a segment starts: 4 bytes per record, found without a search. */
export class OffsetTable {
  #offsets = new Uint32Array(64);
  #count = 0;

  get count(): number {
    return this.#count;
  }

  push(offset: number): void {
    assert(offset <= 0xffff_ffff, "a segment stays under 4 GiB");
    if (this.#count === this.#offsets.length) {
      const grown = new Uint32Array(this.#count * 2);
      grown.set(this.#offsets);
      this.#offsets = grown;
    }
    this.#offsets[this.#count++] = offset;
  }

  /** @param slot 0 to `count - 1`. */
  at(slot: number): number {
    assert(slot >= 0 && slot < this.#count, "a record of the table is asked for");
    return this.#offsets[slot] as number;
  }

  /** Keeps the first `count`. */
  cutTo(count: number): void {
    assert(count <= this.#count, "cutting makes a table shorter");
    this.#count = count;
  }
}
