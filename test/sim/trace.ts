/** A number or a word of one trace line. */
export type TracePart = string | number;

type Line = { readonly atMs: number; readonly kind: string; readonly parts: readonly TracePart[] };

const RING_SIZE = 64;

/** Words of texts that come again and again: names of members, kinds of lines. */
const KNOWN_WORDS = new Map<string, number>();
const WORDS_KNOWN_MAX = 1_000;

/**
 * What happened, in order: a hash over everything, and the last lines for a report. Two runs of
 * one seed must give the same hash, or something real crept into the virtual world.
 */
export class Trace {
  readonly #now: () => number;
  readonly #onLine: ((text: string) => void) | null;
  readonly #ring: Line[] = [];
  #count = 0;
  #hashA = 0x811c9dc5;
  #hashB = 0x2545f491;

  /** @param onLine Gets every line as text; slow, for `--verbose`. */
  constructor(now: () => number, onLine: ((text: string) => void) | null = null) {
    this.#now = now;
    this.#onLine = onLine;
  }

  /** Lines so far. */
  get count(): number {
    return this.#count;
  }

  /** Adds a line that belongs to the history and to its hash. */
  note(kind: string, ...parts: TracePart[]): void {
    const line = this.#mix(kind, parts);
    this.#ring[this.#count % RING_SIZE] = line;
    this.#count++;
    this.#onLine?.(format(line));
  }

  /** The same for lines too many to be of use in a report. */
  noteInPassing(kind: string, ...parts: TracePart[]): void {
    const line = this.#mix(kind, parts);
    this.#onLine?.(format(line));
  }

  /** A frame that arrives: all of its bytes are part of the history. */
  noteFrame(from: string, to: string, frame: Uint8Array): void {
    const atMs = this.#now();
    this.#mixNumber(atMs);
    this.#mixText(from);
    this.#mixText(to);
    this.#mixWord(frame.length);
    // Four bytes at a time; behind the end of the frame come zeros, and its length is noted.
    for (let i = 0; i < frame.length; i += 4) {
      const low = (frame[i] ?? 0) | ((frame[i + 1] ?? 0) << 8);
      this.#mixWord(low | ((frame[i + 2] ?? 0) << 16) | ((frame[i + 3] ?? 0) << 24));
    }
    const parts = [from, to, frame[0] ?? -1, frame.length];
    this.#onLine?.(format({ atMs, kind: "frame", parts }));
  }

  /** 16 hex digits over everything noted. */
  hash(): string {
    return hex32(this.#hashA) + hex32(this.#hashB);
  }

  /** The last lines, oldest first. */
  tail(count: number): readonly string[] {
    const oldest = Math.max(0, this.#count - Math.min(count, RING_SIZE));
    const lines: string[] = [];
    for (let i = oldest; i < this.#count; i++) {
      const line = this.#ring[i % RING_SIZE];
      if (line !== undefined) lines.push(format(line));
    }
    return lines;
  }

  #mix(kind: string, parts: readonly TracePart[]): Line {
    const line = { atMs: this.#now(), kind, parts };
    this.#mixNumber(line.atMs);
    this.#mixText(kind);
    for (const part of parts) {
      if (typeof part === "number") this.#mixNumber(part);
      else this.#mixText(part);
    }
    return line;
  }

  #mixText(text: string): void {
    this.#mixWord(wordOf(text));
  }

  #mixNumber(value: number): void {
    const scaled = Math.round(value * 1024);
    this.#mixWord(scaled | 0);
    this.#mixWord(Math.floor(scaled / 0x1_0000_0000) | 0);
  }

  #mixWord(word: number): void {
    this.#hashA = Math.imul(this.#hashA ^ word, 0x01000193);
    this.#hashB = Math.imul((this.#hashB << 5) ^ (this.#hashB >>> 3) ^ word, 0x9e3779b1);
  }
}

/** One word for a text, the same in every process. */
function wordOf(text: string): number {
  const known = KNOWN_WORDS.get(text);
  if (known !== undefined) return known;
  let word = 0;
  for (let i = 0; i < text.length; i++) word = Math.imul(word ^ text.charCodeAt(i), 0x01000193);
  if (KNOWN_WORDS.size < WORDS_KNOWN_MAX) KNOWN_WORDS.set(text, word);
  return word;
}

function format(line: Line): string {
  const time = line.atMs.toFixed(2).padStart(10);
  return `${time}  ${line.kind.padEnd(14)} ${line.parts.join(" ")}`;
}

function hex32(value: number): string {
  return (value >>> 0).toString(16).padStart(8, "0");
}
