/**
 * `/metrics`: the status as Prometheus gauges, and counters of what the API did.
 *
 * Gauges are filled when they are asked for, from the same status the window shows, so that a
 * dashboard and the window can never disagree.
 */
import { Counter, Gauge, Registry } from "prom-client";
import type { ApiEvent } from "../../../shared/api/methods.ts";
import type { MemberStatus, Status } from "../../../shared/cluster/status.ts";

type GaugeRow = readonly [name: string, help: string, read: (status: Status) => number];

const GAUGES: readonly GaugeRow[] = [
  ["tidemark_term", "Current Raft term", (s) => s.term],
  ["tidemark_is_leader", "1 if this member leads", (s) => Number(s.role === "leader")],
  ["tidemark_can_write", "1 if a write sent here now would be taken", (s) => Number(s.canWrite)],
  ["tidemark_log_first_index", "First log index kept here", (s) => s.log.firstIndex],
  ["tidemark_log_last_index", "Last log index stored here", (s) => s.log.lastIndex],
  ["tidemark_commit_index", "Highest index known to be committed", (s) => s.log.commitIndex],
  ["tidemark_applied_index", "Highest index applied to the database", (s) => s.log.appliedIndex],
  ["tidemark_log_bytes", "Bytes of the log on disk", (s) => s.log.bytes],
  ["tidemark_lag_entries", "Committed entries not applied here", (s) => s.lag.entries],
  ["tidemark_lag_bytes", "Committed bytes not applied here", (s) => s.lag.bytes],
  ["tidemark_lag_seconds", "Replication lag; NaN if never heard", (s) => seconds(s.lag.ms)],
  ["tidemark_leader_reachable", "1 if the leader is heard", (s) => Number(s.lag.leaderReachable)],
  ["tidemark_seat_ok", "1 if this member may vote and confirm", (s) => Number(isSeated(s))],
  ["tidemark_storage_ok", "1 if the disk takes writes", (s) => Number(s.storage.state === "ok")],
];

type MemberGaugeRow = readonly [name: string, help: string, read: (m: MemberStatus) => number];

const MEMBER_GAUGES: readonly MemberGaugeRow[] = [
  ["tidemark_member_connected", "1 if connected to this member", (m) => Number(m.connected)],
  ["tidemark_member_applied_index", "Applied there, as last heard", (m) => m.applied ?? NaN],
  ["tidemark_member_lag_entries", "Entries it is behind", (m) => m.lagEntries ?? NaN],
  ["tidemark_member_lag_seconds", "Seconds it is behind", (m) => seconds(m.lagMs)],
  ["tidemark_member_round_trip_seconds", "Round trip to it", (m) => seconds(m.roundTripMs)],
];

/** The metrics of one API server. */
export class ApiMetrics {
  readonly #registry = new Registry();
  readonly #status: ((status: Status) => void)[] = [];
  readonly #requests: Counter<"method" | "code">;
  readonly #refused: Counter<"reason">;
  readonly #leaderChanges: Counter;
  readonly #rows: Counter;

  constructor() {
    const registers = [this.#registry];
    for (const [name, help, read] of GAUGES) {
      const gauge = new Gauge({ name, help, registers });
      this.#status.push((status) => gauge.set(read(status)));
    }
    for (const [name, help, read] of MEMBER_GAUGES) {
      const gauge = new Gauge({ name, help, registers, labelNames: ["member", "name"] });
      this.#status.push((status) => {
        gauge.reset(); // A removed member must not stay on the dashboard.
        for (const m of status.members) gauge.set({ member: m.id, name: m.name }, read(m));
      });
    }
    const counter = <L extends string>(name: string, help: string, labelNames: L[]) =>
      new Counter<L>({ name, help, labelNames, registers });
    this.#requests = counter("tidemark_api_requests_total", "Answered by code", ["method", "code"]);
    this.#refused = counter("tidemark_api_refused_total", "Refused unread, by reason", ["reason"]);
    this.#leaderChanges = counter("tidemark_leader_changes_total", "Changes of leader seen", []);
    this.#rows = counter("tidemark_applied_rows_total", "Row changes applied here", []);
  }

  countRequest(method: string, code: string): void {
    this.#requests.inc({ method, code });
  }

  countRefusal(reason: string): void {
    this.#refused.inc({ reason });
  }

  countEvent(event: ApiEvent): void {
    if (event.type === "leadership") this.#leaderChanges.inc();
    if (event.type === "committed") this.#rows.inc(event.rowCount);
  }

  /** Prometheus text of this moment. */
  async text(status: Status): Promise<string> {
    for (const fill of this.#status) fill(status);
    return this.#registry.metrics();
  }

  get contentType(): string {
    return this.#registry.contentType;
  }
}

function isSeated({ seat }: Status): boolean {
  return seat.state === "ok" || seat.state === "reseeding";
}

function seconds(ms: number | null): number {
  return ms === null ? NaN : ms / 1000;
}
