/**
 * Worlds one after the other or several at once: `--jobs N` runs them in N processes of their own
 * and hands their outcomes over in the order of the seeds, so that a run reports the same
 * whatever the number of processes. Within a process there is always one world at a time. Knows
 * nothing of what a world does.
 */
import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { assert, defined } from "../../shared/base/assert.ts";
import type { SimOutcome } from "./run-seed.ts";
import type { SimOptions } from "./sim-options.ts";

/** Runs the world of these options. */
export type RunWorld = (options: SimOptions) => Promise<SimOutcome>;

/** How a process for worlds is told from the one that was started by a person. */
const JOB_FLAG = "--job";

/** From the parent: a world. Options hold functions, so they are made anew from their source. */
type Order = { readonly seed: number };

/** The answer; `options` are put back by the parent. */
type Answer = Omit<SimOutcome, "options">;

/** Answers orders until the parent goes away. For a process that was started with `JOB_FLAG`. */
export function serveJob(run: (seed: number) => Promise<SimOutcome>): Promise<void> {
  process.on("message", (order: Order) => {
    void run(order.seed).then((outcome) => {
      const { options: _, ...answer } = outcome;
      // The parent may have gone meanwhile: it had seen enough.
      if (process.connected) process.send?.(answer);
    });
  });
  return new Promise((resolve) => process.on("disconnect", resolve));
}

/** Processes that run one world each at a time. Close it at the end. */
export class JobPool {
  readonly #jobs: readonly Job[];
  #idle: Job[];
  #waiting: ((job: Job) => void)[] = [];

  /** @param script What this process itself runs. @param args What decides its worlds. */
  constructor(count: number, script: string, args: readonly string[]) {
    this.#jobs = Array.from({ length: count }, () => new Job(script, args));
    this.#idle = [...this.#jobs];
  }

  /** Runs a world in a process that has nothing else to do. */
  async run(options: SimOptions): Promise<SimOutcome> {
    const job = this.#idle.pop() ?? (await new Promise<Job>((use) => this.#waiting.push(use)));
    try {
      return { options, ...(await job.run({ seed: options.seed })) };
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#idle.push(job);
      else next(job);
    }
  }

  close(): void {
    for (const job of this.#jobs) job.close();
  }
}

/** One process. */
class Job {
  readonly #child: ChildProcess;
  #settle: { resolve: (answer: Answer) => void; reject: (error: Error) => void } | null = null;
  #end: Error | null = null;

  constructor(script: string, args: readonly string[]) {
    this.#child = fork(script, [...args, JOB_FLAG], { serialization: "advanced" });
    this.#child.on("message", (answer) => {
      const settle = defined(this.#settle, "an answer follows an order");
      this.#settle = null;
      settle.resolve(answer as Answer);
    });
    this.#child.on("exit", (code, signal) => {
      this.#end = new Error(`a process for worlds ended: ${String(code ?? signal)}`);
      this.#settle?.reject(this.#end);
    });
  }

  run(order: Order): Promise<Answer> {
    if (this.#end !== null) return Promise.reject(this.#end);
    assert(this.#settle === null, "a job has one world at a time");
    return new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
      this.#child.send(order);
    });
  }

  close(): void {
    if (this.#child.connected) this.#child.disconnect();
  }
}

/** Results in order of their numbers from 0, up to `ahead` of them under way at a time. */
export async function* inOrder<T>(
  ahead: number,
  next: (i: number) => Promise<T> | null,
): AsyncGenerator<T> {
  const underWay: Promise<T>[] = [];
  let isAtEnd = false;
  for (let i = 0; ;) {
    while (!isAtEnd && underWay.length < ahead) {
      const started = next(i++);
      // Whoever stops listening early must not be ended by a process that went with it.
      started?.catch(() => undefined);
      if (started === null) isAtEnd = true;
      else underWay.push(started);
    }
    const first = underWay.shift();
    if (first === undefined) return;
    yield await first;
  }
}
