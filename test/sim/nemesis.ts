/**
 * Does to a world what its options ask for: each kind of fault at random moments, each undone by
 * itself after a while. It keeps to what can be repaired, so everything acknowledged must survive
 * whatever it does. What the kinds do is in the files `faults-*.ts`.
 */
import { randomChance, randomPick, seededRng } from "../../shared/base/rng.ts";
import type { Rng } from "../../shared/base/rng.ts";
import { Hand } from "./fault-hand.ts";
import type { Fault, Victims } from "./fault-hand.ts";
import { FAULT_KINDS, WOUND_KINDS, isWoundKind } from "./fault-kinds.ts";
import type { FaultKind, WoundKind } from "./fault-kinds.ts";
import { COMPUTER_FAULTS } from "./faults-computers.ts";
import { DISK_FAULTS } from "./faults-disks.ts";
import { MEMBER_FAULTS } from "./faults-members.ts";
import { NETWORK_FAULTS, isolate } from "./faults-network.ts";
import type { SimMember } from "./sim-member.ts";
import type { WorldParts } from "./world-parts.ts";

const WOUND_FAULTS = Object.fromEntries(
  WOUND_KINDS.map((kind): [string, Fault] => [
    kind,
    (member, hand) => hand.victims.wounds.inflict(kind, member),
  ]),
) as Record<WoundKind, Fault>;

const ACTIONS: Record<FaultKind, Fault> = {
  ...WOUND_FAULTS,
  "back-up": (member, hand) => hand.victims.wounds.backUp(member),
  ...COMPUTER_FAULTS,
  ...NETWORK_FAULTS,
  ...DISK_FAULTS,
  ...MEMBER_FAULTS,
};

/** The faults of one world. */
export class Nemesis {
  readonly #parts: WorldParts<SimMember>;
  readonly #victims: Victims;
  readonly #rng: Rng;
  /** For what no kind of fault does: restarts after crashes that members ran into. */
  readonly #hand: Hand;
  #isOver = false;
  #isStarted = false;
  #leaderTerm = 0;
  #morningMs = 0;

  constructor(parts: WorldParts<SimMember>, victims: Victims, seed: number) {
    this.#parts = parts;
    this.#victims = victims;
    this.#rng = seededRng(seed);
    this.#hand = this.#handOf(this.#rng);
  }

  /** Begins; faults come until `stop`. */
  start(): void {
    this.#isStarted = true;
    const seed = this.#rng.uint32();
    const { firstFailpoint } = this.#parts.options;
    if (firstFailpoint !== null) this.#hand.arm(firstFailpoint, "power-loss");
    for (const [i, kind] of FAULT_KINDS.entries()) {
      const everyMs = this.#parts.options.faultEveryMs[kind];
      if (everyMs === undefined) continue;
      this.#repeat(kind, everyMs, this.#handOf(seededRng(seed + i)));
    }
  }

  /** No more faults, and every one that lasts is undone: all links and disks are good. */
  stop(): void {
    this.#isOver = true;
    this.#parts.trace.note("calm");
    this.heal();
  }

  /** Whatever lasts is undone: all links and disks are good, and nothing waits to happen. */
  heal(): void {
    this.#parts.network.heal();
    for (const member of this.#victims.membership.all) {
      member.syncMs = this.#parts.options.syncMs;
      member.stepsToCrash = null;
      member.failpoint = null;
      member.isDiskReadOnly = false;
      member.disk.setFreeBytes(null);
      member.disk.failNextSync(0);
      member.continue(0);
    }
  }

  /** Starts a member again that ended by itself. */
  bootLater(member: SimMember): void {
    this.#hand.bootLater(member);
  }

  /** Until then nothing is hit. */
  nightUntil(morningMs: number): void {
    this.#morningMs = morningMs;
  }

  /**
   * Somebody leads. Some worlds fell every other new leader at once: entries that reached few
   * disks, in terms that ended at once, are where logs come to differ (figure 8 of the paper).
   */
  leaderSeen(member: SimMember, term: number): void {
    if (this.#isOver || term <= this.#leaderTerm) return;
    this.#leaderTerm = term;
    const { options, scheduler } = this.#parts;
    if (!this.#isStarted || this.#victims.wounds.isBusy) return;
    if (!randomChance(this.#rng, options.fellLeaderShare)) return;
    const { process } = member;
    scheduler.after(this.#momentMs(), () => {
      // Who remembers what a disk held that is being put back must not go meanwhile (seed 1502826).
      if (this.#isOver || this.#victims.wounds.isBusy) return;
      if (member.process === process) this.#fell(member);
    });
  }

  #handOf(rng: Rng): Hand {
    return new Hand({
      parts: this.#parts,
      victims: this.#victims,
      rng,
      isOver: () => this.#isOver,
      untilMorningMs: () => this.#morningMs - this.#parts.scheduler.nowMs,
    });
  }

  #repeat(kind: FaultKind, everyMs: number, hand: Hand): void {
    const meanFactor = -Math.log(1 - hand.rng.uint32() / 0x1_0000_0000);
    hand.later(everyMs * meanFactor, everyMs * meanFactor, () => {
      this.#do(kind, hand);
      this.#repeat(kind, everyMs, hand);
    });
  }

  #do(kind: FaultKind, hand: Hand): void {
    const member = hand.pick();
    if (member === null || (kind === "upgrade" && !member.isOld)) return;
    if (this.#victims.wounds.isBusy) return;
    // A wound is counted when it is inflicted; it may have to wait, or not be allowed.
    if (!isWoundKind(kind)) {
      this.#parts.trace.note("fault", kind, member.id);
      this.#parts.coverage.fault(kind);
    }
    ACTIONS[kind](member, hand);
  }

  /** Between two round trips, while it settles in, or in the middle of its work. */
  #momentMs(): number {
    const { network, syncMs } = this.#parts.options;
    const tripMs = network.delayMs + network.jitterMs + syncMs;
    const longestMs = randomPick(this.#rng, [0, 4 * tripMs, 4 * tripMs, 800]);
    return (longestMs * this.#hand.between(0, 1_000)) / 1_000;
  }

  /** What it had just sent is lost, and then it is dark or cut off. */
  #fell(leader: SimMember): void {
    this.#parts.trace.note("fault", "fell-leader", leader.id);
    this.#parts.coverage.fault("fell-leader");
    for (const other of this.#hand.others(leader)) this.#parts.network.reset(leader.id, other.id);
    if (this.#hand.chance(0.5)) this.#hand.crash(leader, "power-loss");
    else isolate(leader, this.#hand);
  }
}
