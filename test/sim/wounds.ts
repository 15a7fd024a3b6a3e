/**
 * Faults that take something from a disk that was safe on it: files gone, spoilt or older, and
 * one folder running twice (F5, F6, F20, F21, F22).
 *
 * Raft assumes that these never happen, so not everything can survive them: when the only other
 * disk that knows of a promise is away, nobody can tell that it was broken. So each wound comes
 * in a truce: everybody is there and in step, one disk is hurt, and nothing else happens until
 * its member is back. Then the promise is exact: nothing is lost, the member is told apart from
 * an honest one within seconds, and it comes back in step by itself.
 */
import { nextChange } from "../../electron/agent/members/autopilot.ts";
import type { MemberId } from "../../shared/base/ids.ts";
import { randomBetween, randomChance, randomPick } from "../../shared/base/rng.ts";
import type { Rng } from "../../shared/base/rng.ts";
import { votersOf } from "../../shared/raft/configuration.ts";
import type { Seat } from "../../shared/raft/types.ts";
import { FAILPOINTS, isRepairStep, momentsOf } from "./failpoints.ts";
import type { WoundKind } from "./fault-kinds.ts";
import type { DiskImage, SimMember } from "./sim-member.ts";
import type { Membership } from "./membership.ts";
import { uphold } from "./violation.ts";
import { checkStartAfterWound } from "./world-checks.ts";
import type { WorldParts } from "./world-parts.ts";

const POLL_MS = 100;
/** Told of a wound when the file it is about was not there. */
const NOTHING = "nothing";
/** The truce is given up when the world does not come together in this time. */
const GATHER_MS_MAX = 15_000;
/** Within this time the member itself says that something is wrong. */
const SAID_MS_MAX = 5_000;
/** Within this time it is back in step under a new incarnation. */
const BACK_MS_MAX = 30_000;
/** A repair that was cut short goes on when the member starts again, and that takes a while. */
const CRASHED_MS_MAX = 10_000;
/** How many repairs are cut short, 0 to 1. */
const REPAIR_CRASH_SHARE = 0.3;
const REPAIR_MOMENTS = FAILPOINTS.filter(isRepairStep).flatMap((name) =>
  momentsOf(name).map((moment) => ({ name, moment })),
);
/** How long a copy of a folder runs beside the original. */
const COPY_RUNS_MS = 7_000;

/** What a wound needs of its world. */
export interface WoundedWorld {
  readonly parts: WorldParts<SimMember>;
  readonly membership: Membership;
  /** Every link and disk is good again, and everybody runs whose disk may be trusted. */
  gather(): void;
  /** Starts another computer on a copy of a member's folder. */
  startCopyOf(member: SimMember): SimMember;
  endCopy(copy: SimMember): void;
  fail(error: unknown): void;
}

/** Hurts one disk at a time. */
export class Wounds {
  readonly #world: WoundedWorld;
  readonly #rng: Rng;
  #images = new Map<MemberId, DiskImage>();
  readonly #hurt = new Set<MemberId>();
  #isBusy = false;
  #isOver = false;

  constructor(world: WoundedWorld, rng: Rng) {
    this.#world = world;
    this.#rng = rng;
  }

  /** Whether a disk is hurt and its member not back yet. */
  get isBusy(): boolean {
    return this.#isBusy;
  }

  /** Whether this member's disk was ever hurt, or its folder copied. */
  hasHurt(id: MemberId): boolean {
    return this.#hurt.has(id);
  }

  /** No new wounds; the one there is goes on healing. */
  stop(): void {
    this.#isOver = true;
  }

  /**
   * Keeps a copy of the disk, as a backup program does, for `rolled-back-disk`. Not of a time at
   * which it was the only voter: put back, it leads alone until it meets the others, and nothing
   * on its disk could tell it better.
   */
  backUp(member: SimMember): void {
    const { replica } = member;
    if (replica === null) return;
    const voters = votersOf(replica.raftStatus().configuration);
    if (voters.every((id) => id === member.id)) return;
    this.#images.set(member.id, member.takeImage());
  }

  /** Begins, if this is a member whose disk may be hurt now. */
  inflict(kind: WoundKind, member: SimMember): void {
    if (this.#isBusy || this.#isOver || !this.#world.membership.canSpareDisk(member)) return;
    this.#isBusy = true;
    void this.#story(kind, member)
      .catch((error: unknown) => this.#world.fail(error))
      .finally(() => (this.#isBusy = false));
  }

  async #story(kind: WoundKind, member: SimMember): Promise<void> {
    const { trace, coverage } = this.#world.parts;
    if (kind === "rolled-back-disk" && !this.#images.has(member.id)) {
      this.backUp(member);
      await this.#pause(randomBetween(this.#rng, 300, 3_000));
      if (this.#isOver) return;
    }
    this.#world.gather();
    if (!(await this.#until(GATHER_MS_MAX, () => this.#isEverybodyInStep()))) {
      if (!this.#isOver) coverage.missed("truce that did not gather");
      return;
    }
    if (this.#isOver || !this.#world.membership.canSpareDisk(member)) return;
    trace.note("wound", kind, member.id);
    coverage.fault(kind);
    this.#hurt.add(member.id);
    if (kind === "copied-folder") return this.#runTwice(member);
    member.end(kind === "rolled-back-disk" ? "power-loss" : "killed");
    const hurt = this.#takeFrom(member, kind);
    trace.note("hurt", member.id, hurt);
    if (hurt === NOTHING) coverage.missed("wound without anything to hurt");
    const promised = this.#world.parts.promises.wounded(member.id);
    this.#world.parts.raftChecker.wounded(member.id);
    await this.#pause(randomBetween(this.#rng, 50, 1_500));
    this.#armRepair(member);
    member.boot();
    await this.#until(SAID_MS_MAX, () => member.replica !== null);
    // It may have ended once more in the middle of its repair, and starts again after a while.
    if (member.failpoint?.isSpent === true) {
      await this.#until(CRASHED_MS_MAX, () => member.replica !== null);
    }
    // Peace has started everybody anew, this one as well.
    if (member.replica === null && this.#isOver) return;
    const replica = checkStartAfterWound(member.id, member.replica, hurt);
    const isShort = replica.raftStatus().lastIndex < promised;
    await this.#until(SAID_MS_MAX, () => hasSaidSo(member) || this.#isInStep(member));
    uphold(!isShort || hasSaidSo(member) || this.#isOver, "says-within-5-s-what-is-lost", () => {
      const { lastIndex } = replica.raftStatus();
      return `${member.id} had stored ${promised}, has ${lastIndex} after ${hurt}, and says nothing`;
    });
    const isBack = await this.#until(BACK_MS_MAX, () => this.#isInStep(member));
    uphold(isBack, "a-wounded-member-comes-back", () => {
      return `${member.id} after ${hurt}: ${JSON.stringify(member.replica?.status().seat)}`;
    });
  }

  /** Repairs may be interrupted, too. Moments of which no repair was tried yet come first. */
  #armRepair(member: SimMember): void {
    const { coverage, options } = this.#world.parts;
    if (options.oldMemberShare > 0) return;
    const first = options.firstFailpoint;
    const isWanted = first !== null && isRepairStep(first.name);
    if (!isWanted && !randomChance(this.#rng, REPAIR_CRASH_SHARE)) return;
    const moment = isWanted ? first : randomPick(this.#rng, REPAIR_MOMENTS);
    coverage.tried(moment);
    const kind = randomChance(this.#rng, 0.5) ? "killed" : "power-loss";
    member.failpoint = { ...moment, kind, isSpent: false };
  }

  /** @returns what was done, for a report. */
  #takeFrom(member: SimMember, kind: Exclude<WoundKind, "copied-folder">): string {
    switch (kind) {
      case "wiped-disk":
        // Without its record and key a folder is nobody's: that would be a new computer.
        return this.#drop(member, (path) => !path.startsWith("cluster.json"));
      case "wiped-log":
        return this.#drop(member, (path) => path.startsWith("log/"));
      case "lost-hard-state":
        return this.#drop(member, (path) => path.includes("hard-state"));
      case "rolled-back-disk": {
        const image = this.#images.get(member.id);
        if (image !== undefined) member.restoreImage(image);
        return image === undefined ? NOTHING : "an older image restored";
      }
      case "damaged-log":
        return this.#spoil(member, (path) => path.endsWith(".seg"));
      case "damaged-hard-state":
        return this.#spoil(member, (path) => path.includes("hard-state"));
      case "damaged-snapshot":
        return this.#spoil(member, (path) => path.startsWith("snapshots/"));
      case "damaged-hint":
        return this.#spoil(member, (path) => path.includes("commit-hint"));
    }
  }

  #drop(member: SimMember, isMeant: (path: string) => boolean): string {
    const paths = [...member.disk.contents().keys()].filter(isMeant);
    for (const path of paths) member.disk.dropFile(path);
    return `${paths.length} files gone`;
  }

  /** One bit, a sector of zeros, or one that the disk does not give back. */
  #spoil(member: SimMember, isMeant: (path: string) => boolean): string {
    const files = [...member.disk.contents()].filter(([path]) => isMeant(path));
    const full = files.filter(([, bytes]) => bytes.length > 0);
    if (full.length === 0) return NOTHING;
    const [path, bytes] = randomPick(this.#rng, full);
    const at = randomBetween(this.#rng, 0, bytes.length - 1);
    const kind = randomBetween(this.#rng, 0, 3);
    if (kind >= 2) {
      member.disk.flipBits(path, at, 1 << randomBetween(this.#rng, 0, 7));
      return `a bit at ${at} of ${path} (${bytes.length} bytes)`;
    }
    const from = at - (at % 512);
    const until = Math.min(bytes.length, from + 512);
    if (kind === 1) {
      member.disk.makeUnreadable(path, from, until);
      return `unreadable from ${from} to ${until} of ${path} (${bytes.length} bytes)`;
    }
    for (let i = from; i < until; i++) member.disk.flipBits(path, i, bytes[i] ?? 0);
    return `zeros from ${from} to ${until} of ${path} (${bytes.length} bytes)`;
  }

  /** Somebody copied the folder to another computer and starts it there. */
  async #runTwice(member: SimMember): Promise<void> {
    const copy = this.#world.startCopyOf(member);
    const isSaid = await this.#until(SAID_MS_MAX, () => hasSaidSo(copy) || hasSaidSo(member));
    uphold(isSaid || this.#isOver, "says-within-5-s-what-is-lost", () => {
      return `${member.id} runs twice, and neither of the two says so`;
    });
    await this.#pause(COPY_RUNS_MS);
    this.#world.endCopy(copy);
    // In peace everybody was started again already.
    if (this.#isOver) return;
    // Whichever of the two was stood aside stays so until it is started again.
    member.end("killed");
    member.boot();
    const isBack = await this.#until(BACK_MS_MAX, () => this.#isInStep(member));
    uphold(isBack, "a-wounded-member-comes-back", () => `${member.id} after its copy was ended`);
  }

  /**
   * Nothing is under way either, nor a change of seats that somebody asked for before: what one disk acknowledged a moment ago may count tomorrow, and
   * who gets its vote in the moment in which it gives its seat up may stop a cluster of two voters.
   */
  #isEverybodyInStep(): boolean {
    const seats = this.#seats();
    const leader = this.#world.membership.leader()?.replica?.raftStatus();
    return (
      leader !== undefined &&
      !this.#world.membership.isChanging &&
      leader.commitIndex === leader.lastIndex &&
      nextChange(leader, () => true) === null &&
      seats.length > 0 &&
      seats.every((seat) => {
        const member = this.#world.membership.get(seat.id);
        return member !== null && this.#isInStep(member);
      })
    );
  }

  /** It vouches for its seat, has on its disk what was committed, and nothing is wrong with it. */
  #isInStep(member: SimMember): boolean {
    const leader = this.#world.membership.leader()?.replica?.raftStatus();
    if (leader === undefined) return false;
    if (this.#world.membership.get(member.id) !== member) return true;
    const seat = this.#seats().find((each) => each.id === member.id);
    if (seat === undefined) return true;
    const { replica } = member;
    if (replica === null) return false;
    const status = replica.raftStatus();
    const isVouched = status.incarnation === seat.incarnation;
    const storedIndex = Math.min(status.commitIndex, status.flushedIndex);
    const isThere = storedIndex >= leader.commitIndex && status.leader === leader.id;
    return isVouched && isThere && replica.status().seat.state === "ok";
  }

  #seats(): readonly Seat[] {
    return this.#world.membership.leader()?.replica?.raftStatus().configuration.seats ?? [];
  }

  async #until(withinMs: number, isSo: () => boolean): Promise<boolean> {
    const { scheduler } = this.#world.parts;
    const deadlineMs = scheduler.nowMs + withinMs;
    while (!isSo()) {
      if (scheduler.nowMs > deadlineMs) return false;
      await this.#pause(POLL_MS);
    }
    return true;
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => this.#world.parts.scheduler.after(ms, resolve));
  }
}

function hasSaidSo(member: SimMember): boolean {
  return member.replica !== null && member.replica.status().seat.state !== "ok";
}
