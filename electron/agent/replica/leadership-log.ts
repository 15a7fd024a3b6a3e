import type { MemberId, Term } from "../../../shared/base/ids.ts";
import type { LeadershipEvent } from "../../../shared/api/methods.ts";
import type { RaftStatus } from "../../../shared/raft/types.ts";

/** Notices changes of leadership and puts each into one sentence. */
export class LeadershipLog {
  #leader: MemberId | null = null;
  #term: Term | null = null;

  /**
   * @param at     The wall clock, asked only when there is an event.
   * @param nameOf The name of a member for people.
   * @returns the event when something changed since the last call.
   */
  note(
    status: RaftStatus,
    at: () => string,
    nameOf: (member: MemberId) => string,
  ): LeadershipEvent | null {
    if (status.leader === this.#leader && (status.leader === null || status.term === this.#term)) {
      return null;
    }
    const before = this.#leader;
    this.#leader = status.leader;
    this.#term = status.term;
    const sentence = describe(status, before, nameOf);
    const { term, leader } = status;
    return { type: "leadership", term, leader, at: at(), sentence };
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
