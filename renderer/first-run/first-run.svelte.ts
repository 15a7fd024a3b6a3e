/** The two ways in: create a workspace, or join one by its invite link. */
import type { Agent } from "../agent/client.ts";
import type { LiveStatus } from "../agent/live.svelte.ts";
import { describeFailure, type Failure } from "../parts/failure.ts";
import { text } from "../text/en.ts";

/** Where the person is. */
export type FirstRunStep = "choose" | "create" | "join";

/** What an invite link begins with. */
export const INVITE_PREFIX = "tidemark://join/";

/** Owns the first run. */
export class FirstRunController {
  step = $state<FirstRunStep>("choose");
  workspaceName = $state("");
  memberName = $state("");
  link = $state("");
  #isBusy = $state(false);
  #failure = $state.raw<Failure | null>(null);
  /** What is wrong with the form, as a sentence under the field. */
  #problem = $state<string | null>(null);
  readonly #agent: Agent;
  readonly #live: LiveStatus;

  /** @param offeredLink An invite link somebody opened: the join form begins with it. */
  constructor(agent: Agent, live: LiveStatus, offeredLink: string | null = null) {
    this.#agent = agent;
    this.#live = live;
    this.memberName = live.status?.member.name ?? "";
    if (offeredLink === null) return;
    this.link = offeredLink;
    this.step = "join";
  }

  get isBusy(): boolean {
    return this.#isBusy;
  }

  get failure(): Failure | null {
    return this.#failure;
  }

  get problem(): string | null {
    return this.#problem;
  }

  choose(step: FirstRunStep): void {
    this.step = step;
    this.#failure = null;
    this.#problem = null;
  }

  async create(): Promise<void> {
    const name = this.workspaceName.trim();
    this.#problem = name === "" ? text.firstRun.nameMissing : null;
    if (this.#problem !== null) return;
    await this.#run(() => this.#agent.call("createCluster", { name, ...this.#member() }));
  }

  async join(): Promise<void> {
    const link = this.link.trim();
    this.#problem = link.startsWith(INVITE_PREFIX) ? null : text.firstRun.linkWrong;
    if (this.#problem !== null) return;
    await this.#run(() => this.#agent.call("joinCluster", { link, ...this.#member() }));
  }

  async #run(call: () => ReturnType<Agent["call"]>): Promise<void> {
    this.#isBusy = true;
    this.#failure = null;
    const answer = await call();
    if (answer.ok) await this.#live.refresh();
    else this.#failure = describeFailure(answer.error);
    this.#isBusy = false;
  }

  #member(): { readonly memberName?: string } {
    const memberName = this.memberName.trim();
    return memberName === "" ? {} : { memberName };
  }
}
