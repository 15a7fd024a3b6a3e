import { randomBetween } from "../../../shared/base/rng.ts";
import type { Rng } from "../../../shared/base/rng.ts";

/** A dropped connection is tried again at once, but not in the same instant by both sides. */
const FIRST_MS = 50;

/** A computer that comes back dials by itself, so this only bounds the one-sided cases. */
const DELAY_MAX_MS = 5000;

/** How long to wait before attempt number `attempt` (from 0): doubles, and spreads by half. */
export function backoffMs(attempt: number, rng: Rng): number {
  const delayMs = Math.min(DELAY_MAX_MS, FIRST_MS * 2 ** Math.min(attempt, 16));
  return randomBetween(rng, Math.ceil(delayMs / 2), Math.ceil(delayMs * 1.5));
}
