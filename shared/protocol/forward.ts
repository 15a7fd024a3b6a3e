import type { ByteReader, ByteWriter } from "../base/bytes.ts";
import { FRAME_TYPE } from "./fields.ts";
import { FORWARD_BYTES_MAX, METHOD_NAME_BYTES_MAX } from "./limits.ts";

/** A call one member makes on another, e.g. a write on the leader. */
export type ForwardRequestMessage = {
  readonly type: "forward-request";
  /** The sender's; ties the reply to it on this connection. */
  readonly requestId: number;
  readonly method: string;
  /** JSON in UTF-8, not parsed here; at most 1 MiB. */
  readonly params: Uint8Array;
};

/** The answer. `body` is the result or the error as JSON. */
export type ForwardReplyMessage = {
  readonly type: "forward-reply";
  readonly requestId: number;
  readonly isOk: boolean;
  readonly body: Uint8Array;
};

/** Appends the frame. */
export function writeForwardRequest(writer: ByteWriter, message: ForwardRequestMessage): void {
  writer
    .uint8(FRAME_TYPE["forward-request"])
    .varint(message.requestId)
    .text(message.method)
    .bytes(message.params);
}

/** The frame after its type byte. */
export function readForwardRequest(reader: ByteReader): ForwardRequestMessage {
  return {
    type: "forward-request",
    requestId: reader.varint(),
    method: reader.text(METHOD_NAME_BYTES_MAX),
    params: reader.bytes(FORWARD_BYTES_MAX),
  };
}

/** Appends the frame. */
export function writeForwardReply(writer: ByteWriter, message: ForwardReplyMessage): void {
  writer
    .uint8(FRAME_TYPE["forward-reply"])
    .varint(message.requestId)
    .boolean(message.isOk)
    .bytes(message.body);
}

/** The frame after its type byte. */
export function readForwardReply(reader: ByteReader): ForwardReplyMessage {
  return {
    type: "forward-reply",
    requestId: reader.varint(),
    isOk: reader.boolean(),
    body: reader.bytes(FORWARD_BYTES_MAX),
  };
}
