/**
 * One member's consensus: the object the driver holds.
 *
 * Wires the parts together and asserts the invariants after every call. It decides nothing
 * itself, and it never touches a clock, a disk or a network.
 */
import { assert } from "../base/assert.ts";
import { type LogIndex, type MemberId, logIndex, term as asTerm } from "../base/ids.ts";
import type { Result } from "../base/result.ts";
import { dispatch } from "./dispatch.ts";
import { startElection } from "./election.ts";
import { NO_FAULTS, type RaftFaults } from "./faults.ts";
import { takeSnapshot } from "./following.ts";
import type { Raft, RaftOptions } from "./interface.ts";
import { type Watermark, assertInvariants, watermarkOf } from "./invariants.ts";
import { proposeChange, proposeData } from "./proposing.ts";
import { askRead } from "./reads.ts";
import { snapshotReported } from "./replication.ts";
import { holdIncarnation } from "./roles.ts";
import { Core } from "./state.ts";
import { describeStatus } from "./status.ts";
import { batchStored, takeReady } from "./take-ready.ts";
import { advanceTime, electionAtMs, noteConnectionLost, stepDownNow } from "./timers.ts";
import { leaveIfRemoved, startTransfer } from "./transfer.ts";
import type {
  Configuration,
  ConfigurationChange,
  LogEntry,
  RaftError,
  RaftMessage,
  RaftStatus,
  Ready,
  SnapshotMark,
} from "./types.ts";

const SCAN_BYTES = 1024 * 1024;

/**
 * A core that starts from what its disk holds. A member that is the only voter leads at once.
 *
 * @param faults Bugs to plant; for tests of the tests only.
 */
export function createRaft(options: RaftOptions, faults: RaftFaults = NO_FAULTS): Raft {
  checkOptions(options);
  const core = new Core(options, faults);
  for (const entries of storedAfter(options)) core.configurations.append(entries);
  return new ConsensusCore(core);
}

class ConsensusCore implements Raft {
  readonly #core: Core;
  readonly #watermark: Watermark;
  /** Asked for many times between two calls, which alone change it. */
  #status: RaftStatus | null = null;

  constructor(core: Core) {
    this.#core = core;
    this.#watermark = watermarkOf(core);
    if (core.isSoleVoter) startElection(core);
    this.#finish();
  }

  step(message: RaftMessage): void {
    dispatch(this.#core, message);
    this.#finish();
  }

  advance(nowMs: number): void {
    advanceTime(this.#core, nowMs);
    this.#finish();
  }

  wakeAtMs(): number {
    return electionAtMs(this.#core);
  }

  connectionLost(member: MemberId): void {
    noteConnectionLost(this.#core, member);
    this.#finish();
  }

  propose(payloads: readonly Uint8Array[]): ReturnType<Raft["propose"]> {
    const result = proposeData(this.#core, payloads);
    this.#finish();
    return result;
  }

  changeConfiguration(change: ConfigurationChange): ReturnType<Raft["changeConfiguration"]> {
    const result = proposeChange(this.#core, change);
    this.#finish();
    return result;
  }

  transferLeadership(target: MemberId): Result<null, RaftError> {
    const result = startTransfer(this.#core, target);
    this.#finish();
    return result;
  }

  stepDown(): void {
    stepDownNow(this.#core);
    this.#finish();
  }

  holdIncarnation(incarnation: number | null): void {
    holdIncarnation(this.#core, incarnation);
    this.#finish();
  }

  readIndex(requestId: number): void {
    askRead(this.#core, requestId);
    this.#finish();
  }

  receiveSnapshot(mark: SnapshotMark, from: MemberId, term: number): boolean {
    const isTaken = takeSnapshot(this.#core, mark, from, asTerm(term));
    this.#finish();
    return isTaken;
  }

  reportSnapshot(member: MemberId, outcome: "sent" | "failed"): void {
    snapshotReported(this.#core, member, outcome);
    this.#finish();
  }

  ready(): Ready {
    const ready = takeReady(this.#core);
    this.#finish();
    return ready;
  }

  persisted(batchId: number): void {
    batchStored(this.#core, batchId);
    this.#finish();
  }

  status(): RaftStatus {
    this.#status ??= describeStatus(this.#core);
    return this.#status;
  }

  configurationAt(index: LogIndex): Configuration {
    return this.#core.configurations.at(index);
  }

  #finish(): void {
    const core = this.#core;
    this.#status = null;
    if (core.role.name === "leader") leaveIfRemoved(core, core.role);
    assertInvariants(core, this.#watermark);
  }
}

function checkOptions(options: RaftOptions): void {
  const { log, settings } = options;
  assert(settings.electionMs >= 3 * settings.heartbeatMs, "an election outlasts three heartbeats");
  assert(settings.appendBytesMax > 0 && settings.inflightBytesMax > 0, "appends carry something");
  assert(options.commitIndex <= log.lastIndex, "the commit index lies inside the log");
  assert(options.appliedIndex <= log.lastIndex, "what is applied was in the log");
  assert(options.appliedIndex + 1 >= log.firstIndex, "the log goes on where the store stands");
  const lastTerm = log.termAt(log.lastIndex);
  assert(lastTerm !== null && lastTerm <= options.hardState.term, "the term covers the log");
}

/** The stored entries after the given configuration, in pieces. Once, at the start. */
function* storedAfter(options: RaftOptions): Iterable<readonly LogEntry[]> {
  const { log } = options;
  let from = Math.max(log.firstIndex, options.configurationPosition.index + 1);
  while (from <= log.lastIndex) {
    const entries = log.entriesFrom(logIndex(from), SCAN_BYTES);
    assert(entries.length > 0, "the log view gives at least one entry");
    yield entries;
    from += entries.length;
  }
}
