import type { MemberId } from "../../shared/base/ids.ts";
import type { Scheduler } from "./scheduler.ts";

/** How a process ended: a killed one's sockets are closed by its computer, a dead computer's not. */
export type EndKind = "killed" | "power-loss";

/**
 * One start of a member's process. Everything that calls into the agent (timers, frames, disk and
 * store answers, clients) goes through `run`, so a stopped process does nothing until it is
 * continued, and a dead one never again.
 */
export class SimProcess {
  readonly id: MemberId;
  readonly startedAtMs: number;
  readonly #scheduler: Scheduler;
  readonly #onRun: () => void;
  #state: "running" | "stopped" | "waking" | "dead" = "running";
  #ended: EndKind | null = null;
  #backlog: (() => void)[] = [];

  /** @param onRun Told before each callback: this member acts now. */
  constructor(id: MemberId, scheduler: Scheduler, onRun: () => void) {
    this.id = id;
    this.#scheduler = scheduler;
    this.startedAtMs = scheduler.nowMs;
    this.#onRun = onRun;
  }

  get isAlive(): boolean {
    return this.#state !== "dead";
  }

  get isStopped(): boolean {
    return this.#state === "stopped";
  }

  /** How it ended; null while alive. */
  get ended(): EndKind | null {
    return this.#ended;
  }

  /** Runs the callback on this process: now, later when it is stopped, never when it is dead. */
  run(callback: () => void): void {
    if (this.#state === "dead") return;
    if (this.#state === "running") {
      this.#onRun();
      callback();
    } else {
      this.#backlog.push(callback);
    }
  }

  /** Calls back on this process after a time of the world. */
  runAfter(delayMs: number, callback: () => void): void {
    this.#scheduler.after(delayMs, () => this.run(callback));
  }

  /** A promise that resolves after a time of the world; never when the process is dead by then. */
  wait(delayMs: number): Promise<void> {
    return new Promise((resolve) => this.runAfter(delayMs, resolve));
  }

  /** Freezes it (SIGSTOP, sleep, a blocked event loop). */
  stop(): void {
    if (this.#state === "running" || this.#state === "waking") this.#state = "stopped";
  }

  /** Goes on: what came meanwhile is worked off first, in order, one at a time. */
  continue(): void {
    if (this.#state !== "stopped") return;
    this.#state = "waking";
    this.#scheduler.after(0, () => this.#workOff());
  }

  /** Ends it at once. */
  kill(kind: EndKind): void {
    this.#state = "dead";
    this.#ended = kind;
    this.#backlog = [];
  }

  #workOff(): void {
    if (this.#state !== "waking") return;
    const next = this.#backlog.shift();
    if (next === undefined) {
      this.#state = "running";
      return;
    }
    this.#onRun();
    next();
    this.#scheduler.after(0, () => this.#workOff());
  }
}
