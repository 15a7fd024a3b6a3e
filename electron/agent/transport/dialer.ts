/**
 * Keeps trying to reach what is wanted and not reached: when, where next, how long to wait.
 *
 * It does not know what a connection is for, nor when something counts as reached: the caller
 * says `want` and `stop`. All addresses of a target are tried in a row, then it waits.
 */
import type { Rng } from "../../../shared/base/rng.ts";
import type { Clock, Timer } from "../ports.ts";
import { backoffMs } from "./backoff.ts";

/** What an attempt led to. `reached`: the two ends fit. `give-up`: this target can never be the right one. */
export type DialOutcome = "reached" | "failed" | "give-up";

/** How to try. */
export type DialerOptions = {
  readonly clock: Clock;
  readonly rng: Rng;
  /** Addresses of a target now, best first; empty when none is known. */
  readonly addressesOf: (target: string) => readonly string[];
  readonly dial: (target: string, address: string) => Promise<DialOutcome>;
};

/** A connection that lived shorter than this has proven nothing: its target's delay goes on growing. */
const STABLE_MS = 10_000;

type Attempt = { attempt: number; place: number; timer: Timer | null };

/** Tries each wanted target, one attempt at a time per target. */
export class Dialer {
  readonly #options: DialerOptions;
  readonly #attempts = new Map<string, Attempt>();
  readonly #reached = new Map<string, { readonly attempt: number; readonly atMs: number }>();

  constructor(options: DialerOptions) {
    this.#options = options;
  }

  /** Begins trying, unless it already does. */
  want(target: string): void {
    if (this.#attempts.has(target)) return;
    const attempt: Attempt = { attempt: this.#firstAttempt(target), place: 0, timer: null };
    this.#attempts.set(target, attempt);
    this.#wait(target, attempt);
  }

  /** Begins anew: something suggests that it can be reached now. */
  wantNow(target: string): void {
    if (this.#attempts.get(target)?.timer === null) return;
    this.stop(target);
    this.#reached.delete(target);
    this.want(target);
  }

  /** Stops, and keeps nothing of it. */
  forget(target: string): void {
    this.stop(target);
    this.#reached.delete(target);
  }

  /** Tries no further; an attempt under way may still succeed. */
  stop(target: string): void {
    this.#attempts.get(target)?.timer?.cancel();
    this.#attempts.delete(target);
  }

  /** Stops everything. */
  close(): void {
    for (const target of [...this.#attempts.keys()]) this.stop(target);
  }

  #firstAttempt(target: string): number {
    const last = this.#reached.get(target);
    const isRecent = last !== undefined && this.#options.clock.nowMs() - last.atMs < STABLE_MS;
    return isRecent ? last.attempt + 1 : 0;
  }

  #wait(target: string, attempt: Attempt): void {
    const delayMs = backoffMs(attempt.attempt, this.#options.rng);
    attempt.timer = this.#options.clock.after(delayMs, () => this.#dialNext(target, attempt));
  }

  #dialNext(target: string, attempt: Attempt): void {
    attempt.timer = null;
    const address = this.#options.addressesOf(target)[attempt.place];
    if (address === undefined) {
      attempt.place = 0;
      attempt.attempt += 1;
      this.#wait(target, attempt);
      return;
    }
    void this.#options.dial(target, address).then((outcome) => {
      const atMs = this.#options.clock.nowMs();
      if (outcome === "reached") this.#reached.set(target, { attempt: attempt.attempt, atMs });
      // Stopped meanwhile, most often because this very attempt succeeded.
      if (this.#attempts.get(target) !== attempt) return;
      if (outcome !== "failed") {
        this.#attempts.delete(target);
        return;
      }
      attempt.place += 1;
      this.#dialNext(target, attempt);
    });
  }
}
