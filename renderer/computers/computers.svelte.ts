/** The computers of the workspace: who they are, how far behind, and what can be done to them. */
import type { Agent, ClientError } from "../agent/client.ts";
import type { LiveStatus } from "../agent/live.svelte.ts";
import type { ApiResult } from "../../shared/api/methods.ts";
import type { LagSample, MemberStatus } from "../../shared/cluster/status.ts";
import { describeFailure, failureLine, type Failure } from "../parts/failure.ts";
import { formatDuration } from "../parts/format.ts";
import type { Notices } from "../parts/notices.svelte.ts";
import { text } from "../text/en.ts";
import { mergeSamples } from "./lag-series.ts";
import { differingRowCount, rowsText } from "./verification.ts";

/** How far back the chart begins, in ms. */
const HISTORY_MS = 60 * 60 * 1_000;
/** An invite works for this long, in ms. */
const INVITE_MS = 30 * 60 * 1_000;

/** What the new computer will do; `auto` leaves it to the agent. */
export type InviteRole = "auto" | "voter" | "mirror";

/** Owns the page of computers. */
export class ComputersController {
  readonly live: LiveStatus;
  #samples = $state.raw<readonly LagSample[]>([]);
  #invite = $state.raw<ApiResult<"invite"> | null>(null);
  #inviteFailure = $state.raw<Failure | null>(null);
  #check = $state.raw<ApiResult<"verifyRows"> | null>(null);
  #isVerifying = $state(false);
  #isRepairing = $state(false);
  #movingTo = $state<string | null>(null);
  readonly #agent: Agent;
  readonly #notices: Notices;
  readonly #endings: (() => void)[];

  constructor(agent: Agent, live: LiveStatus, notices: Notices) {
    this.#agent = agent;
    this.live = live;
    this.#notices = notices;
    this.#endings = [
      agent.onEvent((event) => {
        if (event.type === "lag") this.#samples = mergeSamples(this.#samples, event.samples);
      }),
      agent.onConnection((state) => {
        if (state === "open") void this.#loadHistory();
      }),
    ];
  }

  get samples(): readonly LagSample[] {
    return this.#samples;
  }

  get invite(): ApiResult<"invite"> | null {
    return this.#invite;
  }

  get inviteFailure(): Failure | null {
    return this.#inviteFailure;
  }

  /** What the last check of this copy found; null before there was one. */
  get check(): ApiResult<"verifyRows"> | null {
    return this.#check;
  }

  get isVerifying(): boolean {
    return this.#isVerifying;
  }

  get isRepairing(): boolean {
    return this.#isRepairing;
  }

  /** The member leadership is being moved to, or null. */
  get movingTo(): string | null {
    return this.#movingTo;
  }

  async makeInvite(role: InviteRole): Promise<void> {
    const wanted = role === "auto" ? {} : { role };
    const answer = await this.#agent.call("invite", { ...wanted, expiresMs: INVITE_MS });
    this.#invite = answer.ok ? answer.value : null;
    this.#inviteFailure = answer.ok ? null : describeFailure(answer.error);
  }

  forgetInvite(): void {
    this.#invite = null;
    this.#inviteFailure = null;
  }

  async lead(member: MemberStatus): Promise<void> {
    this.#movingTo = member.id;
    const answer = await this.#agent.call("switchover", { to: member.id });
    this.#movingTo = null;
    if (!answer.ok) return this.#refused(answer.error);
    const took = formatDuration(answer.value.tookMs);
    this.#notices.done(`${member.name} leads now. It took ${took}.`);
  }

  async remove(member: MemberStatus): Promise<void> {
    const answer = await this.#agent.call("removeMember", { member: member.id });
    if (!answer.ok) return this.#refused(answer.error);
    this.#notices.done(`${member.name} was removed.`);
  }

  /** Checks this copy, and names what differs. */
  async verify(): Promise<void> {
    this.#isVerifying = true;
    const answer = await this.#agent.call("verifyRows", {});
    this.#isVerifying = false;
    this.#check = answer.ok ? answer.value : null;
    if (!answer.ok) this.#refused(answer.error);
  }

  /** Puts this copy right, once a person has seen what differs and said so. */
  async repair(): Promise<void> {
    this.#isRepairing = true;
    const answer = await this.#agent.call("repairCopy", {});
    this.#isRepairing = false;
    if (!answer.ok) return this.#refused(answer.error);
    const outcome = answer.value;
    if (outcome.done === "rows") {
      const rows = rowsText(differingRowCount(outcome.differences));
      this.#notices.done(text.copy.doneRows(rows));
    } else if (outcome.done === "all") this.#notices.done(text.copy.doneAll);
    else {
      const isRolledBack = outcome.done === "rolled-back";
      this.#notices.problem(isRolledBack ? text.copy.rolledBack : text.copy.nothingDone);
    }
    // What is shown is always what was just found.
    await this.verify();
  }

  dispose(): void {
    for (const end of this.#endings) end();
  }

  async #loadHistory(): Promise<void> {
    const answer = await this.#agent.call("lagHistory", { sinceMs: Date.now() - HISTORY_MS });
    if (answer.ok) this.#samples = mergeSamples([], answer.value.samples);
  }

  #refused(error: ClientError): void {
    this.live.learnFrom(error);
    this.#notices.problem(failureLine(error));
  }
}
