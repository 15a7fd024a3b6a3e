/**
 * Does to a world what its options ask for: each kind of fault at random moments, each undone by
 * itself after a while. It never breaks what cannot be repaired: no synced byte is damaged, so
 * everything acknowledged must survive whatever it does.
 */
import type { MemberId } from "../../shared/base/ids.ts";
import { randomBetween, randomChance, randomPick } from "../../shared/base/rng.ts";
import type { Rng } from "../../shared/base/rng.ts";
import { FAULT_KINDS } from "./sim-options.ts";
import type { FaultKind } from "./sim-options.ts";
import type { EndKind } from "./sim-process.ts";
import type { SimMember } from "./sim-member.ts";
import type { WorldParts } from "./world-parts.ts";

/** What the nemesis acts on besides the parts. */
export interface Victims {
  /** All computers that belong to the world now. */
  all(): readonly SimMember[];
  /** The member that leads, as far as anybody knows. */
  leader(): SimMember | null;
  /** Adds a computer that joins as a mirror. */
  join(): void;
  /** Takes a computer out of the cluster. */
  remove(member: SimMember): void;
}

const HOUR_MS = 3_600_000;
const SLOW_SYNCS_MS = [50, 300, 1_500];
const SLOW_DELAYS_MS = [30, 150, 800];

/** The faults of one world. */
export class Nemesis {
  readonly #parts: WorldParts<SimMember>;
  readonly #victims: Victims;
  readonly #rng: Rng;
  #isOver = false;
  #isStarted = false;
  #leaderTerm = 0;

  constructor(parts: WorldParts<SimMember>, victims: Victims, rng: Rng) {
    this.#parts = parts;
    this.#victims = victims;
    this.#rng = rng;
  }

  /** Begins; faults come until `stop`. */
  start(): void {
    this.#isStarted = true;
    for (const kind of FAULT_KINDS) {
      const everyMs = this.#parts.options.faultEveryMs[kind];
      if (everyMs !== undefined) this.#repeat(kind, everyMs);
    }
  }

  /** No more faults, and every one that lasts is undone: all computers run, all links are good. */
  stop(): void {
    this.#isOver = true;
    this.#parts.trace.note("calm");
    this.#parts.network.heal();
    for (const member of this.#victims.all()) {
      member.syncMs = this.#parts.options.syncMs;
      member.stepsToCrash = null;
      member.disk.setFreeBytes(null);
      member.disk.failNextSync(0);
      member.continue(0);
      // A process whose disk had failed it does not trust itself any more; people restart it.
      member.end("killed");
      member.boot();
    }
  }

  #repeat(kind: FaultKind, everyMs: number): void {
    const meanFactor = -Math.log(1 - this.#rng.uint32() / 0x1_0000_0000);
    this.#parts.scheduler.after(everyMs * meanFactor, () => {
      if (this.#isOver) return;
      this.#do(kind);
      this.#repeat(kind, everyMs);
    });
  }

  #do(kind: FaultKind): void {
    const member = this.#pick();
    if (member === null) return;
    this.#parts.trace.note("fault", kind, member.id);
    this.#actions[kind](member);
  }

  readonly #actions: Record<FaultKind, (member: SimMember) => void> = {
    crash: (member) => this.#crash(member, "killed"),
    "power-loss": (member) => this.#crash(member, "power-loss"),
    "crash-at-disk-step": (member) => {
      const kind = randomChance(this.#rng, 0.5) ? "killed" : "power-loss";
      member.stepsToCrash = { left: randomBetween(this.#rng, 1, 12), kind };
    },
    "crash-all": () => {
      const kind = randomChance(this.#rng, 0.3) ? "killed" : "power-loss";
      for (const each of this.#victims.all()) this.#crash(each, kind);
    },
    "graceful-restart": (member) => this.#restartGracefully(member),
    partition: () => this.#partition(),
    "one-way": (member) => this.#deafOrMute(member),
    "isolate-leader": () => this.#isolate(this.#victims.leader()),
    "rotate-quorum": (member) => this.#rotateQuorum(member),
    reset: (member) => {
      const other = this.#pick();
      if (other !== null && other !== member) this.#parts.network.reset(member.id, other.id);
    },
    "slow-link": (member) => this.#slowLink(member),
    pause: (member) => this.#pause(member, false),
    sleep: (member) => this.#pause(member, true),
    "slow-disk": (member) => {
      member.syncMs = randomPick(this.#rng, SLOW_SYNCS_MS);
      this.#later(300, 4_000, () => (member.syncMs = this.#parts.options.syncMs));
    },
    "sync-failure": (member) => {
      member.disk.failNextSync();
      const kind = randomChance(this.#rng, 0.5) ? "killed" : "power-loss";
      this.#later(500, 4_000, () => this.#crash(member, kind));
    },
    "disk-full": (member) => {
      member.disk.setFreeBytes(randomBetween(this.#rng, 0, 3_000));
      this.#later(500, 5_000, () => member.disk.setFreeBytes(null));
    },
    "wall-jump": (member) => {
      const hours = randomPick(this.#rng, [-87_600, -24, -1, 1, 24, 87_600]);
      member.jumpWall(hours * HOUR_MS);
    },
    "store-restart": (member) => member.restartStore(),
    switchover: (member) => void member.call("switchover", {}),
    "add-mirror": () => this.#victims.join(),
    remove: (member) => this.#victims.remove(member),
  };

  /**
   * Somebody leads. Some worlds fell every other new leader at once: entries that reached few
   * disks, in terms that ended at once, are where logs come to differ (figure 8 of the paper).
   */
  leaderSeen(member: SimMember, term: number): void {
    if (this.#isOver || term <= this.#leaderTerm) return;
    this.#leaderTerm = term;
    const { options, scheduler } = this.#parts;
    if (!this.#isStarted || !randomChance(this.#rng, options.fellLeaderShare)) return;
    const { process } = member;
    scheduler.after(this.#momentMs(), () => {
      if (!this.#isOver && member.process === process) this.#fell(member);
    });
  }

  /** Between two round trips, while it settles in, or in the middle of its work. */
  #momentMs(): number {
    const { network, syncMs } = this.#parts.options;
    const tripMs = network.delayMs + network.jitterMs + syncMs;
    const longestMs = randomPick(this.#rng, [0, 4 * tripMs, 4 * tripMs, 800]);
    return (longestMs * randomBetween(this.#rng, 0, 1_000)) / 1_000;
  }

  /** What it had just sent is lost, and then it is dark or cut off. */
  #fell(leader: SimMember): void {
    this.#parts.trace.note("fault", "fell-leader", leader.id);
    for (const other of this.#victims.all()) {
      if (other !== leader) this.#parts.network.reset(leader.id, other.id);
    }
    if (randomChance(this.#rng, 0.5)) this.#crash(leader, "power-loss");
    else this.#isolate(leader);
  }

  #crash(member: SimMember, kind: EndKind): void {
    if (member.process === null) return;
    member.end(kind);
    this.bootLater(member);
  }

  /** Starts an ended member again after a while, mostly soon. */
  bootLater(member: SimMember): void {
    if (randomChance(this.#rng, 0.7)) this.#later(20, 800, () => member.boot());
    else this.#later(800, 6_000, () => member.boot());
  }

  #restartGracefully(member: SimMember): void {
    const { process } = member;
    const done = (): void => {
      if (member.process === process) this.#crash(member, "killed");
    };
    void member
      .ask(async (replica) => {
        await replica.handOver();
        await replica.close();
      })
      .then(done);
    this.#later(20_000, 20_000, done);
  }

  #partition(): void {
    const inFirst = this.#victims.all().map((member) => {
      return { id: member.id, isFirst: randomChance(this.#rng, 0.5) };
    });
    const pairs: [MemberId, MemberId][] = [];
    for (const a of inFirst) {
      for (const b of inFirst) if (a.isFirst !== b.isFirst) pairs.push([a.id, b.id]);
    }
    this.#block(pairs);
  }

  /** One computer hears nobody, or nobody hears it, or one pair has a one-way link. */
  #deafOrMute(member: SimMember): void {
    const others = this.#victims.all().filter((each) => each !== member);
    const isDeaf = randomChance(this.#rng, 0.5);
    const affected =
      others.length > 0 && randomChance(this.#rng, 0.4) ? [randomPick(this.#rng, others)] : others;
    this.#block(affected.map((other) => (isDeaf ? [other.id, member.id] : [member.id, other.id])));
  }

  #isolate(leader: SimMember | null): void {
    if (leader === null) return;
    const others = this.#victims.all().filter((each) => each !== leader);
    this.#block(
      others.flatMap((other) => [
        [leader.id, other.id],
        [other.id, leader.id],
      ]),
    );
  }

  /**
   * One computer is away while the others elect; then the elected one goes, the others are
   * restarted, and the absent one comes back. Whoever forgets over a restart whom it voted for
   * now votes again, for somebody who knows nothing of the first election.
   */
  #rotateQuorum(absent: SimMember): void {
    const { scheduler, options, network } = this.#parts;
    const others = this.#victims.all().filter((each) => each !== absent);
    const before = this.#victims.leader();
    for (const other of others) {
      network.block(absent.id, other.id);
      network.block(other.id, absent.id);
    }
    if (before !== null && before !== absent) {
      before.end("power-loss");
      this.#later(10, options.electionMs, () => before.boot());
    }
    scheduler.after(options.electionMs * randomBetween(this.#rng, 2, 4), () => {
      if (this.#isOver) return;
      const elected = this.#victims.leader();
      for (const other of others) {
        network.unblock(absent.id, other.id);
        network.unblock(other.id, absent.id);
        if (other === elected) this.#crash(other, "power-loss");
        else {
          other.end("power-loss");
          this.#later(10, 30, () => other.boot());
        }
      }
    });
  }

  #block(pairs: readonly (readonly [MemberId, MemberId])[] | MemberId[][]): void {
    const { network } = this.#parts;
    for (const [from, to] of pairs)
      if (from !== undefined && to !== undefined) network.block(from, to);
    this.#later(300, 6_000, () => {
      for (const [from, to] of pairs) {
        if (from !== undefined && to !== undefined) network.unblock(from, to);
      }
    });
  }

  #slowLink(member: SimMember): void {
    const { network } = this.#parts;
    const fault = {
      extraDelayMs: randomPick(this.#rng, SLOW_DELAYS_MS),
      bytesPerMs: randomPick(this.#rng, [5, 50, 1_000]),
    };
    const isBothWays = randomChance(this.#rng, 0.7);
    for (const other of this.#victims.all()) {
      if (other === member || randomChance(this.#rng, 0.4)) continue;
      network.slow(member.id, other.id, fault);
      if (isBothWays) network.slow(other.id, member.id, fault);
      this.#later(500, 5_000, () => {
        network.unslow(member.id, other.id);
        network.unslow(other.id, member.id);
      });
    }
  }

  #pause(member: SimMember, isSleep: boolean): void {
    const { process } = member;
    if (process?.isStopped === true) return;
    const durationMs = randomBetween(this.#rng, 100, randomChance(this.#rng, 0.5) ? 1_000 : 5_000);
    member.stop();
    this.#parts.scheduler.after(durationMs, () => {
      if (member.process === process) member.continue(isSleep ? durationMs : 0);
    });
  }

  #pick(): SimMember | null {
    const { leader, all } = { leader: this.#victims.leader(), all: this.#victims.all() };
    if (all.length === 0) return null;
    // The leader is where most promises are made.
    return leader !== null && randomChance(this.#rng, 0.4) ? leader : randomPick(this.#rng, all);
  }

  #later(minMs: number, maxMs: number, undo: () => void): void {
    this.#parts.scheduler.after(randomBetween(this.#rng, minMs, maxMs), () => {
      if (!this.#isOver) undo();
    });
  }
}
