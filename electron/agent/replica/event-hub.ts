import type { ApiEvent, HistoryEvent } from "../../../shared/api/methods.ts";
import type { Status } from "../../../shared/cluster/status.ts";
import type { Clock, Timer } from "../ports.ts";

/** What a person still wants to read. */
const HISTORY_COUNT_MAX = 200;
/** A burst of changes becomes one status event; a person does not read faster. */
const STATUS_SPACING_MS = 100;

/** Hands events to windows and event streams; a listener that throws is a bug and ends the agent. */
export class EventHub {
  readonly #clock: Clock;
  readonly #listeners = new Set<(event: ApiEvent) => void>();
  readonly #status: () => Status;
  #timer: Timer | null = null;
  #sentAtMs = Number.NEGATIVE_INFINITY;
  #history: readonly HistoryEvent[] = [];

  constructor(clock: Clock, status: () => Status) {
    this.#clock = clock;
    this.#status = status;
  }

  /** What was sent and is kept for windows that open later, oldest first. */
  get history(): readonly HistoryEvent[] {
    return this.#history;
  }

  /** @returns the function that ends the subscription. */
  subscribe(listener: (event: ApiEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Sends an event to everybody now. */
  emit(event: ApiEvent): void {
    if (event.type === "leadership" || event.type === "seat" || event.type === "doubt") {
      this.#history = [...this.#history, event].slice(-HISTORY_COUNT_MAX);
    }
    for (const listener of this.#listeners) listener(event);
  }

  /** The status changed: sends it soon, and not more often than every 100 ms. */
  statusChanged(): void {
    if (this.#timer !== null || this.#listeners.size === 0) return;
    const waitMs = Math.max(0, this.#sentAtMs + STATUS_SPACING_MS - this.#clock.nowMs());
    this.#timer = this.#clock.after(waitMs, () => {
      this.#timer = null;
      this.#sentAtMs = this.#clock.nowMs();
      this.emit({ type: "status", status: this.#status() });
    });
  }

  /** Ends all subscriptions. */
  close(): void {
    this.#timer?.cancel();
    this.#timer = null;
    this.#listeners.clear();
  }
}
