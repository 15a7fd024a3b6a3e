/**
 * Who belongs to the cluster and who leads it, as people change it: invitations, joining,
 * removal, switchover. All of it goes through the log; nothing here is remembered otherwise.
 *
 * An invitation is a row in a replicated table, so that any member can receive the newcomer, and
 * using it up is a transaction, so that two members cannot both honour it.
 */
import type { ApiError, ApiParams, ApiResult } from "../../../shared/api/methods.ts";
import { logIndex, memberId } from "../../../shared/base/ids.ts";
import type { LogIndex, MemberId, Position } from "../../../shared/base/ids.ts";
import { err, ok } from "../../../shared/base/result.ts";
import type { Result } from "../../../shared/base/result.ts";
import type { SqlStatement } from "../../../shared/changes/values.ts";
import { decodeSeatContext, encodeSeatContext } from "../../../shared/cluster/seat-context.ts";
import type {
  ConfigurationChange,
  RaftError,
  RaftErrorCode,
  RaftStatus,
  Seat,
} from "../../../shared/raft/types.ts";
import { askStore } from "../replica/ask-store.ts";
import type { Applier } from "../replica/applier.ts";
import type { Forwarder } from "../replica/forwarder.ts";
import type { Leadership } from "../replica/leadership.ts";
import type { RaftDriver } from "../replica/raft-driver.ts";
import type { ReplicaContext } from "../replica/replica-context.ts";
import type { WriteDone } from "../replica/write-queue.ts";
import { storedTimeOf } from "../stored-time.ts";
import { nextChange } from "./autopilot.ts";
import type { InviteRecord, Joiner, NewInvite } from "./invite-record.ts";

type AdministrationOptions = {
  readonly context: ReplicaContext;
  readonly raftStatus: () => RaftStatus;
  readonly driver: RaftDriver;
  readonly applier: Applier;
  readonly leadership: Leadership;
  readonly forwarder: Forwarder;
  readonly isConnected: (member: MemberId) => boolean;
};

/** The incarnation of a seat that was just given: the index of its entry. */
export type SeatGiven = { readonly incarnation: number };

const FORWARD_WAIT_MS = 10_000;
const CHANGE_RETRY_MS = 50;

/** Why a change may be refused that is taken a moment later. */
const PASSING_CODES: readonly RaftErrorCode[] = [
  "change-in-progress",
  "term-not-settled",
  "would-lose-quorum",
];
const SWITCHOVER_POLL_MS = 5;
const SWITCHOVER_MS_MAX = 8_000;

/** Carries out what people decide about members. */
export class Administration {
  readonly #options: AdministrationOptions;

  constructor(options: AdministrationOptions) {
    this.#options = options;
  }

  /** Records an invitation in the log, wherever the leader is. */
  async recordInvite(invite: NewInvite): Promise<Result<null, ApiError>> {
    const here = () => this.recordInviteAsLeader(invite);
    const answer = await this.#atLeader("record-invite", invite, here);
    return answer.ok ? ok(null) : answer;
  }

  /** The same, on the leader. */
  async recordInviteAsLeader(invite: NewInvite): Promise<Result<null, ApiError>> {
    const { id, key, role, expiresAtMs } = invite;
    const done = await this.#writeInternal({
      sql:
        "INSERT INTO _tidemark_invites(id, secret_hash, role, expires_at_ms, used_by) " +
        "VALUES (?, ?, ?, ?, NULL)",
      params: [id, key, role, expiresAtMs],
    });
    return done.ok ? ok(null) : done;
  }

  /** The invitation with this id, from this member's own data; null when there is none. */
  async findInvite(id: string): Promise<InviteRecord | null> {
    const { applier } = this.#options;
    // An old state while the database is filled again does not know the newest invitations.
    if (!applier.isReadable) await applier.reached(applier.readableFrom).done;
    const outcome = await askStore(this.#options.context.ports.store, "query", {
      sql: "SELECT secret_hash, role, expires_at_ms, used_by FROM _tidemark_invites WHERE id = ?",
      params: [id],
      rowsMax: 1,
      isInternal: true,
    });
    const row = outcome.ok && outcome.value.ok ? outcome.value.value.rows[0] : undefined;
    if (row === undefined) return null;
    const [key, role, expiresAtMs, usedBy] = row;
    return {
      id,
      key: String(key),
      role: role === "voter" ? "voter" : "mirror",
      expiresAtMs: Number(expiresAtMs),
      usedBy: typeof usedBy === "string" ? memberId(usedBy) : null,
    };
  }

  /** Uses up the invitation and gives the newcomer its seat, wherever the leader is. */
  async redeem(joiner: Joiner): Promise<Result<SeatGiven, ApiError>> {
    const answer = await this.#atLeader("redeem", joiner, () => this.redeemAsLeader(joiner));
    if (!answer.ok) return answer;
    // A leader of an older version does not say it: then any seat will do.
    return ok({ incarnation: givenIncarnation(answer.value) ?? 0 });
  }

  /**
   * The same, on the leader. One that has a seat already gets it anew: it comes with an empty
   * folder, and nothing that was promised from its seat is on its disk.
   */
  async redeemAsLeader(joiner: Joiner): Promise<Result<SeatGiven, ApiError>> {
    const { isConnected, context: own } = this.#options;
    if (joiner.id === own.self || isConnected(joiner.id)) return err(keyInUse());
    const invite = await this.findInvite(joiner.inviteId);
    const nowMs = this.#options.context.ports.clock.wallMs();
    if (invite === null || (invite.usedBy === null && invite.expiresAtMs < nowMs)) {
      return err(inviteInvalid());
    }
    const used = await this.#writeInternal({
      sql: "UPDATE _tidemark_invites SET used_by = ?1 WHERE id = ?2 AND (used_by IS NULL OR used_by = ?1)",
      params: [joiner.id, joiner.inviteId],
    });
    if (!used.ok) return used;
    if (used.value.results[0]?.changes !== 1) return err(inviteInvalid());
    const context = encodeSeatContext({
      name: joiner.name,
      access: "admin",
      wantsVote: invite.role === "voter",
    });
    const added = await this.#change({ type: "add-mirror", id: joiner.id, context });
    return added.ok && added.value === null ? this.reseat(joiner.id) : given(added);
  }

  /** On the leader: gives a member that lost something a new seat, as a mirror's. */
  async reseat(id: MemberId): Promise<Result<SeatGiven, ApiError>> {
    return given(await this.#change({ type: "reseat", id }));
  }

  /** Takes a member's seat away; its key is refused from then on. */
  async remove(
    params: ApiParams<"removeMember">,
  ): Promise<Result<ApiResult<"removeMember">, ApiError>> {
    const seat = this.#findSeat(params.member);
    if (seat === null) return err(notFound(params.member));
    const changed = await this.#change({ type: "remove", id: seat.id });
    return changed.ok ? ok({ index: this.#options.applier.position.applied.index }) : changed;
  }

  /** Gives a member a vote or takes it; on the leader only. The autopilot may undo it later. */
  async setVote(member: MemberId, hasVote: boolean): Promise<Result<null, ApiError>> {
    const changed = await this.#change({ type: hasVote ? "promote" : "demote", id: member });
    return changed.ok ? ok(null) : changed;
  }

  /** Hands leadership over and waits until the other leads. */
  async switchover(
    params: ApiParams<"switchover">,
  ): Promise<Result<ApiResult<"switchover">, ApiError>> {
    const { raftStatus, driver, context } = this.#options;
    const target = params.to === undefined ? this.#bestSuccessor() : this.#findSeat(params.to);
    if (target === null) return err(params.to === undefined ? noSuccessor() : notFound(params.to));
    const startedAtMs = context.ports.clock.nowMs();
    if (target.id === context.self) return ok({ leader: target.id, tookMs: 0 });
    const begun = driver.ask((raft) => raft.transferLeadership(target.id));
    if (!begun.ok) return err(fromRaft(begun.error));
    const deadlineMs = startedAtMs + SWITCHOVER_MS_MAX;
    while (raftStatus().transferTarget !== null || raftStatus().leader === null) {
      // Without a quorum nobody is elected, perhaps for days; somebody waits for this answer.
      if (context.ports.clock.nowMs() > deadlineMs) break;
      await this.#sleep(SWITCHOVER_POLL_MS);
    }
    const { leader } = raftStatus();
    const tookMs = context.ports.clock.nowMs() - startedAtMs;
    if (leader === target.id) return ok({ leader, tookMs });
    const { name } = decodeSeatContext(target.context);
    return err({ code: "not-caught-up", message: `${name} did not take over in time.` });
  }

  /** Lets the voter that is furthest take over. @returns whether there is one that may. */
  beginHandOver(): boolean {
    const target = this.#bestSuccessor();
    if (target === null) return false;
    return this.#options.driver.ask((raft) => raft.transferLeadership(target.id)).ok;
  }

  /** One step of the autopilot; only the leader does anything. */
  autopilot(): void {
    const { raftStatus, isConnected, driver, context } = this.#options;
    const change = nextChange(raftStatus(), isConnected);
    if (change === null) return;
    const proposed = driver.ask((raft) => raft.changeConfiguration(change));
    if (proposed.ok) context.ports.logger.info("autopilot", { ...change, context: undefined });
  }

  #bestSuccessor(): Seat | null {
    const { configuration, progress, id } = this.#options.raftStatus();
    const matchOf = (seat: Seat): LogIndex =>
      progress.find((each) => each.id === seat.id)?.matchIndex ?? logIndex(0);
    const others = configuration.seats.filter(
      (seat) => seat.kind === "voter" && seat.id !== id && this.#options.isConnected(seat.id),
    );
    return others.sort((a, b) => matchOf(b) - matchOf(a))[0] ?? null;
  }

  /** By id, or by a name that only one member has. */
  #findSeat(idOrName: string): Seat | null {
    const { seats } = this.#options.raftStatus().configuration;
    const byId = seats.find((seat) => seat.id === idOrName);
    if (byId !== undefined) return byId;
    const named = seats.filter((seat) => decodeSeatContext(seat.context).name === idOrName);
    return named.length === 1 ? (named[0] ?? null) : null;
  }

  /**
   * Proposes, waiting while another change or the start of the term is in the way.
   *
   * @returns where the change stands in the log once it is committed; null when it was so already.
   */
  async #change(change: ConfigurationChange): Promise<Result<Position | null, ApiError>> {
    const { driver, context, leadership } = this.#options;
    const deadlineMs = context.ports.clock.nowMs() + FORWARD_WAIT_MS;
    for (;;) {
      const proposed = driver.ask((raft) => raft.changeConfiguration(change));
      if (proposed.ok) {
        const error = await leadership.confirmations.confirmed(proposed.value, "committed");
        return error === null ? ok(proposed.value) : err(error);
      }
      const { code } = proposed.error;
      if (code === "already-so") return ok(null);
      const isPassing = PASSING_CODES.includes(code);
      if (!isPassing || context.ports.clock.nowMs() > deadlineMs)
        return err(fromRaft(proposed.error));
      await this.#sleep(CHANGE_RETRY_MS);
    }
  }

  #writeInternal(statement: SqlStatement): Promise<Result<WriteDone, ApiError>> {
    const { context, leadership } = this.#options;
    return leadership.submit({
      capture: {
        work: { type: "statements", statements: [statement] },
        client: null,
        author: context.nameOf(context.self),
        atMs: storedTimeOf(context.ports.clock),
        isInternal: true,
      },
      ack: "committed",
    });
  }

  async #atLeader(
    method: string,
    params: unknown,
    here: () => Promise<Result<unknown, ApiError>>,
  ): Promise<Result<unknown, ApiError>> {
    const { context, leadership, forwarder } = this.#options;
    const leader = await leadership.waitForLeader();
    if (leader === context.self) return here();
    if (leader === null) {
      return err({ code: "no-quorum", message: "No leader is elected right now; try again soon." });
    }
    const call = { method, params, withinMs: FORWARD_WAIT_MS };
    return forwarder.ask(leader, call);
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resume) => this.#options.context.ports.clock.after(ms, resume));
  }
}

function given(changed: Result<Position | null, ApiError>): Result<SeatGiven, ApiError> {
  return changed.ok ? ok({ incarnation: changed.value?.index ?? 0 }) : changed;
}

function givenIncarnation(answer: unknown): number | null {
  if (typeof answer !== "object" || answer === null) return null;
  const { incarnation } = answer as Record<string, unknown>;
  return Number.isSafeInteger(incarnation) ? (incarnation as number) : null;
}

function keyInUse(): ApiError {
  const message =
    "A running computer of the workspace uses the same key: this data folder is a copy of its " +
    "own. Join with an empty data folder, or with: tidemark join LINK --replace.";
  return { code: "invite-invalid", message };
}

function inviteInvalid(): ApiError {
  return {
    code: "invite-invalid",
    message: "This invitation is unknown, expired or used already; ask for a new one.",
  };
}

function noSuccessor(): ApiError {
  const message = "No other voting computer is connected that could take over.";
  return { code: "not-found", message };
}

function notFound(what: string): ApiError {
  return { code: "not-found", message: `No computer of this workspace is called "${what}".` };
}

function fromRaft(error: RaftError): ApiError {
  switch (error.code) {
    case "not-leader":
      return { code: "not-leader", message: `This computer does not lead: ${error.detail}.` };
    case "not-caught-up":
      return { code: "not-caught-up", message: `It has not caught up yet: ${error.detail}.` };
    case "unknown-member":
      return { code: "not-found", message: `No such computer: ${error.detail}.` };
    case "would-lose-quorum":
      return {
        code: "no-quorum",
        message:
          "Without it too few of the voting computers would be connected, and nobody could edit any " +
          "more. Bring the others back first, or remove those that are gone.",
      };
    case "queue-full":
      return { code: "busy", message: `Too much is under way: ${error.detail}.` };
    default:
      return { code: "change-in-progress", message: `Not now: ${error.detail}.` };
  }
}
