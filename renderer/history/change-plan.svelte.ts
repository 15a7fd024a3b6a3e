/**
 * Something that changes many rows at once: looked at first, then carried out. Nothing is done before a person has
 * seen what would change, and nothing is forced.
 */
import type { Agent, Answer } from "../agent/client.ts";
import type { LiveStatus } from "../agent/live.svelte.ts";
import type { ChangePreview, RestoreParams } from "../../shared/api/past.ts";
import { describeFailure, failureLine, type Failure } from "../parts/failure.ts";
import { formatAsOfPosition, formatPlural } from "../parts/format.ts";
import type { Notices } from "../parts/notices.svelte.ts";

/** What is to be done: a transaction taken back, or a former state brought back. */
export type Planned =
  | { readonly type: "undo"; readonly index: number }
  | { readonly type: "restore"; readonly params: RestoreParams };

type PlanPorts = {
  readonly agent: Agent;
  readonly live: LiveStatus;
  readonly notices: Notices;
};

/** Owns one such plan. */
export class ChangePlan {
  readonly planned: Planned;
  #preview = $state.raw<ChangePreview | null>(null);
  #failure = $state.raw<Failure | null>(null);
  #isBusy = $state(false);
  readonly #ports: PlanPorts;

  constructor(ports: PlanPorts, planned: Planned) {
    this.#ports = ports;
    this.planned = planned;
    void this.#ask();
  }

  /** null until it was answered. */
  get preview(): ChangePreview | null {
    return this.#preview;
  }

  get failure(): Failure | null {
    return this.#failure;
  }

  get isBusy(): boolean {
    return this.#isBusy;
  }

  /**
   * Does it.
   *
   * @returns the index of the transaction that did it; null when nothing was done, and `preview` then tells what
   * stands in the way, if that is why.
   */
  async carryOut(): Promise<number | null> {
    const { live, notices } = this.#ports;
    this.#isBusy = true;
    const answer = await this.#write();
    this.#isBusy = false;
    if (answer.ok) {
      const rows = formatPlural(answer.value.rowCount, "row was", "rows were");
      notices.done(`Done: ${rows} changed, at ${formatAsOfPosition(answer.value)}.`);
      return answer.value.index;
    }
    live.learnFrom(answer.error);
    const { conflicts } = answer.error.code === "undo-conflict" ? answer.error : {};
    if (conflicts === undefined) notices.problem(failureLine(answer.error));
    else this.#preview = { rowCount: 0, conflicts, changes: [], schemaChanges: [], leftOut: [] };
    return null;
  }

  #write(): Answer<"undo"> {
    const { agent } = this.#ports;
    return this.planned.type === "undo"
      ? agent.write("undo", { index: this.planned.index })
      : agent.write("restore", this.planned.params);
  }

  async #ask(): Promise<void> {
    const { agent } = this.#ports;
    const answer = await (this.planned.type === "undo"
      ? agent.call("undoPreview", { index: this.planned.index })
      : agent.call("restorePreview", this.planned.params));
    if (answer.ok) this.#preview = answer.value;
    else this.#failure = describeFailure(answer.error);
  }
}
