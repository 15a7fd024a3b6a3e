/**
 * What every kind of fault works with, apart from what it does: whom it may hit, when it must
 * wait, and how processes end and start again.
 */
import { randomBetween, randomChance, randomPick } from "../../shared/base/rng.ts";
import type { Rng } from "../../shared/base/rng.ts";
import type { FailpointMoment } from "./failpoints.ts";
import type { Membership } from "./membership.ts";
import type { SimMember } from "./sim-member.ts";
import type { EndKind } from "./sim-process.ts";
import type { WorldParts } from "./world-parts.ts";
import type { Wounds } from "./wounds.ts";

/** What faults act on besides the parts. */
export interface Victims {
  readonly membership: Membership;
  readonly wounds: Wounds;
  /** Everybody sleeps: nobody asks anything, and faults wait until the morning. */
  sleepAll(durationMs: number): void;
}

/** What one kind of fault works with. */
type HandOptions = {
  readonly parts: WorldParts<SimMember>;
  readonly victims: Victims;
  /** The kind's own: with another kind switched off this one still does the same. */
  readonly rng: Rng;
  readonly isOver: () => boolean;
  /** 0 by day. */
  readonly untilMorningMs: () => number;
};

/** What every kind of fault can do: choose victims, wait, end processes and start them again. */
export class Hand {
  readonly parts: WorldParts<SimMember>;
  readonly victims: Victims;
  readonly rng: Rng;
  readonly #options: HandOptions;

  constructor(options: HandOptions) {
    this.parts = options.parts;
    this.victims = options.victims;
    this.rng = options.rng;
    this.#options = options;
  }

  /** A computer to hit; the leader is where most promises are made. */
  pick(): SimMember | null {
    const { leader, all } = { leader: this.leader(), all: this.all() };
    if (all.length === 0) return null;
    return leader !== null && this.chance(0.4) ? leader : randomPick(this.rng, all);
  }

  /** The first process that comes by that moment ends there. */
  arm(moment: FailpointMoment, kind: EndKind): void {
    const armed = { ...moment, kind, isSpent: false };
    for (const member of this.all()) member.failpoint = armed;
  }

  /** All computers that belong to the world now. */
  all(): readonly SimMember[] {
    return this.victims.membership.all;
  }

  /** The member that leads, as far as anybody knows. */
  leader(): SimMember | null {
    return this.victims.membership.leader();
  }

  /** All computers but this one. */
  others(member: SimMember): readonly SimMember[] {
    return this.all().filter((each) => each !== member);
  }

  chance(probability: number): boolean {
    return randomChance(this.rng, probability);
  }

  between(min: number, max: number): number {
    return randomBetween(this.rng, min, max);
  }

  /** Undoes a fault after a while, but not once the world is calm: then all is undone at once. */
  later(minMs: number, maxMs: number, undo: () => void): void {
    this.#after(this.between(minMs, maxMs), undo);
  }

  /** Goes on with a fault after a while, unless a disk is hurt then: nothing else is hit meanwhile. */
  harmLater(minMs: number, maxMs: number, harm: () => void): void {
    this.later(minMs, maxMs, () => {
      if (!this.victims.wounds.isBusy) harm();
    });
  }

  /** Ends the process at once; it starts again after a while. */
  crash(member: SimMember, kind: EndKind): void {
    if (member.process === null) return;
    member.end(kind);
    this.bootLater(member);
  }

  /** Starts an ended member again after a while, mostly soon; in peace at once, for nobody does it later. */
  bootLater(member: SimMember): void {
    if (this.#options.isOver()) member.boot();
    else if (this.chance(0.7)) this.later(20, 800, () => member.boot());
    else this.later(800, 6_000, () => member.boot());
  }

  #after(delayMs: number, undo: () => void): void {
    this.parts.scheduler.after(delayMs, () => {
      if (this.#options.isOver()) return;
      const nightMs = this.#options.untilMorningMs();
      if (nightMs > 0) this.#after(nightMs + delayMs, undo);
      else undo();
    });
  }
}

/** What one kind of fault does to a computer. */
export type Fault = (member: SimMember, hand: Hand) => void;
