/**
 * The joining computer's side of an invite: find the inviter, prove the invite, check the
 * answer, and follow to the leader if that is somebody else.
 *
 * Nothing is sent before the other side has proven the very key that the link (or the inviter)
 * names. What to do with the grant is the caller's business.
 */
import type { ClusterId, MemberId } from "../../../shared/base/ids.ts";
import { err, ok } from "../../../shared/base/result.ts";
import type { Result } from "../../../shared/base/result.ts";
import type { Clock, DialError } from "../ports.ts";
import type { InviteChannel } from "./channel.ts";
import type { InviteLink } from "./invite-link.ts";
import { decodeInviteAnswer, encodeGrant, encodeInviteRequest } from "./invite-messages.ts";
import type { InviteAnswer, InviteGrant, InviteRefusalCode } from "./invite-messages.ts";
import { inviteIdOf, inviteKeyOf, joinerProof, proofsEqual, serverProof } from "./invite-proof.ts";

/** What the joiner runs on. */
export type JoinerOptions = {
  readonly self: MemberId;
  readonly memberName: string;
  readonly clock: Clock;
  readonly dialInvite: (
    address: string,
    server: MemberId,
  ) => Promise<Result<InviteChannel, DialError>>;
};

/** A seat in the cluster, proven to come from whoever made the invite. */
export type Joined = InviteGrant & {
  readonly clusterId: ClusterId;
  /** Who granted it, and where. */
  readonly server: MemberId;
  readonly address: string;
};

/** Why joining did not work; a refusal keeps the cluster's own code. */
export type JoinError = {
  readonly code: InviteRefusalCode | "unreachable" | "wrong-peer" | "answer-invalid";
  readonly detail: string;
};

type Server = { readonly id: MemberId; readonly addresses: readonly string[] };
type Attempt = {
  readonly link: InviteLink;
  readonly server: Server;
  readonly options: JoinerOptions;
};

/** Leadership may move while we ask; more often than this is something else. */
const MOVED_COUNT_MAX = 3;

/** Longer than the server may take to decide. */
const ANSWER_MAX_MS = 25_000;

/** Redeems an invite. Resolves when the cluster has committed the seat, or has refused. */
export async function joinByInvite(
  link: InviteLink,
  options: JoinerOptions,
): Promise<Result<Joined, JoinError>> {
  let server: Server = { id: link.inviter, addresses: link.addresses };
  for (let movedCount = 0; movedCount <= MOVED_COUNT_MAX; movedCount += 1) {
    const answer = await askAnywhere({ link, server, options });
    if (!answer.ok) return answer;
    if ("joined" in answer.value) return ok(answer.value.joined);
    server = answer.value.moved;
  }
  return err({ code: "no-quorum", detail: "the leader changed again and again; try once more" });
}

type Outcome = { readonly joined: Joined } | { readonly moved: Server };

/** Tries the server's addresses until one answers with the right key. */
async function askAnywhere(attempt: Attempt): Promise<Result<Outcome, JoinError>> {
  const { link, server, options } = attempt;
  let failure: DialError = { code: "unreachable", detail: `no address of ${server.id} is known` };
  for (const address of server.addresses) {
    const channel = await options.dialInvite(address, server.id);
    if (channel.ok) return ask(attempt, channel.value);
    failure = channel.error;
  }
  const code = failure.code === "wrong-peer" ? "wrong-peer" : "unreachable";
  const where = server.addresses.join(", ");
  const detail = `${link.clusterName} could not be reached at ${where}: ${failure.detail}`;
  return err({ code, detail });
}

async function ask(attempt: Attempt, channel: InviteChannel): Promise<Result<Outcome, JoinError>> {
  const { link, server, options } = attempt;
  const key = inviteKeyOf(link.secret);
  const transcript = {
    clusterId: link.clusterId,
    server: server.id,
    joiner: options.self,
    joinerName: options.memberName,
    exporter: channel.exporter,
  };
  const request = encodeInviteRequest({
    type: "request",
    clusterId: link.clusterId,
    inviteId: inviteIdOf(key),
    joinerName: options.memberName,
    proof: joinerProof(key, transcript),
  });
  const answer = await exchange(channel, request, options.clock);
  channel.close("done");
  if (!answer.ok) return answer;
  switch (answer.value.type) {
    case "refused":
      return err({ code: answer.value.code, detail: answer.value.detail });
    case "moved":
      return ok({ moved: { id: answer.value.leader, addresses: answer.value.addresses } });
    case "granted": {
      const { proof, clusterName, timeline, seat, configuration, members } = answer.value;
      const grant = { clusterName, timeline, seat, configuration, members };
      if (!proofsEqual(proof, serverProof(key, transcript, encodeGrant(grant)))) {
        return err({ code: "answer-invalid", detail: "the answer does not prove the invite" });
      }
      const { clusterId } = link;
      const address = channel.remoteAddress;
      return ok({ joined: { ...grant, clusterId, server: server.id, address } });
    }
  }
}

function exchange(
  channel: InviteChannel,
  request: Uint8Array,
  clock: Clock,
): Promise<Result<InviteAnswer, JoinError>> {
  return new Promise((resolve) => {
    const timer = clock.after(ANSWER_MAX_MS, () => channel.close("no answer in time"));
    channel.onFrame = (frame) => {
      const answer = decodeInviteAnswer(frame);
      timer.cancel();
      if (answer.ok) resolve(answer);
      else resolve(err({ code: "answer-invalid", detail: answer.error.detail }));
    };
    channel.onClose = (reason) => {
      timer.cancel();
      resolve(err({ code: "unreachable", detail: `the connection ended: ${reason}` }));
    };
    channel.send(request);
  });
}
