/**
 * How both sides of an invite prove that they know its key, without showing it.
 *
 * A proof covers the cluster, both members' keys and the TLS exporter, so it is worth nothing
 * on any other connection: a machine in the middle has its own connections, with other exporters.
 * The key is derived from 128 random bits, so no password protocol is needed.
 */
import { createHash, createHmac, hkdfSync, timingSafeEqual } from "node:crypto";
import { ByteWriter, hexEncode, NO_BYTES } from "../../../shared/base/bytes.ts";
import type { ClusterId, MemberId } from "../../../shared/base/ids.ts";

/** What both ends see alike on an untouched connection. */
export type InviteTranscript = {
  readonly clusterId: ClusterId;
  /** The member that is asked: the inviter, or the leader it named. */
  readonly server: MemberId;
  readonly joiner: MemberId;
  /** The name under which the joiner wants to be listed. */
  readonly joinerName: string;
  /** Of this very connection. */
  readonly exporter: Uint8Array;
};

/** Bytes of an invite's public id. */
export const INVITE_ID_BYTES = 8;

/** Bytes of a key and of a proof. */
export const INVITE_KEY_BYTES = 32;

const KEY_INFO = "tidemark-invite-v1";

/** What the cluster stores instead of the secret; it cannot be turned back into a link. */
export function inviteKeyOf(secret: Uint8Array): Uint8Array {
  return new Uint8Array(hkdfSync("sha256", secret, NO_BYTES, KEY_INFO, INVITE_KEY_BYTES));
}

/** The name of an invite in the cluster's table: 16 hex digits. */
export function inviteIdOf(key: Uint8Array): string {
  const digest = createHash("sha256").update("id").update(key).digest();
  return hexEncode(digest.subarray(0, INVITE_ID_BYTES));
}

/** The joiner's proof. */
export function joinerProof(key: Uint8Array, transcript: InviteTranscript): Uint8Array {
  return createHmac("sha256", key).update("J").update(transcriptHash(transcript)).digest();
}

/** The server's proof. @param answer Everything it says, so that nothing of it can be changed. */
export function serverProof(
  key: Uint8Array,
  transcript: InviteTranscript,
  answer: Uint8Array,
): Uint8Array {
  const mac = createHmac("sha256", key).update("M").update(transcriptHash(transcript));
  return mac.update(answer).digest();
}

/** Whether two proofs are equal, in a time that says nothing of where they differ. */
export function proofsEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}

function transcriptHash(transcript: InviteTranscript): Uint8Array {
  // Every part has its length before it, so no two transcripts have the same bytes.
  const writer = new ByteWriter();
  writer
    .text(KEY_INFO)
    .text(transcript.clusterId)
    .text(transcript.server)
    .text(transcript.joiner)
    .text(transcript.joinerName)
    .bytes(transcript.exporter);
  return createHash("sha256").update(writer.finish()).digest();
}
