/**
 * The files inside of a ZIP archive, read one by one and in pieces.
 *
 * An archive is taken for hostile: what it says of itself is checked against what comes, and an
 * entry that unpacks to far more than its size is a bomb and refused before memory is taken.
 */
import { chunksOf, readWhole, type FileSource } from "./file-source.ts";
import { inflated } from "./deflate.ts";

/** It is no archive, or not one that is read here. The message is a sentence without a full stop. */
export class ZipError extends Error {
  override readonly name = "ZipError";
}

/** A file inside. */
export type ZipEntry = {
  readonly name: string;
  readonly isDeflated: boolean;
  readonly packedBytes: number;
  readonly bytes: number;
  readonly localOffset: number;
};

const END = 0x06054b50;
const END_BYTES = 22;
const COMMENT_BYTES_MAX = 0xffff;
const CENTRAL = 0x02014b50;
const CENTRAL_BYTES = 46;
const LOCAL = 0x04034b50;
const LOCAL_BYTES = 30;
const DIRECTORY_BYTES_MAX = 16 * 1024 * 1024;
const IS_ENCRYPTED = 1;
const STORED = 0;
const DEFLATED = 8;
/** Real sheets of a million alike rows reach 40; deflate itself can reach 1,030. */
const RATIO_MAX = 200;
const UNSUSPICIOUS_BYTES = 16 * 1024 * 1024;

/** All files inside, by name. @throws ZipError */
export async function readDirectory(source: FileSource): Promise<ReadonlyMap<string, ZipEntry>> {
  const tailFrom = Math.max(0, source.sizeBytes - END_BYTES - COMMENT_BYTES_MAX);
  const tail = await readWhole(source, tailFrom, source.sizeBytes);
  const view = viewOf(tail);
  let at = tail.length - END_BYTES;
  while (at >= 0 && view.getUint32(at, true) !== END) at -= 1;
  if (at < 0) throw new ZipError("it has no table of contents, so it is cut off or no workbook");
  const count = view.getUint16(at + 10, true);
  const bytes = view.getUint32(at + 12, true);
  const from = view.getUint32(at + 16, true);
  if (count === 0xffff || from === 0xffffffff) throw new ZipError("it is a ZIP64 archive");
  if (bytes > DIRECTORY_BYTES_MAX || from + bytes > source.sizeBytes) {
    throw new ZipError("its table of contents does not fit");
  }
  return parseDirectory(await readWhole(source, from, from + bytes), count);
}

/** The bytes of one file, unpacked. @throws ZipError */
export async function* readEntry(source: FileSource, entry: ZipEntry): AsyncGenerator<Uint8Array> {
  const head = await readWhole(source, entry.localOffset, entry.localOffset + LOCAL_BYTES);
  const view = viewOf(head);
  if (head.length < LOCAL_BYTES || view.getUint32(0, true) !== LOCAL) {
    throw new ZipError(`${entry.name} is not where it should be`);
  }
  const lengths = view.getUint16(26, true) + view.getUint16(28, true);
  const from = entry.localOffset + LOCAL_BYTES + lengths;
  const packed = chunksOf(source, from, Math.min(from + entry.packedBytes, source.sizeBytes));
  let bytes = 0;
  for await (const chunk of entry.isDeflated ? unpacked(packed, entry) : packed) {
    bytes += chunk.length;
    const isBomb = bytes > UNSUSPICIOUS_BYTES && bytes > entry.packedBytes * RATIO_MAX;
    if (isBomb) throw new ZipError(`${entry.name} unpacks to far more than a real one does`);
    if (bytes > entry.bytes) throw new ZipError(`${entry.name} is longer than it says`);
    yield chunk;
  }
  if (bytes < entry.bytes) throw new ZipError(`${entry.name} is cut off`);
}

async function* unpacked(
  packed: AsyncIterable<Uint8Array>,
  { name }: ZipEntry,
): AsyncGenerator<Uint8Array> {
  try {
    yield* inflated(packed);
  } catch (cause) {
    throw new ZipError(`${name} is damaged`, { cause });
  }
}

function parseDirectory(bytes: Uint8Array, count: number): Map<string, ZipEntry> {
  const entries = new Map<string, ZipEntry>();
  const view = viewOf(bytes);
  let at = 0;
  for (let i = 0; i < count; i++) {
    if (at + CENTRAL_BYTES > bytes.length || view.getUint32(at, true) !== CENTRAL) {
      throw new ZipError("its table of contents is damaged");
    }
    const method = view.getUint16(at + 10, true);
    const nameLength = view.getUint16(at + 28, true);
    const rest = view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
    const name = asciiOf(bytes.subarray(at + CENTRAL_BYTES, at + CENTRAL_BYTES + nameLength));
    if ((view.getUint16(at + 8, true) & IS_ENCRYPTED) !== 0) throw new ZipError("it is encrypted");
    if (method !== STORED && method !== DEFLATED) throw new ZipError(`${name} is packed otherwise`);
    entries.set(name, {
      name,
      isDeflated: method === DEFLATED,
      packedBytes: view.getUint32(at + 20, true),
      bytes: view.getUint32(at + 24, true),
      localOffset: view.getUint32(at + 42, true),
    });
    at += CENTRAL_BYTES + nameLength + rest;
  }
  return entries;
}

/** Names of a workbook's parts are ASCII; others are not asked for. */
function asciiOf(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes.subarray(0, 1000));
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
