/** Takes a whole import back: looked at first, and nothing is done while something stands in the way. */
import type { Agent } from "../agent/client.ts";
import type { ImportPreview } from "../../shared/api/past.ts";
import { describeFailure, type Failure } from "../parts/failure.ts";
import { takeImportBack } from "../parts/take-import-back.ts";

/** Where that is. */
export type TakeBackState =
  | { readonly kind: "idle" }
  | { readonly kind: "looking" }
  | { readonly kind: "asked"; readonly preview: ImportPreview }
  | { readonly kind: "running"; readonly rowCount: number; readonly total: number }
  | {
      readonly kind: "done";
      readonly rowCount: number;
      readonly dropped: readonly string[];
      /** Tables that stay, because rows of others are in them. */
      readonly kept: readonly string[];
    }
  | { readonly kind: "failed"; readonly failure: Failure; readonly rowCount: number };

/** Owns it. */
export class TakeBack {
  #state = $state.raw<TakeBackState>({ kind: "idle" });
  readonly #agent: Agent;
  readonly #importId: string;

  constructor(agent: Agent, importId: string) {
    this.#agent = agent;
    this.#importId = importId;
  }

  get state(): TakeBackState {
    return this.#state;
  }

  /** Finds out what would be taken back. */
  async look(): Promise<void> {
    this.#state = { kind: "looking" };
    const answer = await this.#agent.call("undoImportPreview", { importId: this.#importId });
    this.#state = answer.ok
      ? { kind: "asked", preview: answer.value }
      : { kind: "failed", failure: describeFailure(answer.error), rowCount: 0 };
  }

  /** Does it, part by part; safe to do again after a failure. */
  async run(): Promise<void> {
    const total = this.#state.kind === "asked" ? this.#state.preview.rowCount : 0;
    this.#state = { kind: "running", rowCount: 0, total };
    const back = await takeImportBack(this.#agent, this.#importId, (rowCount) => {
      this.#state = { kind: "running", rowCount, total };
    });
    const { rowCount, dropped, kept, error } = back;
    this.#state =
      error === null
        ? { kind: "done", rowCount, dropped, kept }
        : { kind: "failed", failure: describeFailure(error), rowCount };
  }
}
