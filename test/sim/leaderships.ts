import { SILENCE_MS_MAX } from "./sim-network.ts";
import type { SimOptions } from "./sim-options.ts";

/** Clocks run by up to a hundredth fast or slow. */
const CLOCK_RATE_SLACK = 1.03;

/**
 * Until when somebody may still believe that it leads although another does. Cut off, it learns it
 * from its quorum check: an election timeout after the last answer, which may have been under way
 * until the silence closed its connection, and one heartbeat for the look itself. Whoever stood
 * still begins to count when it goes on.
 */
export class Leaderships {
  readonly #unawareMs: number;
  readonly #sinceMs = new Map<number, number>();
  readonly #wokenAtMs: number[] = [];

  constructor({ electionMs, heartbeatMs }: Pick<SimOptions, "electionMs" | "heartbeatMs">) {
    this.#unawareMs = SILENCE_MS_MAX + (electionMs + heartbeatMs) * CLOCK_RATE_SLACK;
  }

  /** Somebody leads in this term. */
  led(term: number, nowMs: number): void {
    if (!this.#sinceMs.has(term)) this.#sinceMs.set(term, nowMs);
  }

  /** A process that stood still goes on. */
  woke(nowMs: number): void {
    this.#wokenAtMs.push(nowMs);
  }

  /**
   * Until when a leader of an earlier term may not know that this one began.
   *
   * @param byMs Who went on later does not matter.
   */
  unawareUntilMs(term: number, byMs: number): number {
    const woken = this.#wokenAtMs.filter((atMs) => atMs <= byMs);
    const fromMs = Math.max(this.#sinceMs.get(term) ?? -Infinity, woken.at(-1) ?? -Infinity);
    return fromMs + this.#unawareMs;
  }
}
