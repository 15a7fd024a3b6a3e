/**
 * One world from one seed: computers with the real agent on them, faults, and at the end peace,
 * in which everything must come together again. Virtual time only. What happens in it, in which
 * order, is told in `run-seed.ts`.
 */
import { randomBetween, randomChance, seededRng } from "../../shared/base/rng.ts";
import type { Rng } from "../../shared/base/rng.ts";
import type { LogIndex, MemberId } from "../../shared/base/ids.ts";
import type { HardState, RaftStatus } from "../../shared/raft/types.ts";
import { ClientAccess } from "./client-access.ts";
import { Coverage } from "./coverage.ts";
import { History } from "./history.ts";
import { Leaderships } from "./leaderships.ts";
import { logUnderTest } from "./log-under-test.ts";
import { Membership } from "./membership.ts";
import { Nemesis } from "./nemesis.ts";
import { PromiseChecker } from "./promise-checker.ts";
import { RaftChecker } from "./raft-checker.ts";
import { Scheduler, runSteps } from "./scheduler.ts";
import { SimDiscovery } from "./sim-discovery.ts";
import { SimMember, addressOf } from "./sim-member.ts";
import { SimNetwork } from "./sim-network.ts";
import type { SimOptions } from "./sim-options.ts";
import type { Engine } from "./sim-store.ts";
import { StoreChecker } from "./store-checker.ts";
import { storedVoteOf } from "./stored-vote.ts";
import { Trace } from "./trace.ts";
import { uphold } from "./violation.ts";
import { SpinChecker, checkRefusedStart } from "./world-checks.ts";
import type { WorldParts } from "./world-parts.ts";
import { Wounds } from "./wounds.ts";

/** Worlds in which all wall clocks are set back when peace begins. */
const CLOCKS_SET_SHARE = 0.2;
const HOUR_MS = 3_600_000;

/** After this no failure in peace is one of before it, in ms. */
const LAST_FAILURES_MS = 1_000;
/** Worlds in which peace begins with a restart of everybody. */
const RESTART_SHARE = 0.5;

/** In the morning everybody wakes up within this time. */
const AWAKE_MS_MAX = 3_000;

/** All there is. */
export class World {
  readonly parts: WorldParts<SimMember>;
  readonly history: History;
  readonly membership: Membership;
  readonly nemesis: Nemesis;
  readonly wounds: Wounds;
  /** For clients. */
  readonly access: ClientAccess;
  readonly #rng: Rng;
  readonly #leaderships: Leaderships;
  /** Computers that run on a copy of a member's folder. */
  readonly #copies = new Set<SimMember>();
  readonly #touched = new Set<SimMember>();
  /** What was checked last of each. */
  readonly #looked = new Map<SimMember, { status: RaftStatus; lastIndex: LogIndex }>();
  readonly #shown = new Map<SimMember, Pick<RaftStatus, "role" | "term" | "commitIndex">>();
  readonly #spinChecker = new SpinChecker();
  #isCalm = false;
  #failure: unknown = null;
  #eventCount = 0;
  #installCount = 0;
  #morningMs = -Infinity;
  #nightMs = 0;

  constructor(
    options: SimOptions,
    makeEngine: () => Engine,
    onLine: ((text: string) => void) | null,
  ) {
    this.#rng = seededRng(options.seed * 7 + 1);
    const { electionMs } = options;
    this.#leaderships = new Leaderships(options);
    this.history = new History({ leaderships: this.#leaderships, electionMs });
    this.parts = this.#makeParts(options, makeEngine, onLine);
    this.membership = new Membership(this.parts, this.#rng);
    this.wounds = new Wounds(this, seededRng(options.seed * 7 + 4));
    this.nemesis = new Nemesis(this.parts, this, options.seed * 7 + 3);
    const plant = options.bug?.plant ?? {};
    this.access = new ClientAccess(this.membership, plant, {
      restUntilMs: () => this.#morningMs,
      isCalm: () => this.#isCalm,
    });
    this.membership.found();
  }

  /** Events that were run. */
  get eventCount(): number {
    return this.#eventCount;
  }

  /** Snapshots that members took over from others. */
  get installCount(): number {
    return this.#installCount;
  }

  /** Virtual time in which everybody slept; not counted as worked through. */
  get nightMs(): number {
    return this.#nightMs;
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
  runUntil(isOver: () => boolean, untilMs: () => number): Promise<void> {
    return runSteps(() => {
      // What the event before this one led to has happened by now.
      this.#check();
      return this.#failure === null && !isOver() && this.#runEvent(untilMs());
    });
  }

  /** Starts everybody who does not run. */
  bootAll(): void {
    for (const member of this.membership.all) member.boot();
  }

  /** Every link and disk is good again, and everybody runs whose disk may be trusted. */
  gather(): void {
    this.nemesis.heal();
    for (const member of this.membership.all) {
      if (!canGoOn(member)) member.end("killed");
      member.boot();
    }
  }

  /**
   * From now on everything must work. In half of the worlds everybody is restarted; in the others who runs
   * goes on, but for those whose disk had failed them: they do not trust themselves any more. In some worlds
   * a minority stays away for a while.
   */
  calm(): void {
    this.#isCalm = true;
    const { isPeaceForQuorumOnly } = this.parts.options;
    const isSettled =
      !this.wounds.isBusy && !this.membership.isChanging && this.membership.isAsWanted;
    const away = isPeaceForQuorumOnly && isSettled ? this.membership.minority() : [];
    this.wounds.stop();
    this.nemesis.stop();
    for (const copy of this.#copies) this.endCopy(copy);
    const isRestart = randomChance(this.#rng, RESTART_SHARE);
    for (const member of this.membership.all) {
      const isAway = away.includes(member);
      if (isRestart || isAway || !canGoOn(member)) member.end("killed");
      if (isAway) this.parts.coverage.fault("left-off-in-peace");
      else member.boot();
    }
    this.parts.scheduler.after(LAST_FAILURES_MS, () => this.#startFailedAgain());
    this.#setClocks();
  }

  /** What failed in the last moment before peace shows once the disk has answered. */
  #startFailedAgain(): void {
    for (const member of this.membership.all) {
      if (member.process === null || canGoOn(member)) continue;
      member.end("killed");
      member.boot();
    }
  }

  /** People set clocks at any time: nothing may wait for a wall clock to come back to where it was. */
  #setClocks(): void {
    const { scheduler, options } = this.parts;
    if (!randomChance(this.#rng, CLOCKS_SET_SHARE)) return;
    for (const member of this.membership.all) {
      const afterMs = randomBetween(this.#rng, 0, options.electionMs);
      scheduler.after(afterMs, () => member.jumpWall(-randomBetween(this.#rng, 1, 5) * HOUR_MS));
    }
  }

  /** Everybody sleeps: nobody asks anything, and faults wait until the morning. */
  sleepAll(durationMs: number): void {
    const { scheduler, trace } = this.parts;
    // Whoever is still asleep would wake up in the middle of it.
    if (scheduler.nowMs < this.#morningMs + AWAKE_MS_MAX) return;
    trace.note("night", Math.round(durationMs / 1_000));
    this.#morningMs = scheduler.nowMs + durationMs;
    this.#nightMs += durationMs;
    this.nemesis.nightUntil(this.#morningMs);
    for (const member of this.membership.all) {
      const { process } = member;
      if (process === null || process.isStopped) continue;
      const asleepAfterMs = randomBetween(this.#rng, 0, 2_000);
      const awakeAfterMs = durationMs + randomBetween(this.#rng, 0, AWAKE_MS_MAX);
      scheduler.after(asleepAfterMs, () => {
        if (member.process === process) member.stop();
      });
      scheduler.after(awakeAfterMs, () => {
        if (member.process === process) member.continue(awakeAfterMs - asleepAfterMs);
      });
    }
  }

  /** Starts another computer on a copy of a member's folder; it is no member of this world. */
  startCopyOf(member: SimMember): SimMember {
    const image = member.takeImage();
    const copyAddress = `copy-of-${addressOf(member.id)}`;
    const options = { id: member.id, seed: this.#rng.uint32(), copyAddress };
    const copy = new SimMember(this.parts, image.record, options);
    this.#copies.add(copy);
    copy.restoreImage(image);
    copy.boot();
    this.parts.promises.copied(copy.id, true);
    return copy;
  }

  /**
   * Ends such a computer. The cluster may have given the seat to it: what it promised since is
   * not on the disk of the original, which gives its own promises up when it starts again.
   */
  endCopy(copy: SimMember): void {
    this.parts.promises.copied(copy.id, false);
    if (copy.process === null) return;
    copy.end("killed");
    this.parts.promises.wounded(copy.id);
    this.parts.raftChecker.wounded(copy.id);
  }

  /** The highest term on any disk. */
  highestTerm(): number {
    const terms = this.membership.all.map(({ id, disk }) => storedVoteOf(id, disk)?.term ?? 0);
    return Math.max(0, ...terms);
  }

  /** Frees what the world holds outside of JavaScript's memory. */
  close(): void {
    for (const member of [...this.membership.all, ...this.#copies]) member.end("killed");
  }

  /**
   * What of a member's vote is safe. While a copy of its folder runs, what it says may come from
   * either: until the two have met nobody can tell them apart, so the later vote of both counts.
   */
  #storedVoteOf(id: MemberId): HardState | null {
    const member = this.membership.get(id);
    const copies = [...this.#copies].filter((copy) => copy.id === id && copy.process !== null);
    const stored = [...(member === null ? [] : [member]), ...copies].map(({ disk }) =>
      storedVoteOf(id, disk),
    );
    return stored.reduce((a, b) => ((b?.term ?? -1) > (a?.term ?? -1) ? b : a), null);
  }

  #makeParts(
    options: SimOptions,
    makeEngine: () => Engine,
    onLine: ((text: string) => void) | null,
  ): WorldParts<SimMember> {
    const scheduler = new Scheduler();
    const trace = new Trace(() => scheduler.nowMs, onLine);
    const rng = seededRng(options.seed * 7 + 2);
    const promises = new PromiseChecker((id) => this.#storedVoteOf(id));
    const traits = options.network;
    const network = new SimNetwork({ scheduler, trace, rng, traits, promises });
    return {
      options,
      scheduler,
      trace,
      network,
      discovery: new SimDiscovery(network),
      promises,
      raftChecker: new RaftChecker(
        (candidate, term) => promises.votersFor(candidate, term),
        (member, term) => promises.isTermStored(member, term),
      ),
      storeChecker: new StoreChecker(),
      coverage: new Coverage(),
      makeEngine,
      addresses: () => this.membership.all.map((member) => addressOf(member.id)),
      touched: (member) => this.#touched.add(member),
      woke: () => this.#leaderships.woke(scheduler.nowMs),
      crashed: (member) => this.nemesis.bootLater(member),
      bootFailed: (member, code) => this.#bootFailed(member, code),
      snapshotInstalled: () => this.#installCount++,
      bug: (error) => this.fail(error),
    };
  }

  /** Runs one event. @returns false when none is left until then. */
  #runEvent(untilMs: number): boolean {
    try {
      if (!this.parts.scheduler.runNext(untilMs)) return false;
      this.#eventCount++;
      this.#spinChecker.ran(this.parts.scheduler.nowMs);
    } catch (error) {
      this.fail(error);
    }
    return true;
  }

  #bootFailed(member: SimMember, code: string): void {
    this.parts.trace.note("boot-failed", member.id, code);
    try {
      checkRefusedStart(member.id, code, this.#isCalm);
      member.end("killed");
      this.nemesis.bootLater(member);
    } catch (error) {
      this.fail(error);
    }
  }

  #check(): void {
    for (const member of this.#touched) {
      const { replica, process } = member;
      if (replica === null || process === null) continue;
      if (this.#copies.has(member)) {
        // Nothing else is asked of it. But the seat may have been given to it, and its disk counts then.
        this.parts.raftChecker.stored(replica.raftStatus(), "copy");
        continue;
      }
      try {
        const status = replica.raftStatus();
        const log = logUnderTest(replica.log);
        // The core gives the same object until it was told something; most frames are not for it.
        const looked = this.#looked.get(member);
        if (looked?.status === status && looked.lastIndex === log.lastIndex) continue;
        this.#looked.set(member, { status, lastIndex: log.lastIndex });
        if (status.role === "leader") {
          this.#leaderships.led(status.term, this.parts.scheduler.nowMs);
          this.nemesis.leaderSeen(member, status.term);
        }
        this.#show(member, status);
        const { configuration, isChangingConfiguration } = status;
        const isCommitted = !isChangingConfiguration;
        this.membership.seen(member.id, { seats: configuration.seats, isCommitted });
        this.#checkDoubt(member, status);
        this.parts.raftChecker.observe(process, status, log);
      } catch (error) {
        this.fail(error);
      }
    }
    this.#touched.clear();
  }

  /** Crashes lose nothing that was promised: only a hurt disk, or a lost seat, gives it up. */
  #checkDoubt({ id, replica, wasUpgraded }: SimMember, { incarnation }: RaftStatus): void {
    // An older version did not note whether it had begun: an empty folder of its is doubted.
    if (incarnation !== null) return;
    const hasCause = this.wounds.hasHurt(id) || this.membership.wasRemoved(id) || wasUpgraded;
    uphold(hasCause, "nobody-is-doubted-without-cause", () => {
      const seat = replica?.status().seat;
      return `${id} gave up its seat: ${seat?.reason ?? ""} ${seat?.detail ?? ""}`;
    });
  }

  #show(member: SimMember, { role, term, commitIndex }: RaftStatus): void {
    const shown = this.#shown.get(member);
    const isSame = shown?.role === role && shown.term === term;
    if (isSame && shown.commitIndex === commitIndex) return;
    this.#shown.set(member, { role, term, commitIndex });
    this.parts.trace.note("state", member.id, `${role} term ${term} commit ${commitIndex}`);
  }
}

/** Whoever saw its disk fail does not trust it again before a restart. */
function canGoOn(member: SimMember): boolean {
  const state = member.replica?.status().storage.state;
  return state !== "failed" && state !== "diverged";
}
