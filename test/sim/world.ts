/**
 * One world from one seed: computers with the real agent on them, clients, faults, and at the end
 * peace, in which everything must come together again. Virtual time only.
 */
import type { ClusterRecord } from "../../electron/agent/members/cluster-record.ts";
import type { ApiError, ApiParams, ApiResult } from "../../shared/api/methods.ts";
import { defined } from "../../shared/base/assert.ts";
import { clusterId, memberId } from "../../shared/base/ids.ts";
import type { LogIndex, MemberId } from "../../shared/base/ids.ts";
import type { Result } from "../../shared/base/result.ts";
import { randomPick, seededRng } from "../../shared/base/rng.ts";
import type { Rng } from "../../shared/base/rng.ts";
import { encodeSeatContext } from "../../shared/cluster/seat-context.ts";
import type { Seat, SeatKind } from "../../shared/raft/types.ts";
import { History } from "./history.ts";
import { Nemesis } from "./nemesis.ts";
import type { Victims } from "./nemesis.ts";
import { PromiseChecker } from "./promise-checker.ts";
import { RaftChecker } from "./raft-checker.ts";
import type { LogUnderTest } from "./raft-checker.ts";
import { Scheduler, settle } from "./scheduler.ts";
import type { MembersForClients } from "./sim-client.ts";
import { SimDiscovery } from "./sim-discovery.ts";
import { SimMember, addressOf } from "./sim-member.ts";
import type { CalledMethod } from "./sim-member.ts";
import { SimNetwork } from "./sim-network.ts";
import type { SimOptions } from "./sim-options.ts";
import type { Engine } from "./sim-store.ts";
import { StoreChecker } from "./store-checker.ts";
import { Trace } from "./trace.ts";
import { Violation, uphold } from "./violation.ts";
import type { WorldParts } from "./world-parts.ts";

/** Codes with which an agent may refuse to start while its disk is being hurt. */
const DISK_CODES: readonly string[] = ["storage-full", "storage-failed"];

const MEMBER_COUNT_MAX = 8;

/** Far beyond any wall clock error: how invitations expire is not what is tried here. */
const INVITE_EXPIRES_AT_MS = Date.UTC(2200, 0, 1);

/** Far more than a burst of frames and timers at one moment. */
const SPIN_EVENTS_MAX = 20_000;

/** All there is. */
export class World implements Victims, MembersForClients {
  readonly parts: WorldParts<SimMember>;
  readonly history = new History();
  readonly nemesis: Nemesis;
  readonly rng: Rng;
  readonly #members = new Map<MemberId, SimMember>();
  readonly #touched = new Set<SimMember>();
  readonly #shown = new Map<SimMember, string>();
  #joinCount = 0;
  #isCalm = false;
  #failure: unknown = null;
  #eventCount = 0;
  #installCount = 0;
  #spinSinceMs = 0;
  #spinCount = 0;

  constructor(
    options: SimOptions,
    makeEngine: () => Engine,
    onLine: ((text: string) => void) | null,
  ) {
    this.rng = seededRng(options.seed * 7 + 1);
    const scheduler = new Scheduler();
    const trace = new Trace(() => scheduler.nowMs, onLine);
    const networkRng = seededRng(options.seed * 7 + 2);
    const promises = new PromiseChecker();
    const traits = options.network;
    const network = new SimNetwork({ scheduler, trace, rng: networkRng, traits, promises });
    this.parts = {
      options,
      scheduler,
      trace,
      network,
      discovery: new SimDiscovery(scheduler, network),
      promises,
      raftChecker: new RaftChecker(),
      storeChecker: new StoreChecker(),
      makeEngine,
      addresses: () => [...this.#members.keys()].map(addressOf),
      touched: (member) => this.#touched.add(member),
      crashed: (member) => this.nemesis.bootLater(member),
      bootFailed: (member, code) => this.#bootFailed(member, code),
      snapshotInstalled: () => this.#installCount++,
      bug: (error) => this.fail(error),
    };
    this.nemesis = new Nemesis(this.parts, this, seededRng(options.seed * 7 + 3));
    this.#found();
  }

  /** Events that were run. */
  get eventCount(): number {
    return this.#eventCount;
  }

  /** Snapshots that members took over from others. */
  get installCount(): number {
    return this.#installCount;
  }

  /** What went wrong first; null so far. */
  get failure(): unknown {
    return this.#failure;
  }

  /** Something went wrong: the world ends after this event. */
  fail(error: unknown): void {
    this.#failure ??= error;
  }

  /** Lets virtual time run until the story is over, something failed, or time is up. */
  async runUntil(isOver: () => boolean, untilMs: () => number): Promise<void> {
    const { scheduler } = this.parts;
    while (this.#failure === null && !isOver()) {
      try {
        if (!scheduler.runNext(untilMs())) return;
        this.#eventCount++;
        this.#checkSpinning();
      } catch (error) {
        this.fail(error);
      }
      await settle();
      this.#check();
    }
  }

  /** Starts everybody. */
  bootAll(): void {
    for (const member of this.#members.values()) member.boot();
  }

  /** From now on everything must work. */
  calm(): void {
    this.#isCalm = true;
    this.nemesis.stop();
  }

  /**
   * The computer of a seat. One whose joining ended without an answer may have got its seat all
   * the same; it asks again, is let in, and is started here.
   */
  occupant(id: MemberId, seats: readonly Seat[]): SimMember {
    const known = this.#members.get(id);
    if (known !== undefined) return known;
    const member = this.#add(id, recordOf(id, seats));
    member.boot();
    return member;
  }

  /** Frees what the world holds outside of JavaScript's memory. */
  close(): void {
    for (const member of this.#members.values()) member.end("killed");
  }

  all(): readonly SimMember[] {
    return [...this.#members.values()];
  }

  /** The member with this id. */
  member(id: MemberId): SimMember | null {
    return this.#members.get(id) ?? null;
  }

  leader(): SimMember | null {
    let best: SimMember | null = null;
    let bestTerm = -1;
    for (const member of this.#members.values()) {
      const status = member.replica?.raftStatus();
      if (status?.role !== "leader" || status.term <= bestTerm) continue;
      best = member;
      bestTerm = status.term;
    }
    return best;
  }

  join(): void {
    if (this.#members.size >= MEMBER_COUNT_MAX) return;
    const id = memberId(`m${++this.#joinCount}`);
    void this.joinAs(id, this.#joinCount % 2 === 1 ? "voter" : "mirror");
  }

  /** Invites a new computer, lets it join and starts it. @returns whether it got its seat. */
  async joinAs(id: MemberId, role: SeatKind): Promise<boolean> {
    const inviteId = `invite-${id}-${this.parts.trace.count}`;
    const name = `Joined ${id}`;
    const configuration = await this.#pickRunning()?.ask(async (replica) => {
      const { administration } = replica;
      const invite = { id: inviteId, key: "k", role, expiresAtMs: INVITE_EXPIRES_AT_MS };
      const recorded = await administration.recordInvite(invite);
      if (!recorded.ok) return null;
      const redeemed = await administration.redeem({ inviteId, id, name });
      return redeemed.ok ? replica.raftStatus().configuration : null;
    });
    const isTaken = configuration !== null && configuration !== undefined;
    this.parts.trace.note("join", id, isTaken ? "taken" : "refused");
    if (!isTaken) return false;
    if (!this.#members.has(id)) this.#add(id, recordOf(id, configuration.seats)).boot();
    return true;
  }

  remove(member: SimMember): void {
    const via = this.#pickRunning();
    const seats = this.leader()?.replica?.raftStatus().configuration.seats ?? [];
    if (via === null || seats.filter((seat) => seat.kind === "voter").length < 2) return;
    void via.call("removeMember", { member: member.id }).then((outcome) => {
      this.parts.trace.note("removed", member.id, outcome?.ok === true ? "ok" : "refused");
      if (outcome?.ok !== true) return;
      // People switch it off some time after; until then it must not disturb anybody.
      this.parts.scheduler.after(2_000, () => {
        member.end("killed");
        this.#members.delete(member.id);
      });
    });
  }

  reachable(): readonly MemberId[] {
    return this.all().flatMap((member) => (member.replica === null ? [] : [member.id]));
  }

  execute(
    member: MemberId,
    params: ApiParams<"execute">,
  ): Promise<Result<ApiResult<"execute">, ApiError> | null> {
    return this.#call(member, "execute", params);
  }

  insertRows(
    member: MemberId,
    params: ApiParams<"insertRows">,
  ): Promise<Result<ApiResult<"insertRows">, ApiError> | null> {
    return this.#call(member, "insertRows", params);
  }

  query(
    member: MemberId,
    params: ApiParams<"query">,
  ): Promise<Result<ApiResult<"query">, ApiError> | null> {
    return this.#call(member, "query", params);
  }

  /** Time goes on: an agent that keeps itself busy without end would burn a real processor. */
  #checkSpinning(): void {
    const { nowMs } = this.parts.scheduler;
    if (nowMs >= this.#spinSinceMs + 1) {
      this.#spinSinceMs = nowMs;
      this.#spinCount = 0;
    }
    uphold(++this.#spinCount < SPIN_EVENTS_MAX, "never-spins", () => {
      return `${this.#spinCount} events within 1 ms at ${nowMs}`;
    });
  }

  #call<M extends CalledMethod>(
    member: MemberId,
    method: M,
    params: ApiParams<M>,
  ): Promise<Result<ApiResult<M>, ApiError> | null> {
    return this.#members.get(member)?.call(method, params) ?? Promise.resolve(null);
  }

  #found(): void {
    const { voterCount, mirrorCount, isGrown } = this.parts.options;
    const ids = Array.from({ length: voterCount + mirrorCount }, (_, i) => memberId(`n${i + 1}`));
    const seats = ids.map((id, i) => seatOf(id, i < voterCount ? "voter" : "mirror"));
    const founders = isGrown ? seats.slice(0, 1) : seats;
    for (const { id } of founders) this.#add(id, recordOf(id, founders));
  }

  #add(id: MemberId, record: ClusterRecord): SimMember {
    const seed = this.rng.uint32();
    const member = new SimMember(this.parts, record, { id, seed });
    this.#members.set(id, member);
    return member;
  }

  #pickRunning(): SimMember | null {
    const running = this.all().filter((member) => member.replica !== null);
    return running.length === 0 ? null : randomPick(this.rng, running);
  }

  #bootFailed(member: SimMember, code: string): void {
    this.parts.trace.note("boot-failed", member.id, code);
    if (this.#isCalm || !DISK_CODES.some((each) => code.startsWith(each))) {
      this.fail(new Violation("starts-after-any-crash", `${member.id} does not start: ${code}`));
      return;
    }
    member.end("killed");
    this.nemesis.bootLater(member);
  }

  #check(): void {
    for (const member of this.#touched) {
      const { replica, process } = member;
      if (replica === null || process === null) continue;
      try {
        const status = replica.raftStatus();
        if (status.role === "leader") this.nemesis.leaderSeen(member, status.term);
        this.#show(member, `${status.role} term ${status.term} commit ${status.commitIndex}`);
        this.parts.raftChecker.observe(process, status, logUnderTest(replica.log));
      } catch (error) {
        this.fail(error);
      }
    }
    this.#touched.clear();
  }

  #show(member: SimMember, text: string): void {
    if (this.#shown.get(member) === text) return;
    this.#shown.set(member, text);
    this.parts.trace.note("state", member.id, text);
  }
}

type RealLog = Omit<LogUnderTest, "chainHashAt"> & {
  chainHashAt(index: LogIndex): Uint8Array | null;
};

function logUnderTest(log: RealLog): LogUnderTest {
  return {
    firstIndex: log.firstIndex,
    lastIndex: log.lastIndex,
    termAt: (index) => log.termAt(index),
    chainHashAt: (index) => {
      const hash = log.chainHashAt(index);
      return hash === null ? null : Buffer.from(hash).toString("base64");
    },
  };
}

function recordOf(id: MemberId, seats: readonly Seat[]): ClusterRecord {
  return {
    id: clusterId("sim-cluster"),
    name: "Simulated",
    timeline: 1,
    memberName: `Member ${id}`,
    initial: { seats: [...seats].sort((a, b) => (a.id < b.id ? -1 : 1)) },
    known: [...new Set([...seats.map((seat) => seat.id), id])],
  };
}

function seatOf(id: MemberId, kind: SeatKind): Seat {
  const context = { name: `Member ${id}`, access: "admin", wantsVote: kind === "voter" } as const;
  return { id, kind, incarnation: 0, context: defined(encodeSeatContext(context), "a context") };
}
