/**
 * A whole cluster on one seed: cores, disks and a hostile network, and a nemesis that crashes,
 * cuts, changes the membership and reads in between.
 *
 * Pure and synchronous, so a seed takes milliseconds and replays exactly. The real agent on
 * virtual ports is simulated elsewhere (`test/sim`); here only the consensus core is under test.
 */
import { InvariantError } from "../../shared/base/assert.ts";
import type { MemberId } from "../../shared/base/ids.ts";
import {
  type Rng,
  randomBetween,
  randomChance,
  randomPick,
  seededRng,
} from "../../shared/base/rng.ts";
import { NO_FAULTS, type RaftFaults } from "../../shared/raft/faults.ts";
import type {
  Configuration,
  LogEntry,
  RaftMessage,
  RaftSettings,
  ReadAnswer,
} from "../../shared/raft/types.ts";
import { SafetyChecker, Violation } from "./checkers.ts";
import { type Chaos, calmed, drawChange, drawChaos, membersOf } from "./chaos.ts";
import { DiskLosses } from "./disk-loss.ts";
import type { Torn } from "./memory-disk.ts";
import { RandomNetwork } from "./random-network.ts";
import { SeatAgent } from "./seat-agent.ts";
import { TestNode } from "./test-node.ts";

/** What a seed came to. */
export type RunOutcome = {
  /** null: every promise was kept. */
  readonly violation: string | null;
  readonly committedCount: number;
  readonly electionCount: number;
};

const HEARTBEAT_MS = 100;
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
  readonly checker = new SafetyChecker();
  readonly #rng: Rng;
  readonly #network: RandomNetwork;
  readonly #nodes = new Map<MemberId, TestNode>();
  readonly #ids: readonly MemberId[];
  /** What was known to be committed when a read was asked. */
  readonly #readsAskedAt = new Map<number, number>();
  readonly #seats = new SeatAgent();
  readonly #losses: DiskLosses;
  #chaos: Chaos;
  #nowMs = 1_000;
  #nextRequestId = 1;

  constructor(seed: number, faults: RaftFaults) {
    this.#rng = seededRng(seed);
    const rng = this.#rng;
    this.#chaos = drawChaos(rng);
    this.#network = new RandomNetwork(rng, this.#chaos);
    const { ids, founding } = membersOf(this.#chaos);
    this.#ids = ids;
    for (const id of ids) {
      const isFounder = founding.seats.some((seat) => seat.id === id);
      const configuration: Configuration = isFounder ? founding : { seats: [] };
      this.#nodes.set(id, this.#makeNode(id, configuration, faults));
    }
    const nowMs = (): number => this.#nowMs;
    this.#losses = new DiskLosses({ rng, seats: this.#seats, nodes: this.#nodes, nowMs });
  }

  run(): void {
    for (const node of this.#nodes.values()) this.#start(node);
    for (let step = 0; step < STEPS; step++) {
      this.#act();
      if (step % 100 === 0) this.#compareLogs();
    }
    this.#compareLogs();
    this.#recover();
  }

  #act(): void {
    const dice = this.#rng.uint32() % 1000;
    if (dice < 550) this.#deliverSome();
    else if (dice < 700) this.#advance();
    else if (dice < 850) this.#disks();
    else if (dice < 920) this.#propose();
    else if (dice < 945) this.#read();
    else if (dice < 960) this.#crashOrStart();
    else if (dice < 972) this.#cutOrHeal();
    else if (dice < 980) this.#changeMembers();
    else if (dice < 985) this.#transfer();
    else if (dice < 993) this.#compact();
    else this.#dropConnection();
    if (randomChance(this.#rng, this.#chaos.huntChance)) this.#huntLeader();
    if (randomChance(this.#rng, this.#chaos.restartChance)) this.#startSomeone();
    if (this.#chaos.isLosingDisks && randomChance(this.#rng, 0.02)) this.#loseDisk();
    if (this.#chaos.isCrashingVoters && randomChance(this.#rng, 0.3)) this.#crashVoter();
  }

  #deliverSome(): void {
    for (let left = randomBetween(this.#rng, 1, this.#chaos.deliveriesMax); left > 0; left--) {
      this.#deliver();
    }
  }

  #deliver(): void {
    const packet = this.#network.take();
    if (packet === null) return;
    const node = this.#nodes.get(packet.to);
    const { content, from } = packet;
    if (!node?.isUp) return;
    if (content.type === "message") {
      this.#run(node, () => node.run((raft) => raft.step(content.message)));
    } else {
      const { mark, term } = content;
      this.#run(node, () => node.run((raft) => raft.receiveSnapshot(mark, from, term)));
    }
  }

  #advance(): void {
    const isLeap = randomChance(this.#rng, 0.02);
    this.#nowMs += isLeap ? 2_500 : randomBetween(this.#rng, 20, 140);
    for (const node of this.#up()) this.#tick(node);
  }

  #tick(node: TestNode): void {
    this.#seats.look(node, this.#anyLeader());
    this.#run(node, () => node.run((raft) => raft.advance(this.#nowMs)));
  }

  #disks(): void {
    for (const node of this.#up()) {
      if (!randomChance(this.#rng, this.#chaos.diskChance)) continue;
      this.#run(node, () => node.finishPersist());
    }
  }

  #propose(): void {
    const node = this.#anyLeader();
    if (node === null) return;
    const count = randomBetween(this.#rng, 1, 3);
    const payloads = Array.from({ length: count }, () => new Uint8Array(8));
    this.#run(node, () => node.run((raft) => raft.propose(payloads)));
  }

  #read(): void {
    const up = this.#up();
    if (up.length === 0) return;
    const node = randomPick(this.#rng, up);
    const requestId = this.#nextRequestId++;
    this.#readsAskedAt.set(requestId, this.checker.committedCount);
    this.#run(node, () => node.run((raft) => raft.readIndex(requestId)));
  }

  #crashOrStart(): void {
    const node = randomPick(this.#rng, [...this.#nodes.values()]);
    if (node.isUp) this.#crash(node);
    else if (!this.#losses.isHeldDown(node.id)) this.#start(node);
  }

  #crash(node: TestNode): void {
    const torn: readonly Torn[] = ["nothing", "hard-state", "some-entries", "everything"];
    node.crash(randomPick(this.#rng, torn));
    for (const other of this.#up()) {
      if (!randomChance(this.#rng, 0.7)) continue;
      this.#run(other, () => other.run((raft) => raft.connectionLost(node.id)));
    }
  }

  #start(node: TestNode): void {
    this.#run(node, () => {
      node.start(this.#nowMs);
      this.#seats.started(node);
    });
  }

  #cutOrHeal(): void {
    this.#network.heal();
    if (randomChance(this.#rng, 0.4)) return;
    const isOneWay = randomChance(this.#rng, 0.2);
    const inside = this.#ids.filter(() => randomChance(this.#rng, 0.5));
    this.#network.isolate(inside, this.#ids, isOneWay);
  }

  #loseDisk(): void {
    const leader = this.#anyLeader();
    this.#losses.returnSuperseded(leader);
    if (leader === null || randomChance(this.#rng, 0.5)) return this.#losses.backUp();
    const node = this.#losses.victim(leader);
    if (node === null) return;
    if (node.isUp) this.#crash(node);
    this.#run(node, () => this.#losses.strike(node, leader));
  }

  #startSomeone(): void {
    const down = [...this.#nodes.values()].filter(
      (node) => !node.isUp && !this.#losses.isHeldDown(node.id),
    );
    if (down.length > 0) this.#start(randomPick(this.#rng, down));
  }

  #crashVoter(): void {
    const voter = this.#up().find((node) => {
      const { leader, votedFor } = node.status;
      return leader === null && votedFor !== null && votedFor !== node.id;
    });
    if (voter === undefined || voter.pending) return;
    this.#crash(voter);
    this.#start(voter);
  }

  /** A leader dies right after its election, its first entry on its own disk and nowhere else. */
  #ambush(leader: TestNode): void {
    this.#network.loseFrom(leader.id);
    leader.crash("everything");
  }

  #huntLeader(): void {
    const leader = this.#anyLeader();
    if (leader === null) return;
    if (randomChance(this.#rng, 0.5)) {
      this.#crash(leader);
      return;
    }
    // Alone, or with one other: enough to spread an entry that no majority has.
    const friend = randomPick(this.#rng, this.#ids);
    this.#network.heal();
    this.#network.isolate([leader.id, friend], this.#ids, false);
  }

  #changeMembers(): void {
    const leader = this.#anyLeader();
    // A change together with a lost disk is more than the others can mend (see `DiskLosses`).
    if (leader === null || !this.#chaos.isChangingMembers || this.#seats.isBusy) return;
    const change = drawChange(this.#rng, randomPick(this.#rng, this.#ids));
    this.#run(leader, () => leader.run((raft) => raft.changeConfiguration(change)));
  }

  #transfer(): void {
    const leader = this.#anyLeader();
    const target = randomPick(this.#rng, this.#ids);
    if (leader === null) return;
    this.#run(leader, () => leader.run((raft) => raft.transferLeadership(target)));
  }

  #compact(): void {
    const up = this.#up();
    if (up.length === 0) return;
    const node = randomPick(this.#rng, up);
    if (node.pending === null) node.compact();
  }

  #dropConnection(): void {
    const up = this.#up();
    if (up.length === 0) return;
    const node = randomPick(this.#rng, up);
    const other = randomPick(this.#rng, this.#ids);
    this.#run(node, () => node.run((raft) => raft.connectionLost(other)));
  }

  /** With everything healed, one leader commits for all members within a bounded time. */
  #recover(): void {
    this.#chaos = calmed(this.#chaos);
    this.#network.chaos = this.#chaos;
    this.#network.heal();
    this.#losses.returnSuperseded(this.#anyLeader());
    this.#seats.tellAll();
    for (const node of this.#nodes.values()) if (!node.isUp) this.#start(node);
    this.#converge();
    if (randomChance(this.#rng, 0.5)) {
      this.#restartUnnoticed();
      this.#converge();
    }
    this.#compareLogs();
  }

  #converge(): void {
    for (let round = 0; round < HEALING_ROUNDS; round++) {
      this.#nowMs += HEARTBEAT_MS / 2;
      for (const node of this.#up()) this.#tick(node);
      for (const node of this.#up()) this.#run(node, () => node.finishPersist());
      for (let left = this.#network.count; left > 0; left--) this.#deliver();
      if (this.#isConverged()) return;
    }
    throw new Violation("progress: no leader that brought every member up to date");
  }

  /** So fast that nobody loses a connection. */
  #restartUnnoticed(): void {
    const node = randomPick(this.#rng, [...this.#nodes.values()]);
    node.crash("everything");
    this.#start(node);
  }

  #isConverged(): boolean {
    const leader = this.#anyLeader()?.status;
    if (!leader || leader.commitIndex < leader.lastIndex) return false;
    return leader.configuration.seats.every(({ id, incarnation }) => {
      const node = this.#nodes.get(id);
      const isSeated = node?.status.incarnation === incarnation;
      return isSeated && node.appliedIndex === leader.commitIndex;
    });
  }

  #run(node: TestNode, action: () => unknown): void {
    const { committedCount, electionCount } = this.checker;
    action();
    if (!node.isUp) return;
    this.checker.observe(node);
    if (
      this.checker.electionCount > electionCount &&
      randomChance(this.#rng, this.#chaos.ambushChance)
    ) {
      this.#ambush(node);
      return;
    }
    const isNewsOfLeader =
      this.checker.committedCount > committedCount && node.status.role === "leader";
    if (isNewsOfLeader && randomChance(this.#rng, this.#chaos.killAtCommitChance))
      this.#crash(node);
  }

  /** The leader of the highest term. */
  #anyLeader(): TestNode | null {
    let found: TestNode | null = null;
    for (const node of this.#up()) {
      const { role, term } = node.status;
      if (role === "leader" && (found === null || term > found.status.term)) found = node;
    }
    return found;
  }

  #up(): TestNode[] {
    return [...this.#nodes.values()].filter((node) => node.isUp);
  }

  #compareLogs(): void {
    this.checker.compareLogs([...this.#nodes.values()].map((node) => node.disk));
  }

  #makeNode(id: MemberId, configuration: Configuration, faults: RaftFaults): TestNode {
    const settings: RaftSettings = {
      heartbeatMs: HEARTBEAT_MS,
      electionMs: 500,
      appendBytesMax: this.#chaos.appendBytesMax,
      inflightBytesMax: randomPick(this.#rng, [16, 1024]),
      uncommittedBytesMax: 4096,
    };
    return new TestNode({
      id,
      settings,
      configuration,
      rng: this.#rng,
      faults,
      outlet: {
        send: (message: RaftMessage) => {
          const { from, to } = message;
          this.#network.send({ from, to, content: { type: "message", message } });
        },
        committed: (node: TestNode, entries: readonly LogEntry[]) =>
          this.checker.entriesCommitted(node, entries),
        answered: (_node: TestNode, answer: ReadAnswer) => this.#answered(answer),
        snapshotFor: (node: TestNode, member: MemberId) => this.#sendSnapshot(node, member),
      },
    });
  }

  #answered(answer: ReadAnswer): void {
    const askedAt = this.#readsAskedAt.get(answer.requestId);
    this.#readsAskedAt.delete(answer.requestId);
    if (answer.index === null || askedAt === undefined) return;
    this.checker.readAnswered(answer.index, askedAt);
  }

  #sendSnapshot(node: TestNode, member: MemberId): void {
    const mark = node.disk.base;
    const { term } = node.status;
    this.#network.send({ from: node.id, to: member, content: { type: "snapshot", mark, term } });
    const outcome = randomChance(this.#rng, 0.7) ? "sent" : "failed";
    node.run((raft) => raft.reportSnapshot(member, outcome));
  }
}
