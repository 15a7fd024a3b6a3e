/**
 * Everything one member may say to another, and the way between a message and its frame.
 *
 * A frame is a type byte and fields in a fixed order; bytes after the last known field are
 * ignored, which is how fields get added. It knows nothing of connections or of who may say
 * what: a hello in the middle of a conversation decodes, and its receiver must object.
 */
import { assert, InvariantError, unreachable } from "../base/assert.ts";
import { ByteReader, ByteWriter } from "../base/bytes.ts";
import { err, ok } from "../base/result.ts";
import type { Result } from "../base/result.ts";
import type { RaftMessage } from "../raft/types.ts";
import { readAddresses, writeAddresses } from "./addresses.ts";
import type { AddressesMessage } from "./addresses.ts";
import { readBarred, writeBarred } from "./barred.ts";
import type { BarredMessage } from "./barred.ts";
import { readBeat, readBeatAck, writeBeat, writeBeatAck } from "./beat.ts";
import type { BeatAckMessage, BeatMessage } from "./beat.ts";
import { FRAME_TYPE } from "./fields.ts";
import type { FrameError } from "./fields.ts";
import {
  readForwardReply,
  readForwardRequest,
  writeForwardReply,
  writeForwardRequest,
} from "./forward.ts";
import type { ForwardReplyMessage, ForwardRequestMessage } from "./forward.ts";
import { readHello, readRefused, writeHello, writeRefused } from "./hello.ts";
import type { HelloMessage, RefusedMessage } from "./hello.ts";
import { FRAME_BYTES_MAX } from "./limits.ts";
import { readPing, readPong, writePing, writePong } from "./ping.ts";
import type { PingMessage, PongMessage } from "./ping.ts";
import { raftFrameBytes, readRaft, writeRaft } from "./raft.ts";
import type { Ends } from "./raft.ts";
import {
  readSnapshotBegin,
  readSnapshotChunk,
  readSnapshotEnd,
  readSnapshotOffer,
  readSnapshotProgress,
  readSnapshotRequest,
  writeSnapshotBegin,
  writeSnapshotChunk,
  writeSnapshotEnd,
  writeSnapshotOffer,
  writeSnapshotProgress,
  writeSnapshotRequest,
} from "./snapshot.ts";
import type { SnapshotMessage } from "./snapshot.ts";
import { VERSION_WITH_INCARNATIONS, VERSION_WITH_SHARED_SNAPSHOTS } from "./version.ts";

/** The connection's own business; never reaches the rest of the agent. */
export type LinkMessage =
  HelloMessage | RefusedMessage | PingMessage | PongMessage | AddressesMessage;

/** What the rest of the agent sends and gets. */
export type MemberMessage =
  | { readonly type: "raft"; readonly message: RaftMessage }
  | BeatMessage
  | BeatAckMessage
  | SnapshotMessage
  | BarredMessage
  | ForwardRequestMessage
  | ForwardReplyMessage;

/** Everything that may be in a frame. */
export type PeerMessage = LinkMessage | MemberMessage;

type FrameTypeName = keyof typeof FRAME_TYPE;

const TYPE_NAMES: ReadonlyMap<number, FrameTypeName> = new Map(
  Object.entries(FRAME_TYPE).map(([name, byte]) => [byte, name as FrameTypeName]),
);

/** The first version that has a message; the others are of the first version. */
const SINCE_VERSION: ReadonlyMap<FrameTypeName, number> = new Map([
  ["barred", VERSION_WITH_INCARNATIONS],
  ["snapshot-offer", VERSION_WITH_SHARED_SNAPSHOTS],
  ["snapshot-request", VERSION_WITH_SHARED_SNAPSHOTS],
]);

/** Whether a version of the protocol has a word for this message at all. */
export function isInVersion(message: PeerMessage, version: number): boolean {
  const name = message.type === "raft" ? message.message.type : message.type;
  return version >= (SINCE_VERSION.get(name) ?? 1);
}

/** Room for the fields of any message around its bulk. */
const FIXED_BYTES = 256;
/** A message without bulk: few need more, and up to here memory is cheap (`bytes.ts`). */
const SMALL_BYTES = 64;

/**
 * The frame of a message, in one allocation.
 *
 * @param version What both ends agreed on; of no matter to a hello and a refusal.
 * @throws InvariantError when it exceeds a limit, or is of a later version: what is sent was
 *   bounded and chosen before.
 */
export function encodePeerMessage(message: PeerMessage, version: number): Uint8Array {
  if (!isInVersion(message, version)) {
    throw new InvariantError(`${message.type} is not in version ${version}`);
  }
  const writer = new ByteWriter(frameBytes(message));
  writeMessage(writer, message, version);
  assert(writer.length <= FRAME_BYTES_MAX, "no frame is larger than the receiver takes");
  return writer.finish();
}

/**
 * The message in a frame. Never throws: the bytes came from another machine.
 *
 * @param ends Who the connection is between; a Raft message gets its `from` and `to` from it.
 * @param version What both ends agreed on; of no matter to a hello and a refusal.
 * @returns Byte strings in the message are views of `frame`.
 */
export function decodePeerMessage(
  frame: Uint8Array,
  ends: Ends,
  version: number,
): Result<PeerMessage, FrameError> {
  if (frame.length > FRAME_BYTES_MAX) {
    const detail = `a frame of ${frame.length} bytes, at most ${FRAME_BYTES_MAX} are allowed`;
    return err({ code: "frame-too-large", detail });
  }
  const reader = new ByteReader(frame);
  const byte = reader.uint8();
  if (reader.failed) return err({ code: "frame-malformed", detail: "an empty frame" });
  const name = TYPE_NAMES.get(byte);
  if (name === undefined || version < (SINCE_VERSION.get(name) ?? 1)) {
    const detail = `no message of version ${version} has type ${byte}`;
    return err({ code: "frame-unknown-type", detail });
  }
  const message = readMessage(reader, name, ends, version);
  if (!reader.failed) return ok(message);
  const detail = `a ${name} frame of ${frame.length} bytes is malformed near byte ${reader.offset}`;
  return err({ code: "frame-malformed", detail });
}

function frameBytes(message: PeerMessage): number {
  switch (message.type) {
    case "raft":
      return raftFrameBytes(message.message);
    case "barred":
      return FIXED_BYTES + message.detail.length;
    case "snapshot-begin":
      return FIXED_BYTES + message.mark.configuration.length;
    case "snapshot-chunk":
      return FIXED_BYTES + message.bytes.length;
    case "forward-request":
      return FIXED_BYTES + message.params.length;
    case "forward-reply":
      return FIXED_BYTES + message.body.length;
    default:
      return SMALL_BYTES;
  }
}

function writeMessage(writer: ByteWriter, message: PeerMessage, version: number): void {
  switch (message.type) {
    case "hello":
      return writeHello(writer, message);
    case "refused":
      return writeRefused(writer, message);
    case "ping":
      return writePing(writer, message);
    case "pong":
      return writePong(writer, message);
    case "raft":
      return writeRaft(writer, message.message, version);
    case "beat":
      return writeBeat(writer, message, version);
    case "beat-ack":
      return writeBeatAck(writer, message, version);
    case "snapshot-begin":
      return writeSnapshotBegin(writer, message);
    case "snapshot-chunk":
      return writeSnapshotChunk(writer, message, version);
    case "snapshot-progress":
      return writeSnapshotProgress(writer, message);
    case "snapshot-end":
      return writeSnapshotEnd(writer, message);
    case "snapshot-offer":
      return writeSnapshotOffer(writer, message);
    case "snapshot-request":
      return writeSnapshotRequest(writer, message);
    case "barred":
      return writeBarred(writer, message);
    case "forward-request":
      return writeForwardRequest(writer, message);
    case "forward-reply":
      return writeForwardReply(writer, message);
    case "addresses":
      return writeAddresses(writer, message);
    default:
      unreachable(message);
  }
}

function readMessage(
  reader: ByteReader,
  name: FrameTypeName,
  ends: Ends,
  version: number,
): PeerMessage {
  switch (name) {
    case "hello":
      return readHello(reader);
    case "refused":
      return readRefused(reader);
    case "ping":
      return readPing(reader);
    case "pong":
      return readPong(reader);
    case "beat":
      return readBeat(reader, version);
    case "beat-ack":
      return readBeatAck(reader, version);
    case "snapshot-begin":
      return readSnapshotBegin(reader);
    case "snapshot-chunk":
      return readSnapshotChunk(reader, version);
    case "snapshot-progress":
      return readSnapshotProgress(reader);
    case "snapshot-end":
      return readSnapshotEnd(reader);
    case "snapshot-offer":
      return readSnapshotOffer(reader);
    case "snapshot-request":
      return readSnapshotRequest(reader);
    case "barred":
      return readBarred(reader);
    case "forward-request":
      return readForwardRequest(reader);
    case "forward-reply":
      return readForwardReply(reader);
    case "addresses":
      return readAddresses(reader);
    default:
      return { type: "raft", message: readRaft(reader, name, ends, version) };
  }
}
