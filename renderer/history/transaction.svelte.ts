/** One transaction, row by row. */
import type { Agent } from "../agent/client.ts";
import type { ApiResult } from "../../shared/api/methods.ts";
import { describeFailure, type Failure } from "../parts/failure.ts";

/** Rows read at once; a page of them is drawn in some ten milliseconds. */
const ROWS_COUNT = 200;

/** Owns what is shown of one transaction. */
export class TransactionController {
  readonly index: number;
  #changes = $state.raw<ApiResult<"transaction"> | null>(null);
  #failure = $state.raw<Failure | null>(null);
  #isLoading = $state(false);
  readonly #agent: Agent;

  constructor(agent: Agent, index: number) {
    this.#agent = agent;
    this.index = index;
    void this.loadMore();
  }

  /** null until the first answer. */
  get changes(): ApiResult<"transaction"> | null {
    return this.#changes;
  }

  get failure(): Failure | null {
    return this.#failure;
  }

  get isLoading(): boolean {
    return this.#isLoading;
  }

  async loadMore(): Promise<void> {
    if (this.#isLoading) return;
    this.#isLoading = true;
    const known = this.#changes?.changes ?? [];
    const asked = { index: this.index, skip: known.length, rowsMax: ROWS_COUNT };
    const answer = await this.#agent.call("transaction", asked);
    this.#isLoading = false;
    this.#failure = answer.ok ? null : describeFailure(answer.error);
    if (!answer.ok) return;
    this.#changes = { ...answer.value, changes: [...known, ...answer.value.changes] };
  }
}
