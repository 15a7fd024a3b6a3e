import type { ByteReader, ByteWriter } from "../base/bytes.ts";
import { FRAME_TYPE, readIncarnation, readWord, writeIncarnation } from "./fields.ts";
import { DETAIL_BYTES_MAX } from "./limits.ts";

const BARRED_REASONS = ["older-term", "missing-entries", "forgotten-vote", "superseded"] as const;

/**
 * What the sender noticed: the receiver's disk says less than it once said (a lower term, fewer
 * entries than it acknowledged, a vote it does not remember), or its seat was given anew since.
 */
export type BarredReason = (typeof BARRED_REASONS)[number];

/**
 * To a member whose disk is not believed: it may neither vote nor acknowledge under this
 * incarnation any more, and the sender leaves out what it says. Since version 2.
 */
export type BarredMessage = {
  readonly type: "barred";
  /** Which incarnation is barred; null when the receiver stated none. */
  readonly incarnation: number | null;
  readonly reason: BarredReason;
  /** The figures behind the reason, in words; at most 1024 bytes. */
  readonly detail: string;
};

/** Appends the frame. */
export function writeBarred(writer: ByteWriter, message: BarredMessage): void {
  writer.uint8(FRAME_TYPE.barred);
  writeIncarnation(writer, message.incarnation);
  writer.uint8(BARRED_REASONS.indexOf(message.reason)).text(message.detail);
}

/** The frame after its type byte. */
export function readBarred(reader: ByteReader): BarredMessage {
  return {
    type: "barred",
    incarnation: readIncarnation(reader),
    reason: readWord(reader, BARRED_REASONS),
    detail: reader.text(DETAIL_BYTES_MAX),
  };
}
