/** Something that will happen; cancelling it twice is harmless. */
export type Scheduled = { isCancelled: boolean };

type Event = Scheduled & {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
};

/**
 * Virtual time: a heap of events, run one at a time in order of time, then of creation. Nothing
 * else moves the clock, so equal inputs give equal histories.
 */
export class Scheduler {
  readonly #heap: Event[] = [];
  #nowMs = 0;
  #order = 0;

  /** Virtual ms since the world began. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** Events waiting, cancelled ones included. */
  get size(): number {
    return this.#heap.length;
  }

  /** Runs the callback once after `delayMs`; a negative delay is none. */
  after(delayMs: number, run: () => void): Scheduled {
    return this.at(this.#nowMs + Math.max(0, delayMs), run);
  }

  /** Runs the callback once at `atMs`; a time that has passed means now. */
  at(atMs: number, run: () => void): Scheduled {
    const dueMs = Math.max(this.#nowMs, atMs);
    const event: Event = { atMs: dueMs, order: this.#order++, run, isCancelled: false };
    this.#heap.push(event);
    this.#siftUp(this.#heap.length - 1);
    return event;
  }

  /** Runs the next event. @returns false when none is left at or before `untilMs`. */
  runNext(untilMs: number): boolean {
    for (;;) {
      const next = this.#heap[0];
      if (next === undefined || next.atMs > untilMs) {
        this.#nowMs = Math.max(this.#nowMs, untilMs);
        return false;
      }
      this.#pop();
      if (next.isCancelled) continue;
      this.#nowMs = next.atMs;
      next.run();
      return true;
    }
  }

  #pop(): void {
    const last = this.#heap.pop();
    if (last === undefined || this.#heap.length === 0) return;
    this.#heap[0] = last;
    this.#siftDown();
  }

  #siftUp(from: number): void {
    let at = from;
    const moving = this.#heap[at] as Event;
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = this.#heap[above] as Event;
      if (!isBefore(moving, parent)) break;
      this.#heap[at] = parent;
      at = above;
    }
    this.#heap[at] = moving;
  }

  #siftDown(): void {
    const heap = this.#heap;
    const moving = heap[0] as Event;
    let at = 0;
    for (;;) {
      let below = at * 2 + 1;
      if (below >= heap.length) break;
      if (below + 1 < heap.length && isBefore(heap[below + 1] as Event, heap[below] as Event)) {
        below++;
      }
      if (!isBefore(heap[below] as Event, moving)) break;
      heap[at] = heap[below] as Event;
      at = below;
    }
    heap[at] = moving;
  }
}

function isBefore(a: Event, b: Event): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}

/** Steps queued at a time: far fewer rounds of Node's event loop, which costs more than a step. */
const STEPS_PER_ROUND = 256;

/**
 * Calls `step` again and again until it returns false. Between two calls everything that was
 * started by resolved promises runs to its end: Node empties its queue of microtasks between two
 * immediates. Nothing in a world waits for anything real, so whenever `step` is called the world
 * is quiet and only virtual time can go on.
 */
export function runSteps(step: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    let isOver = false;
    const next = (): void => {
      if (isOver || step()) return;
      isOver = true;
      resolve();
    };
    const round = (): void => {
      if (isOver) return;
      for (let i = 0; i < STEPS_PER_ROUND; i++) setImmediate(next);
      setImmediate(round);
    };
    round();
  });
}
