/**
 * A cluster of cores in a hostile network, and the checkers that look at it after every move.
 *
 * It knows how a member is started, killed, ticked and reached, not when: `random-cluster.ts`
 * decides that. All chance comes from one generator, so a seed replays exactly.
 */
import type { MemberId } from "../../shared/base/ids.ts";
import { type Rng, randomChance, randomPick, seededRng } from "../../shared/base/rng.ts";
import type { RaftFaults } from "../../shared/raft/faults.ts";
import type {
  Configuration,
  LogEntry,
  RaftMessage,
  RaftSettings,
  ReadAnswer,
} from "../../shared/raft/types.ts";
import { SafetyChecker } from "./checkers.ts";
import { type Chaos, drawChaos, membersOf } from "./chaos.ts";
import { DiskLosses } from "./disk-loss.ts";
import type { Torn } from "./memory-disk.ts";
import { RandomNetwork } from "./random-network.ts";
import { SeatAgent } from "./seat-agent.ts";
import { TestNode } from "./test-node.ts";

/** How often leaders say that they live. */
export const HEARTBEAT_MS = 100;

/** See the top of the file. */
export class RandomWorld {
  readonly checker = new SafetyChecker();
  readonly rng: Rng;
  readonly network: RandomNetwork;
  readonly nodes = new Map<MemberId, TestNode>();
  readonly ids: readonly MemberId[];
  readonly seats = new SeatAgent();
  readonly losses: DiskLosses;
  /** What may happen, and how often; calmer towards the end. */
  chaos: Chaos;
  /** Everybody's clock. */
  nowMs = 1_000;
  /** What was known to be committed when a read was asked. */
  readonly #readsAskedAt = new Map<number, number>();
  #nextRequestId = 1;

  constructor(seed: number, faults: RaftFaults) {
    this.rng = seededRng(seed);
    const rng = this.rng;
    this.chaos = drawChaos(rng);
    this.network = new RandomNetwork(rng, this.chaos);
    const { ids, founding } = membersOf(this.chaos);
    this.ids = ids;
    for (const id of ids) {
      const isFounder = founding.seats.some((seat) => seat.id === id);
      const configuration: Configuration = isFounder ? founding : { seats: [] };
      this.nodes.set(id, this.#makeNode(id, configuration, faults));
    }
    const nowMs = (): number => this.nowMs;
    this.losses = new DiskLosses({ rng, seats: this.seats, nodes: this.nodes, nowMs });
  }

  /** One packet, or none, arrives. */
  deliver(): void {
    const packet = this.network.take();
    if (packet === null) return;
    const node = this.nodes.get(packet.to);
    const { content, from } = packet;
    if (!node?.isUp) return;
    if (content.type === "message") {
      this.run(node, () => node.run((raft) => raft.step(content.message)));
    } else {
      const { mark, term } = content;
      this.run(node, () => node.run((raft) => raft.receiveSnapshot(mark, from, term)));
    }
  }

  /** Its clock goes on to now; its agent looks after its seat. */
  tick(node: TestNode): void {
    this.seats.look(node, this.anyLeader());
    this.run(node, () => node.run((raft) => raft.advance(this.nowMs)));
  }

  /** It dies; some of the others notice at once. */
  crash(node: TestNode): void {
    const torn: readonly Torn[] = ["nothing", "hard-state", "some-entries", "everything"];
    node.crash(randomPick(this.rng, torn));
    for (const other of this.up()) {
      if (!randomChance(this.rng, 0.7)) continue;
      this.run(other, () => other.run((raft) => raft.connectionLost(node.id)));
    }
  }

  /** It starts from its disk. */
  start(node: TestNode): void {
    this.run(node, () => {
      node.start(this.nowMs);
      this.seats.started(node);
    });
  }

  /** A leader dies right after its election, its first entry on its own disk and nowhere else. */
  #ambush(leader: TestNode): void {
    this.network.loseFrom(leader.id);
    leader.crash("everything");
  }

  /** Whatever is done to a member: afterwards the checkers look at it, and its luck may end. */
  run(node: TestNode, action: () => unknown): void {
    const { committedCount, electionCount } = this.checker;
    action();
    if (!node.isUp) return;
    this.checker.observe(node);
    if (
      this.checker.electionCount > electionCount &&
      randomChance(this.rng, this.chaos.ambushChance)
    ) {
      this.#ambush(node);
      return;
    }
    const isNewsOfLeader =
      this.checker.committedCount > committedCount && node.status.role === "leader";
    if (isNewsOfLeader && randomChance(this.rng, this.chaos.killAtCommitChance)) this.crash(node);
  }

  /** Somebody is asked what a linearizable read may see; the answer is checked when it comes. */
  read(): void {
    const up = this.up();
    if (up.length === 0) return;
    const node = randomPick(this.rng, up);
    const requestId = this.#nextRequestId++;
    this.#readsAskedAt.set(requestId, this.checker.committedCount);
    this.run(node, () => node.run((raft) => raft.readIndex(requestId)));
  }

  /** The leader of the highest term. */
  anyLeader(): TestNode | null {
    let found: TestNode | null = null;
    for (const node of this.up()) {
      const { role, term } = node.status;
      if (role === "leader" && (found === null || term > found.status.term)) found = node;
    }
    return found;
  }

  /** Whoever runs. */
  up(): TestNode[] {
    return [...this.nodes.values()].filter((node) => node.isUp);
  }

  /** The logs on all disks, also of members that are down. */
  compareLogs(): void {
    this.checker.compareLogs([...this.nodes.values()].map((node) => node.disk));
  }

  #makeNode(id: MemberId, configuration: Configuration, faults: RaftFaults): TestNode {
    const settings: RaftSettings = {
      heartbeatMs: HEARTBEAT_MS,
      electionMs: 500,
      appendBytesMax: this.chaos.appendBytesMax,
      inflightBytesMax: randomPick(this.rng, [16, 1024]),
      uncommittedBytesMax: 4096,
    };
    return new TestNode({
      id,
      settings,
      configuration,
      rng: this.rng,
      faults,
      outlet: {
        send: (message: RaftMessage) => {
          const { from, to } = message;
          this.network.send({ from, to, content: { type: "message", message } });
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
    this.network.send({ from: node.id, to: member, content: { type: "snapshot", mark, term } });
    const outcome = randomChance(this.rng, 0.7) ? "sent" : "failed";
    node.run((raft) => raft.reportSnapshot(member, outcome));
  }
}
