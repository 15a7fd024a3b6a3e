/**
 * What the agent does about seats, for cores in tests: a newcomer learns its seat from whoever
 * let it in, and a member that lost something asks the leader for a seat that begins anew.
 *
 * It talks to the leader beside the network, as the product does on a connection of its own.
 */
import type { MemberId } from "../../shared/base/ids.ts";
import { seatOf } from "../../shared/raft/configuration.ts";
import type { TestNode } from "./test-node.ts";

type Asked = { readonly leader: MemberId; readonly term: number; readonly index: number };

/** Sees to it that every member in need of a seat gets to hold one. */
export class SeatAgent {
  /** Members that lost something; the reseat that is on its way for them. */
  readonly #lost = new Map<MemberId, Asked | null>();

  /** Members that nobody tells that their seat began anew. */
  readonly #inTheDark = new Set<MemberId>();

  /** This member is not told about its seat until `tellAll`. */
  keepInTheDark(id: MemberId): void {
    this.#inTheDark.add(id);
  }

  /** From now on everybody is told. */
  tellAll(): void {
    this.#inTheDark.clear();
  }

  /** This member's disk vouches for nothing any more. */
  lost(node: TestNode): void {
    this.#lost.set(node.id, null);
  }

  /** Peers tell a member again, if it died before it had stored that. */
  started(node: TestNode): void {
    if (this.#lost.has(node.id)) node.run((raft) => raft.holdIncarnation(null));
  }

  /** Whether anybody waits for a seat that begins anew. */
  get isBusy(): boolean {
    return this.#lost.size > 0;
  }

  /** Whether a member waits for a seat that begins anew. */
  isWaiting(id: MemberId): boolean {
    return this.#lost.has(id);
  }

  /** One look at one member. @param leader Whom it can reach; null: nobody. */
  look(node: TestNode, leader: TestNode | null): void {
    if (!node.isUp || leader === null || this.#inTheDark.has(node.id)) return;
    if (isSuperseded(node, leader)) {
      // Its seat began anew without it. It may have held the new one before its disk went back.
      this.lost(node);
      node.run((raft) => raft.holdIncarnation(null));
    }
    if (node.status.incarnation !== null) return;
    const asked = this.#lost.get(node.id);
    if (asked === undefined) return void this.#takeFirstSeat(node, leader);
    const { term, commitIndex } = leader.status;
    if (asked !== null && asked.leader === leader.id && asked.term === term) {
      if (commitIndex < asked.index) return;
      this.#lost.delete(node.id);
      node.run((raft) => raft.holdIncarnation(asked.index));
      return;
    }
    if (seatOf(leader.status.configuration, node.id) === undefined) return;
    const changed = leader.run((raft) => raft.changeConfiguration({ type: "reseat", id: node.id }));
    if (changed.ok) this.#lost.set(node.id, { leader: leader.id, ...changed.value });
  }

  /** The answer to joining brings the committed configuration with the new seat. */
  #takeFirstSeat(node: TestNode, leader: TestNode): void {
    const { configuration, isChangingConfiguration } = leader.status;
    const seat = seatOf(configuration, node.id);
    if (seat === undefined || isChangingConfiguration) return;
    node.run((raft) => raft.holdIncarnation(seat.incarnation));
  }
}

function isSuperseded(node: TestNode, leader: TestNode): boolean {
  const { configuration, isChangingConfiguration } = leader.status;
  const seat = seatOf(configuration, node.id);
  const held = node.status.incarnation;
  if (seat === undefined || held === null || isChangingConfiguration) return false;
  return seat.incarnation > held;
}
