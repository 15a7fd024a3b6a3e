import { setTimeout as sleep } from "node:timers/promises";

const POLL_MS = 20;

/**
 * Asks again and again until the answer is something, and throws after `withinMs`.
 *
 * @param what Ends the sentence "not seen in time: ...".
 */
export async function waitUntil<T>(
  what: string,
  ask: () => Promise<T | null | false>,
  withinMs = 20_000,
): Promise<T> {
  const deadlineMs = performance.now() + withinMs;
  for (;;) {
    const answer = await ask();
    if (answer !== null && answer !== false) return answer;
    if (performance.now() > deadlineMs) throw new Error(`not seen in ${withinMs} ms: ${what}`);
    await sleep(POLL_MS);
  }
}
