import type { MemberId, Term } from "../../../shared/base/ids.ts";
import type { LeadershipEvent } from "../../../shared/api/methods.ts";
import type { RaftStatus } from "../../../shared/raft/types.ts";
import type { Clock } from "../ports.ts";

/** Notices changes of leadership and puts each into one sentence. */
export class LeadershipLog {
  #leader: MemberId | null = null;
  #term: Term | null = null;
  /** Since when nobody leads, monotonic; null while somebody does, or nobody ever did. */
  #leaderlessSinceMs: number | null = null;

  /**
   * @param clock  Asked only when there is an event.
   * @param nameOf The name of a member for people.
   * @returns the event when something changed since the last call.
   */
  note(
    status: RaftStatus,
    clock: Pick<Clock, "nowMs" | "wallMs">,
    nameOf: (member: MemberId) => string,
  ): LeadershipEvent | null {
    if (status.leader === this.#leader && (status.leader === null || status.term === this.#term)) {
      return null;
    }
    const before = this.#leader;
    this.#leader = status.leader;
    this.#term = status.term;
    const { term, leader } = status;
    const pause = this.#pauseText(leader, before, clock.nowMs());
    const sentence = describe(status, before, nameOf) + pause;
    const at = new Date(clock.wallMs()).toISOString();
    return { type: "leadership", term, leader, at, sentence };
  }

  /** How long this member knew of no leader; another one may have known of one. */
  #pauseText(leader: MemberId | null, before: MemberId | null, nowMs: number): string {
    const sinceMs = this.#leaderlessSinceMs;
    if (leader === null) {
      if (before !== null) this.#leaderlessSinceMs = nowMs;
      return "";
    }
    this.#leaderlessSinceMs = null;
    if (sinceMs === null) return "";
    return ` For ${((nowMs - sinceMs) / 1000).toFixed(1)} s no leader was known here.`;
  }
}

function describe(
  status: RaftStatus,
  before: MemberId | null,
  nameOf: (member: MemberId) => string,
): string {
  if (status.leader === null) {
    const who = before === null ? "The leader" : nameOf(before);
    return `${who} does not lead any more; nobody takes edits until a majority elects a leader.`;
  }
  const now = status.leader === status.id ? "This computer" : nameOf(status.leader);
  if (before === null) return `${now} leads now (term ${status.term}).`;
  if (before === status.leader) return `${now} was elected again (term ${status.term}).`;
  const last = before === status.id ? "this computer" : nameOf(before);
  return `${now} took over from ${last} (term ${status.term}).`;
}
