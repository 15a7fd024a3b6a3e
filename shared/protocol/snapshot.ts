/**
 * Moving a database image to a member that is too far behind for the log.
 *
 * The sender announces it, sends chunks in order and keeps a window open by the receiver's
 * `snapshot-progress`; either side ends it. The sender is the leader, or whom the leader pointed
 * to: then the receiver asks that member, and tells the leader by the same `snapshot-progress`
 * and `snapshot-end`, under the offer's number. What the image contains is not known here, nor
 * is the encoding of the configuration: both are bytes.
 */
import { assert } from "../base/assert.ts";
import type { ByteReader, ByteWriter } from "../base/bytes.ts";
import type { LogIndex, MemberId, Position, Term } from "../base/ids.ts";
import {
  FRAME_TYPE,
  readIndex,
  readMemberId,
  readPosition,
  readTerm,
  readWord,
  writePosition,
} from "./fields.ts";
import { CONFIGURATION_BYTES_MAX, SNAPSHOT_BYTES_MAX, SNAPSHOT_CHUNK_BYTES_MAX } from "./limits.ts";
import { VERSION_WITH_SHARED_SNAPSHOTS } from "./version.ts";

/** Sender to receiver: here comes an image. */
export type SnapshotBeginMessage = {
  readonly type: "snapshot-begin";
  /** The sender's number for this transfer; never the same twice in one process. */
  readonly transferId: number;
  readonly mark: {
    readonly position: Position;
    /** As `encodeConfiguration` of the consensus core makes it. */
    readonly configuration: Uint8Array;
  };
  /** The sender's term as leader; 0 when the receiver asked for the image. */
  readonly term: Term;
  readonly sizeBytes: number;
  /** Of the whole image; 32 bytes. */
  readonly sha256: Uint8Array;
};

/** Sender to receiver: the image from `offset` on. */
export type SnapshotChunkMessage = {
  readonly type: "snapshot-chunk";
  readonly transferId: number;
  readonly offset: number;
  /** At most 256 KiB. */
  readonly bytes: Uint8Array;
  /** CRC-32 of `bytes`; null from a member that does not say. Since version 2. */
  readonly crc32: number | null;
};

/** Receiver to sender: everything before `offset` is stored; go on from there. */
export type SnapshotProgressMessage = {
  readonly type: "snapshot-progress";
  readonly transferId: number;
  readonly offset: number;
};

const OUTCOMES = ["complete", "failed", "damaged", "cancelled"] as const;

/** `complete`: whole and verified; `damaged`: the hash did not match; the rest say why not. */
export type SnapshotOutcome = (typeof OUTCOMES)[number];

/** Either side: this transfer is over. */
export type SnapshotEndMessage = {
  readonly type: "snapshot-end";
  readonly transferId: number;
  readonly outcome: SnapshotOutcome;
};

/** Leader to a member that needs an image: another one has it. Since version 2. */
export type SnapshotOfferMessage = {
  readonly type: "snapshot-offer";
  /** The leader's number for this transfer. */
  readonly transferId: number;
  readonly term: Term;
  /** Whom to ask. */
  readonly source: MemberId;
  /** The log goes on from here: an older image is of no use. */
  readonly indexMin: LogIndex;
};

/** To a member that was offered: send your newest image, if it is not older. Since version 2. */
export type SnapshotRequestMessage = {
  readonly type: "snapshot-request";
  /** The asker's number, to match a refusal with it. */
  readonly requestId: number;
  readonly indexMin: LogIndex;
};

/** Everything about a transfer. */
export type SnapshotMessage =
  | SnapshotBeginMessage
  | SnapshotChunkMessage
  | SnapshotProgressMessage
  | SnapshotEndMessage
  | SnapshotOfferMessage
  | SnapshotRequestMessage;

const SHA256_BYTES = 32;

/** Appends the frame. */
export function writeSnapshotBegin(writer: ByteWriter, message: SnapshotBeginMessage): void {
  writer.uint8(FRAME_TYPE["snapshot-begin"]).varint(message.transferId);
  writePosition(writer, message.mark.position);
  writer
    .bytes(message.mark.configuration)
    .varint(message.term)
    .varint(message.sizeBytes)
    .raw(message.sha256);
}

/** The frame after its type byte. */
export function readSnapshotBegin(reader: ByteReader): SnapshotBeginMessage {
  const transferId = reader.varint();
  const position = readPosition(reader);
  const configuration = reader.bytes(CONFIGURATION_BYTES_MAX);
  const term = readTerm(reader);
  const sizeBytes = reader.varint();
  if (sizeBytes > SNAPSHOT_BYTES_MAX) reader.fail();
  const sha256 = reader.raw(SHA256_BYTES);
  const mark = { position, configuration };
  return { type: "snapshot-begin", transferId, mark, term, sizeBytes, sha256 };
}

/** Appends the frame. */
export function writeSnapshotChunk(
  writer: ByteWriter,
  message: SnapshotChunkMessage,
  version: number,
): void {
  writer
    .uint8(FRAME_TYPE["snapshot-chunk"])
    .varint(message.transferId)
    .varint(message.offset)
    .bytes(message.bytes);
  if (version < VERSION_WITH_SHARED_SNAPSHOTS) return;
  assert(message.crc32 !== null, "who speaks this version says what a chunk must add up to");
  writer.uint32(message.crc32);
}

/** The frame after its type byte. `bytes` is a view of the frame. */
export function readSnapshotChunk(reader: ByteReader, version: number): SnapshotChunkMessage {
  return {
    type: "snapshot-chunk",
    transferId: reader.varint(),
    offset: reader.varint(),
    bytes: reader.bytes(SNAPSHOT_CHUNK_BYTES_MAX),
    crc32: version < VERSION_WITH_SHARED_SNAPSHOTS ? null : reader.uint32(),
  };
}

/** Appends the frame. */
export function writeSnapshotProgress(writer: ByteWriter, message: SnapshotProgressMessage): void {
  writer.uint8(FRAME_TYPE["snapshot-progress"]).varint(message.transferId).varint(message.offset);
}

/** The frame after its type byte. */
export function readSnapshotProgress(reader: ByteReader): SnapshotProgressMessage {
  return { type: "snapshot-progress", transferId: reader.varint(), offset: reader.varint() };
}

/** Appends the frame. */
export function writeSnapshotEnd(writer: ByteWriter, message: SnapshotEndMessage): void {
  writer
    .uint8(FRAME_TYPE["snapshot-end"])
    .varint(message.transferId)
    .uint8(OUTCOMES.indexOf(message.outcome));
}

/** The frame after its type byte. */
export function readSnapshotEnd(reader: ByteReader): SnapshotEndMessage {
  return {
    type: "snapshot-end",
    transferId: reader.varint(),
    outcome: readWord(reader, OUTCOMES),
  };
}

/** Appends the frame. */
export function writeSnapshotOffer(writer: ByteWriter, message: SnapshotOfferMessage): void {
  writer
    .uint8(FRAME_TYPE["snapshot-offer"])
    .varint(message.transferId)
    .varint(message.term)
    .text(message.source)
    .varint(message.indexMin);
}

/** The frame after its type byte. */
export function readSnapshotOffer(reader: ByteReader): SnapshotOfferMessage {
  return {
    type: "snapshot-offer",
    transferId: reader.varint(),
    term: readTerm(reader),
    source: readMemberId(reader),
    indexMin: readIndex(reader),
  };
}

/** Appends the frame. */
export function writeSnapshotRequest(writer: ByteWriter, message: SnapshotRequestMessage): void {
  writer.uint8(FRAME_TYPE["snapshot-request"]).varint(message.requestId).varint(message.indexMin);
}

/** The frame after its type byte. */
export function readSnapshotRequest(reader: ByteReader): SnapshotRequestMessage {
  return {
    type: "snapshot-request",
    requestId: reader.varint(),
    indexMin: readIndex(reader),
  };
}
