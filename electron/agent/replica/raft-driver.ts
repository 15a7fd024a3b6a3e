/**
 * Carries out what the consensus core decides: sends, stores, hands over. It adds no decision of
 * its own. The order it keeps is the contract of `Ready` (shared/raft/types.ts).
 *
 * Input of one turn of the event loop is gathered before the core is asked for work, so that one
 * disk sync serves everything that arrived together.
 */
import type { MemberId } from "../../../shared/base/ids.ts";
import { err } from "../../../shared/base/result.ts";
import type { Result } from "../../../shared/base/result.ts";
import type { Raft } from "../../../shared/raft/interface.ts";
import type {
  LogEntry,
  PersistBatch,
  RaftError,
  RaftMessage,
  ReadAnswer,
  SnapshotMark,
} from "../../../shared/raft/types.ts";
import { LogReadError } from "../log/log-error.ts";
import type { ReplicationLog } from "../log/replication-log.ts";
import type { Clock, DiskError } from "../ports.ts";

/** How often a full disk is tried again. The core has no other work for it meanwhile. */
const FULL_RETRY_MS = 500;

type RaftDriverOptions = {
  readonly raft: Raft;
  readonly log: ReplicationLog;
  readonly clock: Clock;
  readonly send: (message: RaftMessage) => void;
  readonly onCommitted: (entries: readonly LogEntry[]) => void;
  readonly onRead: (answer: ReadAnswer) => void;
  readonly onSnapshotWanted: (member: MemberId) => void;
  /** Replaces log and database by the snapshot that `receiveSnapshot` was called with. */
  readonly installSnapshot: (mark: SnapshotMark) => Promise<DiskError | null>;
  /** `storage-full` is tried again by itself; anything else is final. */
  readonly onDiskError: (error: DiskError) => void;
  /** A write went through after a full disk. */
  readonly onDiskRecovered: () => void;
  /** After every round of work: roles, indexes or the configuration may have changed. */
  readonly onChange: () => void;
};

/** The loop around one core. */
export class RaftDriver {
  readonly #options: RaftDriverOptions;
  #isScheduled = false;
  #isStopped = false;
  #isBroken = false;
  #persisting: Promise<void> | null = null;

  constructor(options: RaftDriverOptions) {
    this.#options = options;
  }

  /**
   * Gives the core an input and sees to the work that comes of it, at the end of this turn.
   *
   * @returns what the core answered; null when the log cannot be read any more.
   */
  input<T>(action: (raft: Raft) => T): T | null {
    const result = this.#guarded(() => action(this.#options.raft));
    this.#schedule();
    return result;
  }

  /** The same for a request that the core may refuse. */
  ask<T>(action: (raft: Raft) => Result<T, RaftError>): Result<T, RaftError> {
    const answer = this.#guarded(() => action(this.#options.raft));
    this.#schedule();
    return answer ?? err({ code: "not-leader", detail: "the log here cannot be read any more" });
  }

  /** No more work is taken; resolves when the batch on its way to the disk has ended. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#persisting;
  }

  #schedule(): void {
    if (this.#isScheduled || this.#isStopped) return;
    this.#isScheduled = true;
    void Promise.resolve().then(() => {
      this.#isScheduled = false;
      this.#work();
    });
  }

  #work(): void {
    this.#guarded(() => this.#carryOut());
  }

  /**
   * A record that was good at the start and is not any more leaves the core in the middle of a
   * thought: nothing is asked of it again. Whoever opened the log was told of the record.
   */
  #guarded<T>(action: () => T): T | null {
    if (this.#isBroken) return null;
    try {
      return action();
    } catch (error) {
      if (!(error instanceof LogReadError)) throw error;
      this.#isBroken = true;
      this.#isStopped = true;
      return null;
    }
  }

  #carryOut(): void {
    if (this.#isStopped) return;
    const { raft, send, onCommitted, onRead, onSnapshotWanted, onChange } = this.#options;
    const ready = raft.ready();
    for (const message of ready.messages) send(message);
    if (ready.persist !== null) this.#persisting = this.#persist(ready.persist);
    if (ready.committed.length > 0) onCommitted(ready.committed);
    for (const answer of ready.reads) onRead(answer);
    for (const member of ready.snapshotsFor) onSnapshotWanted(member);
    onChange();
    // The core hands committed entries out in bounded portions; there may be more.
    if (ready.committed.length > 0) this.#schedule();
  }

  async #persist(batch: PersistBatch): Promise<void> {
    let error = await this.#store(batch);
    while (error !== null && error.code === "storage-full" && !this.#isStopped) {
      this.#options.onDiskError(error);
      await new Promise<void>((resume) => this.#options.clock.after(FULL_RETRY_MS, resume));
      error = this.#isStopped ? error : await this.#store(batch);
      if (error === null) this.#options.onDiskRecovered();
    }
    if (this.#isStopped) return;
    if (error !== null) {
      this.#options.onDiskError(error);
      return;
    }
    for (const message of batch.messages) this.#options.send(message);
    this.#options.raft.persisted(batch.id);
    this.#work();
  }

  /** The order of `PersistBatch`: a crash in between leaves the earlier parts only. */
  async #store(batch: PersistBatch): Promise<DiskError | null> {
    const { hardState, snapshot, entries } = batch;
    const { log, installSnapshot } = this.#options;
    if (snapshot === null) return errorOf(await log.persist({ hardState, entries }));
    const saved = errorOf(await log.persist({ hardState, entries: [] }));
    const failed = saved ?? (await installSnapshot(snapshot));
    return failed ?? errorOf(await log.persist({ hardState: null, entries }));
  }
}

function errorOf(result: Result<null, DiskError>): DiskError | null {
  return result.ok ? null : result.error;
}
