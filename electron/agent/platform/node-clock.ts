import { assert } from "../../../shared/base/assert.ts";
import type { Clock, Timer } from "../ports.ts";

/** Node fires a timer set for longer at once, so longer ones are cut to this (24.8 days). */
const DELAY_MS_MAX = 0x7fff_ffff;

/** The computer's time. The only file of the agent that reads it. */
export class NodeClock implements Clock {
  nowMs(): number {
    return performance.now();
  }

  wallMs(): number {
    return Date.now();
  }

  localOffsetMs(atWallMs: number): number {
    return -new Date(atWallMs).getTimezoneOffset() * 60_000;
  }

  after(delayMs: number, callback: () => void): Timer {
    assert(Number.isFinite(delayMs), "a delay is a finite number");
    const handle = setTimeout(callback, Math.min(Math.max(delayMs, 0), DELAY_MS_MAX));
    return { cancel: () => clearTimeout(handle) };
  }
}
