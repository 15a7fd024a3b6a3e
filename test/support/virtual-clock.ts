/**
 * Time that a test moves. Timers fire in the order of their time, then of their making, so the
 * same test always runs the same way.
 */
import { assert } from "../../shared/base/assert.ts";
import type { Clock, Timer } from "../../electron/agent/ports.ts";

type Scheduled = {
  readonly atMs: number;
  /** Breaks ties: of two timers for the same moment the one set first fires first. */
  readonly order: number;
  callback: (() => void) | null;
};

/** Time that stands still until a test moves it. Same calls, same order of timers, always. */
export class VirtualClock implements Clock {
  /** How far local time is ahead of UTC, in ms. */
  offsetMs = 0;
  readonly #heap: Scheduled[] = [];
  #nowMs: number;
  #wallOffsetMs: number;
  #setCount = 0;
  #pendingCount = 0;

  /** @param start Monotonic start (0) and wall clock at it (2026-01-01 UTC). */
  constructor(start: { readonly nowMs?: number; readonly wallMs?: number } = {}) {
    this.#nowMs = start.nowMs ?? 0;
    this.#wallOffsetMs = (start.wallMs ?? Date.UTC(2026, 0, 1)) - this.#nowMs;
  }

  /** Timers that would still fire. */
  get pendingCount(): number {
    return this.#pendingCount;
  }

  /** When the next timer fires; null when none is set. */
  get nextAtMs(): number | null {
    this.#dropCancelled();
    return this.#heap[0]?.atMs ?? null;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return this.#nowMs + this.#wallOffsetMs;
  }

  localOffsetMs(): number {
    return this.offsetMs;
  }

  /** Sets the computer's clock wrong (or right) without touching monotonic time. */
  jumpWall(byMs: number): void {
    this.#wallOffsetMs += byMs;
  }

  after(delayMs: number, callback: () => void): Timer {
    assert(Number.isFinite(delayMs), "a delay is a finite number");
    const delay = Math.min(Math.max(delayMs, 0), 0x7fff_ffff);
    const timer: Scheduled = { atMs: this.#nowMs + delay, order: this.#setCount++, callback };
    this.#push(timer);
    this.#pendingCount++;
    return {
      cancel: () => {
        if (timer.callback === null) return;
        timer.callback = null;
        this.#pendingCount--;
      },
    };
  }

  /** Moves to the next timer and fires it. @returns false when there was none. */
  runNext(): boolean {
    this.#dropCancelled();
    const timer = this.#pop();
    if (timer === null) return false;
    this.#nowMs = Math.max(this.#nowMs, timer.atMs);
    const callback = timer.callback;
    timer.callback = null;
    this.#pendingCount--;
    callback?.();
    return true;
  }

  /** Fires everything due up to `ms`, also what is set meanwhile, and stands at `ms` then. */
  advanceTo(ms: number): void {
    assert(ms >= this.#nowMs, "time does not go backwards");
    for (let next = this.nextAtMs; next !== null && next <= ms; next = this.nextAtMs) {
      this.runNext();
    }
    this.#nowMs = ms;
  }

  #dropCancelled(): void {
    while (this.#heap.length > 0 && this.#heap[0]?.callback === null) this.#pop();
  }

  #push(timer: Scheduled): void {
    const heap = this.#heap;
    let slot = heap.length;
    heap.push(timer);
    while (slot > 0) {
      const parent = (slot - 1) >>> 1;
      if (!isBefore(timer, heap[parent] as Scheduled)) break;
      heap[slot] = heap[parent] as Scheduled;
      slot = parent;
    }
    heap[slot] = timer;
  }

  #pop(): Scheduled | null {
    const heap = this.#heap;
    const top = heap[0];
    const last = heap.pop();
    if (top === undefined || last === undefined) return null;
    if (heap.length === 0) return top;
    let slot = 0;
    for (;;) {
      let child = slot * 2 + 1;
      if (child >= heap.length) break;
      const right = heap[child + 1];
      if (right !== undefined && isBefore(right, heap[child] as Scheduled)) child++;
      if (!isBefore(heap[child] as Scheduled, last)) break;
      heap[slot] = heap[child] as Scheduled;
      slot = child;
    }
    heap[slot] = last;
    return top;
  }
}

function isBefore(a: Scheduled, b: Scheduled): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}
