import type { ByteReader, ByteWriter } from "../base/bytes.ts";
import { FRAME_TYPE } from "./fields.ts";

/** Asks for a `pong` at once: measures the round trip, and shows that a process is alive. */
export type PingMessage = {
  readonly type: "ping";
  /** The sender's monotonic clock; means nothing to the receiver. */
  readonly sentAtMs: number;
};

/** The answer, with the asker's own time. */
export type PongMessage = { readonly type: "pong"; readonly echoSentAtMs: number };

/** Appends the frame. */
export function writePing(writer: ByteWriter, message: PingMessage): void {
  writer.uint8(FRAME_TYPE.ping).float64(message.sentAtMs);
}

/** The frame after its type byte. */
export function readPing(reader: ByteReader): PingMessage {
  return { type: "ping", sentAtMs: reader.float64() };
}

/** Appends the frame. */
export function writePong(writer: ByteWriter, message: PongMessage): void {
  writer.uint8(FRAME_TYPE.pong).float64(message.echoSentAtMs);
}

/** The frame after its type byte. */
export function readPong(reader: ByteReader): PongMessage {
  return { type: "pong", echoSentAtMs: reader.float64() };
}
