import { hash } from "node:crypto";
import { utf8Encode } from "../../../shared/base/bytes.ts";
import type { MemberId } from "../../../shared/base/ids.ts";

/** Bytes of an owner tag in the hard state. */
export const OWNER_TAG_BYTES = 16;

/**
 * Tells whose file it is, so that one copied over from another computer is not taken for this
 * member's own promises. All zero: not stated, by a version that kept none or without an owner.
 */
export function ownerTag(self: MemberId | null): Uint8Array {
  if (self === null) return new Uint8Array(OWNER_TAG_BYTES);
  const digest = hash("sha256", utf8Encode(`tidemark owner ${self}`), "buffer");
  return new Uint8Array(digest.subarray(0, OWNER_TAG_BYTES));
}

/** Whether a file with this tag may be this member's. Both may be shortened to the same length. */
export function isOwn(found: Uint8Array, own: Uint8Array): boolean {
  const isUnstated = found.every((byte) => byte === 0) || own.every((byte) => byte === 0);
  return isUnstated || found.every((byte, at) => byte === own[at]);
}
