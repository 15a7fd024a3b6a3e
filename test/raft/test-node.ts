/**
 * A core with the driver it needs to live in a random history: a disk that may lose what was not
 * stored, and a restart from what is left. The network between nodes is elsewhere.
 */
import { assert } from "../../shared/base/assert.ts";
import { type LogIndex, type MemberId, logIndex } from "../../shared/base/ids.ts";
import type { Rng } from "../../shared/base/rng.ts";
import type { RaftFaults } from "../../shared/raft/faults.ts";
import type { Raft } from "../../shared/raft/interface.ts";
import { createRaft } from "../../shared/raft/raft.ts";
import type {
  Configuration,
  LogEntry,
  PersistBatch,
  RaftMessage,
  RaftSettings,
  RaftStatus,
  ReadAnswer,
} from "../../shared/raft/types.ts";
import { MemoryDisk, type Torn } from "./memory-disk.ts";

/** What a node does to the world around it. */
export type NodeOutlet = {
  readonly send: (message: RaftMessage) => void;
  readonly committed: (node: TestNode, entries: readonly LogEntry[]) => void;
  readonly answered: (node: TestNode, answer: ReadAnswer) => void;
  readonly snapshotFor: (node: TestNode, member: MemberId) => void;
};

/** What a node needs from the one who makes it. */
export type NodeOptions = {
  readonly id: MemberId;
  readonly settings: RaftSettings;
  readonly configuration: Configuration;
  readonly rng: Rng;
  readonly faults: RaftFaults;
  readonly outlet: NodeOutlet;
};

/** The driver of one core in tests: disk writes take as long as the test wants. */
export class TestNode {
  readonly id: MemberId;
  readonly disk: MemoryDisk;
  readonly #options: NodeOptions;
  #raft: Raft | null = null;
  pending: PersistBatch | null = null;
  appliedIndex: LogIndex = logIndex(0);

  constructor(options: NodeOptions) {
    this.id = options.id;
    this.#options = options;
    this.disk = new MemoryDisk(options.id, options.configuration);
  }

  get isUp(): boolean {
    return this.#raft !== null;
  }

  get status(): RaftStatus {
    assert(this.#raft !== null, "the node is up");
    return this.#raft.status();
  }

  start(nowMs: number): void {
    const { id, settings, rng, faults } = this.#options;
    const { base, hardState } = this.disk;
    this.appliedIndex = base.position.index;
    this.#raft = createRaft(
      {
        id,
        settings,
        rng,
        log: this.disk,
        hardState,
        configuration: base.configuration,
        configurationPosition: base.position,
        commitIndex: base.position.index,
        appliedIndex: base.position.index,
        nowMs,
      },
      faults,
    );
    this.drain();
  }

  /** The process ends; `torn` says what the disk got of a batch under way. */
  crash(torn: Torn): void {
    if (this.pending) this.disk.write(this.pending, torn);
    this.pending = null;
    this.#raft = null;
  }

  /** Does something with the core, then carries out all work except the disk's. */
  run<T>(action: (raft: Raft) => T): T {
    assert(this.#raft !== null, "the node is up");
    const result = action(this.#raft);
    this.drain();
    return result;
  }

  /** The disk finishes what it has. @returns whether there was something. */
  finishPersist(): boolean {
    const batch = this.pending;
    if (batch === null) return false;
    this.disk.write(batch);
    if (batch.snapshot) this.appliedIndex = batch.snapshot.position.index;
    this.pending = null;
    for (const message of batch.messages) this.#options.outlet.send(message);
    this.run((raft) => raft.persisted(batch.id));
    return true;
  }

  /** Keeps a snapshot at what is applied and drops the log behind it. */
  compact(): void {
    const term = this.disk.termAt(this.appliedIndex);
    if (term === null || this.appliedIndex <= this.disk.base.position.index) return;
    const configuration = this.run((raft) => raft.configurationAt(this.appliedIndex));
    this.disk.compact({ term, index: this.appliedIndex }, configuration);
  }

  drain(): void {
    const { outlet } = this.#options;
    assert(this.#raft !== null, "the node is up");
    const ready = this.#raft.ready();
    for (const message of ready.messages) outlet.send(message);
    if (ready.persist) {
      assert(this.pending === null, "one batch at a time");
      this.pending = ready.persist;
    }
    if (ready.committed.length > 0) {
      for (const entry of ready.committed) {
        assert(entry.index === this.appliedIndex + 1, "committed entries ascend by one");
        this.appliedIndex = entry.index;
      }
      outlet.committed(this, ready.committed);
    }
    for (const answer of ready.reads) outlet.answered(this, answer);
    for (const member of ready.snapshotsFor) outlet.snapshotFor(this, member);
  }
}
