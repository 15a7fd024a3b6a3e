/**
 * What must hold in every history of every cluster, checked from outside: the checkers see what
 * members did, and know nothing of how the core decides.
 */
import type { LogIndex, MemberId } from "../../shared/base/ids.ts";
import type { LogEntry } from "../../shared/raft/types.ts";
import type { MemoryDisk } from "./memory-disk.ts";
import type { TestNode } from "./test-node.ts";

/** A promise of Raft that was broken (thesis figure 3.2, and §6.4 for reads). */
export class Violation extends Error {
  override readonly name = "Violation";
}

/** Watches a whole cluster from outside, and remembers everything that may not change. */
export class SafetyChecker {
  readonly #leaders = new Map<number, MemberId>();
  /** By term: what its leader knew to be committed when it was elected. */
  readonly #inherited = new Map<number, number>();
  readonly #committed: LogEntry[] = [];

  /** Highest index that anybody knew to be committed. */
  get committedCount(): number {
    return this.#committed.length;
  }

  get electionCount(): number {
    return this.#leaders.size;
  }

  /** State-machine safety: the same entry everywhere, for ever. */
  entriesCommitted(node: TestNode, entries: readonly LogEntry[]): void {
    for (const entry of entries) this.#commit(node, entry);
  }

  /** Call after everything that may have changed a node. */
  observe(node: TestNode): void {
    const status = node.status;
    // Nobody here breaks the rules, so nothing may look as if somebody did.
    if (status.alarm) throw new Violation(`alarm at ${node.id}: ${status.alarm.detail}`);
    if (status.role !== "leader") return;
    const known = this.#leaders.get(status.term);
    if (known === undefined) {
      this.#leaders.set(status.term, node.id);
      this.#inherited.set(status.term, status.commitIndex);
      this.#checkCompleteness(node, status.term, status.lastIndex);
    } else if (known !== node.id) {
      throw new Violation(`election safety: ${known} and ${node.id} lead term ${status.term}`);
    }
    this.#checkCommitRule(node, status.term, status.commitIndex);
    this.#noteAcknowledged(node, status.commitIndex);
  }

  /** Log matching: where two logs agree on an entry they agree on all before it. */
  compareLogs(disks: readonly MemoryDisk[]): void {
    for (const [at, a] of disks.entries()) {
      for (const b of disks.slice(at + 1)) compareTwo(a, b);
    }
  }

  /** A linearizable read sees everything that was committed when it was asked. */
  readAnswered(index: LogIndex, committedWhenAsked: number): void {
    if (index < committedWhenAsked) {
      throw new Violation(`stale read: ${index} was answered after ${committedWhenAsked}`);
    }
  }

  /**
   * A leader counts copies for entries of its own term only (§3.6.2). The loss this prevents
   * (figure 8) needs five events in order and is rare; the rule itself is seen broken at once.
   */
  #checkCommitRule(node: TestNode, term: number, commitIndex: number): void {
    if (commitIndex <= (this.#inherited.get(term) ?? 0)) return;
    const entry = entryOf(node, commitIndex);
    if (entry !== undefined && entry.term !== term) {
      throw new Violation(
        `commit rule: ${node.id} of term ${term} commits ${entry.term}:${entry.index}`,
      );
    }
  }

  /** What a leader calls committed is acknowledged to clients at once. */
  #noteAcknowledged(node: TestNode, commitIndex: number): void {
    for (let index = this.#committed.length + 1; index <= commitIndex; index++) {
      const entry = entryOf(node, index);
      if (entry === undefined) return;
      this.#commit(node, entry);
    }
  }

  #commit(node: TestNode, entry: LogEntry): void {
    const known = this.#committed[entry.index - 1];
    if (known === undefined) {
      if (entry.index !== this.#committed.length + 1) {
        throw new Violation(`${node.id} committed ${entry.index} with a gap before it`);
      }
      this.#committed.push(entry);
    } else if (known.term !== entry.term || known.payload !== entry.payload) {
      throw new Violation(
        `state-machine safety: ${node.id} has ${entry.term}:${entry.index}, ` +
          `committed was ${known.term}:${known.index}`,
      );
    }
  }

  /** Leader completeness: who wins an election has what was committed in earlier terms. */
  #checkCompleteness(node: TestNode, term: number, lastIndex: number): void {
    for (let i = this.#committed.length - 1; i >= 0; i--) {
      const entry = this.#committed[i];
      if (entry === undefined || entry.term >= term) continue;
      const isMissing = entry.index > lastIndex || isDifferent(node, entry);
      if (isMissing) {
        throw new Violation(
          `leader completeness: ${node.id} leads ${term} without ${entry.term}:${entry.index}`,
        );
      }
      return;
    }
  }
}

function isDifferent(node: TestNode, entry: LogEntry): boolean {
  const own = entryOf(node, entry.index);
  return own !== undefined && own.term !== entry.term;
}

/** The entry in memory or on disk, as far as the test can see it from outside. */
function entryOf(node: TestNode, index: number): LogEntry | undefined {
  const batch = node.pending?.entries ?? [];
  const inBatch = batch.find((entry) => entry.index === index);
  if (inBatch) return inBatch;
  const firstInBatch = batch[0]?.index ?? Infinity;
  if (index >= firstInBatch) return undefined;
  return node.disk.entries[index - node.disk.firstIndex];
}

function compareTwo(a: MemoryDisk, b: MemoryDisk): void {
  const last = Math.min(a.lastIndex, b.lastIndex);
  const first = Math.max(a.firstIndex, b.firstIndex);
  let isShared = false;
  for (let index = last; index >= first; index--) {
    const inA = a.entries[index - a.firstIndex];
    const inB = b.entries[index - b.firstIndex];
    if (inA === undefined || inB === undefined) continue;
    if (inA.term === inB.term) {
      isShared = true;
      if (inA.payload !== inB.payload) throw new Violation(`log matching: two at ${index}`);
    } else if (isShared) {
      throw new Violation(`log matching: differ at ${index}, agree after it`);
    }
  }
}
