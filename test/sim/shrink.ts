/**
 * Makes a failing world smaller: kinds of faults are switched off one by one, and each stays off
 * without which the world still fails. Kinds draw from their own numbers, so the others go on as
 * they were until what they meet is different.
 */
import type { FaultKind } from "./fault-kinds.ts";
import type { SimOutcome } from "./run-seed.ts";
import type { SimOptions } from "./sim-options.ts";

/** The same world with only these kinds of faults. */
export function withOnly(options: SimOptions, kinds: readonly string[]): SimOptions {
  const kept = Object.entries(options.faultEveryMs).filter(([kind]) => kinds.includes(kind));
  return { ...options, faultEveryMs: Object.fromEntries(kept), isShrunk: true };
}

/**
 * The smallest set found.
 *
 * @param failed The outcome with all faults: a violation.
 * @param onStep Told of each kind that is not needed.
 */
export async function shrink(
  failed: SimOutcome,
  run: (options: SimOptions) => Promise<SimOutcome>,
  onStep: (kind: string) => void,
): Promise<SimOutcome> {
  let smallest = failed;
  const attempts: ((options: SimOptions) => SimOptions)[] = [
    (options) => ({ ...options, fellLeaderShare: 0 }),
    ...(Object.keys(failed.options.faultEveryMs) as FaultKind[]).map(
      (kind) =>
        (options: SimOptions): SimOptions =>
          withOnly(
            options,
            Object.keys(options.faultEveryMs).filter((each) => each !== kind),
          ),
    ),
  ];
  for (const [i, attempt] of attempts.entries()) {
    const outcome = await run(attempt(smallest.options));
    if (outcome.violation === null) continue;
    smallest = outcome;
    onStep(i === 0 ? "fell-leader" : (Object.keys(failed.options.faultEveryMs)[i - 1] ?? ""));
  }
  return smallest;
}
