/**
 * The asked member's side of an invite: one request, one answer, then the end.
 *
 * Checks what can be checked here (cluster, proof, expiry) and leaves the decision to `redeem`,
 * which goes through the replication log, so that two members cannot honour one invite twice.
 * It does not know where invites are stored or what a seat is.
 */
import type { ClusterId, MemberId } from "../../../shared/base/ids.ts";
import type { Result } from "../../../shared/base/result.ts";
import type { Clock, Logger } from "../ports.ts";
import type { InviteChannel } from "./channel.ts";
import { decodeInviteRequest, encodeGrant, encodeInviteAnswer } from "./invite-messages.ts";
import type {
  InviteAnswer,
  InviteGrant,
  InviteMoved,
  InviteRefusalCode,
  InviteRefused,
  InviteRequest,
} from "./invite-messages.ts";
import { joinerProof, proofsEqual, serverProof } from "./invite-proof.ts";
import type { InviteTranscript } from "./invite-proof.ts";

/** An invite as the cluster keeps it. */
export type StoredInvite = {
  /** `inviteKeyOf(secret)`. */
  readonly key: Uint8Array;
  /** ms since 1970. */
  readonly expiresAtMs: number;
  /** Who redeemed it; the same member may ask again, its first answer may have been lost. */
  readonly usedBy: MemberId | null;
};

/** A proven request, ready to be decided through the log. */
export type InviteRedemption = {
  readonly inviteId: string;
  readonly joiner: { readonly id: MemberId; readonly name: string };
  /** host:port the joiner asked from. */
  readonly remoteAddress: string;
};

/** What the server needs of the rest of the agent. */
export type InviteServerOptions = {
  readonly self: MemberId;
  readonly clusterId: ClusterId;
  readonly clock: Clock;
  readonly logger: Logger;
  /** From the replicated table, as far as this member has applied it. */
  readonly lookup: (inviteId: string) => Promise<StoredInvite | null>;
  /**
   * Burns the invite and adds the member, both committed when it resolves ok. Must check expiry
   * and use again: only there it is exact. The same joiner gets the same grant again.
   */
  readonly redeem: (
    redemption: InviteRedemption,
  ) => Promise<Result<InviteGrant, InviteRefused | InviteMoved>>;
};

/** How long a stranger may be silent. */
const REQUEST_MAX_MS = 5000;

/** How long the cluster may take to decide. */
const ANSWER_MAX_MS = 20_000;

/** How long the answer may take to be read. */
const LINGER_MS = 2000;

/** Wrong proofs after which an invite is refused until this process restarts. */
const WRONG_PROOF_COUNT_MAX = 5;

/** Answers everybody who comes with an invite. */
export class InviteServer {
  readonly #options: InviteServerOptions;
  /** Only ids of stored invites get in, so it cannot grow by guessing. */
  readonly #wrongProofs = new Map<string, number>();

  constructor(options: InviteServerOptions) {
    this.#options = options;
  }

  /** Takes over a channel; it is closed when the conversation is over. */
  serve(channel: InviteChannel): void {
    const { clock, logger } = this.#options;
    let timer = clock.after(REQUEST_MAX_MS, () => channel.close("no request came"));
    let hasAsked = false;
    channel.onClose = () => timer.cancel();
    channel.onFrame = (frame) => {
      if (hasAsked) return channel.close("one request at a time");
      hasAsked = true;
      timer.cancel();
      timer = clock.after(ANSWER_MAX_MS, () => channel.close("no decision in time"));
      void this.#answer(channel, frame).then((answer) => {
        if (answer.type === "refused") {
          logger.warn("invite-refused", { peer: channel.peer, code: answer.code });
        }
        channel.send(encodeInviteAnswer(answer));
        timer.cancel();
        timer = clock.after(LINGER_MS, () => channel.close("answered"));
      });
    };
  }

  async #answer(channel: InviteChannel, frame: Uint8Array): Promise<InviteAnswer> {
    const request = decodeInviteRequest(frame);
    if (!request.ok) return refused("malformed", "the request cannot be read");
    const { clusterId } = this.#options;
    if (request.value.clusterId !== clusterId) {
      return refused("wrong-cluster", "the invite is for another cluster than this computer's");
    }
    const invite = await this.#options.lookup(request.value.inviteId);
    const objection = this.#check(channel, request.value, invite);
    if (objection !== null || invite === null) {
      return objection ?? refused("invite-unknown", UNKNOWN);
    }
    return this.#redeem(channel, request.value, invite.key);
  }

  #check(
    channel: InviteChannel,
    request: InviteRequest,
    invite: StoredInvite | null,
  ): InviteRefused | null {
    if (invite === null) return refused("invite-unknown", UNKNOWN);
    const { inviteId, proof } = request;
    const wrongCount = this.#wrongProofs.get(inviteId) ?? 0;
    const expected = joinerProof(invite.key, this.#transcript(channel, request));
    if (wrongCount >= WRONG_PROOF_COUNT_MAX || !proofsEqual(proof, expected)) {
      this.#wrongProofs.set(inviteId, wrongCount + 1);
      return refused("proof-invalid", "the proof does not belong to this connection and invite");
    }
    if (invite.usedBy !== null && invite.usedBy !== channel.peer) {
      return refused("invite-used", "another computer has already joined with this invite");
    }
    if (invite.usedBy === null && invite.expiresAtMs <= this.#options.clock.wallMs()) {
      return refused("invite-expired", "the invite has expired; ask for a new one");
    }
    return null;
  }

  async #redeem(
    channel: InviteChannel,
    request: InviteRequest,
    key: Uint8Array,
  ): Promise<InviteAnswer> {
    const { inviteId, joinerName } = request;
    const joiner = { id: channel.peer, name: joinerName };
    const { remoteAddress } = channel;
    const granted = await this.#options.redeem({ inviteId, joiner, remoteAddress });
    if (!granted.ok) return granted.error;
    const transcript = this.#transcript(channel, request);
    const proof = serverProof(key, transcript, encodeGrant(granted.value));
    return { type: "granted", ...granted.value, proof };
  }

  #transcript(channel: InviteChannel, request: InviteRequest): InviteTranscript {
    return {
      clusterId: this.#options.clusterId,
      server: this.#options.self,
      joiner: channel.peer,
      joinerName: request.joinerName,
      exporter: channel.exporter,
    };
  }
}

const UNKNOWN = "this cluster has no such invite; it may have been withdrawn";

function refused(code: InviteRefusalCode, detail: string): InviteRefused {
  return { type: "refused", code, detail };
}
