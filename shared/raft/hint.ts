import type { MemberId } from "../base/ids.ts";
import { randomBetween } from "../base/rng.ts";
import { votersOf } from "./configuration.ts";
import {
  HINT_DELAY_MS_MIN,
  HINT_JITTER_MS_MAX,
  HINT_RANK_MS,
  HINT_RETRY_COUNT_MAX,
  HINT_RETRY_MS,
} from "./limits.ts";
import type { Core } from "./state.ts";

/** The leader's connection dropped: campaign soon, long before the election timeout. */
export function hurryAfterHint(core: Core, lostLeader: MemberId): void {
  core.hintedLeader = lostLeader;
  core.hintRetriesLeft = HINT_RETRY_COUNT_MAX;
  core.hurryAtMs = core.nowMs + hintDelayMs(core);
}

/**
 * Asked, and nobody leads yet: a message was lost, two asked at once, or the others notice the
 * leader's end later. Then the next try comes sooner than an election timeout.
 */
export function hurryAgain(core: Core): void {
  if (core.hintRetriesLeft === 0) return;
  core.hintRetriesLeft -= 1;
  core.hurryAtMs = core.nowMs + HINT_RETRY_MS + hintDelayMs(core);
}

/** A leader is known: whatever suggested hurry is over. */
export function forgetHint(core: Core): void {
  core.hurryAtMs = null;
  core.hintRetriesLeft = 0;
}

/** A gap in time went by: the hint is as fresh as the gap's end. */
export function postponeHint(core: Core): void {
  if (core.hurryAtMs !== null) core.hurryAtMs = core.nowMs + hintDelayMs(core);
}

/** Lowest for the first voter in the order of ids, the lost leader left out. */
function hintDelayMs(core: Core): number {
  const others = votersOf(core.configuration).filter((id) => id !== core.hintedLeader);
  const rank = Math.max(0, others.indexOf(core.id));
  return HINT_DELAY_MS_MIN + rank * HINT_RANK_MS + randomBetween(core.rng, 0, HINT_JITTER_MS_MAX);
}
