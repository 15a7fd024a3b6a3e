import { concatBytes } from "../base/bytes.ts";

/** A file wherever it lies: on a disk, or behind a browser's file picker. */
export type FileSource = {
  readonly name: string;
  readonly sizeBytes: number;
  /** The bytes from `from`, at most up to `to`; none when the file ends there. Rejects when it cannot be read. */
  readonly read: (from: number, to: number) => Promise<Uint8Array>;
};

/** Read at once: a few milliseconds of work, so that nothing else has to wait for it. */
const CHUNK_BYTES = 128 * 1024;

/** The bytes in order, in pieces. */
export async function* chunksOf(
  source: FileSource,
  from = 0,
  to = source.sizeBytes,
): AsyncGenerator<Uint8Array> {
  for (let at = from; at < to;) {
    const bytes = await source.read(at, Math.min(at + CHUNK_BYTES, to));
    if (bytes.length === 0) return;
    at += bytes.length;
    yield bytes;
  }
}

/** The bytes `[from, to)`; fewer when the file ends before. */
export async function readWhole(source: FileSource, from: number, to: number): Promise<Uint8Array> {
  const first = await source.read(from, to);
  if (first.length === to - from || first.length === 0) return first;
  const pieces = [first];
  for await (const piece of chunksOf(source, from + first.length, to)) pieces.push(piece);
  return concatBytes(pieces);
}
