import type { Clock, Timer } from "../../electron/agent/ports.ts";
import type { Scheduler } from "./scheduler.ts";
import type { WallClock } from "./wall-clock.ts";

/** What one computer's clocks are like. */
export type ClockTraits = {
  /** Speed of the monotonic clock against virtual time, about 1. */
  readonly rate: number;
  readonly wall: WallClock;
};

/** As with Node's timers. */
const TIMER_MS_MIN = 1;

/**
 * The clocks of one computer: a monotonic one that stops while the computer sleeps, and a wall
 * clock that is wrong and jumps. Timers come late when the process was stopped, as they do.
 */
export class SimClock implements Clock {
  readonly #scheduler: Scheduler;
  readonly #rate: number;
  readonly #run: (callback: () => void) => void;
  #sleptMs = 0;
  readonly #wall: WallClock;

  /** @param run Runs a timer's callback on the computer: later if stopped, never if dead. */
  constructor(scheduler: Scheduler, traits: ClockTraits, run: (callback: () => void) => void) {
    this.#scheduler = scheduler;
    this.#rate = traits.rate;
    this.#wall = traits.wall;
    this.#run = run;
  }

  nowMs(): number {
    return (this.#scheduler.nowMs - this.#sleptMs) * this.#rate;
  }

  wallMs(): number {
    return this.#wall.readAt(this.#scheduler.nowMs);
  }

  localOffsetMs(): number {
    return 0;
  }

  after(delayMs: number, callback: () => void): Timer {
    return this.#arm(this.nowMs() + Math.max(TIMER_MS_MIN, delayMs), callback);
  }

  /** The computer slept: its monotonic clock did not go on. */
  slept(durationMs: number): void {
    this.#sleptMs += durationMs;
  }

  #arm(dueMs: number, callback: () => void): Timer {
    let isCancelled = false;
    const due = (): void => {
      if (isCancelled) return;
      const leftMs = dueMs - this.nowMs();
      // The clock stood still meanwhile: the timer is not due yet.
      if (leftMs > 0.001) scheduled = this.#scheduler.after(leftMs / this.#rate, wake);
      else callback();
    };
    const wake = (): void => this.#run(due);
    let scheduled = this.#scheduler.after((dueMs - this.nowMs()) / this.#rate, wake);
    return {
      cancel: () => {
        isCancelled = true;
        scheduled.isCancelled = true;
      },
    };
  }
}
