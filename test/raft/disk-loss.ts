/**
 * Computers that come back with less than they had: wiped, or put back to an older copy.
 *
 * Within a budget: never so many at once that those whose disks are whole are no majority, for
 * then only a person can help. Who recognises the loss (peers, by what they remember) is the
 * agent's business and tested there; here the member is told, or its seat has begun anew
 * before it returns.
 */
import type { MemberId } from "../../shared/base/ids.ts";
import { type Rng, randomChance, randomPick } from "../../shared/base/rng.ts";
import { seatOf } from "../../shared/raft/configuration.ts";
import type { DiskImage } from "./memory-disk.ts";
import type { SeatAgent } from "./seat-agent.ts";
import type { TestNode } from "./test-node.ts";

type Parts = {
  readonly rng: Rng;
  readonly seats: SeatAgent;
  readonly nodes: ReadonlyMap<MemberId, TestNode>;
  readonly nowMs: () => number;
};

/** Older copies of all disks, and what becomes of them. */
export class DiskLosses {
  readonly #parts: Parts;
  readonly #fresh = new Map<MemberId, DiskImage>();
  readonly #older = new Map<MemberId, DiskImage>();
  /** Down, with a seat that is to begin anew before they return with an older disk. */
  readonly #superseding = new Map<MemberId, number>();

  constructor(parts: Parts) {
    this.#parts = parts;
    for (const node of parts.nodes.values()) this.#fresh.set(node.id, node.disk.image());
  }

  /** Takes a backup of somebody. */
  backUp(): void {
    const node = randomPick(this.#parts.rng, [...this.#parts.nodes.values()]);
    this.#older.set(node.id, node.disk.image());
  }

  /** Whether a node must stay down for now. */
  isHeldDown(id: MemberId): boolean {
    return this.#superseding.has(id);
  }

  /** Who may lose its disk now; null: nobody. */
  victim(leader: TestNode): TestNode | null {
    const { configuration, isChangingConfiguration } = leader.status;
    if (isChangingConfiguration || this.#superseding.size > 0) return null;
    if (this.#mayChangeFrom(leader.status.commitIndex)) return null;
    const node = randomPick(this.#parts.rng, [...this.#parts.nodes.values()]);
    const isWhole = (id: MemberId): boolean => {
      const held = this.#parts.nodes.get(id)?.disk.hardState.incarnation;
      return held === seatOf(configuration, id)?.incarnation && !this.#parts.seats.isWaiting(id);
    };
    if (seatOf(configuration, node.id) === undefined || !isWhole(node.id)) return null;
    const voters = configuration.seats.filter((seat) => seat.kind === "voter");
    const whole = voters.filter(({ id }) => id !== node.id && isWhole(id));
    return whole.length > voters.length / 2 ? node : null;
  }

  /**
   * Whether somebody may hold a change that is not committed. Together with a lost disk of one
   * whom it needs, it is more than the others can mend: nobody can tell whether it was committed.
   */
  #mayChangeFrom(commitIndex: number): boolean {
    return [...this.#parts.nodes.values()].some((node) => {
      if (node.isUp)
        return node.status.isChangingConfiguration && node.status.lastIndex > commitIndex;
      return node.disk.entries.some(
        ({ kind, index }) => kind === "configuration" && index > commitIndex,
      );
    });
  }

  /** Something befalls the disk of a node that is down. */
  strike(node: TestNode, leader: TestNode): void {
    const { rng } = this.#parts;
    if (randomChance(rng, 0.6)) this.#lose(node, randomChance(rng, 0.4));
    else if (leader.isUp) this.#supersede(node, leader);
  }

  /** The disk is empty, or an older one; the node starts, and is told at once. */
  #lose(node: TestNode, isWiped: boolean): void {
    const image = isWiped ? this.#fresh.get(node.id) : this.#older.get(node.id);
    if (image === undefined) return;
    node.disk.restore(image);
    if (isWiped) node.disk.hardState = { ...image.hardState, incarnation: null };
    this.#parts.seats.lost(node);
    node.start(this.#parts.nowMs());
    this.#parts.seats.started(node);
  }

  /** The seat of a node that is down begins anew; then the node returns with an older disk. */
  #supersede(node: TestNode, leader: TestNode): void {
    if (!this.#older.has(node.id)) return;
    const changed = leader.run((raft) => raft.changeConfiguration({ type: "reseat", id: node.id }));
    if (changed.ok) this.#superseding.set(node.id, changed.value.index);
  }

  /** Brings back those whose seat has begun anew, if they were not forgotten by a lost leader. */
  returnSuperseded(leader: TestNode | null): void {
    if (leader === null) return;
    const { configuration, isChangingConfiguration } = leader.status;
    if (isChangingConfiguration) return;
    for (const [id, index] of this.#superseding) {
      const node = this.#parts.nodes.get(id);
      const image = this.#older.get(id);
      this.#superseding.delete(id);
      if (node === undefined || image === undefined) continue;
      // Without its new seat the old disk would be a danger that this test has not announced.
      if (seatOf(configuration, id)?.incarnation !== index) continue;
      node.disk.restore(image);
      this.#parts.seats.keepInTheDark(id);
      node.start(this.#parts.nowMs());
    }
  }
}
