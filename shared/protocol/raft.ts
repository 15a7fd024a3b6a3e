/**
 * The consensus core's messages as bytes.
 *
 * `from` and `to` are not on the wire: the connection's key says who speaks, so a member cannot
 * speak for another. Entries of an append are contiguous, so their indexes are not sent either,
 * and their terms are sent as steps (a term never falls along the log).
 */
import { assert, unreachable } from "../base/assert.ts";
import type { ByteReader, ByteWriter } from "../base/bytes.ts";
import { logIndex, term } from "../base/ids.ts";
import type { MemberId, Position, Term } from "../base/ids.ts";
import type {
  AppendAckMessage,
  AppendMessage,
  EntryKind,
  LogEntry,
  RaftMessage,
  StatedIncarnation,
} from "../raft/types.ts";
import {
  FRAME_TYPE,
  readIncarnation,
  readIndex,
  readPosition,
  readTerm,
  readWord,
  writeIncarnation,
  writePosition,
} from "./fields.ts";
import { APPEND_ENTRY_COUNT_MAX, ENTRY_BYTES_MAX } from "./limits.ts";
import { VERSION_WITH_INCARNATIONS } from "./version.ts";

/** Who speaks to whom, as the authenticated connection knows. */
export type Ends = { readonly from: MemberId; readonly to: MemberId };

const ENTRY_KINDS: readonly EntryKind[] = ["noop", "configuration", "data"];

/** Kind, term step and length of an entry; a step is nearly always one byte. */
const ENTRY_OVERHEAD_BYTES = 10;

/** Room for the fields of any message but an append's entries. */
const FIXED_BYTES = 64;

/** An upper estimate, so that an append of 1 MiB is written into one allocation. */
export function raftFrameBytes(message: RaftMessage): number {
  if (message.type !== "append") return FIXED_BYTES;
  let bytes = FIXED_BYTES;
  for (const entry of message.entries) bytes += ENTRY_OVERHEAD_BYTES + entry.payload.length;
  return bytes;
}

/** Appends the frame. */
export function writeRaft(writer: ByteWriter, message: RaftMessage, version: number): void {
  writer.uint8(FRAME_TYPE[message.type]).varint(message.term);
  writeFields(writer, message);
  if (version < VERSION_WITH_INCARNATIONS) return;
  switch (message.type) {
    case "append-ack":
    case "heartbeat-ack":
    case "vote-reply":
      return writeIncarnation(writer, message.incarnation);
    default:
  }
}

function writeFields(writer: ByteWriter, message: RaftMessage): void {
  switch (message.type) {
    case "append":
      return writeAppend(writer, message);
    case "append-ack":
      return writeAppendAck(writer, message);
    case "heartbeat":
      writer.varint(message.commitIndex).varint(message.round);
      return;
    case "heartbeat-ack":
      writer.varint(message.round);
      return;
    case "vote-request":
      writer.boolean(message.preVote);
      writePosition(writer, message.last);
      writer.boolean(message.transfer);
      return;
    case "vote-reply":
      writer.boolean(message.preVote).boolean(message.granted);
      return;
    case "timeout-now":
      return;
    case "read-index":
      writer.varint(message.requestId);
      return;
    case "read-index-reply":
      writer.varint(message.requestId).boolean(message.index !== null);
      writer.varint(message.index ?? 0);
      return;
    default:
      unreachable(message);
  }
}

/** The frame after its type byte. Payloads are views of the frame, not copies. */
export function readRaft(
  reader: ByteReader,
  type: RaftMessage["type"],
  ends: Ends,
  version: number,
): RaftMessage {
  const envelope = { from: ends.from, to: ends.to, term: readTerm(reader) };
  switch (type) {
    case "append":
      return readAppend(reader, envelope);
    case "append-ack":
      return readAppendAck(reader, envelope, version);
    case "heartbeat":
      return { type, ...envelope, commitIndex: readIndex(reader), round: reader.varint() };
    case "heartbeat-ack": {
      const round = reader.varint();
      return { type, ...envelope, round, incarnation: readStated(reader, version) };
    }
    case "vote-request": {
      const preVote = reader.boolean();
      const last = readPosition(reader);
      return { type, ...envelope, preVote, last, transfer: reader.boolean() };
    }
    case "vote-reply": {
      const preVote = reader.boolean();
      const granted = reader.boolean();
      return { type, ...envelope, preVote, granted, incarnation: readStated(reader, version) };
    }
    case "timeout-now":
      return { type, ...envelope };
    case "read-index":
      return { type, ...envelope, requestId: reader.varint() };
    case "read-index-reply": {
      const requestId = reader.varint();
      const hasIndex = reader.boolean();
      const index = readIndex(reader);
      return { type, ...envelope, requestId, index: hasIndex ? index : null };
    }
    default:
      return unreachable(type);
  }
}

type Envelope = Ends & { readonly term: Term };

function writeAppend(writer: ByteWriter, message: AppendMessage): void {
  writePosition(writer, message.previous);
  writer.varint(message.commitIndex).varint(message.entries.length);
  let before: Position = message.previous;
  for (const entry of message.entries) {
    assert(entry.index === before.index + 1, "entries of an append are contiguous");
    assert(entry.term >= before.term, "terms never fall along the log");
    writer
      .uint8(ENTRY_KINDS.indexOf(entry.kind))
      .varint(entry.term - before.term)
      .bytes(entry.payload);
    before = entry;
  }
}

function readAppend(reader: ByteReader, envelope: Envelope): AppendMessage {
  const previous = readPosition(reader);
  const commitIndex = readIndex(reader);
  let before: Position = previous;
  const entries = reader.list(APPEND_ENTRY_COUNT_MAX, () => {
    const entry = readEntry(reader, before);
    before = entry;
    return entry;
  });
  return { type: "append", ...envelope, previous, entries, commitIndex };
}

function readEntry(reader: ByteReader, before: Position): LogEntry {
  const kind = readWord(reader, ENTRY_KINDS);
  const entryTerm = before.term + reader.varint();
  const payload = reader.bytes(ENTRY_BYTES_MAX);
  const index = before.index + 1;
  if (!Number.isSafeInteger(entryTerm) || !Number.isSafeInteger(index)) {
    reader.fail();
    return { kind, term: before.term, index: before.index, payload };
  }
  return { kind, term: term(entryTerm), index: logIndex(index), payload };
}

function writeAppendAck(writer: ByteWriter, message: AppendAckMessage): void {
  writer.boolean(message.accepted);
  if (message.accepted) {
    writer.varint(message.matchIndex);
    return;
  }
  writer.varint(message.rejectedIndex);
  writePosition(writer, message.hint);
}

function readAppendAck(reader: ByteReader, envelope: Envelope, version: number): AppendAckMessage {
  const type = "append-ack" as const;
  if (reader.boolean()) {
    const matchIndex = readIndex(reader);
    const incarnation = readStated(reader, version);
    return { type, ...envelope, incarnation, accepted: true, matchIndex };
  }
  const rejectedIndex = readIndex(reader);
  const hint = readPosition(reader);
  const incarnation = readStated(reader, version);
  return { type, ...envelope, incarnation, accepted: false, rejectedIndex, hint };
}

function readStated(reader: ByteReader, version: number): StatedIncarnation {
  return version < VERSION_WITH_INCARNATIONS ? "unstated" : readIncarnation(reader);
}
