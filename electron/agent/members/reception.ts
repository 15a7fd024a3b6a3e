/**
 * Receives newcomers: connects the invite protocol (`pairing/`) to the replicated invitations
 * and the membership. Any member does it; the decision is always the leader's log.
 */
import type { ApiError } from "../../../shared/api/methods.ts";
import { hexDecode } from "../../../shared/base/bytes.ts";
import type { MemberId } from "../../../shared/base/ids.ts";
import { err, ok } from "../../../shared/base/result.ts";
import type { Result } from "../../../shared/base/result.ts";
import { encodeConfiguration } from "../../../shared/raft/configuration.ts";
import type { Configuration } from "../../../shared/raft/types.ts";
import type { InviteGrant, InviteRefusalCode, InviteRefused } from "../pairing/invite-messages.ts";
import { InviteServer } from "../pairing/invite-server.ts";
import type { InviteRedemption, StoredInvite } from "../pairing/invite-server.ts";
import type { Clock, Logger } from "../ports.ts";
import type { Replica } from "../replica/replica.ts";
import type { AddressBook } from "../transport/address-book.ts";
import type { TlsNetwork } from "../transport/tls-network.ts";
import type { ClusterRecord } from "./cluster-record.ts";

type ReceptionOptions = {
  readonly replica: Replica;
  readonly network: TlsNetwork;
  readonly record: ClusterRecord;
  readonly self: MemberId;
  readonly addressBook: AddressBook;
  readonly clock: Clock;
  readonly logger: Logger;
};

/** How long the newcomer's seat may take to reach this member's own configuration. */
const SEAT_WAIT_MS = 5_000;
const SEAT_POLL_MS = 20;

/** Starts taking newcomers on the network. */
export function openReception(options: ReceptionOptions): void {
  const { record, self, clock, logger, network } = options;
  const server = new InviteServer({
    self,
    clusterId: record.id,
    clock,
    logger,
    lookup: (inviteId) => lookup(options, inviteId),
    redeem: (redemption) => redeem(options, redemption),
  });
  network.onInvite((channel) => server.serve(channel));
}

async function lookup(
  { replica }: ReceptionOptions,
  inviteId: string,
): Promise<StoredInvite | null> {
  const invite = await replica.administration.findInvite(inviteId);
  const key = invite === null ? null : hexDecode(invite.key);
  if (invite === null || key === null) return null;
  return { key, expiresAtMs: invite.expiresAtMs, usedBy: invite.usedBy };
}

async function redeem(
  options: ReceptionOptions,
  { inviteId, joiner, remoteAddress }: InviteRedemption,
): Promise<Result<InviteGrant, InviteRefused>> {
  const { replica, record, logger } = options;
  const { id, name } = joiner;
  const redeemed = await replica.administration.redeem({ inviteId, id, name });
  if (!redeemed.ok) return err(refusalOf(redeemed.error));
  const configuration = await waitForSeat(options, id, redeemed.value.incarnation);
  if (configuration === null) {
    const detail = "the seat was given, but this computer has not heard of it yet; try again";
    return err({ type: "refused", code: "no-quorum", detail });
  }
  logger.info("joined", { id, name, remoteAddress });
  const seat = configuration.seats.find((each) => each.id === id);
  return ok({
    clusterName: record.name,
    timeline: record.timeline,
    seat: seat?.kind ?? "mirror",
    configuration: encodeConfiguration(configuration),
    members: addressesOf(options, configuration),
  });
}

function addressesOf(
  { addressBook, network, self }: ReceptionOptions,
  configuration: Configuration,
): InviteGrant["members"] {
  return configuration.seats.map(({ id }) => {
    const own = network.listenAddress;
    const addresses = id === self && own !== null ? [own] : addressBook.addressesOf(id);
    return { id, addresses };
  });
}

async function waitForSeat(
  { replica, clock }: ReceptionOptions,
  joiner: MemberId,
  incarnation: number,
): Promise<Configuration | null> {
  const deadlineMs = clock.nowMs() + SEAT_WAIT_MS;
  for (;;) {
    const { configuration } = replica.raftStatus();
    const seat = configuration.seats.find((each) => each.id === joiner);
    if (seat !== undefined && seat.incarnation >= incarnation) return configuration;
    if (clock.nowMs() > deadlineMs) return null;
    await new Promise<void>((resume) => clock.after(SEAT_POLL_MS, resume));
  }
}

function refusalOf(error: ApiError): InviteRefused {
  const codes: Partial<Record<ApiError["code"], InviteRefusalCode>> = {
    "invite-invalid": "invite-expired",
    "no-quorum": "no-quorum",
    "not-leader": "no-quorum",
    "unknown-outcome": "no-quorum",
    unreachable: "no-quorum",
  };
  return { type: "refused", code: codes[error.code] ?? "internal", detail: error.message };
}
