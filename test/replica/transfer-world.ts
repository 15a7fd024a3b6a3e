/**
 * Members that only move snapshots, over a network with a speed, on virtual time.
 *
 * Every frame is encoded, waits for the link to be free, crosses it and is decoded, as on a real
 * connection; a link may be cut and lose what is on it. The consensus core is a note of what it
 * was told: which messages make it take a snapshot is tested with the core.
 */
import { SnapshotFiles } from "../../electron/agent/log/snapshots.ts";
import { SnapshotIntake } from "../../electron/agent/replica/snapshot-intake.ts";
import { SnapshotSender } from "../../electron/agent/replica/snapshot-sender.ts";
import { logIndex, memberId, term } from "../../shared/base/ids.ts";
import type { MemberId } from "../../shared/base/ids.ts";
import {
  decodePeerMessage,
  encodePeerMessage,
  isInVersion,
} from "../../shared/protocol/messages.ts";
import type { MemberMessage } from "../../shared/protocol/messages.ts";
import type { SnapshotMark } from "../../shared/raft/types.ts";
import { FakeDisk } from "../support/fake-disk.ts";
import { VirtualClock } from "../support/virtual-clock.ts";
import { silentLogger, value } from "../log/log-fixtures.ts";

/** How fast frames cross, both directions. */
export type Path = { readonly bytesPerMs: number; readonly latencyMs: number };

type Sent = { readonly from: MemberId; readonly to: MemberId; readonly message: MemberMessage };

const LAN: Path = { bytesPerMs: 100_000, latencyMs: 0.2 };

/** Enough turns of the event loop for everything that waits for a fake disk. */
async function settle(): Promise<void> {
  for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve));
}

/** One computer. Its disk outlives its process. */
export class TransferNode {
  readonly id: MemberId;
  readonly disk: FakeDisk;
  readonly world: TransferWorld;
  /** What the core was given, and whether it then installs it. */
  readonly taken: SnapshotMark[] = [];
  readonly reports: { readonly to: MemberId; readonly outcome: "sent" | "failed" }[] = [];
  /** Whom this node would point to. */
  sources: readonly TransferNode[] = [];
  isInstallingAtOnce = true;
  /** Whether the core takes a whole one. */
  isTaking = true;
  onReport: (to: MemberId, outcome: "sent" | "failed") => void = () => undefined;
  /** What is done before a snapshot of its own is sent. */
  prepare: () => Promise<void> = () => Promise.resolve();
  files!: SnapshotFiles;
  sender!: SnapshotSender;
  intake!: SnapshotIntake;

  constructor(world: TransferWorld, name: string, seed: number) {
    this.id = memberId(name);
    this.world = world;
    this.disk = new FakeDisk({ seed });
  }

  /** Opens what is on the disk. */
  async boot(): Promise<void> {
    const { clock } = this.world;
    const folder = { disk: this.disk, folder: "snapshots", logger: silentLogger };
    this.files = value(await SnapshotFiles.open(folder));
    const shared = {
      clock,
      logger: silentLogger,
      files: this.files,
      term: () => term(this.world.term),
      send: (to: MemberId, message: MemberMessage) => this.world.send(this, to, message),
    };
    this.sender = new SnapshotSender({
      ...shared,
      keptFrom: () => logIndex(this.world.keptFrom),
      sources: () =>
        this.sources.map(({ id, files }) => ({
          id,
          snapshotIndex: files.latest()?.mark.position.index ?? logIndex(0),
        })),
      isConnected: (member) => this.world.isConnected(this.id, member),
      prepare: () => this.prepare(),
      report: (to, outcome) => {
        this.reports.push({ to, outcome });
        this.onReport(to, outcome);
      },
    });
    this.intake = new SnapshotIntake({
      ...shared,
      take: (mark) => {
        if (!this.isTaking) return false;
        this.taken.push(mark);
        if (this.isInstallingAtOnce) void this.install(mark);
        return true;
      },
    });
  }

  /** What the agent does when the core took a snapshot. */
  async install(mark: SnapshotMark): Promise<void> {
    value(await this.files.adoptReceived(mark));
    this.intake.installed();
  }

  /** The process ends; the others hear of it. */
  async crash(kind: "process-killed" | "power-lost"): Promise<void> {
    this.world.drop(this.id);
    this.disk.crash(kind);
    await settle();
    await this.boot();
  }

  receive(from: MemberId, message: MemberMessage): void {
    switch (message.type) {
      case "snapshot-progress":
        return this.sender.onProgress(from, message.transferId, message.offset);
      case "snapshot-end":
        this.sender.onEnd(from, message.transferId, message.outcome);
        return this.intake.onEnd(from, message.transferId);
      case "snapshot-request":
        return this.sender.onRequest(from, message);
      case "snapshot-offer":
        return this.intake.onOffer(from, message);
      case "snapshot-begin":
        return this.intake.onBegin(from, message);
      case "snapshot-chunk":
        return this.intake.onChunk(from, message);
      default:
    }
  }
}

/** The network between them, and the time. */
export class TransferWorld {
  readonly clock = new VirtualClock();
  readonly nodes: TransferNode[] = [];
  readonly sent: Sent[] = [];
  term = 5;
  /** The index before the leader's kept log. */
  keptFrom = 0;
  path: Path = LAN;
  version = 2;
  /** Called for every frame; false loses it. */
  passes: (sent: Sent) => boolean = () => true;
  readonly #freeAtMs = new Map<string, number>();
  readonly #cut = new Set<string>();
  #epoch = 0;

  async add(name: string): Promise<TransferNode> {
    const node = new TransferNode(this, name, this.nodes.length + 1);
    await node.boot();
    this.nodes.push(node);
    return node;
  }

  /** No way between two members until it is mended. */
  cut(a: TransferNode, b: TransferNode): void {
    this.#cut.add(pathOf(a.id, b.id));
    a.sender.onDown(b.id);
    a.intake.onDown(b.id);
    b.sender.onDown(a.id);
    b.intake.onDown(a.id);
    this.#epoch++;
  }

  mend(a: TransferNode, b: TransferNode): void {
    this.#cut.delete(pathOf(a.id, b.id));
  }

  /** A member's connections end; what is under way is lost. */
  drop(id: MemberId): void {
    this.#epoch++;
    for (const node of this.nodes) {
      if (node.id === id) continue;
      node.sender.onDown(id);
      node.intake.onDown(id);
    }
  }

  isConnected(a: MemberId, b: MemberId): boolean {
    return !this.#cut.has(pathOf(a, b));
  }

  /** Bytes that a frame sent now would wait behind. */
  queuedBytes(from: TransferNode, to: TransferNode): number {
    const freeAtMs = this.#freeAtMs.get(`${from.id} ${to.id}`) ?? 0;
    return Math.max(0, freeAtMs - this.clock.nowMs()) * this.path.bytesPerMs;
  }

  send(from: TransferNode, to: MemberId, message: MemberMessage): boolean {
    const isCut = this.#cut.has(pathOf(from.id, to));
    if (isCut || !isInVersion(message, this.version)) return false;
    const sent = { from: from.id, to, message };
    this.sent.push(sent);
    if (!this.passes(sent)) return true;
    const frame = encodePeerMessage(message, this.version);
    const key = `${from.id} ${to}`;
    const startMs = Math.max(this.clock.nowMs(), this.#freeAtMs.get(key) ?? 0);
    const endMs = startMs + frame.length / this.path.bytesPerMs;
    this.#freeAtMs.set(key, endMs);
    const epoch = this.#epoch;
    this.clock.after(endMs + this.path.latencyMs - this.clock.nowMs(), () => {
      if (epoch !== this.#epoch) return;
      const decoded = decodePeerMessage(frame, { from: from.id, to }, this.version);
      if (!decoded.ok) throw new Error(decoded.error.detail);
      this.nodes.find(({ id }) => id === to)?.receive(from.id, decoded.value as MemberMessage);
    });
    return true;
  }

  /** Lets time pass. @param until Ends it early. */
  async run(forMs: number, until: () => boolean = () => false): Promise<void> {
    const endMs = this.clock.nowMs() + forMs;
    await settle();
    while (!until()) {
      const nextAtMs = this.clock.nextAtMs;
      if (nextAtMs === null || nextAtMs > endMs) break;
      this.clock.runNext();
      await settle();
    }
    if (!until()) this.clock.advanceTo(endMs);
  }
}

function pathOf(a: MemberId, b: MemberId): string {
  return [a, b].sort().join(" ");
}
