/** A ZIP archive, written as it comes: sizes stand behind each file, because they are not known before. */
import { utf8Encode } from "../base/bytes.ts";
import { Crc32 } from "./crc32.ts";
import { deflated } from "./deflate.ts";

/** A file of the archive. */
export type ZipPart = { readonly name: string; readonly content: AsyncIterable<Uint8Array> };

const LOCAL = 0x04034b50;
const DESCRIPTOR = 0x08074b50;
const CENTRAL = 0x02014b50;
const END = 0x06054b50;
const VERSION = 20;
const SIZES_FOLLOW = 8;
const DEFLATED = 8;
/** 1 January 1980, the first day there is in an archive: equal tables give equal files. */
const FIRST_DAY = 0x21;
const BYTES_MAX = 0xffffffff;

/** The archive is larger than its format can say. */
export class ZipTooLarge extends Error {
  override readonly name = "ZipTooLarge";
}

/** The bytes of an archive. @throws ZipTooLarge above 4 GiB. */
export async function* writeZip(parts: AsyncIterable<ZipPart>): AsyncGenerator<Uint8Array> {
  const directory: Uint8Array[] = [];
  let at = 0;
  let count = 0;
  for await (const { name, content } of parts) {
    const bytes = utf8Encode(name);
    const crc = new Crc32();
    const offset = at;
    let size = 0;
    let packedSize = 0;
    const counted = async function* (): AsyncGenerator<Uint8Array> {
      for await (const chunk of content) {
        crc.add(chunk);
        size += chunk.length;
        yield chunk;
      }
    };
    const head = record([4, LOCAL, 2, VERSION, ...entryHead(0, 0, 0), 2, bytes.length, 2, 0]);
    yield head;
    yield bytes;
    for await (const chunk of deflated(counted())) {
      packedSize += chunk.length;
      yield chunk;
    }
    const sizes = [4, crc.value, 4, packedSize, 4, size];
    const descriptor = record([4, DESCRIPTOR, ...sizes]);
    yield descriptor;
    at += head.length + bytes.length + packedSize + descriptor.length;
    if (at > BYTES_MAX || size > BYTES_MAX) throw new ZipTooLarge("An archive has at most 4 GiB.");
    const common = entryHead(crc.value, packedSize, size);
    const central = [4, CENTRAL, 2, VERSION, 2, VERSION, ...common, 2, bytes.length];
    directory.push(record([...central, 2, 0, 2, 0, 2, 0, 2, 0, 4, 0, 4, offset]), bytes);
    count += 1;
  }
  let directorySize = 0;
  for (const bytes of directory) {
    directorySize += bytes.length;
    yield bytes;
  }
  yield record([4, END, 2, 0, 2, 0, 2, count, 2, count, 4, directorySize, 4, at, 2, 0]);
}

function entryHead(crc: number, packedSize: number, size: number): number[] {
  return [2, SIZES_FOLLOW, 2, DEFLATED, 2, 0, 2, FIRST_DAY, 4, crc, 4, packedSize, 4, size];
}

/** @param fields Length and value in turn; little-endian. */
function record(fields: readonly number[]): Uint8Array {
  const bytes: number[] = [];
  for (let i = 0; i < fields.length; i += 2) {
    const length = fields[i] ?? 0;
    const value = fields[i + 1] ?? 0;
    for (let byte = 0; byte < length; byte++) bytes.push((value >>> (8 * byte)) & 0xff);
  }
  return Uint8Array.from(bytes);
}
