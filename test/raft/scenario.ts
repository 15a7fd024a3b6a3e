/**
 * Runs a scenario: a story in text about a whole cluster, with the picture after each chapter.
 *
 * The network is perfect and in order unless the story cuts it; a disk is instant unless the
 * story stops it. Each node has its own clock, so that a story can say who campaigns.
 */
import { assert, defined } from "../../shared/base/assert.ts";
import { NO_BYTES, utf8Encode } from "../../shared/base/bytes.ts";
import { type MemberId, term as asTerm, memberId } from "../../shared/base/ids.ts";
import { seededRng } from "../../shared/base/rng.ts";
import { NO_FAULTS, type RaftFaults } from "../../shared/raft/faults.ts";
import type {
  ConfigurationChange,
  RaftMessage,
  RaftSettings,
  Seat,
} from "../../shared/raft/types.ts";
import { entry } from "./core-fixture.ts";
import type { DiskImage } from "./memory-disk.ts";
import { SeatAgent } from "./seat-agent.ts";
import { TestNode } from "./test-node.ts";

const TICK_MS = 50;
const ELECTION_TICKS_MAX = 60;
const ROUNDS_MAX = 1000;

const SETTINGS: RaftSettings = {
  heartbeatMs: 100,
  electionMs: 1000,
  appendBytesMax: 64,
  inflightBytesMax: 256,
  uncommittedBytesMax: 1024,
};

/**
 * The text again, with every picture drawn anew after its `----`.
 *
 * @param faults Bugs to plant: the pictures then show what they do.
 */
export function runScenario(text: string, faults: RaftFaults = NO_FAULTS): string {
  const scenario = new Scenario(faults);
  return text
    .split(/\n\n+/)
    .filter((chapter) => chapter.trim() !== "")
    .map((chapter) => {
      const story = defined(chapter.trim().split(/^----$/m)[0], "a chapter has a story").trimEnd();
      for (const line of story.split("\n")) scenario.do(line);
      return `${story}\n----\n${scenario.picture()}\n`;
    })
    .join("\n");
}

class Scenario {
  readonly #nodes = new Map<MemberId, TestNode>();
  readonly #clocks = new Map<MemberId, number>();
  readonly #stoppedDisks = new Set<MemberId>();
  readonly #backups = new Map<MemberId, DiskImage>();
  readonly #fresh = new Map<MemberId, DiskImage>();
  readonly #faults: RaftFaults;
  /** Two that do not reach each other, whatever else they reach. */
  #cutPair: readonly MemberId[] = [];
  /** Nothing reaches it; it is heard. */
  #deaf: MemberId | null = null;
  /** A kind of message that the network loses. */
  #dropped = "nothing";
  readonly #notes = new Map<MemberId, string[]>();
  readonly #seats = new SeatAgent();
  #packets: RaftMessage[] = [];
  #sides: readonly (readonly MemberId[])[] = [];
  #nextRequestId = 1;

  constructor(faults: RaftFaults) {
    this.#faults = faults;
  }

  do(line: string): void {
    const [command = "", ...words] = line.split(" ");
    if (line.trim() === "" || line.startsWith("#")) return;
    if (command === "nodes") return this.#found(Number(words[0]), Number(words[2] ?? 0));
    if (command === "tick") return this.#tick(Number(words[0]));
    if (command === "partition") return this.#partition(words.join(" "));
    if (command === "drop") {
      this.#dropped = words[0] ?? "nothing";
      return;
    }
    if (command === "heal") {
      this.#sides = [];
      this.#deaf = null;
      this.#cutPair = [];
      return;
    }
    this.#doOn(command, memberId(words[0] ?? "-"), words.slice(1));
    this.#settle();
  }

  picture(): string {
    const lines = [...this.#nodes.values()].map((node) => this.#describe(node));
    this.#notes.clear();
    return lines.join("\n");
  }

  #doOn(command: string, id: MemberId, words: readonly string[]): void {
    const node = this.#node(id);
    switch (command) {
      case "elect":
        return this.#elect(node);
      case "propose":
        return this.#note(id, this.#outcome(node.run((r) => r.propose(words.map(utf8Encode)))));
      case "change":
        return this.#change(node, words);
      case "transfer":
        return this.#note(
          id,
          this.#outcome(node.run((r) => r.transferLeadership(memberId(words[0] ?? "-")))),
        );
      case "read":
        return node.run((r) => r.readIndex(this.#nextRequestId++));
      case "stop-disk":
        this.#stoppedDisks.add(id);
        return;
      case "start-disk":
        this.#stoppedDisks.delete(id);
        return;
      case "compact":
        return node.compact();
      case "crash":
        return this.#crash(node);
      case "restart":
        return node.start(this.#clock(id));
      case "step-down":
        return node.run((r) => r.stepDown());
      case "cut":
        this.#cutPair = [id, memberId(words[0] ?? "-")];
        return;
      case "deafen":
        this.#deaf = id;
        return;
      case "sleep":
        return this.#sleep(node, Number(words[0]));
      default:
        return this.#doToDisk(command, node, words);
    }
  }

  #doToDisk(command: string, node: TestNode, words: readonly string[]): void {
    switch (command) {
      case "log":
        return this.#giveLog(node, Number(words[0]), words.slice(1).map(Number));
      case "blink":
        node.crash("everything");
        return node.start(this.#clock(node.id));
      case "back-up":
        return void this.#backups.set(node.id, node.disk.image());
      case "wipe":
        return this.#lose(node, this.#emptied(node));
      case "put-back":
        return this.#lose(node, this.#backupOf(node));
      case "put-back-untold":
        node.crash("nothing");
        node.disk.restore(this.#backupOf(node));
        this.#seats.keepInTheDark(node.id);
        return node.start(this.#clock(node.id));
      default:
        throw new Error(`a scenario has no command "${command}"`);
    }
  }

  /** The process stands still; then its clock shows all that time at once. */
  #sleep(node: TestNode, durationMs: number): void {
    const nowMs = this.#clock(node.id) + durationMs;
    this.#clocks.set(node.id, nowMs);
    node.run((r) => r.advance(nowMs));
  }

  /** Restarts with a log of entries of these terms. */
  #giveLog(node: TestNode, inTerm: number, terms: readonly number[]): void {
    node.crash("nothing");
    const { incarnation } = node.disk.hardState;
    node.disk.hardState = { term: asTerm(inTerm), votedFor: null, incarnation };
    node.disk.entries = terms.map((each, i) => entry(each, i + 1));
    node.start(this.#clock(node.id));
  }

  /** It comes back with less than it had, and is told at once. */
  #lose(node: TestNode, image: DiskImage): void {
    if (node.isUp) node.crash("nothing");
    node.disk.restore(image);
    this.#seats.lost(node);
    node.start(this.#clock(node.id));
    this.#seats.started(node);
  }

  /** As after its first start, but with no word of the seat it held. */
  #emptied(node: TestNode): DiskImage {
    const image = defined(this.#fresh.get(node.id), `${node.id} was founded`);
    return { ...image, hardState: { ...image.hardState, incarnation: null } };
  }

  #backupOf(node: TestNode): DiskImage {
    return defined(this.#backups.get(node.id), `${node.id} was backed up`);
  }

  #found(voters: number, others: number): void {
    const ids = Array.from({ length: voters + others }, (_, i) => memberId(`n${i + 1}`));
    const seats: Seat[] = ids
      .slice(0, voters)
      .map((id) => ({ id, kind: "voter", incarnation: 0, context: NO_BYTES }));
    for (const [i, id] of ids.entries()) {
      const configuration = { seats: i < voters ? seats : [] };
      this.#clocks.set(id, 0);
      this.#nodes.set(id, this.#makeNode(id, i, configuration));
    }
    for (const node of this.#nodes.values()) {
      this.#fresh.set(node.id, node.disk.image());
      node.start(0);
    }
    this.#settle();
  }

  #makeNode(id: MemberId, seed: number, configuration: { seats: readonly Seat[] }): TestNode {
    return new TestNode({
      id,
      settings: SETTINGS,
      configuration,
      rng: seededRng(seed),
      faults: this.#faults,
      outlet: {
        send: (message) => this.#packets.push(message),
        committed: () => undefined,
        answered: (node, { index }) => this.#note(node.id, `read ${index ?? "refused"}`),
        snapshotFor: (node, member) => this.#sendSnapshot(node, member),
      },
    });
  }

  /** Everyone loses the leader; only this node's clock goes on until it leads. */
  #elect(node: TestNode): void {
    for (const other of this.#up()) {
      const { leader } = other.status;
      if (leader !== null && leader !== other.id) other.run((r) => r.connectionLost(leader));
    }
    for (let tick = 0; tick < ELECTION_TICKS_MAX && node.status.role !== "leader"; tick++) {
      this.#tickOne(node);
      this.#settle();
    }
  }

  #change(node: TestNode, [type, name = "-"]: readonly string[]): void {
    const id = memberId(name);
    const change = parseChange(type, id);
    this.#note(node.id, this.#outcome(node.run((r) => r.changeConfiguration(change))));
  }

  #crash(node: TestNode): void {
    const { id } = node;
    node.crash("nothing");
    this.#stoppedDisks.delete(id);
    for (const other of this.#up()) other.run((r) => r.connectionLost(id));
  }

  #sendSnapshot(node: TestNode, member: MemberId): void {
    const { term } = node.status;
    const receiver = this.#nodes.get(member);
    const isReachable = receiver?.isUp === true && !this.#isCut(node.id, member);
    // Later than this Ready: a driver sends images beside its other work.
    this.#tasks.push(() => {
      if (isReachable) receiver.run((r) => r.receiveSnapshot(node.disk.base, node.id, term));
      node.run((r) => r.reportSnapshot(member, isReachable ? "sent" : "failed"));
    });
  }

  readonly #tasks: (() => void)[] = [];

  #tick(count: number): void {
    for (let tick = 0; tick < count; tick++) {
      for (const node of this.#up()) this.#tickOne(node);
      this.#settle();
    }
  }

  #tickOne(node: TestNode): void {
    const nowMs = this.#clock(node.id) + TICK_MS;
    this.#clocks.set(node.id, nowMs);
    node.run((r) => r.advance(nowMs));
  }

  /** Until nothing moves any more. */
  #settle(): void {
    for (let round = 0; round < ROUNDS_MAX; round++) {
      const packets = this.#packets;
      this.#packets = [];
      for (const message of packets) {
        const node = this.#nodes.get(message.to);
        if (message.type === this.#dropped) continue;
        if (!node?.isUp || this.#isCut(message.from, message.to)) continue;
        node.run((r) => r.step(message));
      }
      const wrote = this.#up().filter((node) => this.#persist(node)).length > 0;
      for (const node of this.#up()) this.#seats.look(node, this.#leaderFor(node.id));
      const tasks = this.#tasks.splice(0);
      for (const task of tasks) task();
      if (packets.length === 0 && !wrote && tasks.length === 0) return;
    }
    throw new Error("the cluster never comes to rest");
  }

  #persist(node: TestNode): boolean {
    const batch = node.pending;
    if (batch === null || this.#stoppedDisks.has(node.id)) return false;
    const from = batch.entries[0]?.index ?? Infinity;
    const cut = node.disk.entries.filter((entry) => entry.index >= from);
    const first = cut[0];
    if (batch.snapshot) this.#note(node.id, `installed ${batch.snapshot.position.index}`);
    else if (first) {
      this.#note(node.id, `truncated ${first.index}..${node.disk.lastIndex} (term ${first.term})`);
    }
    return node.finishPersist();
  }

  #partition(text: string): void {
    this.#sides = text.split("|").map((side) => side.trim().split(" ").map(memberId));
  }

  #isCut(from: MemberId, to: MemberId): boolean {
    const sideOf = (id: MemberId): number => this.#sides.findIndex((side) => side.includes(id));
    if (this.#cutPair.includes(from) && this.#cutPair.includes(to)) return true;
    return to === this.#deaf || (this.#sides.length > 0 && sideOf(from) !== sideOf(to));
  }

  #describe(node: TestNode): string {
    const notes = this.#notes.get(node.id) ?? [];
    const tail = notes.length > 0 ? `   ${notes.join(", ")}` : "";
    if (!node.isUp) return `${node.id} down${tail}`;
    const { role, term, lastIndex, commitIndex, configuration, incarnation } = node.status;
    const seat = configuration.seats.find(({ id }) => id === node.id);
    const kind = seat?.kind === "voter" ? "" : ` (${seat?.kind ?? "no seat"})`;
    const name = `${role}${kind}`.padEnd(13);
    const held = seat && seat.incarnation !== incarnation ? ` holds=${incarnation}` : "";
    return `${node.id} ${name} term=${term} last=${lastIndex} commit=${commitIndex}${held}${tail}`;
  }

  #outcome(result: ReturnType<TestNode["run"]>): string {
    const { ok, error } = result as { ok: boolean; error?: { code: string } };
    return ok ? "" : `refused: ${error?.code}`;
  }

  #note(id: MemberId, note: string): void {
    if (note === "") return;
    this.#notes.set(id, [...(this.#notes.get(id) ?? []), note]);
  }

  #node(id: MemberId): TestNode {
    return defined(this.#nodes.get(id), `the scenario has a node ${id}`);
  }

  /** The leader of the highest term that a member reaches. */
  #leaderFor(id: MemberId): TestNode | null {
    const leaders = this.#up().filter(
      (node) => node.status.role === "leader" && !this.#isCut(id, node.id),
    );
    return leaders.sort((a, b) => b.status.term - a.status.term)[0] ?? null;
  }

  #clock(id: MemberId): number {
    return this.#clocks.get(id) ?? 0;
  }

  #up(): TestNode[] {
    return [...this.#nodes.values()].filter((node) => node.isUp);
  }
}

function parseChange(type: string | undefined, id: MemberId): ConfigurationChange {
  if (type === "add-mirror") return { type, id, context: NO_BYTES };
  const isKnown = type === "promote" || type === "demote" || type === "remove" || type === "reseat";
  assert(isKnown, "a known change");
  return { type, id };
}
