/** What became of one row, the newest change first, as this computer's log has it. */
import type { Agent } from "../agent/client.ts";
import type { ApiResult } from "../../shared/api/methods.ts";
import type { RowVersion } from "../../shared/api/past.ts";
import { describeFailure, type Failure } from "../parts/failure.ts";
import type { RowKey } from "./describe.ts";

const PAGE_COUNT = 50;

/** Owns the versions of one row. */
export class RowHistoryController {
  #versions = $state.raw<readonly RowVersion[] | null>(null);
  #next = $state.raw<ApiResult<"rowHistory">["next"]>(null);
  #failure = $state.raw<Failure | null>(null);
  #isLoading = $state(false);
  readonly #agent: Agent;
  readonly #table: string;

  constructor(agent: Agent, table: string, key: RowKey) {
    this.#agent = agent;
    this.#table = table;
    void this.#load({ key });
  }

  /** null until the first answer. */
  get versions(): readonly RowVersion[] | null {
    return this.#versions;
  }

  get hasOlder(): boolean {
    return this.#next !== null;
  }

  get failure(): Failure | null {
    return this.#failure;
  }

  get isLoading(): boolean {
    return this.#isLoading;
  }

  async loadOlder(): Promise<void> {
    if (this.#next !== null) await this.#load(this.#next);
  }

  async #load(from: { readonly key: RowKey; readonly beforeIndex?: number }): Promise<void> {
    if (this.#isLoading) return;
    this.#isLoading = true;
    const asked = { table: this.#table, count: PAGE_COUNT, ...from };
    const answer = await this.#agent.call("rowHistory", asked);
    this.#isLoading = false;
    this.#failure = answer.ok ? null : describeFailure(answer.error);
    if (!answer.ok) return;
    this.#versions = [...(this.#versions ?? []), ...answer.value.versions];
    this.#next = answer.value.next;
  }
}
