/**
 * The four messages of the invite protocol as bytes. It is another protocol than the members'
 * own, under another ALPN: a stranger's bytes reach no other decoder than this one.
 */
import { ByteReader, ByteWriter, hexDecode, hexEncode } from "../../../shared/base/bytes.ts";
import type { ClusterId, MemberId } from "../../../shared/base/ids.ts";
import { err, ok } from "../../../shared/base/result.ts";
import type { Result } from "../../../shared/base/result.ts";
import { readMemberAddresses, writeMemberAddresses } from "../../../shared/protocol/addresses.ts";
import type { MemberAddresses } from "../../../shared/protocol/addresses.ts";
import { readClusterId, readMemberId, readWord } from "../../../shared/protocol/fields.ts";
import type { FrameError } from "../../../shared/protocol/fields.ts";
import {
  ADDRESS_BYTES_MAX,
  ADDRESS_COUNT_MAX,
  CONFIGURATION_BYTES_MAX,
  DETAIL_BYTES_MAX,
  INVITE_REPLY_BYTES_MAX,
  NAME_BYTES_MAX,
} from "../../../shared/protocol/limits.ts";
import { INVITE_ID_BYTES, INVITE_KEY_BYTES } from "./invite-proof.ts";

/** Joiner to member: I hold this invite. */
export type InviteRequest = {
  readonly type: "request";
  readonly clusterId: ClusterId;
  /** 16 hex digits. */
  readonly inviteId: string;
  readonly joinerName: string;
  readonly proof: Uint8Array;
};

/** What a joiner gets: enough to find the others and to begin as a member. */
export type InviteGrant = {
  readonly clusterName: string;
  readonly timeline: number;
  readonly seat: "voter" | "mirror";
  /** The configuration that holds the joiner's seat, as the consensus core encodes it. */
  readonly configuration: Uint8Array;
  /** Every member with its last-known addresses. */
  readonly members: readonly MemberAddresses[];
};

/** Member to joiner: the cluster has committed your seat. */
export type InviteGranted = InviteGrant & {
  readonly type: "granted";
  readonly proof: Uint8Array;
};

const REFUSAL_CODES = [
  "invite-unknown",
  "invite-expired",
  "invite-used",
  "wrong-cluster",
  "proof-invalid",
  "no-quorum",
  "too-many-members",
  "malformed",
  "internal",
] as const;

/** Why an invite was not honoured. `no-quorum` may be tried again later. */
export type InviteRefusalCode = (typeof REFUSAL_CODES)[number];

/** Member to joiner: no, and why. */
export type InviteRefused = {
  readonly type: "refused";
  readonly code: InviteRefusalCode;
  readonly detail: string;
};

/** Member to joiner: ask the leader; the sender vouches for its key. */
export type InviteMoved = {
  readonly type: "moved";
  readonly leader: MemberId;
  readonly addresses: readonly string[];
};

/** Everything the asked member may answer. */
export type InviteAnswer = InviteGranted | InviteRefused | InviteMoved;

const REQUEST = 1;
const GRANTED = 2;
const REFUSED = 3;
const MOVED = 4;
const SEATS = ["voter", "mirror"] as const;

/** The request as a frame. */
export function encodeInviteRequest(request: InviteRequest): Uint8Array {
  return new ByteWriter()
    .uint8(REQUEST)
    .text(request.clusterId)
    .raw(hexDecode(request.inviteId) ?? new Uint8Array(INVITE_ID_BYTES))
    .text(request.joinerName)
    .raw(request.proof)
    .finish();
}

/** The request in a frame. Never throws. */
export function decodeInviteRequest(frame: Uint8Array): Result<InviteRequest, FrameError> {
  const reader = new ByteReader(frame);
  if (reader.uint8() !== REQUEST) reader.fail();
  const request: InviteRequest = {
    type: "request",
    clusterId: readClusterId(reader),
    inviteId: hexEncode(reader.raw(INVITE_ID_BYTES)),
    joinerName: reader.text(NAME_BYTES_MAX),
    proof: reader.raw(INVITE_KEY_BYTES),
  };
  if (!reader.failed) return ok(request);
  return err({ code: "frame-malformed", detail: "not an invite request" });
}

/** What the server's proof covers. */
export function encodeGrant(grant: InviteGrant): Uint8Array {
  const writer = new ByteWriter();
  writer
    .text(grant.clusterName)
    .varint(grant.timeline)
    .uint8(SEATS.indexOf(grant.seat))
    .bytes(grant.configuration);
  writeMemberAddresses(writer, grant.members);
  return writer.finish();
}

/** An answer as a frame. */
export function encodeInviteAnswer(answer: InviteAnswer): Uint8Array {
  const writer = new ByteWriter();
  if (answer.type === "granted") {
    writer.uint8(GRANTED).raw(answer.proof).bytes(encodeGrant(answer));
  } else if (answer.type === "refused") {
    writer.uint8(REFUSED).uint8(REFUSAL_CODES.indexOf(answer.code)).text(answer.detail);
  } else {
    writer.uint8(MOVED).text(answer.leader);
    writer.list(answer.addresses, (address) => writer.text(address));
  }
  return writer.finish();
}

/** The answer in a frame. Never throws. */
export function decodeInviteAnswer(frame: Uint8Array): Result<InviteAnswer, FrameError> {
  const reader = new ByteReader(frame);
  const answer = readAnswer(reader);
  if (answer !== null && !reader.failed) return ok(answer);
  return err({ code: "frame-malformed", detail: "not an answer to an invite" });
}

function readAnswer(reader: ByteReader): InviteAnswer | null {
  switch (reader.uint8()) {
    case GRANTED:
      return readGranted(reader);
    case REFUSED: {
      const code = readWord(reader, REFUSAL_CODES);
      return { type: "refused", code, detail: reader.text(DETAIL_BYTES_MAX) };
    }
    case MOVED: {
      const leader = readMemberId(reader);
      const addresses = reader.list(ADDRESS_COUNT_MAX, () => reader.text(ADDRESS_BYTES_MAX));
      return { type: "moved", leader, addresses };
    }
    default:
      return null;
  }
}

function readGranted(reader: ByteReader): InviteGranted | null {
  const proof = reader.raw(INVITE_KEY_BYTES);
  const grant = new ByteReader(reader.bytes(INVITE_REPLY_BYTES_MAX));
  const granted: InviteGranted = {
    type: "granted",
    proof,
    clusterName: grant.text(NAME_BYTES_MAX),
    timeline: grant.varint(),
    seat: readWord(grant, SEATS),
    configuration: grant.bytes(CONFIGURATION_BYTES_MAX),
    members: readMemberAddresses(grant),
  };
  return grant.failed ? null : granted;
}
