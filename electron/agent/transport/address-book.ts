/**
 * Where members were last reached. Every entry is a hint: a dial checks the key, so a wrong
 * address costs an attempt and nothing else.
 *
 * Bounded in every direction, because part of it is what other members say. It does not know
 * who is a member; the caller asks only for those who are.
 */
import { memberId } from "../../../shared/base/ids.ts";
import type { MemberId } from "../../../shared/base/ids.ts";
import type { MemberAddresses } from "../../../shared/protocol/addresses.ts";
import {
  ADDRESS_BYTES_MAX,
  ADDRESS_COUNT_MAX,
  MEMBER_COUNT_MAX,
} from "../../../shared/protocol/limits.ts";
import { parseAddress } from "./address.ts";

/** Addresses per member, newest proven first. Calls `save` after each change. */
export class AddressBook {
  readonly #addresses = new Map<MemberId, readonly string[]>();
  readonly #save: (json: string) => void;

  /** @param saved What `save` last got; anything unreadable in it is left out. */
  constructor(saved: string | null, save: (json: string) => void) {
    this.#save = save;
    for (const { id, addresses } of parseSaved(saved)) this.#put(id, addresses);
  }

  /** In the order in which they should be tried. */
  addressesOf(id: MemberId): readonly string[] {
    return this.#addresses.get(id) ?? [];
  }

  /** A connection to this member at this address came about. @returns Whether that was news. */
  proven(id: MemberId, address: string): boolean {
    if (this.addressesOf(id)[0] === address) return false;
    return this.#change(id, [address, ...this.addressesOf(id)]);
  }

  /** Somebody says so: tried last. @returns Whether that was news. */
  heard(id: MemberId, addresses: readonly string[]): boolean {
    const known = this.addressesOf(id);
    if (addresses.every((address) => known.includes(address))) return false;
    return this.#change(id, [...known, ...addresses]);
  }

  /** Forgets everybody else: they left the cluster. */
  keepOnly(ids: readonly MemberId[]): void {
    const sizeBefore = this.#addresses.size;
    for (const id of this.#addresses.keys()) {
      if (!ids.includes(id)) this.#addresses.delete(id);
    }
    if (this.#addresses.size !== sizeBefore) this.#save(this.#toJson());
  }

  /** Everything, for gossip. */
  all(): readonly MemberAddresses[] {
    return [...this.#addresses].map(([id, addresses]) => ({ id, addresses }));
  }

  #change(id: MemberId, addresses: readonly string[]): boolean {
    const before = this.addressesOf(id).join(" ");
    this.#put(id, addresses);
    if (this.addressesOf(id).join(" ") === before) return false;
    this.#save(this.#toJson());
    return true;
  }

  #put(id: MemberId, addresses: readonly string[]): void {
    if (!this.#addresses.has(id) && this.#addresses.size >= MEMBER_COUNT_MAX) return;
    const usable = [...new Set(addresses)].filter(isUsable);
    this.#addresses.set(id, usable.slice(0, ADDRESS_COUNT_MAX));
  }

  #toJson(): string {
    return JSON.stringify(Object.fromEntries(this.#addresses));
  }
}

function isUsable(address: string): boolean {
  return address.length <= ADDRESS_BYTES_MAX && parseAddress(address).ok;
}

function parseSaved(saved: string | null): readonly MemberAddresses[] {
  const parsed = saved === null ? null : parseJson(saved);
  if (typeof parsed !== "object" || parsed === null) return [];
  const members: MemberAddresses[] = [];
  for (const [id, addresses] of Object.entries(parsed)) {
    if (!/^[!-~]{1,64}$/.test(id) || !Array.isArray(addresses)) continue;
    const texts = addresses.filter((address) => typeof address === "string");
    members.push({ id: memberId(id), addresses: texts });
  }
  return members;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // A damaged book is an empty one: mDNS, manual addresses and the others fill it again.
    return null;
  }
}
