import type { MemberId } from "../../shared/base/ids.ts";
import { type Rng, randomBetween, randomChance } from "../../shared/base/rng.ts";
import type { Chaos } from "./chaos.ts";
import type { RaftMessage, SnapshotMark } from "../../shared/raft/types.ts";

/** Something on its way between two nodes. */
export type Packet = {
  readonly from: MemberId;
  readonly to: MemberId;
  readonly content:
    | { readonly type: "message"; readonly message: RaftMessage }
    | { readonly type: "snapshot"; readonly mark: SnapshotMark; readonly term: number };
};

const PACKETS_MAX = 400;

/** A network that loses, repeats, reorders and is cut, also in one direction. */
export class RandomNetwork {
  readonly #rng: Rng;
  #packets: Packet[] = [];
  readonly #cuts = new Set<string>();
  chaos: Chaos;

  constructor(rng: Rng, chaos: Chaos) {
    this.#rng = rng;
    this.chaos = chaos;
  }

  get count(): number {
    return this.#packets.length;
  }

  send(packet: Packet): void {
    if (this.isCut(packet.from, packet.to)) return;
    if (randomChance(this.#rng, this.chaos.lossChance)) return;
    this.#packets.push(packet);
    if (randomChance(this.#rng, this.chaos.repeatChance)) this.#packets.push(packet);
    if (this.#packets.length > PACKETS_MAX) this.#packets.shift();
  }

  /** The next packet to arrive, or null. One whose way was cut meanwhile is lost. */
  take(): Packet | null {
    if (this.#packets.length === 0) return null;
    const at = this.chaos.isReordering ? randomBetween(this.#rng, 0, this.#packets.length - 1) : 0;
    const packet = this.#packets[at];
    if (packet === undefined) return null;
    this.#packets.splice(at, 1);
    return this.isCut(packet.from, packet.to) ? null : packet;
  }

  /** What this node has sent and nobody got yet is lost. */
  loseFrom(from: MemberId): void {
    this.#packets = this.#packets.filter((packet) => packet.from !== from);
  }

  cut(from: MemberId, to: MemberId): void {
    this.#cuts.add(`${from}>${to}`);
  }

  /** Cuts some off from the others of `all`. @param isOneWay Only what the inner ones say is lost. */
  isolate(inside: readonly MemberId[], all: readonly MemberId[], isOneWay: boolean): void {
    for (const a of inside) {
      for (const b of all) {
        if (inside.includes(b)) continue;
        this.cut(a, b);
        if (!isOneWay) this.cut(b, a);
      }
    }
  }

  isCut(from: MemberId, to: MemberId): boolean {
    return this.#cuts.size > 0 && this.#cuts.has(`${from}>${to}`);
  }

  heal(): void {
    this.#cuts.clear();
  }
}
