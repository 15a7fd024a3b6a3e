import type { Connection } from "../ports.ts";

/**
 * A connection on which only the invite protocol is spoken. The other side has proven a key,
 * but need not be a member: on the joiner's side it is the inviter's key and no other.
 */
export interface InviteChannel extends Connection {
  /**
   * 32 bytes that only the two ends of this very TLS connection know (RFC 9266): a proof made
   * over them is of no use on any other connection.
   */
  readonly exporter: Uint8Array;
}
