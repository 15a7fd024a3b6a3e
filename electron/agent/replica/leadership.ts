/**
 * What depends on whether this member leads: the write path when it does, and what a client is
 * told when it does not. It follows the core's role and never guesses it.
 */
import type { ApiError } from "../../../shared/api/methods.ts";
import type { MemberId, Term } from "../../../shared/base/ids.ts";
import { err, ok } from "../../../shared/base/result.ts";
import type { Result } from "../../../shared/base/result.ts";
import type { LogView, RaftStatus } from "../../../shared/raft/types.ts";
import type { Clock, Store } from "../ports.ts";
import type { Applier } from "./applier.ts";
import { Confirmations } from "./confirmations.ts";
import type { RaftDriver } from "./raft-driver.ts";
import type { StorageState } from "./storage-state.ts";
import { WriteBudget } from "./write-budget.ts";
import { WriteQueue } from "./write-queue.ts";
import type { WriteOutcome, WriteRequest } from "./write-queue.ts";

type LeadershipOptions = {
  readonly clock: Clock;
  readonly store: Store;
  readonly applier: Applier;
  readonly log: LogView;
  readonly storage: StorageState;
  readonly raftStatus: () => RaftStatus;
  readonly driver: RaftDriver;
  readonly electionMs: number;
  /** Whether the others say that this member does not belong to the cluster any more. */
  readonly isRemoved: () => boolean;
  /** How to reach a member, for the `not-leader` answer. */
  readonly contactOf: (member: MemberId) => NonNullable<ApiError["leader"]>;
};

/** Connected members that do not apply within this time leave an `applied` write unknown. */
const APPLIED_WAIT_MS = 10_000;

/** This member's part in taking writes. */
export class Leadership {
  readonly confirmations: Confirmations;
  readonly #options: LeadershipOptions;
  readonly #queue: WriteQueue;
  readonly #budget = new WriteBudget();
  #role: { readonly isLeader: boolean; readonly term: Term } | null = null;
  #leader: MemberId | null = null;
  /** Whoever waits for a leader, or for this member's leadership to end. */
  readonly #watchers = new Set<() => void>();

  constructor(options: LeadershipOptions) {
    this.#options = options;
    const { clock, applier, log, electionMs, store } = options;
    this.confirmations = new Confirmations({
      clock,
      applier,
      termAt: (index) => log.termAt(index),
      graceMs: electionMs,
      appliedWaitMs: APPLIED_WAIT_MS,
    });
    this.#queue = new WriteQueue({
      store,
      refusal: () => this.refusal(),
      settled: () => this.#settled(),
      propose: (payloads, settledTerm) => this.#propose(payloads, settledTerm),
      confirmed: (position, ack) => this.confirmations.confirmed(position, ack),
      repeated: (position, ack) => this.confirmations.repeated(position, ack),
    });
  }

  /** The core may have changed; called after every round of its work. */
  note(status: RaftStatus): void {
    const isLeader = status.role === "leader";
    if (isLeader) this.confirmations.flushed(status.flushedIndex);
    const before = this.#role;
    const isSame = before?.isLeader === isLeader && before.term === status.term;
    if (isSame && status.leader === this.#leader) return;
    this.#role = { isLeader, term: status.term };
    this.#leader = status.leader;
    if (before?.isLeader === true && !isSame) this.#lost();
    this.#wakeWatchers();
  }

  /** Why a write sent here now is not taken; null when it is. */
  refusal(): ApiError | null {
    const storage = this.#options.storage.writeRefusal();
    if (storage !== null) return storage;
    const status = this.#options.raftStatus();
    if (status.role === "leader") return null;
    if (status.leader === null) return this.#options.isRemoved() ? removed() : noQuorum();
    const leader = this.#options.contactOf(status.leader);
    return {
      code: "not-leader",
      message: `This computer mirrors; ${leader.name} leads and takes the edits.`,
      leader,
    };
  }

  /**
   * Takes a write. While no leader is known it waits one election for one. `busy`: others wait already, so
   * many or so large that this one would grow the memory; nothing happened, and it may be tried again.
   */
  async submit(request: WriteRequest): Promise<WriteOutcome> {
    const bytes = this.#budget.take(request);
    if (bytes === null) return err({ code: "busy", message: "Too many edits wait; try again." });
    try {
      const isLeaderless = this.#options.raftStatus().leader === null;
      if (isLeaderless && !this.#options.isRemoved()) await this.waitForLeader();
      return await this.#queue.submit(request);
    } finally {
      this.#budget.giveBack(bytes);
    }
  }

  /** Captures nothing while `work` runs: see `WriteQueue`. */
  whileHeld<T>(work: () => Promise<T>): Promise<T> {
    return this.#queue.whileHeld(work);
  }

  /** The leader, waiting for at most one election timeout; null when nobody was elected. */
  async waitForLeader(): Promise<MemberId | null> {
    const { clock, electionMs, raftStatus } = this.#options;
    const deadlineMs = clock.nowMs() + electionMs * 2;
    for (;;) {
      const { leader } = raftStatus();
      const leftMs = deadlineMs - clock.nowMs();
      if (leader !== null || leftMs <= 0) return leader;
      await this.#changed(leftMs);
    }
  }

  /** Ends all waiting. */
  close(): void {
    this.#queue.failWaiting({ code: "unreachable", message: "This computer is shutting down." });
    this.confirmations.close();
    this.#wakeWatchers();
  }

  #lost(): void {
    this.#options.applier.release();
    this.#queue.failWaiting(this.refusal() ?? noQuorum());
    this.confirmations.leadershipLost();
  }

  async #settled(): Promise<Result<Term, ApiError>> {
    const { applier, raftStatus } = this.#options;
    for (;;) {
      const refusal = this.refusal();
      if (refusal !== null) return err(refusal);
      const status = raftStatus();
      if (applier.position.applied.index >= status.lastIndex) return ok(status.term);
      const waiting = applier.reached(status.lastIndex);
      this.#watchers.add(waiting.cancel);
      const end = await waiting.done;
      this.#watchers.delete(waiting.cancel);
      if (end === "closed") return err(noQuorum());
    }
  }

  #propose(
    payloads: readonly Uint8Array[],
    settledTerm: Term,
  ): ReturnType<ConstructorParameters<typeof WriteQueue>[0]["propose"]> {
    const { term, role } = this.#options.raftStatus();
    if (role !== "leader" || term !== settledTerm) {
      return err({ code: "not-leader", detail: "leadership changed while the edit was prepared" });
    }
    const proposed = this.#options.driver.ask((raft) => raft.propose(payloads));
    if (proposed.ok) this.#options.applier.holdUntil(proposed.value.last.index);
    return proposed;
  }

  #changed(withinMs: number): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        timer.cancel();
        this.#watchers.delete(end);
        resolve();
      };
      const timer = this.#options.clock.after(withinMs, end);
      this.#watchers.add(end);
    });
  }

  #wakeWatchers(): void {
    const watchers = [...this.#watchers];
    this.#watchers.clear();
    for (const watcher of watchers) watcher();
  }
}

function removed(): ApiError {
  return {
    code: "not-leader",
    message: "This computer was removed from the workspace; what it has can still be read here.",
  };
}

function noQuorum(): ApiError {
  return {
    code: "no-quorum",
    message:
      "No leader: a majority of the voting computers must be reachable. Nothing was changed; " +
      "reading goes on.",
  };
}
