/**
 * Bytes on their way, released in order of log index. Used for what was sent to a member and
 * not acknowledged, and for what was proposed and not committed.
 */
export class ByteWindow {
  #indexes: number[] = [];
  #sizesBytes: number[] = [];
  #head = 0;
  #totalBytes = 0;

  get totalBytes(): number {
    return this.#totalBytes;
  }

  /** Pieces not released yet. */
  get count(): number {
    return this.#indexes.length - this.#head;
  }

  /** Last log index of the oldest piece; null when there is none. */
  get oldestIndex(): number | null {
    return this.#indexes[this.#head] ?? null;
  }

  /** Last log index of the newest piece; null when there is none. */
  get newestIndex(): number | null {
    return this.#indexes.at(-1) ?? null;
  }

  /** @param index Last log index of the piece; never below the one before. */
  push(index: number, sizeBytes: number): void {
    this.#indexes.push(index);
    this.#sizesBytes.push(sizeBytes);
    this.#totalBytes += sizeBytes;
  }

  /** Releases every piece that ends at or before `index`. */
  release(index: number): void {
    while (this.count > 0 && (this.#indexes[this.#head] as number) <= index) {
      this.#totalBytes -= this.#sizesBytes[this.#head] as number;
      this.#head += 1;
    }
    if (this.#head === this.#indexes.length) this.clear();
    else if (this.#head > 256) this.#compact();
  }

  clear(): void {
    this.#indexes.length = 0;
    this.#sizesBytes.length = 0;
    this.#head = 0;
    this.#totalBytes = 0;
  }

  #compact(): void {
    this.#indexes = this.#indexes.slice(this.#head);
    this.#sizesBytes = this.#sizesBytes.slice(this.#head);
    this.#head = 0;
  }
}
