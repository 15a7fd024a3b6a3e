import type { Clock, Timer } from "../ports.ts";

/**
 * Calls back again and again until stopped. The next call is set after the callback ran, so a
 * slow one delays and never piles up.
 */
export class Ticker {
  readonly #clock: Clock;
  readonly #everyMs: number;
  readonly #onTick: () => void;
  #timer: Timer | null = null;
  #nextAtMs = Infinity;

  constructor(clock: Clock, everyMs: number, onTick: () => void) {
    this.#clock = clock;
    this.#everyMs = everyMs;
    this.#onTick = onTick;
  }

  /** When the next call comes, monotonic. */
  get nextAtMs(): number {
    return this.#nextAtMs;
  }

  /** The first call comes after one period. */
  start(): void {
    this.#nextAtMs = this.#clock.nowMs() + this.#everyMs;
    this.#timer = this.#clock.after(this.#everyMs, () => {
      this.#timer = null;
      this.start();
      this.#onTick();
    });
  }

  /** No more calls. */
  stop(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }
}
