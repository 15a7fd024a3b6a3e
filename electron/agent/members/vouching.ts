/**
 * How a member that was away learns whom to let in now.
 *
 * While it was off, computers may have joined that its log does not name, and one of them may
 * lead: the log would tell it so, but only the leader sends the log. So a member without a leader
 * asks those it is connected to. Whoever is ahead of it in committed entries names the members of
 * today, and they are let in. This trusts a member no further than before: any of them could
 * lead, and then its log would say the same. Whoever was removed is let go again by that log.
 */
import type { ApiError } from "../../../shared/api/methods.ts";
import { memberId } from "../../../shared/base/ids.ts";
import type { MemberId } from "../../../shared/base/ids.ts";
import { err, ok } from "../../../shared/base/result.ts";
import type { Result } from "../../../shared/base/result.ts";
import { SEATS_MAX } from "../../../shared/raft/limits.ts";
import type { RaftStatus } from "../../../shared/raft/types.ts";
import type { Forwarder } from "../replica/forwarder.ts";
import type { Admission } from "./admission.ts";

/** Name of the forwarded question. */
export const SEATS_METHOD = "seats";

/** The answer: who belongs to the cluster as of a committed index. */
export type SeatsAnswer = { readonly commitIndex: number; readonly ids: readonly string[] };

type VouchingOptions = {
  readonly self: MemberId;
  readonly raftStatus: () => RaftStatus;
  readonly forwarder: Forwarder;
  readonly admission: Admission;
  readonly isConnected: (member: MemberId) => boolean;
  /** Somebody was let in who was not before. */
  readonly onAdmitted: () => void;
};

const ANSWER_MS_MAX = 900;

/** Both sides of the question. */
export class Vouching {
  readonly #options: VouchingOptions;

  constructor(options: VouchingOptions) {
    this.#options = options;
  }

  /** Asks everybody connected, if this member knows no leader. Called again and again. */
  askWhenLeaderless(): void {
    const { raftStatus, admission, isConnected, self } = this.#options;
    if (raftStatus().leader !== null) return;
    for (const member of admission.members()) {
      if (member !== self && isConnected(member)) void this.#ask(member);
    }
  }

  /** What this member answers; nothing while its newest configuration may still be undone. */
  answer(): Result<SeatsAnswer, ApiError> {
    const { configuration, commitIndex, isChangingConfiguration } = this.#options.raftStatus();
    if (isChangingConfiguration) {
      return err({ code: "change-in-progress", message: "The members are being changed." });
    }
    return ok({ commitIndex, ids: configuration.seats.map((seat) => seat.id) });
  }

  async #ask(member: MemberId): Promise<void> {
    const { forwarder, admission, raftStatus, onAdmitted } = this.#options;
    const question = { method: SEATS_METHOD, params: {}, withinMs: ANSWER_MS_MAX };
    const answer = await forwarder.ask(member, question);
    const seats = answer.ok ? parseSeats(answer.value) : null;
    if (seats === null || seats.commitIndex <= raftStatus().commitIndex) return;
    if (admission.vouched(seats.ids)) onAdmitted();
  }
}

/** Null for anything that is no answer: it came from another machine. */
function parseSeats(value: unknown): { commitIndex: number; ids: readonly MemberId[] } | null {
  if (typeof value !== "object" || value === null) return null;
  const { commitIndex, ids } = value as Record<string, unknown>;
  if (typeof commitIndex !== "number" || !Array.isArray(ids) || ids.length > SEATS_MAX) return null;
  if (!ids.every((id) => typeof id === "string" && /^[!-~]{1,64}$/.test(id))) return null;
  return { commitIndex, ids: ids.map((id: string) => memberId(id)) };
}
