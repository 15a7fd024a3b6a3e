/** What happens again and again: time for the core, beats to the others, a look once a second. */
import type { MemberId } from "../../../shared/base/ids.ts";
import type { LagSample } from "../../../shared/cluster/status.ts";
import type { MemberMessage } from "../../../shared/protocol/messages.ts";
import type { RaftStatus } from "../../../shared/raft/types.ts";
import type { StoredRow } from "../members/seat-watch.ts";
import type { Timer } from "../ports.ts";
import type { EventHub } from "./event-hub.ts";
import type { Forwarder } from "./forwarder.ts";
import { LagHistory } from "./lag-history.ts";
import type { LagTracker } from "./lag-tracker.ts";
import type { RaftDriver } from "./raft-driver.ts";
import type { ReplicaContext } from "./replica-context.ts";
import { stageRows } from "./status-builder.ts";
import type { StageRow, StatusSources } from "./status-builder.ts";
import { Ticker } from "./ticker.ts";

type PulseOptions = {
  readonly context: ReplicaContext;
  readonly heartbeatMs: number;
  readonly driver: RaftDriver;
  readonly raftStatus: () => RaftStatus;
  readonly lag: LagTracker;
  readonly history: LagHistory;
  readonly hub: EventHub;
  readonly forwarder: Forwarder;
  /** To every connected member its own message. */
  readonly sendToAll: (make: (to: MemberId) => MemberMessage) => void;
  readonly sources: () => StatusSources;
  /** @param stored What the leader last told of who has stored how much; empty on the leader. */
  readonly everySecond: (stored: readonly StoredRow[]) => void;
};

const SECOND_MS = 1_000;
const ROWS_WAIT_MS = 900;

/** The timers of a replica. */
export class Pulse {
  readonly #options: PulseOptions;
  readonly #ticks: Ticker;
  readonly #seconds: Ticker;
  readonly #rows = new Map<MemberId, StageRow>();
  #stored: readonly StoredRow[] = [];
  #isStopped = false;
  #wake: Timer | null = null;
  #wakeAtMs = Infinity;

  constructor(options: PulseOptions) {
    this.#options = options;
    const { clock } = options.context.ports;
    // The least that the core asks for: a sleeping laptop's battery pays for each. Whenever the
    // core cannot wait so long, it says so.
    this.#ticks = new Ticker(clock, options.heartbeatMs, () => this.#tick());
    this.#seconds = new Ticker(clock, SECOND_MS, () => this.#second());
  }

  /** What the leader last told of the others; empty on the leader. */
  get rows(): ReadonlyMap<MemberId, StageRow> {
    return this.#rows;
  }

  /** Lets time run. */
  start(): void {
    this.#ticks.start();
    this.#seconds.start();
  }

  /** No more ticks. */
  stop(): void {
    this.#ticks.stop();
    this.#seconds.stop();
    this.#dropWake();
    this.#isStopped = true;
  }

  /**
   * The core wants to be told of time at `atMs` at the latest. Only what comes before the next
   * tick needs a timer of its own: an election that is due, and so next to never.
   */
  wakeAt(atMs: number): void {
    if (atMs === this.#wakeAtMs) return;
    this.#dropWake();
    if (this.#isStopped || atMs >= this.#ticks.nextAtMs) return;
    const { clock } = this.#options.context.ports;
    this.#wakeAtMs = atMs;
    this.#wake = clock.after(atMs - clock.nowMs(), () => {
      this.#dropWake();
      this.#advance();
    });
  }

  #dropWake(): void {
    this.#wake?.cancel();
    this.#wake = null;
    this.#wakeAtMs = Infinity;
  }

  #tick(): void {
    this.#advance();
    this.#beat();
  }

  #advance(): void {
    const nowMs = this.#options.context.ports.clock.nowMs();
    this.#options.driver.input((raft) => raft.advance(nowMs));
  }

  #beat(): void {
    if (this.#options.raftStatus().role === "leader") {
      this.#options.sendToAll((to) => this.#options.lag.beat(to));
    }
  }

  #second(): void {
    this.#options.everySecond(this.#stored);
    this.#stored = [];
    this.#sample();
    this.#options.hub.statusChanged();
    void this.#askRows();
  }

  #sample(): void {
    const atMs = this.#options.context.ports.clock.wallMs();
    // Whose lag nobody knows now has a gap in its line, not a 0.
    const samples = stageRows(this.#options.sources()).flatMap(
      ({ id, lagEntries, lagMs }): LagSample[] => {
        if (lagEntries === null) return [];
        return [LagHistory.sample(atMs, { id, entries: lagEntries, ms: lagMs })];
      },
    );
    this.#options.history.add(samples);
    this.#options.hub.emit({ type: "lag", samples });
  }

  /** Only the leader hears from everybody; a follower shows what the leader tells. */
  async #askRows(): Promise<void> {
    const { leader, role } = this.#options.raftStatus();
    if (role === "leader") this.#rows.clear();
    if (leader === null || role === "leader") return;
    const call = { method: "rows", params: {}, withinMs: ROWS_WAIT_MS };
    const answer = await this.#options.forwarder.ask(leader, call);
    if (!answer.ok || !Array.isArray(answer.value)) return;
    const rows = (answer.value as readonly unknown[]).filter(isRow);
    this.#rows.clear();
    for (const row of rows) this.#rows.set(row.id, row);
    this.#stored = rows.filter(isStored);
  }
}

/** A leader of an older version does not tell it. */
function isStored(row: StageRow): row is StageRow & StoredRow {
  const { incarnation, stored } = row as Partial<StoredRow>;
  return Number.isSafeInteger(incarnation) && Number.isSafeInteger(stored);
}

/** It came from another machine, whose program may be another one. */
function isRow(value: unknown): value is StageRow {
  if (typeof value !== "object" || value === null) return false;
  const row = value as Record<string, unknown>;
  const { id, lastSeen } = row;
  const isCount = (each: unknown): boolean => each === null || Number.isFinite(each);
  if (typeof id !== "string" || (lastSeen !== null && typeof lastSeen !== "string")) return false;
  const counts = ["received", "flushed", "applied", "lagEntries", "lagMs"];
  return counts.every((name) => isCount(row[name]));
}
