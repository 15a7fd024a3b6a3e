/**
 * Beats and their answers: what the leader says with every heartbeat, and how far everybody is. Both ends stamp
 * with their own clock and the other one gives the stamp back, so that no clock is ever compared with another's.
 */
import type { ByteReader, ByteWriter } from "../base/bytes.ts";
import { logIndex } from "../base/ids.ts";
import type { LogIndex, Position } from "../base/ids.ts";
import {
  FRAME_TYPE,
  readChecksum,
  readIndex,
  readPosition,
  writeChecksum,
  writePosition,
} from "./fields.ts";
import type { ChecksumAt } from "./fields.ts";
import { VERSION_WITH_SHARED_SNAPSHOTS, VERSION_WITH_STAMPS } from "./version.ts";

/** Leader to everyone, with every heartbeat: what "caught up" means right now. */
export type BeatMessage = {
  readonly type: "beat";
  /** The leader's monotonic clock; only ever compared with itself. */
  readonly sentAtMs: number;
  /** The leader's wall clock, ms since 1970; shown, never decided by. */
  readonly wallMs: number;
  readonly commit: Position;
  /** Bytes of the leader's log up to its commit index, since the log began. */
  readonly logBytes: number;
  readonly checksum: ChecksumAt;
  /**
   * The receiver's `stampMs` that this answers: its newest one that was heard before `commit` was looked up. null
   * when there is none, or when this leader cannot vouch yet that nothing beyond `commit` was committed; "unstated"
   * from a version that does not say.
   */
  readonly answersMs: number | null | "unstated";
};

/** The answer: how far this member is, per stage. */
export type BeatAckMessage = {
  readonly type: "beat-ack";
  readonly echoSentAtMs: number;
  readonly received: LogIndex;
  readonly flushed: LogIndex;
  readonly applied: LogIndex;
  readonly checksum: ChecksumAt;
  /** Where the newest snapshot it could serve stands; 0 when it has none. Since version 2. */
  readonly snapshotIndex: LogIndex;
  /** The sender's monotonic clock; only ever compared with itself. null from a version that does not say. */
  readonly stampMs: number | null;
};

/** Appends the frame. */
export function writeBeat(writer: ByteWriter, message: BeatMessage, version: number): void {
  writer.uint8(FRAME_TYPE.beat).float64(message.sentAtMs).float64(message.wallMs);
  writePosition(writer, message.commit);
  writer.varint(message.logBytes);
  writeChecksum(writer, message.checksum);
  const { answersMs } = message;
  if (version < VERSION_WITH_STAMPS) return;
  writer.float64(typeof answersMs === "number" ? answersMs : NaN);
}

/** The frame after its type byte. */
export function readBeat(reader: ByteReader, version: number): BeatMessage {
  return {
    type: "beat",
    sentAtMs: reader.float64(),
    wallMs: reader.float64(),
    commit: readPosition(reader),
    logBytes: reader.varint(),
    checksum: readChecksum(reader),
    answersMs: version >= VERSION_WITH_STAMPS ? numberOrNull(reader.float64()) : "unstated",
  };
}

function numberOrNull(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}

/** Appends the frame. */
export function writeBeatAck(writer: ByteWriter, message: BeatAckMessage, version: number): void {
  writer
    .uint8(FRAME_TYPE["beat-ack"])
    .float64(message.echoSentAtMs)
    .varint(message.received)
    .varint(message.flushed)
    .varint(message.applied);
  writeChecksum(writer, message.checksum);
  if (version >= VERSION_WITH_SHARED_SNAPSHOTS) writer.varint(message.snapshotIndex);
  if (version >= VERSION_WITH_STAMPS) writer.float64(message.stampMs ?? NaN);
}

/** The frame after its type byte. */
export function readBeatAck(reader: ByteReader, version: number): BeatAckMessage {
  return {
    type: "beat-ack",
    echoSentAtMs: reader.float64(),
    received: readIndex(reader),
    flushed: readIndex(reader),
    applied: readIndex(reader),
    checksum: readChecksum(reader),
    // Who does not say cannot be asked for it either.
    snapshotIndex: version >= VERSION_WITH_SHARED_SNAPSHOTS ? readIndex(reader) : logIndex(0),
    stampMs: version >= VERSION_WITH_STAMPS ? numberOrNull(reader.float64()) : null,
  };
}
