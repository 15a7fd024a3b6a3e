/**
 * What a world as a whole promises: that it begins, goes on, and works again in peace. Each check is
 * apart from the world it is asked of, so that a test can show that it fires.
 */
import type { ApiError, ApiResult } from "../../shared/api/methods.ts";
import type { MemberId } from "../../shared/base/ids.ts";
import type { Result } from "../../shared/base/result.ts";
import type { RaftStatus } from "../../shared/raft/types.ts";
import { REPLY_MS_MAX } from "./sim-client.ts";
import type { SimOptions } from "./sim-options.ts";
import { Violation, uphold } from "./violation.ts";

/** What a member answers; null when its process ended before. */
type Answer<T> = Result<T, ApiError> | null | undefined;
type Timing = Pick<SimOptions, "network" | "syncMs" | "electionMs">;
type Leader = Pick<RaftStatus, "id" | "term"> | undefined;

/** Every heal costs one election; a split vote, or a seat given anew, one more. */
const PEACE_TERMS_MAX = 3;
/** Where votes are on their way for a good part of the timeout, candidates meet again and again. */
const PEACE_TERMS_MAX_SLOW = 6;
/** Everybody starts, opens files on slow disks and dials; a request may go unanswered once. */
const PEACE_START_MS = 2_000 + REPLY_MS_MAX;
/** Far more than a burst of frames and timers at one moment. */
const SPIN_EVENTS_MAX = 20_000;
/** Codes with which an agent may refuse to start while its disk is being hurt. */
const DISK_CODES: readonly string[] = ["storage-full", "storage-failed", "not-writable"];
/** Nobody may be elected yet. */
const FOUNDING_CODES: readonly string[] = ["not-leader", "no-quorum", "unknown-outcome", "busy"];

/** Until tables exist, only an answer that asks for patience is a good one. @throws Violation */
export function checkFounding(outcome: Answer<unknown>): void {
  const isPatient = outcome?.ok === false && FOUNDING_CODES.includes(outcome.error.code);
  uphold(outcome?.ok === true || isPatient, "founding-works", () => JSON.stringify(outcome));
}

/** The first write in peace is acknowledged soon. @throws Violation */
export function checkFirstWrite(afterMs: number, timing: Timing): void {
  // Each term costs a wait of one to two election timeouts.
  const maxMs = PEACE_START_MS + peaceTermsMax(timing) * 2 * timing.electionMs;
  uphold(afterMs <= maxMs, "writes-soon-in-peace", () => {
    return `${afterMs} ms with elections of ${timing.electionMs} ms`;
  });
}

/** Few terms begin until all are in step. @throws Violation */
export function checkPeaceTerms(terms: number, timing: Timing): void {
  uphold(terms <= peaceTermsMax(timing), "few-terms-per-heal", () => {
    return `${terms} terms until all were in step`;
  });
}

/** Whoever leads before a quiet time leads after it, in the same term. @throws Violation */
export function checkQuiet(before: Leader, after: Leader, stillMs: number): void {
  const isSame = after?.id === before?.id && after?.term === before?.term;
  uphold(isSame, "a-quiet-cluster-keeps-its-leader", () => {
    const [first, last] = [before, after].map((status) => {
      return status === undefined ? "nobody" : `${status.id} in term ${status.term}`;
    });
    return `${String(first)} led before a quiet time of ${stillMs} ms, ${String(last)} after it`;
  });
}

/** The rolling checksum is what the rows give when all are read again. @throws Violation */
export function checkVerified(member: MemberId, outcome: Answer<ApiResult<"verify">>): void {
  uphold(outcome?.ok === true && outcome.value.isIdentical, "checksums-are-of-the-rows", () => {
    return `verify on ${member}: ${JSON.stringify(outcome)}`;
  });
}

/** Time is up in peace. @param stage What the world was waiting for. */
export function stuckAt(stage: string, states: readonly string[]): Violation {
  return new Violation("works-again-in-peace", `stuck at ${stage}: ${states.join("; ")}`);
}

/**
 * A member refused to start: only while its disk is being hurt may it.
 *
 * @throws Violation
 */
export function checkRefusedStart(member: MemberId, code: string, isCalm: boolean): void {
  const isExcused = !isCalm && DISK_CODES.some((each) => code.startsWith(each));
  uphold(isExcused, "starts-after-any-crash", () => `${member} does not start: ${code}`);
}

/** After its disk was hurt it runs again. @throws Violation */
export function checkStartAfterWound<T>(member: MemberId, replica: T | null, hurt: string): T {
  uphold(replica !== null, "starts-after-any-wound", () => `${member} after ${hurt}`);
  return replica;
}

/** Time goes on: an agent that keeps itself busy without end would burn a real processor. */
export class SpinChecker {
  #sinceMs = 0;
  #count = 0;

  /** One event was run. @throws Violation */
  ran(nowMs: number): void {
    if (nowMs >= this.#sinceMs + 1) {
      this.#sinceMs = nowMs;
      this.#count = 0;
    }
    uphold(++this.#count < SPIN_EVENTS_MAX, "never-spins", () => {
      return `${this.#count} events within 1 ms at ${nowMs}`;
    });
  }
}

/**
 * Raft elects soon when a round of votes takes far less time than a timeout; not in all worlds. Two that begin within
 * such a round split their votes: at a tenth of a timeout, three times in a row in one of a thousand worlds.
 */
function peaceTermsMax({ network, syncMs, electionMs }: Timing): number {
  const voteMs = 2 * (network.delayMs + network.jitterMs + syncMs);
  return voteMs * 16 < electionMs ? PEACE_TERMS_MAX : PEACE_TERMS_MAX_SLOW;
}
