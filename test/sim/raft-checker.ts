/**
 * What the members' consensus cores must never do, checked after every event on the member that
 * acted. It sees their status and logs from outside and remembers what was ever committed.
 *
 * Chained hashes make this cheap: an entry's hash covers all entries before it, so two members
 * whose hashes agree at an index agree on everything up to it.
 */
import { formatPosition, logIndex } from "../../shared/base/ids.ts";
import type { LogIndex, MemberId, Term } from "../../shared/base/ids.ts";
import type { RaftStatus } from "../../shared/raft/types.ts";
import { uphold } from "./violation.ts";

/** A member's log as the checker reads it. */
export type LogUnderTest = {
  readonly firstIndex: LogIndex;
  readonly lastIndex: LogIndex;
  termAt(index: LogIndex): Term | null;
  /** A hash over the entry and all before it; null when it is not kept. */
  chainHashAt(index: LogIndex): string | null;
};

type Committed = { readonly term: Term; readonly hash: string; readonly by: MemberId };

/** What one process has shown so far. */
type Seen = {
  readonly term: Term;
  readonly commitIndex: LogIndex;
  /** Up to here its committed entries were compared. */
  readonly checkedIndex: number;
  readonly wasLeader: boolean;
};

/** Everything the consensus cores of one world ever promised. */
export class RaftChecker {
  readonly #leaderOfTerm = new Map<Term, MemberId>();
  /** By index; index 0 is unused. */
  readonly #committed: (Committed | undefined)[] = [undefined];
  /** What each member has on its disk, also while it is off. */
  readonly #flushed = new Map<MemberId, LogIndex>();
  readonly #seen = new WeakMap<object, Seen>();

  /** Highest index that any member ever called committed. */
  get committedIndex(): LogIndex {
    return logIndex(this.#committed.length - 1);
  }

  /** Terms that had a leader. */
  get electionCount(): number {
    return this.#leaderOfTerm.size;
  }

  /**
   * One member after it acted.
   *
   * @param process Stands for this start of the member; another start may know less.
   */
  observe(process: object, status: RaftStatus, log: LogUnderTest): void {
    const seen = this.#seen.get(process) ?? {
      term: status.term,
      commitIndex: logIndex(0),
      checkedIndex: 0,
      wasLeader: false,
    };
    this.#checkMonotone(status, seen);
    // The core may know of a commit before its own disk has the entry; the log shows the disk.
    const storedIndex = Math.min(status.commitIndex, status.flushedIndex, log.lastIndex);
    if (storedIndex > seen.checkedIndex) {
      this.#checkCommitted(status, log, { after: seen.checkedIndex, upTo: storedIndex });
    }
    this.#flushed.set(status.id, status.flushedIndex);
    if (status.role === "leader") this.#checkLeader(status, log, seen);
    this.#seen.set(process, {
      term: status.term,
      commitIndex: status.commitIndex,
      checkedIndex: Math.max(storedIndex, seen.checkedIndex),
      wasLeader: status.role === "leader",
    });
  }

  /** A process ends, maybe in the middle of what it did since it was last looked at. */
  ended(status: RaftStatus): void {
    this.#flushed.set(status.id, status.flushedIndex);
  }

  #checkMonotone(status: RaftStatus, seen: Seen): void {
    uphold(status.term >= seen.term, "term-never-falls", () => {
      return `${status.id} went from term ${seen.term} to ${status.term}`;
    });
    uphold(status.commitIndex >= seen.commitIndex, "commit-never-falls", () => {
      return `${status.id} went from commit ${seen.commitIndex} to ${status.commitIndex}`;
    });
  }

  #checkLeader(status: RaftStatus, log: LogUnderTest, seen: Seen): void {
    const known = this.#leaderOfTerm.get(status.term);
    uphold(known === undefined || known === status.id, "one-leader-per-term", () => {
      return `${String(known)} and ${status.id} both led in term ${status.term}`;
    });
    this.#leaderOfTerm.set(status.term, status.id);
    if (!seen.wasLeader || seen.term !== status.term) this.#checkComplete(status, log);
    else if (status.commitIndex > seen.commitIndex) this.#checkCommitRule(status, log);
  }

  /** A leader commits what a majority of voters has on disk, counting entries of its own term. */
  #checkCommitRule(status: RaftStatus, log: LogUnderTest): void {
    const { commitIndex, configuration } = status;
    const term = commitIndex <= log.lastIndex ? log.termAt(commitIndex) : null;
    uphold(term === null || term === status.term, "commits-by-counting-its-own-term", () => {
      return `${status.id} in term ${status.term} committed ${String(term)}:${commitIndex}`;
    });
    const voters = configuration.seats.filter((seat) => seat.kind === "voter");
    const holders = voters.filter((seat) => (this.#flushed.get(seat.id) ?? 0) >= commitIndex);
    uphold(holders.length * 2 > voters.length, "committed-is-on-a-majority-of-disks", () => {
      const where = holders.map((seat) => seat.id).join(", ");
      return `${status.id} committed ${commitIndex}, which is on the disks of [${where}] only`;
    });
  }

  /** A new leader holds every entry that was committed in an earlier term. */
  #checkComplete(status: RaftStatus, log: LogUnderTest): void {
    let index = this.#committed.length - 1;
    while (index > 0 && (this.#committed[index]?.term ?? 0) >= status.term) index--;
    const entry = this.#committed[index];
    if (entry === undefined) return;
    const at = logIndex(index);
    uphold(status.lastIndex >= at, "leader-holds-all-committed", () => {
      const lost = formatPosition({ term: entry.term, index: at });
      return `${status.id} leads term ${status.term} up to ${status.lastIndex}, without ${lost}`;
    });
    if (at <= status.flushedIndex) this.#compare(status.id, log, at);
  }

  #checkCommitted(
    status: RaftStatus,
    log: LogUnderTest,
    range: { readonly after: number; readonly upTo: number },
  ): void {
    for (let i = Math.max(range.after + 1, log.firstIndex); i <= range.upTo; i++) {
      const index = logIndex(i);
      if (this.#committed[i] !== undefined) this.#compare(status.id, log, index);
      else this.#remember(status, log, index);
    }
  }

  #remember(status: RaftStatus, log: LogUnderTest, index: LogIndex): void {
    const term = log.termAt(index);
    const hash = log.chainHashAt(index);
    if (term === null || hash === null) return;
    while (this.#committed.length <= index) this.#committed.push(undefined);
    this.#committed[index] = { term, hash, by: status.id };
  }

  #compare(member: MemberId, log: LogUnderTest, index: LogIndex): void {
    const entry = this.#committed[index];
    const hash = log.chainHashAt(index);
    if (entry === undefined || hash === null) return;
    uphold(entry.hash === hash, "committed-never-changes", () => {
      const term = String(log.termAt(index));
      return (
        `${member} holds ${term}:${index} where ${entry.by} had committed ` +
        formatPosition({ term: entry.term, index })
      );
    });
  }
}
