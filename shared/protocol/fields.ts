/**
 * The pieces that several messages are made of, and the byte each message begins with.
 *
 * Readers here check ranges as well as lengths, so that what comes out of a decoder may be
 * branded: an id that is not printable marks the frame as malformed.
 */
import { assert } from "../base/assert.ts";
import type { ByteReader, ByteWriter } from "../base/bytes.ts";
import { clusterId, logIndex, memberId, term } from "../base/ids.ts";
import type { ClusterId, LogIndex, MemberId, Position, Term } from "../base/ids.ts";
import { CHECKSUM_BYTES_MAX, ID_BYTES_MAX } from "./limits.ts";

/** What a peer did wrong. `code` is stable; logs, tests and the UI key on it. */
export type FrameError = {
  readonly code: "frame-too-large" | "frame-malformed" | "frame-unknown-type";
  readonly detail: string;
};

/** The first byte of a frame. A value is never used again for something else. */
export const FRAME_TYPE = {
  hello: 0x01,
  refused: 0x02,
  ping: 0x03,
  pong: 0x04,
  barred: 0x05,
  append: 0x10,
  "append-ack": 0x11,
  heartbeat: 0x12,
  "heartbeat-ack": 0x13,
  "vote-request": 0x14,
  "vote-reply": 0x15,
  "timeout-now": 0x16,
  "read-index": 0x17,
  "read-index-reply": 0x18,
  beat: 0x20,
  "beat-ack": 0x21,
  "snapshot-begin": 0x30,
  "snapshot-chunk": 0x31,
  "snapshot-progress": 0x32,
  "snapshot-end": 0x33,
  "snapshot-offer": 0x34,
  "snapshot-request": 0x35,
  "forward-request": 0x40,
  "forward-reply": 0x41,
  addresses: 0x50,
} as const;

/**
 * What a member said of itself, or `unstated` where it speaks a version that has no word for it.
 * null is a statement too: "none".
 */
export type Stated<T> = T | null | "unstated";

/** A rolling checksum of the database as of an index. */
export type ChecksumAt = { readonly index: LogIndex; readonly value: string };

const PRINTABLE = /^[!-~]{1,64}$/;

/** A log index. */
export function readIndex(reader: ByteReader): LogIndex {
  return logIndex(reader.varint());
}

/** A term. */
export function readTerm(reader: ByteReader): Term {
  return term(reader.varint());
}

/** Term, then index. */
export function writePosition(writer: ByteWriter, position: Position): void {
  writer.varint(position.term).varint(position.index);
}

/** The counterpart of `writePosition`. */
export function readPosition(reader: ByteReader): Position {
  return { term: readTerm(reader), index: readIndex(reader) };
}

/** An id; the reader fails on one that is not 1 to 64 printable characters. */
export function readMemberId(reader: ByteReader): MemberId {
  return memberId(readPrintable(reader));
}

/** An id; the reader fails on one that is not 1 to 64 printable characters. */
export function readClusterId(reader: ByteReader): ClusterId {
  return clusterId(readPrintable(reader));
}

/** The incarnation of a seat for which the sender's disk vouches; 0 says none. */
export function writeIncarnation(writer: ByteWriter, incarnation: Stated<number>): void {
  assert(incarnation !== "unstated", "who speaks this version states its incarnation");
  writer.varint(incarnation === null ? 0 : incarnation + 1);
}

/** The counterpart of `writeIncarnation`. */
export function readIncarnation(reader: ByteReader): number | null {
  const value = reader.varint();
  return value === 0 ? null : value - 1;
}

/** Index, then the digits. */
export function writeChecksum(writer: ByteWriter, checksum: ChecksumAt): void {
  writer.varint(checksum.index).text(checksum.value);
}

/** The counterpart of `writeChecksum`. */
export function readChecksum(reader: ByteReader): ChecksumAt {
  return { index: readIndex(reader), value: reader.text(CHECKSUM_BYTES_MAX) };
}

/** One of the words, written as its place in the list. */
export function readWord<const Word extends string>(
  reader: ByteReader,
  words: readonly Word[],
): Word {
  const word = words[reader.uint8()];
  if (word === undefined) reader.fail();
  return word ?? (words[0] as Word);
}

function readPrintable(reader: ByteReader): string {
  const text = reader.text(ID_BYTES_MAX);
  if (PRINTABLE.test(text)) return text;
  reader.fail();
  return "?";
}
