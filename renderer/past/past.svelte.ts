/** Which moment the window shows: the present, or one of the past. It holds no rows. */
import type { Agent } from "../agent/client.ts";
import type { PastMoment, RetentionReport } from "../../shared/api/past.ts";
import type { AsOf } from "../../shared/cluster/status.ts";
import { describeFailure, type Failure } from "../parts/failure.ts";
import { PastAgent } from "./past-agent.ts";

/** A moment of the past that is being looked at. */
export type PastView = { readonly agent: Agent; readonly asOf: AsOf };

/** Owns the choice. */
export class PastController {
  #view = $state.raw<PastView | null>(null);
  #failure = $state.raw<Failure | null>(null);
  #isOpening = $state(false);
  #isChoosing = $state(false);
  #kept = $state.raw<RetentionReport | null>(null);
  readonly #agent: Agent;
  readonly #onchange: (view: PastView | null) => void;

  /** @param onchange Hears of each other moment. */
  constructor(agent: Agent, onchange: (view: PastView | null) => void) {
    this.#agent = agent;
    this.#onchange = onchange;
  }

  /** null: the present. */
  get view(): PastView | null {
    return this.#view;
  }

  /** Why the last moment could not be opened. */
  get failure(): Failure | null {
    return this.#failure;
  }

  get isOpening(): boolean {
    return this.#isOpening;
  }

  /** Whether a person is being asked for a moment. */
  get isChoosing(): boolean {
    return this.#isChoosing;
  }

  /** How far back the past can be read; null until it was told. */
  get kept(): RetentionReport | null {
    return this.#kept;
  }

  choose(): void {
    this.#failure = null;
    this.#isChoosing = true;
    void this.#agent.call("retention", {}).then((answer) => {
      if (answer.ok) this.#kept = answer.value;
    });
  }

  stopChoosing(): void {
    this.#isChoosing = false;
  }

  /** Looks at a moment. @returns whether it can be read; if not, what was shown stays. */
  async open(moment: PastMoment): Promise<boolean> {
    if (this.#isOpening) return false;
    this.#isOpening = true;
    // A time is looked up once: everything that is shown is of one position then.
    const answer = await this.#agent.call("tables", { asOf: moment });
    this.#isOpening = false;
    this.#failure = answer.ok ? null : describeFailure(answer.error);
    if (!answer.ok) return false;
    const { asOf } = answer.value;
    const { term, index } = asOf;
    this.#isChoosing = false;
    this.#show({ agent: new PastAgent(this.#agent, { term, index }), asOf });
    return true;
  }

  /** Back to the present. */
  close(): void {
    this.#show(null);
  }

  #show(view: PastView | null): void {
    this.#view = view;
    this.#onchange(view);
  }
}
