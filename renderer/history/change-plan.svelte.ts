/**
 * Something that changes many rows at once: looked at first, then carried out. Nothing is done before a person has
 * seen what would change, and nothing is forced.
 */
import type { Agent, ClientError } from "../agent/client.ts";
import type { LiveStatus } from "../agent/live.svelte.ts";
import type { Position } from "../../shared/base/ids.ts";
import { err, ok, type Result } from "../../shared/base/result.ts";
import type { ChangePreview, ImportPreview, RestoreParams } from "../../shared/api/past.ts";
import { describeFailure, failureLine, type Failure } from "../parts/failure.ts";
import { formatAsOfPosition, formatPlural } from "../parts/format.ts";
import type { Notices } from "../parts/notices.svelte.ts";
import { takeImportBack } from "../parts/take-import-back.ts";
import { text } from "../text/en.ts";

/** What is to be done: a transaction or a whole import taken back, or a former state brought back. */
export type Planned =
  | { readonly type: "undo"; readonly index: number }
  | { readonly type: "undoImport"; readonly importId: string }
  | { readonly type: "restore"; readonly params: RestoreParams };

type PlanPorts = {
  readonly agent: Agent;
  readonly live: LiveStatus;
  readonly notices: Notices;
};

/** What was done. */
type Done = {
  readonly rowCount: number;
  /** null when nothing was left to do. */
  readonly position: Position | null;
  /** What else there is to say; empty for nothing. */
  readonly more: string;
};

/** Owns one such plan. */
export class ChangePlan {
  readonly planned: Planned;
  #preview = $state.raw<ChangePreview | null>(null);
  #failure = $state.raw<Failure | null>(null);
  #made = $state.raw<readonly string[]>([]);
  #isBusy = $state(false);
  #doneCount = $state(0);
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

  /** Tables and views that an import made, and that go with it. */
  get made(): readonly string[] {
    return this.#made;
  }

  /** Rows that are done already, of something that goes in parts. */
  get doneCount(): number {
    return this.#doneCount;
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
   * @returns the position of the transaction that did it, null in it when nothing was left to do; null when it
   * was refused, and `preview` then tells what stands in the way, if that is why.
   */
  async carryOut(): Promise<Pick<Done, "position"> | null> {
    const { live, notices } = this.#ports;
    this.#isBusy = true;
    const answer = await this.#write();
    this.#isBusy = false;
    if (answer.ok) {
      const { rowCount, position, more } = answer.value;
      const rows = formatPlural(rowCount, "row was", "rows were");
      const at = position === null ? "" : `, at ${formatAsOfPosition(position)}`;
      notices.done(`Done: ${rows} changed${at}.${more}`);
      return answer.value;
    }
    live.learnFrom(answer.error);
    const { conflicts } = answer.error.code === "undo-conflict" ? answer.error : {};
    const line = failureLine(answer.error);
    const part = this.#doneCount > 0 ? ` ${text.history.inPart(this.#doneCount)}` : "";
    if (conflicts === undefined) notices.problem(`${line}${part}`);
    else this.#preview = { rowCount: 0, conflicts, changes: [], schemaChanges: [], leftOut: [] };
    return null;
  }

  async #write(): Promise<Result<Done, ClientError>> {
    const { agent } = this.#ports;
    const { planned } = this;
    if (planned.type === "undoImport") return this.#takeImportBack(planned.importId);
    const answer = await (planned.type === "undo"
      ? agent.write("undo", { index: planned.index })
      : agent.write("restore", planned.params));
    if (!answer.ok) return answer;
    const { rowCount, ...position } = answer.value;
    return ok({ rowCount, position, more: "" });
  }

  async #takeImportBack(importId: string): Promise<Result<Done, ClientError>> {
    const back = await takeImportBack(this.#ports.agent, importId, (rowCount) => {
      this.#doneCount = rowCount;
    });
    if (back.error !== null) return err(back.error);
    const { rowCount, position, dropped, kept } = back;
    const gone = dropped.length === 0 ? "" : ` ${text.history.dropped(dropped.join(", "))}`;
    const stays = kept.length === 0 ? "" : ` ${text.history.kept(kept.join(", "))}`;
    return ok({ rowCount, position, more: `${gone}${stays}` });
  }

  async #ask(): Promise<void> {
    const { agent } = this.#ports;
    const answer = await previewOf(agent, this.planned);
    if (!answer.ok) {
      this.#failure = describeFailure(answer.error);
      return;
    }
    this.#made = "made" in answer.value ? answer.value.made : [];
    this.#preview = answer.value;
  }
}

function previewOf(
  agent: Agent,
  planned: Planned,
): Promise<Result<ChangePreview | ImportPreview, ClientError>> {
  switch (planned.type) {
    case "undo":
      return agent.call("undoPreview", { index: planned.index });
    case "undoImport":
      return agent.call("undoImportPreview", { importId: planned.importId });
    case "restore":
      return agent.call("restorePreview", planned.params);
  }
}
