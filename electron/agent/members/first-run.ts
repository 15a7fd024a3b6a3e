/** How a data folder becomes a member: as the founder of a cluster, or by an invite link. */
import type { ApiError } from "../../../shared/api/methods.ts";
import type { ClusterId, MemberId } from "../../../shared/base/ids.ts";
import { utf8Encode } from "../../../shared/base/bytes.ts";
import { err, ok } from "../../../shared/base/result.ts";
import type { Result } from "../../../shared/base/result.ts";
import { encodeSeatContext } from "../../../shared/cluster/seat-context.ts";
import { NAME_BYTES_MAX } from "../../../shared/protocol/limits.ts";
import { decodeConfiguration } from "../../../shared/raft/configuration.ts";
import { joinByInvite } from "../pairing/invite-joiner.ts";
import type { JoinError } from "../pairing/invite-joiner.ts";
import { parseInviteLink } from "../pairing/invite-link.ts";
import type { Clock } from "../ports.ts";
import type { AddressBook } from "../transport/address-book.ts";
import type { TlsNetwork } from "../transport/tls-network.ts";
import type { ClusterRecord } from "./cluster-record.ts";

/**
 * Why these cannot be names; null when they can. Members tell each other names of a bounded
 * length only: a longer one would be a computer that nobody can speak to.
 */
export function nameProblem(...names: readonly string[]): ApiError | null {
  for (const name of names) {
    const isShort = utf8Encode(name).length <= NAME_BYTES_MAX;
    if (name.trim() !== "" && isShort) continue;
    const message = `A name has 1 to ${NAME_BYTES_MAX} bytes and is not blank.`;
    return { code: "bad-request", message };
  }
  return null;
}

/** A new cluster with one voter. */
export function founderRecord(options: {
  readonly id: ClusterId;
  readonly name: string;
  readonly self: MemberId;
  readonly memberName: string;
}): ClusterRecord {
  const { id, name, self, memberName } = options;
  const context = encodeSeatContext({ name: memberName, access: "admin", wantsVote: true });
  return {
    id,
    name,
    timeline: 1,
    memberName,
    initial: { seats: [{ id: self, kind: "voter", incarnation: 0, context }] },
    known: [self],
    begun: false,
    withdrawal: null,
  };
}

/** Redeems the link and keeps where the others are. */
export async function joinByLink(options: {
  readonly link: string;
  readonly self: MemberId;
  readonly memberName: string;
  readonly clock: Clock;
  readonly network: TlsNetwork;
  readonly addressBook: AddressBook;
}): Promise<Result<ClusterRecord, ApiError>> {
  const { self, memberName, clock, network, addressBook } = options;
  const problem = nameProblem(memberName);
  if (problem !== null) return err(problem);
  const link = parseInviteLink(options.link);
  if (!link.ok) {
    const message = `This is not a usable invite link: ${link.error.detail}.`;
    return err({ code: "invite-invalid", message });
  }
  const joined = await joinByInvite(link.value, {
    self,
    memberName,
    clock,
    dialInvite: (address, server) => network.dialInvite(address, server),
  });
  if (!joined.ok) return err(toApiError(joined.error));
  const grant = joined.value;
  const initial = decodeConfiguration(grant.configuration);
  if (!initial.ok) {
    return err({ code: "internal", message: "The inviter's answer cannot be understood here." });
  }
  for (const { id, addresses } of grant.members) {
    if (id !== self) addressBook.heard(id, addresses);
  }
  addressBook.proven(grant.server, grant.address);
  return ok({
    id: grant.clusterId,
    name: grant.clusterName,
    timeline: grant.timeline,
    memberName,
    initial: initial.value,
    known: [...new Set([self, ...grant.members.map((member) => member.id)])],
    begun: false,
    withdrawal: null,
  });
}

function toApiError({ code, detail }: JoinError): ApiError {
  switch (code) {
    case "unreachable":
      return { code: "unreachable", message: `The inviting computer did not answer: ${detail}.` };
    case "wrong-peer": {
      const message = `Another computer answers where the invite points: ${detail}.`;
      return { code: "invite-invalid", message };
    }
    case "no-quorum":
      return { code: "no-quorum", message: `The workspace has no leader now: ${detail}.` };
    case "internal":
      return { code: "internal", message: `The inviting computer could not do it: ${detail}.` };
    default:
      return { code: "invite-invalid", message: `The invite was refused: ${detail}.` };
  }
}
