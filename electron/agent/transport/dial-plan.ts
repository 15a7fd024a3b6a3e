/**
 * Whom to dial, and where: every member that is missing at its known addresses, and, while
 * somebody is missing, every address of unknown ownership (from a person or from mDNS).
 *
 * It does not know what happens on a connection; it hands each new one over. When to try again
 * is `dialer.ts`.
 */
import { memberId } from "../../../shared/base/ids.ts";
import type { MemberId } from "../../../shared/base/ids.ts";
import type { Clock, Connection, DialError, Network, Random } from "../ports.ts";
import type { AddressBook } from "./address-book.ts";
import { parseAddress } from "./address.ts";
import { Dialer } from "./dialer.ts";
import type { DialOutcome } from "./dialer.ts";

/** What the plan is made from. */
export type DialPlanOptions = {
  readonly self: MemberId;
  readonly network: Network;
  readonly clock: Clock;
  readonly random: Random;
  readonly addressBook: AddressBook;
  readonly manualAddresses: readonly string[];
  /** All members but this one. */
  readonly others: () => readonly MemberId[];
  readonly isUp: (member: MemberId) => boolean;
  /** @returns Whether the two ends turned out to fit. */
  readonly onConnection: (connection: Connection) => Promise<boolean>;
  /** The other side does not count this computer among its members. */
  readonly onNotAMember: (peer: MemberId, detail: string) => void;
};

/** Addresses from mDNS kept at a time; a flood pushes out older ones, never manual ones. */
const SIGHTING_COUNT_MAX = 32;

/** Dial targets are members by id, or addresses with this before them. */
const ADDRESS_TARGET = "address ";

/** Keeps dialling what is missing. */
export class DialPlan {
  readonly #options: DialPlanOptions;
  readonly #dialer: Dialer;
  /** Oldest first. */
  readonly #sightings = new Set<string>();
  #isClosed = false;

  constructor(options: DialPlanOptions) {
    this.#options = options;
    this.#dialer = new Dialer({
      clock: options.clock,
      rng: options.random.rng,
      addressesOf: (target) => this.#addressesOf(target),
      dial: (target, address) => this.#dial(target, address),
    });
  }

  /** Who is up, or who is a member, has changed. */
  retarget(): void {
    if (this.#isClosed) return;
    for (const id of this.#options.others()) {
      if (this.#options.isUp(id)) this.#dialer.stop(id);
      else this.#dialer.want(id);
    }
    for (const address of [...this.#options.manualAddresses, ...this.#sightings]) {
      if (this.#isWorthDialling(address)) this.#dialer.want(ADDRESS_TARGET + address);
      else this.#dialer.stop(ADDRESS_TARGET + address);
    }
  }

  /** An address from mDNS, or one that a person just typed. */
  suggest(address: string): void {
    if (this.#isClosed || !parseAddress(address).ok) return;
    // Seen again goes to the end: the oldest is the one to lose its place.
    this.#sightings.delete(address);
    this.#sightings.add(address);
    const [oldest] = this.#sightings;
    if (this.#sightings.size > SIGHTING_COUNT_MAX && oldest !== undefined) this.#forget(oldest);
    if (this.#isWorthDialling(address)) this.#dialer.wantNow(ADDRESS_TARGET + address);
  }

  /** New addresses of a missing member are known. */
  retryNow(member: MemberId): void {
    if (!this.#isClosed && !this.#options.isUp(member)) this.#dialer.wantNow(member);
  }

  /** It is no member any more. */
  stop(member: MemberId): void {
    this.#dialer.forget(member);
  }

  /** Dials nothing any more. */
  close(): void {
    this.#isClosed = true;
    this.#dialer.close();
  }

  #isWorthDialling(address: string): boolean {
    if (address === this.#options.network.listenAddress) return false;
    const { others, isUp, addressBook } = this.#options;
    const ids = others();
    // Who is alone may still meet a copy of its own data folder.
    if (ids.length > 0 && ids.every(isUp)) return false;
    return !ids.some((id) => isUp(id) && addressBook.addressesOf(id).includes(address));
  }

  #addressesOf(target: string): readonly string[] {
    if (target.startsWith(ADDRESS_TARGET)) return [target.slice(ADDRESS_TARGET.length)];
    return this.#options.addressBook.addressesOf(memberId(target));
  }

  async #dial(target: string, address: string): Promise<DialOutcome> {
    const expected = target.startsWith(ADDRESS_TARGET) ? null : memberId(target);
    const dialled = await this.#options.network.dial(address, expected);
    if (!dialled.ok) return this.#failed(expected, address, dialled.error);
    const connection = dialled.value;
    const { peer } = connection;
    if (this.#isClosed) {
      connection.close("shutting down");
      return "give-up";
    }
    if (this.#options.isUp(peer)) {
      // It was reached otherwise meanwhile. Knowing whose address this is ends dialling it.
      this.#options.addressBook.heard(peer, [address]);
      connection.close("already connected");
      return "reached";
    }
    const hasGreeted = await this.#options.onConnection(connection);
    if (peer === this.#options.self) {
      // The greeting said all there was to say, to itself or to a copy of its data folder.
      this.#forget(address);
      return "give-up";
    }
    return hasGreeted ? "reached" : "failed";
  }

  #failed(expected: MemberId | null, address: string, error: DialError): DialOutcome {
    if (expected !== null) {
      if (error.code === "not-a-member") this.#options.onNotAMember(expected, error.detail);
      return "failed";
    }
    // Another cluster, or this very computer. A person's address is worth asking again: who
    // answers there may yet join.
    if (error.code === "wrong-peer") this.#forget(address);
    if (error.code === "not-a-member" && this.#sightings.has(address)) this.#forget(address);
    return error.code === "wrong-peer" ? "give-up" : "failed";
  }

  #forget(address: string): void {
    this.#sightings.delete(address);
    if (this.#options.manualAddresses.includes(address)) return;
    this.#dialer.forget(ADDRESS_TARGET + address);
  }
}
