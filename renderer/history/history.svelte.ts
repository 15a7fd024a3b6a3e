/** The list of what was changed, the newest first, as this computer's log has it. */
import type { Agent } from "../agent/client.ts";
import type { TransactionLine } from "../../shared/api/past.ts";
import { describeFailure, type Failure } from "../parts/failure.ts";

/** Read at once: more than a screen. */
const PAGE_COUNT = 60;
/** Shortest time between two readings while commits rain, in ms. */
const REFRESH_MS_MIN = 400;

/** Owns the list. */
export class HistoryController {
  #lines = $state.raw<readonly TransactionLine[] | null>(null);
  #next = $state.raw<number | null>(null);
  #failure = $state.raw<Failure | null>(null);
  #isLoadingOlder = $state(false);
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isDisposed = false;
  readonly #agent: Agent;
  readonly #endings: (() => void)[];

  constructor(agent: Agent) {
    this.#agent = agent;
    this.#endings = [
      agent.onEvent((event) => {
        if (event.type === "committed") this.#refreshSoon();
      }),
      agent.onConnection((state) => {
        if (state === "open") void this.refresh();
      }),
    ];
  }

  /** null until the first answer. */
  get lines(): readonly TransactionLine[] | null {
    return this.#lines;
  }

  /** Whether the kept log has older ones than are listed. */
  get hasOlder(): boolean {
    return this.#next !== null;
  }

  get isLoadingOlder(): boolean {
    return this.#isLoadingOlder;
  }

  get failure(): Failure | null {
    return this.#failure;
  }

  /** Reads the newest ones; what is listed of older ones stays when nothing lies between. */
  async refresh(): Promise<void> {
    const answer = await this.#agent.call("transactions", { count: PAGE_COUNT });
    if (this.#isDisposed) return;
    this.#failure = answer.ok ? null : describeFailure(answer.error);
    if (!answer.ok) return;
    const { transactions, next, firstIndex } = answer.value;
    const known = this.#lines ?? [];
    const isJoined = next !== null && (known[0]?.index ?? 0) >= next;
    const older = isJoined ? known.filter(({ index }) => index < next && index >= firstIndex) : [];
    this.#lines = [...transactions, ...older];
    if (older.length === 0) this.#next = next;
  }

  async loadOlder(): Promise<void> {
    if (this.#next === null || this.#isLoadingOlder) return;
    this.#isLoadingOlder = true;
    const asked = { beforeIndex: this.#next, count: PAGE_COUNT };
    const answer = await this.#agent.call("transactions", asked);
    this.#isLoadingOlder = false;
    // A refresh may have begun the list anew meanwhile.
    if (this.#isDisposed || this.#next !== asked.beforeIndex) return;
    this.#failure = answer.ok ? null : describeFailure(answer.error);
    if (!answer.ok) return;
    this.#lines = [...(this.#lines ?? []), ...answer.value.transactions];
    this.#next = answer.value.next;
  }

  dispose(): void {
    this.#isDisposed = true;
    clearTimeout(this.#timer);
    for (const end of this.#endings) end();
  }

  #refreshSoon(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      void this.refresh();
    }, REFRESH_MS_MIN);
  }
}
