/**
 * One working connection to every member, kept up for as long as both exist.
 *
 * Runs on the Network, Clock and Random ports alone, so the simulator runs it as it is. Dialling
 * is `dial-plan.ts`, one connection's life is `link.ts`; here is which connection counts:
 *
 * - Of two connections to one member both ends use the newest, and the end with the smaller id
 *   closes the older. One side decides, so they never close one each.
 * - A connection from the same key but another process start is a restart if the old one is
 *   silent, and a cloned data folder if the old one still answers: then the new one is refused.
 */
import { hexEncode } from "../../../shared/base/bytes.ts";
import type { MemberId } from "../../../shared/base/ids.ts";
import type { Result } from "../../../shared/base/result.ts";
import type { AddressesMessage } from "../../../shared/protocol/addresses.ts";
import type { HelloMessage, RefusalCode } from "../../../shared/protocol/hello.ts";
import type { MemberMessage, PeerMessage } from "../../../shared/protocol/messages.ts";
import type { Connection, Timer } from "../ports.ts";
import { formatAddress, parseAddress } from "./address.ts";
import { DialPlan } from "./dial-plan.ts";
import { Link } from "./link.ts";
import type { LinkEvents, LinkRefusal } from "./link.ts";
import type { LinkCounters, PeerInfo, PeerLinksOptions } from "./peer-links-types.ts";

export type { LinkCounters, PeerInfo, PeerLinksOptions } from "./peer-links-types.ts";

/** How often the round trip is measured. */
const PING_MS = 1000;

/** How long an old process of the same key has to answer before it counts as gone. */
const CONTEST_MS = 1000;

/** Two are normal when both sides dial at once; more than these is a member gone wrong. */
const CONNECTIONS_PER_PEER_MAX = 6;

const BOOT_ID_BYTES = 16;

type Peer = {
  /** Greeted, oldest first; the last one is used. */
  links: Link[];
  /** From the same key but another process start; waits until the old one is judged. */
  contender: Link | null;
  hello: HelloMessage | null;
  address: string | null;
  refusal: LinkRefusal | null;
};

/** The connections of one member to all others. */
export class PeerLinks {
  readonly #options: PeerLinksOptions;
  readonly #bootId: string;
  readonly #plan: DialPlan;
  readonly #peers = new Map<MemberId, Peer>();
  readonly #all = new Set<Link>();
  readonly #timers = new Set<Timer>();
  readonly #counters = {
    malformedFrames: 0,
    refusedByUs: 0,
    refusedByThem: 0,
    duplicateIdentities: 0,
    connectionsUp: 0,
  };
  #isClosed = false;

  constructor(options: PeerLinksOptions) {
    this.#options = options;
    this.#bootId = hexEncode(options.random.bytes(BOOT_ID_BYTES));
    this.#plan = new DialPlan({
      self: options.self,
      network: options.network,
      clock: options.clock,
      random: options.random,
      addressBook: options.addressBook,
      manualAddresses: options.manualAddresses,
      others: () => this.#others(),
      isUp: (id) => this.isUp(id),
      onConnection: (connection) => this.#connected(connection).greeted,
      onNotAMember: (id, detail) => {
        this.#peerOf(id).refusal = { code: "not-a-member", detail, by: "them" };
      },
    });
  }

  /** Listens, then dials. @returns The address others can reach this member at. */
  async start(): Promise<
    Result<string, { readonly code: "port-in-use" | "not-allowed"; readonly detail: string }>
  > {
    const listening = await this.#options.network.listen({
      admit: (peer) => this.#options.members().includes(peer),
      onConnection: (connection) => {
        if (this.#isClosed) connection.close("shutting down");
        else if (this.#countOf(connection.peer) >= CONNECTIONS_PER_PEER_MAX) {
          connection.close("too many connections of one member");
        } else this.#connected(connection);
      },
    });
    if (!listening.ok) return listening;
    this.#repeat(PING_MS, () => this.#pingAll());
    this.#plan.retarget();
    return listening;
  }

  /**
   * Queues a message. @returns Whether there is a connection to put it on, whose protocol version
   * has such a message.
   */
  send(to: MemberId, message: MemberMessage): boolean {
    return this.#linkTo(to)?.send(message) ?? false;
  }

  /** The protocol version agreed on with a connected member; null without a connection. */
  versionOf(member: MemberId): number | null {
    return this.#linkTo(member)?.version ?? null;
  }

  /** Queues to every connected member the message that is for it. */
  sendToAll(make: (to: MemberId) => MemberMessage): void {
    for (const [id, peer] of this.#peers) peer.links.at(-1)?.send(make(id));
  }

  /** Says why a member is not taken now, and ends the connection to it. */
  refuse(member: MemberId, code: RefusalCode, detail: string): void {
    this.#linkTo(member)?.refuse(code, detail);
  }

  /** Bytes to this member that the network has not taken yet; 0 when it is not connected. */
  bufferedBytes(to: MemberId): number {
    return this.#linkTo(to)?.connection.bufferedBytes ?? 0;
  }

  isUp(member: MemberId): boolean {
    return this.#linkTo(member) !== null;
  }

  /** Every other member of now, and what is known of its connection. */
  peers(): ReadonlyMap<MemberId, PeerInfo> {
    return new Map(this.#others().map((id) => [id, this.#infoOf(id)]));
  }

  counters(): LinkCounters {
    return { ...this.#counters };
  }

  /** An address from mDNS, or one that a person just typed. */
  suggestAddress(address: string): void {
    this.#plan.suggest(address);
  }

  /** The result of `members()` changed: newcomers are dialled, whoever left is disconnected. */
  membersChanged(): void {
    const members = this.#options.members();
    for (const link of [...this.#all]) {
      if (!members.includes(link.peer)) link.refuse("not-a-member", "removed from the cluster");
    }
    for (const id of [...this.#peers.keys()]) {
      if (members.includes(id)) continue;
      this.#plan.stop(id);
      this.#peers.delete(id);
    }
    this.#options.addressBook.keepOnly(members);
    this.#plan.retarget();
  }

  /** Says goodbye everywhere and closes the network. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#plan.close();
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
    for (const link of [...this.#all]) link.close("shutting down");
    await this.#options.network.close();
  }

  #others(): readonly MemberId[] {
    return this.#options.members().filter((id) => id !== this.#options.self);
  }

  #countOf(member: MemberId): number {
    return [...this.#all].filter((link) => link.peer === member).length;
  }

  #linkTo(member: MemberId): Link | null {
    return this.#peers.get(member)?.links.at(-1) ?? null;
  }

  #peerOf(id: MemberId): Peer {
    const known = this.#peers.get(id);
    if (known !== undefined) return known;
    const peer: Peer = { links: [], contender: null, hello: null, address: null, refusal: null };
    this.#peers.set(id, peer);
    return peer;
  }

  #infoOf(id: MemberId): PeerInfo {
    const peer = this.#peers.get(id);
    const link = peer?.links.at(-1) ?? null;
    return {
      id,
      isConnected: link !== null,
      address: peer?.address ?? this.#options.addressBook.addressesOf(id)[0] ?? null,
      name: peer?.hello?.memberName ?? null,
      version: peer?.hello?.appVersion ?? null,
      protocolVersion: link?.version ?? null,
      http: peer?.hello?.http ?? null,
      roundTripMs: link?.roundTripMs ?? null,
      refusal: peer?.refusal ?? null,
    };
  }

  // -- Connections -------------------------------------------------------------------------

  #connected(connection: Connection): Link {
    const { self, clock } = this.#options;
    const link = new Link(connection, { self, clock, hello: this.#hello(), events: this.#events });
    if (!link.isOver) this.#all.add(link);
    return link;
  }

  #hello(): HelloMessage {
    const listening = parseAddress(this.#options.network.listenAddress ?? "");
    return {
      type: "hello",
      versionMin: this.#options.versions.min,
      versionMax: this.#options.versions.max,
      clusterId: this.#options.clusterId,
      bootId: this.#bootId,
      listenPort: listening.ok ? listening.value.port : 0,
      ...this.#options.describeSelf(),
    };
  }

  readonly #events: LinkEvents = {
    onGreeted: (link, hello) => this.#greeted(link, hello),
    onMessage: (link, message) => {
      if (this.#peers.get(link.peer)?.contender === link) return;
      this.#options.onMessage(link.peer, message);
    },
    onAddresses: (_, message) => this.#heardAddresses(message),
    onRefused: (link, refusal) => {
      this.#counters[refusal.by === "us" ? "refusedByUs" : "refusedByThem"] += 1;
      this.#peerOf(link.peer).refusal = refusal;
      this.#options.logger.warn("link-refused", { peer: link.peer, ...refusal });
      if (refusal.by === "them") this.#options.onRefused(link.peer, refusal.code);
    },
    onMalformed: (link, detail) => {
      this.#counters.malformedFrames += 1;
      this.#options.logger.warn("frame-malformed", { peer: link.peer, detail });
    },
    onEnded: (link, reason) => this.#ended(link, reason),
  };

  #greeted(link: Link, hello: HelloMessage): void {
    if (link.peer === this.#options.self) return this.#metOwnKey(link, hello);
    if (!this.#options.members().includes(link.peer)) {
      return link.refuse("not-a-member", "not a member of this cluster");
    }
    const peer = this.#peerOf(link.peer);
    const current = peer.links.at(-1) ?? null;
    if (current === null) return this.#adopt(peer, link, hello);
    if (current.hello?.bootId === hello.bootId) return this.#replace(peer, link, hello);
    this.#contest(peer, current, link);
  }

  /**
   * This very process, or one on a copied data folder. No clock tells which of two came later, so
   * the greater boot id stands back; both ends see the same two ids.
   */
  #metOwnKey(link: Link, hello: HelloMessage): void {
    if (hello.bootId === this.#bootId) return link.close("this computer itself answers there");
    const isYielding = this.#bootId > hello.bootId;
    this.#options.onOwnCopy(hello, isYielding);
    if (isYielding) return link.close("a copy of this data folder answers there");
    this.#counters.duplicateIdentities += 1;
    this.#options.onDuplicate(link.peer);
    link.refuse("duplicate-identity", "another computer with the same key runs");
  }

  #adopt(peer: Peer, link: Link, hello: HelloMessage): void {
    peer.links.push(link);
    this.#counters.connectionsUp += 1;
    this.#remember(peer, link, hello);
    link.send({ type: "addresses", members: this.#provenAddresses(link.peer) });
    link.ping();
    this.#plan.retarget();
    this.#options.onUp(link.peer, hello);
  }

  #replace(peer: Peer, link: Link, hello: HelloMessage): void {
    const older = peer.links;
    const isDecider = this.#options.self < link.peer;
    peer.links = isDecider ? [link] : [...older, link];
    this.#remember(peer, link, hello);
    if (isDecider) for (const each of older) each.retire();
  }

  /** Another process start with the same key, while a connection to the former one is open. */
  #contest(peer: Peer, current: Link, contender: Link): void {
    peer.contender?.close("replaced by a newer connection");
    peer.contender = contender;
    const askedAtMs = this.#options.clock.nowMs();
    current.ping();
    this.#after(CONTEST_MS, () => {
      if (peer.contender !== contender) return;
      if (current.answeredPingOfMs >= askedAtMs) {
        this.#counters.duplicateIdentities += 1;
        contender.refuse("duplicate-identity", "another computer with the same key is connected");
        this.#options.onDuplicate(contender.peer);
      } else current.close("silent, and its member has started anew");
    });
  }

  #ended(link: Link, reason: string): void {
    this.#all.delete(link);
    const peer = this.#peers.get(link.peer);
    if (peer === undefined) return;
    if (peer.contender === link) peer.contender = null;
    const wasUp = peer.links.includes(link);
    peer.links = peer.links.filter((each) => each !== link);
    if (!wasUp || peer.links.length > 0) return;
    this.#options.onDown(link.peer, reason);
    const { contender } = peer;
    peer.contender = null;
    if (contender?.hello) this.#adopt(peer, contender, contender.hello);
    else this.#plan.retarget();
  }

  // -- Addresses ---------------------------------------------------------------------------

  #remember(peer: Peer, link: Link, hello: HelloMessage): void {
    peer.hello = hello;
    peer.refusal = null;
    const address = reachedAt(link.connection, hello);
    if (address === null) return;
    peer.address = address;
    if (!this.#options.addressBook.proven(link.peer, address)) return;
    const news: PeerMessage = {
      type: "addresses",
      members: [{ id: link.peer, addresses: [address] }],
    };
    for (const [id, other] of this.#peers) if (id !== link.peer) other.links.at(-1)?.send(news);
  }

  #provenAddresses(exceptFor: MemberId): AddressesMessage["members"] {
    const others = this.#others().filter((id) => id !== exceptFor);
    return this.#options.addressBook.all().filter((member) => others.includes(member.id));
  }

  #heardAddresses(message: AddressesMessage): void {
    const others = this.#others();
    for (const { id, addresses } of message.members) {
      if (!others.includes(id)) continue;
      const isNews = this.#options.addressBook.heard(id, addresses);
      if (isNews) this.#plan.retryNow(id);
    }
  }

  // -- Time --------------------------------------------------------------------------------

  #pingAll(): void {
    for (const peer of this.#peers.values()) peer.links.at(-1)?.ping();
  }

  #repeat(everyMs: number, action: () => void): void {
    this.#after(everyMs, () => {
      action();
      this.#repeat(everyMs, action);
    });
  }

  #after(delayMs: number, action: () => void): void {
    const timer = this.#options.clock.after(delayMs, () => {
      this.#timers.delete(timer);
      action();
    });
    this.#timers.add(timer);
  }
}

/** Where to dial it next time: where it was dialled, or its host and the port it listens on. */
function reachedAt(connection: Connection, hello: HelloMessage): string | null {
  if (connection.isDialer) return connection.remoteAddress;
  const remote = parseAddress(connection.remoteAddress);
  if (!remote.ok || hello.listenPort === 0) return null;
  return formatAddress(remote.value.host, hello.listenPort);
}
