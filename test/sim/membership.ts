/**
 * Who joins, leaves and votes in a world: what people do about members, each through whichever
 * computer they sit at. It knows nothing of faults.
 */
import { nextChange } from "../../electron/agent/members/autopilot.ts";
import type { ClusterRecord } from "../../electron/agent/members/cluster-record.ts";
import type { ApiError } from "../../shared/api/methods.ts";
import { memberId } from "../../shared/base/ids.ts";
import type { MemberId } from "../../shared/base/ids.ts";
import type { Result } from "../../shared/base/result.ts";
import { randomChance, randomPick } from "../../shared/base/rng.ts";
import type { Rng } from "../../shared/base/rng.ts";
import type { Seat, SeatKind } from "../../shared/raft/types.ts";
import { recordOf, seatOf } from "./founding.ts";
import { SimMember } from "./sim-member.ts";
import type { WorldParts } from "./world-parts.ts";

const MEMBER_COUNT_MAX = 8;

/** Far beyond any wall clock error: how invitations expire is not what is tried here. */
const INVITE_EXPIRES_AT_MS = Date.UTC(2200, 0, 1);

/** People switch a removed computer off some time after; until then it must disturb nobody. */
const REMOVED_RUNS_MS = 2_000;

/** A leader that was asked goes on trying for 10 s, also when whoever passed the request on died meanwhile. */
const UNTOLD_CHANGE_MS = 11_000;

/** Whether it may still be taken back. */
type WorkingConfiguration = { readonly seats: readonly Seat[]; readonly isCommitted: boolean };

/** All computers that belong to a world. */
export class Membership {
  readonly #parts: WorldParts<SimMember>;
  readonly #rng: Rng;
  readonly #members = new Map<MemberId, SimMember>();
  /** What each member may work with after its next start: the newest, and those not yet replaced for good. */
  readonly #configurations = new Map<MemberId, ReadonlySet<readonly Seat[]>>();
  readonly #removed = new Set<MemberId>();
  /** Removed for good, and soon switched off. */
  readonly #leaving = new Set<MemberId>();
  #joinCount = 0;
  #changesUnderWay = 0;

  constructor(parts: WorldParts<SimMember>, rng: Rng) {
    this.#parts = parts;
    this.#rng = rng;
  }

  /** All computers there are. */
  get all(): readonly SimMember[] {
    return [...this.#members.values()];
  }

  /** The member with this id. */
  get(id: MemberId): SimMember | null {
    return this.#members.get(id) ?? null;
  }

  /** The member that leads in the highest term; null when nobody does. */
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

  /** Somebody is changing seats right now: whom the others need may be another one soon. */
  get isChanging(): boolean {
    return this.#changesUnderWay > 0;
  }

  /**
   * Votes are as the autopilot wants them. Else it may give the second of all votes in the very moment in which that
   * member goes, and two voters of which one is away can do nothing (seed 1703247).
   */
  get isAsWanted(): boolean {
    const status = this.leader()?.replica?.raftStatus();
    return status === undefined || nextChange(status, () => true) === null;
  }

  /** Whether somebody ever took its seat away, or tried to. */
  wasRemoved(id: MemberId): boolean {
    return this.#removed.has(id);
  }

  /**
   * A member works with this configuration now. Until it is committed a crash may take it back: its entry may
   * not be on the disk.
   */
  seen(member: MemberId, { seats, isCommitted }: WorkingConfiguration): void {
    const former = this.#configurations.get(member) ?? [];
    this.#configurations.set(member, new Set(isCommitted ? [seats] : [...former, seats]));
  }

  /** The configurations that members last worked with, those of members that are off too. */
  configurations(): readonly (readonly Seat[])[] {
    return [...this.#configurations.values()].flatMap((each) => [...each]);
  }

  /**
   * Whether a member can meet nobody of today: its disk failed from the day it joined, so it knows only whom
   * it was told of then, and all of those were taken out since. Only a new invitation helps it.
   */
  isStranded(id: MemberId, seats: readonly Seat[]): boolean {
    const member = this.#members.get(id);
    if (member === undefined || member === this.leader()) return false;
    const worksWith = [...(this.#configurations.get(id) ?? [])].flat().map((seat) => seat.id);
    const known = [...worksWith, ...member.storedKnown()];
    return !seats.some((seat) => seat.id !== id && known.includes(seat.id));
  }

  /** The computers a world begins with; the others join them when it is grown. */
  found(): void {
    const { voterCount, mirrorCount, isGrown } = this.#parts.options;
    const ids = Array.from({ length: voterCount + mirrorCount }, (_, i) => memberId(`n${i + 1}`));
    const seats = ids.map((id, i) => seatOf(id, i < voterCount ? "voter" : "mirror"));
    const founders = isGrown ? seats.slice(0, 1) : seats;
    for (const { id } of founders) this.#add(id, recordOf(id, founders));
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

  /** A new computer joins by an invitation. */
  join(): void {
    if (this.#members.size >= MEMBER_COUNT_MAX) return;
    const id = memberId(`m${++this.#joinCount}`);
    void this.joinAs(id, this.#joinCount % 2 === 1 ? "voter" : "mirror");
  }

  /** Invites a new computer, lets it join and starts it. @returns whether it got its seat. */
  async joinAs(id: MemberId, role: SeatKind): Promise<boolean> {
    const inviteId = `invite-${id}-${this.#parts.trace.count}`;
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
    this.#parts.trace.note("join", id, isTaken ? "taken" : "refused");
    if (!isTaken) return false;
    if (!this.#members.has(id)) this.#add(id, recordOf(id, configuration.seats)).boot();
    return true;
  }

  /** Takes a computer out of the cluster; it is switched off later. */
  remove(member: SimMember): void {
    void this.#removeSeat(member).then((isRemoved) => {
      if (!isRemoved) return;
      this.#leaving.add(member.id);
      this.#parts.scheduler.after(REMOVED_RUNS_MS, () => {
        member.end("killed");
        member.isSwitchedOff = true;
        this.#members.delete(member.id);
        this.#configurations.delete(member.id);
      });
    });
  }

  /** Takes a computer out and lets it in again under the same key, its files as they were. */
  removeAndAddAgain(member: SimMember, afterMs: number): void {
    void this.#removeSeat(member).then((isRemoved) => {
      if (isRemoved) this.#parts.scheduler.after(afterMs, () => void this.#letInAgain(member));
    });
  }

  /** Gives a seat a vote, or takes it. */
  setSeat(member: SimMember, kind: SeatKind): void {
    const asked = this.leader()?.ask((replica) =>
      replica.administration.setVote(member.id, kind === "voter"),
    );
    if (asked !== undefined) void this.#changing(asked);
  }

  /**
   * Computers without which every configuration that anybody works with still has a majority:
   * nobody knows which of them is in force.
   */
  minority(): readonly SimMember[] {
    const away: SimMember[] = [];
    for (const member of this.#members.values()) {
      if (!randomChance(this.#rng, 0.5)) continue;
      if (this.#haveMajorityWithout([...away, member])) away.push(member);
    }
    return away;
  }

  /** Every configuration that anybody works with keeps a majority of voters without it. */
  canSpareDisk(member: SimMember): boolean {
    // One that was removed is switched off soon, and nobody is left who could tell it what it lost.
    const seats = this.leader()?.replica?.raftStatus().configuration.seats ?? [];
    const isMember = seats.some((seat) => seat.id === member.id) && !this.#leaving.has(member.id);
    return isMember && this.#haveMajorityWithout([member]);
  }

  #haveMajorityWithout(away: readonly SimMember[]): boolean {
    const ids = away.map((each) => each.id);
    return this.configurations().every((seats) => {
      const voters = seats.filter((seat) => seat.kind === "voter");
      return voters.filter((seat) => ids.includes(seat.id)).length * 2 < voters.length;
    });
  }

  async #removeSeat(member: SimMember): Promise<boolean> {
    const via = this.#pickRunning();
    if (via === null || !this.#keepsVoterWithout(member)) return false;
    const outcome = await this.#changing(via.call("removeMember", { member: member.id }));
    const isRemoved = outcome?.ok === true;
    this.#removed.add(member.id);
    this.#parts.trace.note("removed", member.id, isRemoved ? "ok" : "refused");
    return isRemoved;
  }

  async #changing<T extends Result<unknown, ApiError>>(
    change: Promise<T | null>,
  ): Promise<T | null> {
    this.#changesUnderWay++;
    const outcome = await change;
    const isTold = outcome !== null && (outcome.ok || outcome.error.code !== "unknown-outcome");
    if (isTold) this.#changesUnderWay--;
    else this.#parts.scheduler.after(UNTOLD_CHANGE_MS, () => this.#changesUnderWay--);
    return outcome;
  }

  async #letInAgain(member: SimMember): Promise<void> {
    if (this.#members.get(member.id) !== member) return;
    const isIn = await this.joinAs(member.id, "voter");
    // Nobody was there to let it in; people try again.
    if (!isIn) this.#parts.scheduler.after(1_000, () => void this.#letInAgain(member));
  }

  #keepsVoterWithout(member: SimMember): boolean {
    const seats = this.leader()?.replica?.raftStatus().configuration.seats ?? [];
    return seats.some((seat) => seat.kind === "voter" && seat.id !== member.id);
  }

  #pickRunning(): SimMember | null {
    const running = this.all.filter((member) => member.replica !== null);
    return running.length === 0 ? null : randomPick(this.#rng, running);
  }

  #add(id: MemberId, record: ClusterRecord): SimMember {
    const seed = this.#rng.uint32();
    const member = new SimMember(this.#parts, record, { id, seed });
    member.isOld = randomChance(this.#rng, this.#parts.options.oldMemberShare);
    this.#members.set(id, member);
    return member;
  }
}
