import type { ApiError, ApiParams, ApiResult } from "../../../shared/api/methods.ts";
import { hexEncode } from "../../../shared/base/bytes.ts";
import type { MemberId } from "../../../shared/base/ids.ts";
import { err, ok } from "../../../shared/base/result.ts";
import type { Result } from "../../../shared/base/result.ts";
import { INVITE_SECRET_BYTES, formatInviteLink } from "../pairing/invite-link.ts";
import { inviteIdOf, inviteKeyOf } from "../pairing/invite-proof.ts";
import type { Ports } from "../ports.ts";
import { storedTimeOf } from "../stored-time.ts";
import type { NewInvite } from "./invite-record.ts";
import type { ClusterRecord } from "./cluster-record.ts";

const EXPIRES_MS_DEFAULT = 10 * 60 * 1000;

/**
 * Makes an invite link of this member. The secret is in the link alone; the cluster keeps a key
 * derived from it, which proves the secret and does not give it away.
 */
export async function makeInvite(options: {
  readonly params: ApiParams<"invite">;
  readonly record: ClusterRecord;
  readonly self: MemberId;
  readonly ports: Pick<Ports, "clock" | "random" | "network">;
  readonly recordInvite: (invite: NewInvite) => Promise<Result<null, ApiError>>;
}): Promise<Result<ApiResult<"invite">, ApiError>> {
  const { params, record, self, ports } = options;
  const address = ports.network.listenAddress;
  if (address === null) {
    return err({ code: "unreachable", message: "This computer does not listen for others." });
  }
  const secret = ports.random.bytes(INVITE_SECRET_BYTES);
  const key = inviteKeyOf(secret);
  const expiresAtMs = Math.round(
    storedTimeOf(ports.clock) + (params.expiresMs ?? EXPIRES_MS_DEFAULT),
  );
  const recorded = await options.recordInvite({
    id: inviteIdOf(key),
    key: hexEncode(key),
    role: params.role ?? "voter",
    expiresAtMs,
  });
  if (!recorded.ok) return recorded;
  const link = formatInviteLink({
    clusterId: record.id,
    clusterName: record.name,
    inviter: self,
    secret,
    addresses: [address],
    expiresAtMs,
  });
  return ok({ link, expiresAt: new Date(expiresAtMs).toISOString() });
}
