/**
 * "As of 14:02:31" and "caught up": what an answer says about its age, held against the time of the
 * world, which no member knows.
 *
 * A member names moments of its own wall clock, however wrong that is; `WallClock` knows when it
 * showed them. So a moment is exact up to the whole ms it is told in, and no skew is allowed for. An
 * age is counted by the member's own monotonic clock, which runs at its own rate.
 *
 * One thing is forgiven, because no member can know it: a leader that was replaced and has not
 * noticed calls its data the newest, and so does who follows it. Only writes of the new leader may be
 * missing then, and only until the old one must have noticed (`leaderships.ts`). Members of an older
 * version take a word to be as new as its arrival; their worlds are left out (`sim-client.ts`).
 */
import type { ReadRecord, WriteRecord } from "./operations.ts";
import type { Leaderships } from "./leaderships.ts";
import { uphold } from "./violation.ts";

/** Clocks run by up to a hundredth fast or slow. */
const CLOCK_RATE_SLACK = 1.03;
/** How far the two clocks of a member may be apart before it takes that for a sleep. */
const SLEEP_UNNOTICED_MS = 1_000;

/** What a read says about its age. */
type Label = Pick<ReadRecord, "key" | "rows" | "member" | "answeredAtMs">;

/** Every write that was acknowledged before the moment is shown. @throws Violation */
export function checkAsOfMoment(
  read: Label & Pick<ReadRecord, "asOfMs">,
  writes: readonly WriteRecord[],
  leaderships: Leaderships,
): void {
  const { asOfMs } = read;
  if (asOfMs === null) return;
  const missed = missedBefore(asOfMs, read, writes, leaderships);
  uphold(missed === null, "as-of-not-too-new", () => {
    return `a read on ${read.member} as of ${asOfMs.toFixed(2)} misses ${String(missed)}`;
  });
}

/**
 * The same of the age. While the leader was heard within an election timeout, that time is told as 0.
 *
 * Hardly any read misses a write for that long: where members are cut off, few go on writing. So the age is also
 * held against the moment that the same answer names, which `checkAsOfMoment` holds against the writes.
 *
 * @throws Violation
 */
export function checkLag(
  read: Label & Pick<ReadRecord, "lagMs" | "asOfMs">,
  writes: readonly WriteRecord[],
  { leaderships, electionMs }: { readonly leaderships: Leaderships; readonly electionMs: number },
): void {
  const { lagMs, asOfMs, answeredAtMs } = read;
  if (lagMs === null) return;
  const ageMs = (lagMs === 0 ? electionMs : lagMs) * CLOCK_RATE_SLACK + SLEEP_UNNOTICED_MS;
  const said = `a read answered at ${answeredAtMs.toFixed(2)} on ${read.member} said it was ${lagMs} ms old`;
  const missed = missedBefore(answeredAtMs - ageMs, read, writes, leaderships);
  uphold(missed === null, "lag-is-not-too-small", () => `${said} and misses ${String(missed)}`);
  uphold(asOfMs === null || asOfMs >= answeredAtMs - ageMs, "lag-is-not-too-small", () => {
    return `${said} and as of ${String(asOfMs?.toFixed(2))}`;
  });
}

function missedBefore(
  momentMs: number,
  read: Label,
  writes: readonly WriteRecord[],
  leaderships: Leaderships,
): string | null {
  const shown = new Set(read.rows);
  for (const { name, key, acknowledged } of writes) {
    if (key !== read.key || acknowledged === null || shown.has(name)) continue;
    const { term, atMs } = acknowledged;
    if (atMs >= momentMs) continue;
    if (momentMs > leaderships.unawareUntilMs(term, read.answeredAtMs)) {
      return `${name}, told at ${atMs.toFixed(2)}`;
    }
  }
  return null;
}
