/**
 * The bytes of a snapshot file: header, body, trailer. The tables are in DESIGN.md beside this
 * file. Pure; snapshots.ts moves the bytes.
 *
 * The hash stands behind the body, so that an image can be written and hashed in pieces with the
 * event loop running in between.
 */
import { crc32 } from "node:zlib";
import { assert } from "../../../shared/base/assert.ts";
import { utf8Decode, utf8Encode } from "../../../shared/base/bytes.ts";
import { logIndex, term } from "../../../shared/base/ids.ts";
import { decodeConfiguration, encodeConfiguration } from "../../../shared/raft/configuration.ts";
import type { SnapshotMark } from "../../../shared/raft/types.ts";
import { CHAIN_HASH_BYTES, getUint53, hasMagic, setMagic, setUint53 } from "./record-format.ts";

/** Bytes of a SHA-256. */
export const SHA256_BYTES = 32;

/** Fixed part of the header, before the configuration. */
export const SNAPSHOT_HEADER_FIXED_BYTES = 48;

/** Bytes behind the body. */
export const SNAPSHOT_TRAILER_BYTES = 48;

const MAGIC = "TIDESNAP";
const TRAILER_MAGIC = "TIDESEND";
const VERSION = 1;
const CONFIGURATION_BYTES_MAX = 1024 * 1024;

/** What a header says. */
export type SnapshotHeader = {
  readonly mark: SnapshotMark;
  /** The body is what members send each other. */
  readonly bodyBytes: number;
};

/** What a body says before the database image begins. */
export type SnapshotPreamble = {
  /** Chained hash of the log at the snapshot's position; 16 bytes. */
  readonly chainHash: Uint8Array;
  /** The store's rolling checksum there. */
  readonly checksum: string;
};

/** Header bytes; their length depends on the configuration. */
export function encodeSnapshotHeader(header: SnapshotHeader): Uint8Array {
  const configuration = encodeConfiguration(header.mark.configuration);
  const sizeBytes = SNAPSHOT_HEADER_FIXED_BYTES + configuration.length + 4;
  const bytes = new Uint8Array(sizeBytes);
  const view = new DataView(bytes.buffer);
  setMagic(bytes, MAGIC);
  view.setUint32(8, VERSION, true);
  view.setUint32(12, sizeBytes, true);
  setUint53(view, 16, header.mark.position.index);
  setUint53(view, 24, header.mark.position.term);
  setUint53(view, 32, header.bodyBytes);
  view.setUint32(40, configuration.length, true);
  bytes.set(configuration, SNAPSHOT_HEADER_FIXED_BYTES);
  view.setUint32(sizeBytes - 4, crc32(bytes.subarray(0, sizeBytes - 4)), true);
  return bytes;
}

/** Length of the whole header as its fixed part tells; null when it is no header. */
export function snapshotHeaderBytes(fixedPart: Uint8Array): number | null {
  if (fixedPart.length < SNAPSHOT_HEADER_FIXED_BYTES || !hasMagic(fixedPart, MAGIC)) return null;
  const view = new DataView(fixedPart.buffer, fixedPart.byteOffset, fixedPart.byteLength);
  const sizeBytes = view.getUint32(12, true);
  const isPossible = sizeBytes <= SNAPSHOT_HEADER_FIXED_BYTES + CONFIGURATION_BYTES_MAX + 4;
  return isPossible && sizeBytes >= SNAPSHOT_HEADER_FIXED_BYTES + 4 ? sizeBytes : null;
}

/** @param bytes Exactly the header. Null when it is damaged. */
export function decodeSnapshotHeader(bytes: Uint8Array): SnapshotHeader | "too-new" | null {
  if (snapshotHeaderBytes(bytes) !== bytes.length) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const crcAt = bytes.length - 4;
  if (crc32(bytes.subarray(0, crcAt)) !== view.getUint32(crcAt, true)) return null;
  const version = view.getUint32(8, true);
  if (version !== VERSION) return version > VERSION ? "too-new" : null;
  if (view.getUint32(40, true) !== crcAt - SNAPSHOT_HEADER_FIXED_BYTES) return null;
  const index = getUint53(view, 16);
  const positionTerm = getUint53(view, 24);
  const bodyBytes = getUint53(view, 32);
  const configuration = decodeConfiguration(bytes.slice(SNAPSHOT_HEADER_FIXED_BYTES, crcAt));
  if (index === null || positionTerm === null || bodyBytes === null) return null;
  // The checksum is right, so it is no damage.
  if (!configuration.ok) return "too-new";
  const position = { term: term(positionTerm), index: logIndex(index) };
  return { mark: { position, configuration: configuration.value }, bodyBytes };
}

/** @param sha256 Of the body. */
export function encodeSnapshotTrailer(sha256: Uint8Array): Uint8Array {
  assert(sha256.length === SHA256_BYTES, "a SHA-256 has 32 bytes");
  const bytes = new Uint8Array(SNAPSHOT_TRAILER_BYTES);
  setMagic(bytes, TRAILER_MAGIC);
  bytes.set(sha256, 8);
  new DataView(bytes.buffer).setUint32(44, crc32(bytes.subarray(0, 44)), true);
  return bytes;
}

/** The body's SHA-256; null when the trailer is damaged. */
export function decodeSnapshotTrailer(bytes: Uint8Array): Uint8Array | null {
  if (bytes.length !== SNAPSHOT_TRAILER_BYTES || !hasMagic(bytes, TRAILER_MAGIC)) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (crc32(bytes.subarray(0, 44)) !== view.getUint32(44, true)) return null;
  return bytes.slice(8, 8 + SHA256_BYTES);
}

/** The first bytes of a body; the database image follows. */
export function encodePreamble(preamble: SnapshotPreamble): Uint8Array {
  assert(preamble.chainHash.length === CHAIN_HASH_BYTES, "a chained hash has 16 bytes");
  const checksum = utf8Encode(preamble.checksum);
  assert(checksum.length <= 255, "a checksum is a short text");
  const bytes = new Uint8Array(CHAIN_HASH_BYTES + 1 + checksum.length);
  bytes.set(preamble.chainHash);
  bytes[CHAIN_HASH_BYTES] = checksum.length;
  bytes.set(checksum, CHAIN_HASH_BYTES + 1);
  return bytes;
}

/** Takes a verified body apart, the image as a view; null when it is too short. */
export function splitBody(
  body: Uint8Array,
): (SnapshotPreamble & { readonly image: Uint8Array }) | null {
  const checksumBytes = body[CHAIN_HASH_BYTES];
  if (checksumBytes === undefined) return null;
  const imageAt = CHAIN_HASH_BYTES + 1 + checksumBytes;
  if (body.length < imageAt) return null;
  const checksum = utf8Decode(body.subarray(CHAIN_HASH_BYTES + 1, imageAt));
  if (checksum === null) return null;
  return { chainHash: body.slice(0, CHAIN_HASH_BYTES), checksum, image: body.subarray(imageAt) };
}
