/**
 * Moments of this member's own clocks. The monotonic clock stands still while a computer sleeps, so each moment keeps
 * the wall clock beside it: when that ran ahead or came back wrong meanwhile, the computer may have slept.
 */
import type { Clock } from "../ports.ts";

/** Both clocks at one moment. */
export type OwnMoment = { readonly atMs: number; readonly wallMs: number };

/** The two clocks drift less than this apart while nobody sleeps and nobody sets them. */
const JUMP_NOTICED_MS = 1_000;

/** Both clocks now. */
export function momentOf(clock: Clock): OwnMoment {
  return { atMs: clock.nowMs(), wallMs: clock.wallMs() };
}

/**
 * What passed since a moment, in ms: by the monotonic clock, and how far the wall clock jumped against it, either
 * way; 0 when that is no more than drift.
 */
export function since(
  clock: Clock,
  moment: OwnMoment,
): { readonly elapsedMs: number; readonly jumpMs: number } {
  const elapsedMs = clock.nowMs() - moment.atMs;
  const apartMs = Math.abs(clock.wallMs() - moment.wallMs - elapsedMs);
  return { elapsedMs, jumpMs: apartMs > JUMP_NOTICED_MS ? apartMs : 0 };
}
