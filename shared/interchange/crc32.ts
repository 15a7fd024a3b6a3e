/** CRC-32 as ZIP archives have it, of bytes that come in pieces. */
export class Crc32 {
  readonly #table: Uint32Array;
  #value = 0xffffffff;

  constructor() {
    this.#table = new Uint32Array(256);
    for (let byte = 0; byte < 256; byte++) {
      let value = byte;
      for (let bit = 0; bit < 8; bit++)
        value = (value & 1) === 0 ? value >>> 1 : (value >>> 1) ^ 0xedb88320;
      this.#table[byte] = value;
    }
  }

  add(bytes: Uint8Array): void {
    const table = this.#table;
    let value = this.#value;
    for (let at = 0; at < bytes.length; at++) {
      value = (table[(value ^ (bytes[at] as number)) & 0xff] as number) ^ (value >>> 8);
    }
    this.#value = value;
  }

  get value(): number {
    return (this.#value ^ 0xffffffff) >>> 0;
  }
}
