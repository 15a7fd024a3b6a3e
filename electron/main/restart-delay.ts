/** Wait before the first restart, in ms. */
export const RESTART_DELAY_MIN_MS = 500;

/** Longest wait between restarts, in ms. */
export const RESTART_DELAY_MAX_MS = 30_000;

/** A process that ran this long counts as healthy: its next failure starts from the beginning. */
export const HEALTHY_AFTER_MS = 60_000;

/**
 * How long to wait before the next start of a process that ended by itself.
 *
 * @param failureCount Ends in a row without a healthy run between them, from 1.
 */
export function restartDelayMs(failureCount: number): number {
  return Math.min(RESTART_DELAY_MIN_MS * 2 ** (failureCount - 1), RESTART_DELAY_MAX_MS);
}
