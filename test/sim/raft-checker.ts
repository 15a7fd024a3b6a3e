/**
 * What the members' consensus cores must never do, checked after every event on the member that
 * acted. It sees their status and logs from outside and remembers what was ever committed.
 *
 * Chained hashes make this cheap: an entry's hash covers all entries before it, so two members
 * whose hashes agree at an index agree on everything up to it.
 */
import { bytesEqual } from "../../shared/base/bytes.ts";
import { formatPosition, logIndex } from "../../shared/base/ids.ts";
import type { LogIndex, MemberId, Term } from "../../shared/base/ids.ts";
import type { Configuration, RaftStatus, Seat } from "../../shared/raft/types.ts";
import { uphold } from "./violation.ts";

/** A member's log as the checker reads it. */
export type LogUnderTest = {
  readonly firstIndex: LogIndex;
  readonly lastIndex: LogIndex;
  termAt(index: LogIndex): Term | null;
  /** A hash over the entry and all before it; null when it is not kept. */
  chainHashAt(index: LogIndex): Uint8Array | null;
  /** What a configuration entry says; null for an entry of another kind, or not kept. */
  configurationAt(index: LogIndex): Configuration | null;
};

type Committed = { readonly term: Term; readonly hash: Uint8Array; readonly by: MemberId };

/**
 * What is on the disks of a member, and under which incarnation it was said. While a copy of a folder runs there are
 * two disks, and until they have met either may have said what counts. What was under way when a seat was given up
 * still counts: the entries are stored, and then the leader is told.
 */
type FlushedBy = Map<Disk, { readonly held: number | null; readonly index: LogIndex }>;

/** Whose disk it is: the member's own, or that of a computer that runs a copy of its folder. */
type Disk = "own" | "copy";

/** What one process has shown so far. */
type Seen = {
  term: Term;
  commitIndex: LogIndex;
  /** Up to here its committed entries were compared. */
  checkedIndex: number;
  /** Up to here the kinds of its entries were looked at while it led. */
  scannedIndex: number;
  wasLeader: boolean;
  /** The highest term that was seen to be safe on its disk; -1 for none. */
  storedTerm: number;
};

/** Who said that they voted for the candidate in the term. */
type VotersFor = (candidate: MemberId, term: number) => readonly MemberId[];

/** Everything the consensus cores of one world ever promised. */
export class RaftChecker {
  readonly #leaderOfTerm = new Map<Term, MemberId>();
  /** By index; index 0 is unused. */
  readonly #committed: (Committed | undefined)[] = [undefined];
  /** What each member has on its disk, also while it is off. */
  readonly #flushed = new Map<MemberId, FlushedBy>();
  readonly #seen = new WeakMap<object, Seen>();
  readonly #votersFor: VotersFor;
  readonly #isTermStored: (member: MemberId, term: Term) => boolean;
  /** The newest committed configuration; null before the first change of it. */
  #configuration: { readonly index: number; readonly seats: readonly Seat[] } | null = null;

  /** @param isTermStored Whether a member's term would survive a power loss now. */
  constructor(votersFor: VotersFor, isTermStored: (member: MemberId, term: Term) => boolean) {
    this.#votersFor = votersFor;
    this.#isTermStored = isTermStored;
  }

  /** Highest index that any member ever called committed. */
  get committedIndex(): LogIndex {
    return logIndex(this.#committed.length - 1);
  }

  /** The highest term that had a leader. */
  get lastTerm(): number {
    return Math.max(0, ...this.#leaderOfTerm.keys());
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
    const seen = this.#seenOf(process, status);
    this.#checkMonotone(status, seen);
    // The core may know of a commit before its own disk has the entry; the log shows the disk.
    const storedIndex = Math.min(status.commitIndex, status.flushedIndex, log.lastIndex);
    if (storedIndex > seen.checkedIndex) {
      this.#checkCommitted(status, log, { after: seen.checkedIndex, upTo: storedIndex });
    }
    this.stored(status);
    // A sole voter elects itself before its disk knows; nobody hears of it until it does.
    const isLeader = status.role === "leader" && this.#isTermSafe(status, seen);
    if (isLeader) this.#checkLeader(status, log, seen);
    const scannedIndex = isLeader ? this.#checkPending(status, log, seen) : 0;
    seen.term = status.term;
    seen.commitIndex = status.commitIndex;
    seen.checkedIndex = Math.max(storedIndex, seen.checkedIndex);
    seen.scannedIndex = scannedIndex;
    seen.wasLeader = isLeader;
  }

  /** What a member had on its disk may be gone. */
  wounded(member: MemberId): void {
    this.#flushed.delete(member);
  }

  /** What is on a member's disk now. */
  stored({ id, incarnation, flushedIndex }: RaftStatus, disk: Disk = "own"): void {
    const known: FlushedBy = this.#flushed.get(id) ?? new Map();
    const held = incarnation ?? known.get(disk)?.held ?? null;
    this.#flushed.set(id, known.set(disk, { held, index: flushedIndex }));
  }

  #seenOf(process: object, status: RaftStatus): Seen {
    const known = this.#seen.get(process);
    if (known !== undefined) return known;
    const seen: Seen = {
      term: status.term,
      commitIndex: logIndex(0),
      checkedIndex: 0,
      scannedIndex: 0,
      wasLeader: false,
      storedTerm: -1,
    };
    this.#seen.set(process, seen);
    return seen;
  }

  /** Looks at the disk until the term is there once: a disk forgets only when nobody runs on it. */
  #isTermSafe(status: RaftStatus, seen: Seen): boolean {
    if (seen.storedTerm >= status.term) return true;
    if (!this.#isTermStored(status.id, status.term)) return false;
    seen.storedTerm = status.term;
    return true;
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
    if (!seen.wasLeader || seen.term !== status.term) {
      this.#checkElection(status);
      this.#checkComplete(status, log);
    } else if (status.commitIndex > seen.commitIndex) this.#checkCommitRule(status, log);
  }

  /** A leader was voted for by a majority of the voters of its own configuration. */
  #checkElection(status: RaftStatus): void {
    const voters = votersOf(status.configuration.seats);
    const votes = new Set([status.id, ...this.#votersFor(status.id, status.term)]);
    const counted = voters.filter((id) => votes.has(id));
    uphold(counted.length * 2 > voters.length, "elected-by-a-majority-of-voters", () => {
      const all = voters.join(", ");
      return `${status.id} leads term ${status.term} by [${counted.join(", ")}] of [${all}]`;
    });
  }

  /** A leader appends a change of the configuration only when the one before it is committed. */
  #checkPending(status: RaftStatus, log: LogUnderTest, seen: Seen): number {
    const from = Math.max(seen.scannedIndex, log.firstIndex - 1);
    const upTo = Math.min(status.flushedIndex, log.lastIndex);
    for (let i = from + 1; i <= upTo; i++) {
      const index = logIndex(i);
      if (i <= status.commitIndex || log.configurationAt(index) === null) continue;
      for (let j = status.commitIndex + 1; j < i; j++) {
        const isPending = log.configurationAt(logIndex(j)) !== null;
        uphold(!isPending || log.termAt(index) !== status.term, "one-change-at-a-time", () => {
          return `${status.id} appended a configuration at ${i} while ${j} was not committed`;
        });
      }
    }
    return Math.max(seen.scannedIndex, upTo);
  }

  /** A leader commits what a majority of voters has on disk, counting entries of its own term. */
  #checkCommitRule(status: RaftStatus, log: LogUnderTest): void {
    const { commitIndex, configuration } = status;
    const term = commitIndex <= log.lastIndex ? log.termAt(commitIndex) : null;
    uphold(term === null || term === status.term, "commits-by-counting-its-own-term", () => {
      return `${status.id} in term ${status.term} committed ${String(term)}:${commitIndex}`;
    });
    const voters = configuration.seats.filter((seat) => seat.kind === "voter");
    const holders = voters.filter(({ id, incarnation }) => {
      const disks = [...(this.#flushed.get(id)?.values() ?? [])];
      return disks.some(({ held, index }) => held === incarnation && index >= commitIndex);
    });
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
    // A copy: the log's own may be a view on its file.
    this.#committed[index] = { term, hash: hash.slice(), by: status.id };
    const configuration = log.configurationAt(index);
    if (configuration !== null) this.#checkChange(index, configuration.seats);
  }

  /** Committed configurations differ by one seat, so that their majorities overlap. */
  #checkChange(index: LogIndex, seats: readonly Seat[]): void {
    const before = this.#configuration;
    if (before !== null && before.index > index) return;
    this.#configuration = { index, seats };
    if (before === null) return;
    const old = new Set(votersOf(before.seats));
    const now = new Set(votersOf(seats));
    const changed = [...old].filter((id) => !now.has(id)).length;
    const added = [...now].filter((id) => !old.has(id)).length;
    uphold(changed + added <= 1, "one-change-at-a-time", () => {
      const text = `${[...old].join(",")} to ${[...now].join(",")}`;
      return `the voters went from ${text} at once, at ${index}`;
    });
  }

  #compare(member: MemberId, log: LogUnderTest, index: LogIndex): void {
    const entry = this.#committed[index];
    const hash = log.chainHashAt(index);
    if (entry === undefined || hash === null) return;
    uphold(bytesEqual(entry.hash, hash), "committed-never-changes", () => {
      const term = String(log.termAt(index));
      return (
        `${member} holds ${term}:${index} where ${entry.by} had committed ` +
        formatPosition({ term: entry.term, index })
      );
    });
  }
}

function votersOf(seats: readonly Seat[]): readonly MemberId[] {
  return seats.flatMap((seat) => (seat.kind === "voter" ? [seat.id] : []));
}
