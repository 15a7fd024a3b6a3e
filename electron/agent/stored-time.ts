import type { Clock } from "./ports.ts";

/**
 * The wall clock as it is stored and sent, in ms since 1970: formats have no earlier time, and a computer whose clock is
 * set before it must be able to lead all the same.
 */
export function storedTimeOf(clock: Clock): number {
  return Math.max(0, clock.wallMs());
}
