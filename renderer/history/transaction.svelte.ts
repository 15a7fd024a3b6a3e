/** One transaction row by row, and taking it back. */
import type { Agent } from "../agent/client.ts";
import type { LiveStatus } from "../agent/live.svelte.ts";
import type { ApiResult } from "../../shared/api/methods.ts";
import { describeFailure, failureLine, type Failure } from "../parts/failure.ts";
import { formatAsOfPosition, formatPlural } from "../parts/format.ts";
import type { Notices } from "../parts/notices.svelte.ts";

/** Rows read at once; a page of them is drawn in some ten milliseconds. */
const ROWS_COUNT = 200;

/** What taking it back would do now. */
export type UndoPreview = ApiResult<"undoPreview">;

type TransactionPorts = {
  readonly agent: Agent;
  readonly live: LiveStatus;
  readonly notices: Notices;
};

/** Owns what is shown of one transaction. */
export class TransactionController {
  readonly index: number;
  #changes = $state.raw<ApiResult<"transaction"> | null>(null);
  #failure = $state.raw<Failure | null>(null);
  #isLoading = $state(false);
  #preview = $state.raw<UndoPreview | null>(null);
  #undoFailure = $state.raw<Failure | null>(null);
  #isUndoing = $state(false);
  readonly #ports: TransactionPorts;

  constructor(ports: TransactionPorts, index: number) {
    this.#ports = ports;
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

  /** null until it was asked for and answered. */
  get preview(): UndoPreview | null {
    return this.#preview;
  }

  get undoFailure(): Failure | null {
    return this.#undoFailure;
  }

  get isUndoing(): boolean {
    return this.#isUndoing;
  }

  async loadMore(): Promise<void> {
    if (this.#isLoading) return;
    this.#isLoading = true;
    const known = this.#changes?.changes ?? [];
    const asked = { index: this.index, skip: known.length, rowsMax: ROWS_COUNT };
    const answer = await this.#ports.agent.call("transaction", asked);
    this.#isLoading = false;
    this.#failure = answer.ok ? null : describeFailure(answer.error);
    if (!answer.ok) return;
    this.#changes = { ...answer.value, changes: [...known, ...answer.value.changes] };
  }

  /** Asks what would happen; nothing is changed. */
  async askUndo(): Promise<void> {
    this.#preview = null;
    this.#undoFailure = null;
    const answer = await this.#ports.agent.call("undoPreview", { index: this.index });
    if (answer.ok) this.#preview = answer.value;
    else this.#undoFailure = describeFailure(answer.error);
  }

  /** Takes it back. @returns the index of the transaction that did; null when nothing was done. */
  async undo(): Promise<number | null> {
    const { agent, live, notices } = this.#ports;
    this.#isUndoing = true;
    const answer = await agent.write("undo", { index: this.index });
    this.#isUndoing = false;
    if (answer.ok) {
      const rows = formatPlural(answer.value.rowCount, "row was", "rows were");
      notices.done(`Taken back: ${rows} changed, at ${formatAsOfPosition(answer.value)}.`);
      return answer.value.index;
    }
    live.learnFrom(answer.error);
    const { conflicts } = answer.error.code === "undo-conflict" ? answer.error : {};
    if (conflicts === undefined) notices.problem(failureLine(answer.error));
    else this.#preview = { rowCount: 0, conflicts };
    return null;
  }
}
