/**
 * The picture of a cluster that the mock agent tells. Nothing in it replicates or elects.
 */
import type { ApiEvent, HistoryEvent } from "../../shared/api/methods.ts";
import { logIndex, memberId, term, type LogIndex } from "../../shared/base/ids.ts";
import { safetyOf } from "../../shared/cluster/safety.ts";
import type { RetentionKey } from "../../shared/cluster/retention.ts";
import type { AsOf, LagSample, MemberStatus, Status } from "../../shared/cluster/status.ts";
import { MockBackups } from "./mock-backups.ts";
import { MockCopy } from "./mock-copy.ts";

/** What a test may say about a computer. */
export type MockMember = {
  readonly name: string;
  seat: "voter" | "mirror";
  connected: boolean;
  lagEntries: number;
  lagMs: number;
  lastSeenAgoMs: number;
};

/** The picture of a cluster that the mock agent tells. The first member is "this computer". */
export class MockCluster {
  members: MockMember[] = ["Reception", "Ward 2", "Pharmacy"].map((name) => ({
    name,
    seat: "voter",
    connected: true,
    lagEntries: 0,
    lagMs: 0,
    lastSeenAgoMs: 0,
  }));
  /** Place of the leader among the members; null while there is none. */
  leader: number | null = 0;
  workspace: string | null = "Riverside Clinic";
  hasQuorum = true;
  leaderReachable = true;
  lagEntries = 0;
  heardAgoMs = 0;
  storage: Status["storage"]["state"] = "ok";
  seat: Status["seat"] = { state: "ok", reason: null, detail: null, since: null };
  alarm: Status["alarm"] = null;
  /** How much of the past is kept. */
  retention: Readonly<Record<RetentionKey, number>> = { "retention-mib": 64, "retention-days": 30 };
  copy = new MockCopy();
  backups = new MockBackups();
  /** What happened before a window was opened. */
  history: readonly HistoryEvent[] = [];
  #index = 18_204;
  #term = 7;

  get index(): LogIndex {
    return logIndex(this.#index);
  }

  get canWrite(): boolean {
    return this.leader === 0 && this.hasQuorum && this.storage === "ok";
  }

  /** One more entry in the log, and the event of it. */
  commit(tables: readonly string[], isSchemaChange: boolean): ApiEvent {
    this.#index += 1;
    const fromIndex = logIndex(this.#index - 1);
    const toIndex = this.index;
    return { type: "committed", fromIndex, toIndex, tables, rowCount: 1, isSchemaChange };
  }

  /** Somebody else leads from now on, or nobody; and the event of it. */
  elect(place: number | null): ApiEvent {
    this.leader = place;
    if (place !== null) this.#term += 1;
    const name = place === null ? null : (this.members[place]?.name ?? "?");
    return {
      type: "leadership",
      term: term(this.#term),
      leader: name === null ? null : memberId(idOf(name)),
      at: new Date().toISOString(),
      sentence:
        name === null
          ? "The leader was lost; the others are choosing a new one."
          : `${name} leads since term ${this.#term}.`,
    };
  }

  asOf(): AsOf {
    return {
      term: term(this.#term),
      index: this.index,
      at: new Date(Date.now() - this.heardAgoMs).toISOString(),
      lagMs: this.heardAgoMs,
      lagEntries: this.lagEntries,
      leaderReachable: this.leaderReachable,
    };
  }

  status(): Status {
    const self = this.members[0];
    const leading = this.leader === null ? undefined : this.members[this.leader];
    const index = this.index;
    const role = this.leader === 0 ? "leader" : this.leader === null ? "candidate" : "follower";
    const members = this.members.map((member, place) => this.#member(member, place));
    return {
      cluster: this.workspace === null ? null : { id: "c0ffee", name: this.workspace, timeline: 1 },
      member: { id: memberId(idOf(self?.name ?? "")), name: self?.name ?? "", seat: "voter" },
      seat: this.seat,
      alarm: this.alarm,
      role,
      term: term(this.#term),
      leader:
        leading === undefined
          ? null
          : {
              id: memberId(idOf(leading.name)),
              name: leading.name,
              address: `192.168.4.2${this.leader}:7420`,
              http: this.leader === 0 ? null : "http://127.0.0.1:7421/",
            },
      canWrite: this.canWrite,
      log: {
        firstIndex: logIndex(1),
        lastIndex: index,
        commitIndex: index,
        appliedIndex: index,
        bytes: 4_194_304,
      },
      checksum: { index, value: "9f3c1b70aa52d4e1" },
      lag: {
        entries: this.lagEntries,
        bytes: this.lagEntries * 90,
        ms: this.heardAgoMs,
        asOf: new Date(Date.now() - this.heardAgoMs).toISOString(),
        leaderReachable: this.leaderReachable,
      },
      members,
      durability: "synchronous",
      safety: safetyOf({ role, members, log: { commitIndex: index } }),
      storage: { state: this.storage, detail: null, folder: "/var/lib/tidemark" },
      settings: {},
      version: "0.1.0",
      at: new Date().toISOString(),
    };
  }

  /** An hour of lag: a laptop that slept, and everyone after an import. */
  lagSamples(): LagSample[] {
    const samples: LagSample[] = [];
    const nowMs = Date.now();
    for (let second = 3_600; second >= 0; second -= 4) {
      this.members.forEach((member, place) => {
        const asleep = place === 2 && second > 1_500 && second < 2_100;
        const waking = place === 2 && second > 1_320 && second <= 1_500;
        const importing = second > 500 && second < 640 && place !== this.leader;
        const ripple = Math.round(3 + 3 * Math.sin(second / 9 + place * 2));
        const entries = waking ? (second - 1_320) * 7 : importing ? 240 + ripple * 20 : ripple;
        samples.push({
          atMs: nowMs - second * 1_000,
          memberId: memberId(idOf(member.name)),
          entries: place === this.leader ? 0 : entries,
          ms: asleep ? null : entries * 2,
        });
      });
    }
    return samples;
  }

  #member(member: MockMember, place: number): MemberStatus {
    const applied = logIndex(Math.max(0, this.#index - member.lagEntries));
    return {
      id: memberId(idOf(member.name)),
      name: member.name,
      seat: member.seat,
      isSelf: place === 0,
      isLeader: place === this.leader,
      connected: member.connected,
      received: applied,
      flushed: applied,
      applied,
      lagEntries: member.lagEntries,
      lagMs: member.lagMs,
      roundTripMs: place === 0 ? null : 0.8,
      lastSeen: new Date(Date.now() - member.lastSeenAgoMs).toISOString(),
      address: `192.168.4.2${place}:7420`,
      version: "0.1.0",
      refusal: null,
    };
  }
}

function idOf(name: string): string {
  return name.toLowerCase().replaceAll(" ", "-");
}
