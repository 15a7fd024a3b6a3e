/**
 * A whole cluster on one seed: a nemesis that crashes, cuts, changes the membership and reads
 * in between, and then heals everything and expects it to work.
 *
 * Pure and synchronous, so a seed takes milliseconds and replays exactly. The real agent on
 * virtual ports is simulated elsewhere (`test/sim`); here only the consensus core is under test.
 */
import { InvariantError } from "../../shared/base/assert.ts";
import { randomBetween, randomChance, randomPick } from "../../shared/base/rng.ts";
import { NO_FAULTS, type RaftFaults } from "../../shared/raft/faults.ts";
import { type SafetyChecker, Violation } from "./checkers.ts";
import { calmed, drawChange } from "./chaos.ts";
import { HEARTBEAT_MS, RandomWorld } from "./random-world.ts";

/** What a seed came to. */
export type RunOutcome = {
  /** null: every promise was kept. */
  readonly violation: string | null;
  readonly committedCount: number;
  readonly electionCount: number;
};

const STEPS = 2500;
const HEALING_ROUNDS = 400;

/** Runs one seed from founding to full recovery. */
export function runSeed(seed: number, faults: RaftFaults = NO_FAULTS): RunOutcome {
  const cluster = new RandomCluster(seed, faults);
  let violation: string | null = null;
  try {
    cluster.run();
  } catch (error) {
    if (!(error instanceof Violation) && !(error instanceof InvariantError)) throw error;
    violation = `${error.name}: ${error.message}`;
  }
  const { committedCount, electionCount } = cluster.checker;
  return { violation, committedCount, electionCount };
}

class RandomCluster {
  readonly #world: RandomWorld;

  constructor(seed: number, faults: RaftFaults) {
    this.#world = new RandomWorld(seed, faults);
  }

  get checker(): SafetyChecker {
    return this.#world.checker;
  }

  /** From founding to full recovery. */
  run(): void {
    for (const node of this.#world.nodes.values()) this.#world.start(node);
    for (let step = 0; step < STEPS; step++) {
      this.#act();
      if (step % 100 === 0) this.#world.compareLogs();
    }
    this.#world.compareLogs();
    this.#recover();
  }

  #act(): void {
    const dice = this.#world.rng.uint32() % 1000;
    if (dice < 550) this.#deliverSome();
    else if (dice < 700) this.#advance();
    else if (dice < 850) this.#disks();
    else if (dice < 920) this.#propose();
    else if (dice < 945) this.#world.read();
    else if (dice < 960) this.#crashOrStart();
    else if (dice < 972) this.#cutOrHeal();
    else if (dice < 980) this.#changeMembers();
    else if (dice < 985) this.#transfer();
    else if (dice < 993) this.#compact();
    else this.#dropConnection();
    if (randomChance(this.#world.rng, this.#world.chaos.huntChance)) this.#huntLeader();
    if (randomChance(this.#world.rng, this.#world.chaos.restartChance)) this.#startSomeone();
    if (this.#world.chaos.isLosingDisks && randomChance(this.#world.rng, 0.02)) this.#loseDisk();
    if (this.#world.chaos.isCrashingVoters && randomChance(this.#world.rng, 0.3))
      this.#crashVoter();
  }

  #deliverSome(): void {
    for (
      let left = randomBetween(this.#world.rng, 1, this.#world.chaos.deliveriesMax);
      left > 0;
      left--
    ) {
      this.#world.deliver();
    }
  }

  #advance(): void {
    const isLeap = randomChance(this.#world.rng, 0.02);
    this.#world.nowMs += isLeap ? 2_500 : randomBetween(this.#world.rng, 20, 140);
    for (const node of this.#world.up()) this.#world.tick(node);
  }

  #disks(): void {
    for (const node of this.#world.up()) {
      if (!randomChance(this.#world.rng, this.#world.chaos.diskChance)) continue;
      this.#world.run(node, () => node.finishPersist());
    }
  }

  #propose(): void {
    const node = this.#world.anyLeader();
    if (node === null) return;
    const count = randomBetween(this.#world.rng, 1, 3);
    const payloads = Array.from({ length: count }, () => new Uint8Array(8));
    this.#world.run(node, () => node.run((raft) => raft.propose(payloads)));
  }

  #crashOrStart(): void {
    const node = randomPick(this.#world.rng, [...this.#world.nodes.values()]);
    if (node.isUp) this.#world.crash(node);
    else if (!this.#world.losses.isHeldDown(node.id)) this.#world.start(node);
  }

  #cutOrHeal(): void {
    this.#world.network.heal();
    if (randomChance(this.#world.rng, 0.4)) return;
    const isOneWay = randomChance(this.#world.rng, 0.2);
    const inside = this.#world.ids.filter(() => randomChance(this.#world.rng, 0.5));
    this.#world.network.isolate(inside, this.#world.ids, isOneWay);
  }

  #loseDisk(): void {
    const leader = this.#world.anyLeader();
    this.#world.losses.returnSuperseded(leader);
    if (leader === null || randomChance(this.#world.rng, 0.5)) return this.#world.losses.backUp();
    const node = this.#world.losses.victim(leader);
    if (node === null) return;
    if (node.isUp) this.#world.crash(node);
    this.#world.run(node, () => this.#world.losses.strike(node, leader));
  }

  #startSomeone(): void {
    const down = [...this.#world.nodes.values()].filter(
      (node) => !node.isUp && !this.#world.losses.isHeldDown(node.id),
    );
    if (down.length > 0) this.#world.start(randomPick(this.#world.rng, down));
  }

  #crashVoter(): void {
    const voter = this.#world.up().find((node) => {
      const { leader, votedFor } = node.status;
      return leader === null && votedFor !== null && votedFor !== node.id;
    });
    if (voter === undefined || voter.pending) return;
    this.#world.crash(voter);
    this.#world.start(voter);
  }

  #huntLeader(): void {
    const leader = this.#world.anyLeader();
    if (leader === null) return;
    if (randomChance(this.#world.rng, 0.5)) {
      this.#world.crash(leader);
      return;
    }
    // Alone, or with one other: enough to spread an entry that no majority has.
    const friend = randomPick(this.#world.rng, this.#world.ids);
    this.#world.network.heal();
    this.#world.network.isolate([leader.id, friend], this.#world.ids, false);
  }

  #changeMembers(): void {
    const leader = this.#world.anyLeader();
    // A change together with a lost disk is more than the others can mend (see `DiskLosses`).
    if (leader === null || !this.#world.chaos.isChangingMembers || this.#world.seats.isBusy) return;
    const change = drawChange(this.#world.rng, randomPick(this.#world.rng, this.#world.ids));
    this.#world.run(leader, () => leader.run((raft) => raft.changeConfiguration(change)));
  }

  #transfer(): void {
    const leader = this.#world.anyLeader();
    const target = randomPick(this.#world.rng, this.#world.ids);
    if (leader === null) return;
    this.#world.run(leader, () => leader.run((raft) => raft.transferLeadership(target)));
  }

  #compact(): void {
    const up = this.#world.up();
    if (up.length === 0) return;
    const node = randomPick(this.#world.rng, up);
    if (node.pending === null) node.compact();
  }

  #dropConnection(): void {
    const up = this.#world.up();
    if (up.length === 0) return;
    const node = randomPick(this.#world.rng, up);
    const other = randomPick(this.#world.rng, this.#world.ids);
    this.#world.run(node, () => node.run((raft) => raft.connectionLost(other)));
  }

  /** With everything healed, one leader commits for all members within a bounded time. */
  #recover(): void {
    this.#world.chaos = calmed(this.#world.chaos);
    this.#world.network.chaos = this.#world.chaos;
    this.#world.network.heal();
    this.#world.losses.returnSuperseded(this.#world.anyLeader());
    this.#world.seats.tellAll();
    for (const node of this.#world.nodes.values()) if (!node.isUp) this.#world.start(node);
    this.#converge();
    if (randomChance(this.#world.rng, 0.5)) {
      this.#restartUnnoticed();
      this.#converge();
    }
    this.#world.compareLogs();
  }

  #converge(): void {
    for (let round = 0; round < HEALING_ROUNDS; round++) {
      this.#world.nowMs += HEARTBEAT_MS / 2;
      for (const node of this.#world.up()) this.#world.tick(node);
      for (const node of this.#world.up()) this.#world.run(node, () => node.finishPersist());
      for (let left = this.#world.network.count; left > 0; left--) this.#world.deliver();
      if (this.#isConverged()) return;
    }
    throw new Violation("progress: no leader that brought every member up to date");
  }

  /** So fast that nobody loses a connection. */
  #restartUnnoticed(): void {
    const node = randomPick(this.#world.rng, [...this.#world.nodes.values()]);
    node.crash("everything");
    this.#world.start(node);
  }

  #isConverged(): boolean {
    const leader = this.#world.anyLeader()?.status;
    if (!leader || leader.commitIndex < leader.lastIndex) return false;
    return leader.configuration.seats.every(({ id, incarnation }) => {
      const node = this.#world.nodes.get(id);
      const isSeated = node?.status.incarnation === incarnation;
      return isSeated && node.appliedIndex === leader.commitIndex;
    });
  }
}
