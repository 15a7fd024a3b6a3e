/**
 * `tidemark://join/...`: all a new computer needs to find an inviter, be sure it is the right
 * one, and prove that it was invited. Whoever has the link can join once, so it is a secret.
 *
 * The payload is binary in base64url with a checksum: a link that lost its end in a chat window
 * is told apart from one that is no link at all. Nothing here asks whether it is still valid;
 * only the cluster knows.
 */
import { createHash } from "node:crypto";
import { bytesEqual, ByteReader, ByteWriter } from "../../../shared/base/bytes.ts";
import { clusterId } from "../../../shared/base/ids.ts";
import type { ClusterId, MemberId } from "../../../shared/base/ids.ts";
import { err, ok } from "../../../shared/base/result.ts";
import type { Result } from "../../../shared/base/result.ts";
import {
  ADDRESS_BYTES_MAX,
  ADDRESS_COUNT_MAX,
  ID_BYTES_MAX,
  NAME_BYTES_MAX,
} from "../../../shared/protocol/limits.ts";
import { FINGERPRINT_BYTES, fingerprintOfMemberId, memberIdOfFingerprint } from "./member-key.ts";
import { assert } from "../../../shared/base/assert.ts";

/** What a link says. */
export type InviteLink = {
  readonly clusterId: ClusterId;
  /** Shown before joining; the cluster's real name comes with the grant. */
  readonly clusterName: string;
  /** The member to ask; nothing is sent to anybody else. */
  readonly inviter: MemberId;
  /** 16 random bytes. */
  readonly secret: Uint8Array;
  /** Where the inviter was reachable when the link was made; at most 8. */
  readonly addresses: readonly string[];
  /** By the inviter's wall clock, ms since 1970; for showing, the cluster decides. */
  readonly expiresAtMs: number;
};

/** Why a text is no usable link. */
export type InviteLinkError = {
  readonly code: "invite-not-a-link" | "invite-version" | "invite-damaged";
  readonly detail: string;
};

/** Length of the secret: 128 bits, so guessing it offline is hopeless. */
export const INVITE_SECRET_BYTES = 16;

const PREFIX = "tidemark://join/";
const LINK_VERSION = 1;
const CHECK_BYTES = 4;
const LINK_LENGTH_MAX = 8192;

/** The link as text. @param link Its inviter is the id of a key. */
export function formatInviteLink(link: InviteLink): string {
  const fingerprint = fingerprintOfMemberId(link.inviter);
  assert(fingerprint !== null, "an inviter's id stands for a key");
  assert(link.secret.length === INVITE_SECRET_BYTES, "a secret of 128 bits");
  const writer = new ByteWriter();
  writer
    .uint8(LINK_VERSION)
    .text(link.clusterId)
    .text(link.clusterName)
    .raw(fingerprint)
    .raw(link.secret)
    .list(link.addresses.slice(0, ADDRESS_COUNT_MAX), (address) => writer.text(address))
    .varint(link.expiresAtMs);
  writer.raw(checkBytes(writer.finish().slice()));
  return PREFIX + Buffer.from(writer.finish()).toString("base64url");
}

/** What a link says. Never throws; spaces and line breaks around and in it are forgiven. */
export function parseInviteLink(text: string): Result<InviteLink, InviteLinkError> {
  const compact = text.slice(0, LINK_LENGTH_MAX).replace(/\s+/g, "");
  const encoded = compact.slice(PREFIX.length);
  if (!compact.startsWith(PREFIX) || !/^[A-Za-z0-9_-]+$/.test(encoded)) {
    return err({ code: "invite-not-a-link", detail: `expected ${PREFIX}...` });
  }
  const all = new Uint8Array(Buffer.from(encoded, "base64url"));
  const version = all[0];
  if (version !== undefined && version !== LINK_VERSION) {
    const detail = `the link has version ${version}, this program reads ${LINK_VERSION}`;
    return err({ code: "invite-version", detail });
  }
  const body = all.subarray(0, Math.max(0, all.length - CHECK_BYTES));
  if (!bytesEqual(all.subarray(body.length), checkBytes(body))) {
    return err({ code: "invite-damaged", detail: "the link is incomplete or was changed" });
  }
  return readLink(new ByteReader(body));
}

function readLink(reader: ByteReader): Result<InviteLink, InviteLinkError> {
  reader.uint8();
  const id = reader.text(ID_BYTES_MAX);
  if (!/^[!-~]{1,64}$/.test(id)) reader.fail();
  const clusterName = reader.text(NAME_BYTES_MAX);
  const fingerprint = reader.raw(FINGERPRINT_BYTES);
  const secret = reader.raw(INVITE_SECRET_BYTES);
  const addresses = reader.list(ADDRESS_COUNT_MAX, () => reader.text(ADDRESS_BYTES_MAX));
  const expiresAtMs = reader.varint();
  if (reader.failed)
    return err({ code: "invite-damaged", detail: "the link's content is malformed" });
  const inviter = memberIdOfFingerprint(fingerprint);
  return ok({ clusterId: clusterId(id), clusterName, inviter, secret, addresses, expiresAtMs });
}

/** Against accidents only; what protects the link is the secret inside. */
function checkBytes(body: Uint8Array): Uint8Array {
  return createHash("sha256").update(body).digest().subarray(0, CHECK_BYTES);
}
