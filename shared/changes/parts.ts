/**
 * Cutting a large transaction into log entries, and joining them.
 *
 * The parts of one transaction are proposed together, so they follow each other in the log in
 * one term. When a leader dies between them the log holds a beginning without an end: such a
 * transaction was never confirmed, and every member drops it at the same index.
 */
import { assert } from "../base/assert.ts";
import { ByteReader, ByteWriter, concatBytes } from "../base/bytes.ts";
import { ENTRY_BYTES_MAX, TRANSACTION_BYTES_MAX } from "./limits.ts";
import { PAYLOAD_KIND, PAYLOAD_MAGIC, PAYLOAD_VERSION } from "./payload.ts";

const PART_HEADER_BYTES_MAX = 32;
const KIND_OFFSET = 5;

/** One part of a transaction, from 0 to `partCount - 1`. */
export type PayloadPart = {
  readonly place: number;
  readonly partCount: number;
  readonly bytes: Uint8Array;
};

/**
 * The entry payloads for a transaction: itself when it fits into one.
 *
 * @param payload At most `TRANSACTION_BYTES_MAX` bytes.
 */
export function splitPayload(payload: Uint8Array, entryBytesMax = ENTRY_BYTES_MAX): Uint8Array[] {
  assert(payload.length <= TRANSACTION_BYTES_MAX, "the size of a transaction was checked");
  if (payload.length <= entryBytesMax) return [payload];
  const partBytesMax = entryBytesMax - PART_HEADER_BYTES_MAX;
  assert(partBytesMax > 0, "a part has room for more than its header");
  const partCount = Math.ceil(payload.length / partBytesMax);
  const parts: Uint8Array[] = [];
  for (let place = 0; place < partCount; place++) {
    const writer = new ByteWriter(Math.min(entryBytesMax, payload.length));
    writer.uint32(PAYLOAD_MAGIC).uint8(PAYLOAD_VERSION).uint8(PAYLOAD_KIND.PART);
    writer.varint(place).varint(partCount);
    writer.raw(payload.subarray(place * partBytesMax, (place + 1) * partBytesMax));
    parts.push(writer.finish());
  }
  return parts;
}

/** The part in an entry's payload; null for a whole transaction or bytes that are no part. */
export function readPart(payload: Uint8Array): PayloadPart | null {
  if (payload[KIND_OFFSET] !== PAYLOAD_KIND.PART) return null;
  const reader = new ByteReader(payload);
  const isPart = reader.uint32() === PAYLOAD_MAGIC && reader.uint8() === PAYLOAD_VERSION;
  reader.uint8();
  const place = reader.varint();
  const partCount = reader.varint();
  if (reader.failed || !isPart || place >= partCount) return null;
  return { place, partCount, bytes: reader.raw(reader.remaining) };
}

/** The other way round. @param payloads All entries of one transaction. */
export function joinParts(payloads: readonly Uint8Array[]): Uint8Array {
  return concatBytes(payloads.map((payload) => readPart(payload)?.bytes ?? payload));
}
