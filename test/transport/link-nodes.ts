/** Members with real links on loopback, and puppets that speak to them by hand. */
import { createEphemeralIdentity } from "../../electron/agent/pairing/identity.ts";
import type { Identity } from "../../electron/agent/pairing/identity.ts";
import type { Connection } from "../../electron/agent/ports.ts";
import { AddressBook } from "../../electron/agent/transport/address-book.ts";
import { PeerLinks } from "../../electron/agent/transport/peer-links.ts";
import type { PeerLinksOptions } from "../../electron/agent/transport/peer-links-types.ts";
import { TlsNetwork } from "../../electron/agent/transport/tls-network.ts";
import { utf8Encode } from "../../shared/base/bytes.ts";
import { clusterId, logIndex, term } from "../../shared/base/ids.ts";
import type { MemberId } from "../../shared/base/ids.ts";
import type { HelloMessage } from "../../shared/protocol/hello.ts";
import { decodePeerMessage, encodePeerMessage } from "../../shared/protocol/messages.ts";
import type { MemberMessage } from "../../shared/protocol/messages.ts";
import { PROTOCOL_VERSIONS } from "../../shared/protocol/version.ts";
import { loopbackNetwork, realClock, realRandom, RecordingLogger } from "./real-ports.ts";

/** One member with links on the real network, and what it noted. */
export type Node = {
  readonly id: MemberId;
  readonly links: PeerLinks;
  readonly network: TlsNetwork;
  readonly book: AddressBook;
  readonly events: string[];
  readonly messages: { readonly from: MemberId; readonly message: MemberMessage }[];
  address: string;
};

const running: Node[] = [];
/** For `afterEach`: nothing stays open. */
export async function stopAll(): Promise<void> {
  await Promise.all(running.splice(0).map((node) => node.links.close()));
}

/** Ids in ascending order, so that tests know who decides between two connections. */
export const identities = Array.from({ length: 4 }, () => createEphemeralIdentity()).sort((a, b) =>
  a.memberId < b.memberId ? -1 : 1,
);
/** The ids of some nodes. */
export const ids = identities.map((identity) => identity.memberId);

/** Starts a member's links on loopback. */
export async function startNode(
  identity: Identity,
  more: Partial<PeerLinksOptions> & { readonly port?: number } = {},
): Promise<Node> {
  const network = loopbackNetwork(identity, {
    listen: { host: "127.0.0.1", port: more.port ?? 0 },
  });
  const book = more.addressBook ?? new AddressBook(null, () => undefined);
  const events: string[] = [];
  const messages: Node["messages"] = [];
  const links = new PeerLinks({
    self: identity.memberId,
    clusterId: clusterId("cluster"),
    network,
    clock: realClock,
    random: realRandom(running.length + 1),
    logger: new RecordingLogger(),
    addressBook: book,
    manualAddresses: [],
    members: () => ids.slice(0, 3),
    describeSelf: () => ({
      timeline: 1,
      memberName: `member ${identities.indexOf(identity)}`,
      appVersion: "0.1.0",
      http: null,
      lastIndex: logIndex(0),
      term: term(0),
      incarnation: 0,
      votedFor: null,
    }),
    versions: PROTOCOL_VERSIONS,
    onMessage: (from, message) => messages.push({ from, message }),
    onUp: (peer) => events.push(`up ${ids.indexOf(peer)}`),
    onDown: (peer) => events.push(`down ${ids.indexOf(peer)}`),
    onRefused: () => undefined,
    onDuplicate: (peer) => events.push(`duplicate ${ids.indexOf(peer)}`),
    onOwnCopy: () => events.push("own copy"),
    ...more,
  });
  const started = await links.start();
  if (!started.ok) throw new Error(started.error.detail);
  const id = identity.memberId;
  const node = { id, links, network, book, events, messages, address: started.value };
  running.push(node);
  return node;
}

/** The key pair of a node; the same one for the same name. */
export function identityOf(place: number): Identity {
  const identity = identities[place];
  if (identity === undefined) throw new Error(`no identity ${place}`);
  return identity;
}

/** Closes everything a node opened. */
export async function stop(node: Node): Promise<void> {
  running.splice(running.indexOf(node), 1);
  await node.links.close();
}

/** Notes what happened, for the test to wait on. */
export const note = (text: string): MemberMessage => ({
  type: "forward-request",
  requestId: 1,
  method: text,
  params: utf8Encode("{}"),
});

/** Speaks to a node by hand: proves a member's key and then says whatever the test wants. */
export async function puppet(node: Node, place: number) {
  const network = loopbackNetwork(identityOf(place));
  await network.listen({ admit: () => true, onConnection: () => undefined });
  const dialled = await network.dial(node.address, node.id);
  if (!dialled.ok) throw new Error(dialled.error.detail);
  const connection: Connection = dialled.value;
  const heard: string[] = [];
  connection.onFrame = (frame) => {
    const decoded = decodePeerMessage(frame, { from: node.id, to: connection.peer }, 1);
    if (!decoded.ok) return;
    const { value } = decoded;
    heard.push(value.type === "refused" ? `refused ${value.code}` : value.type);
    if (value.type === "ping" && !heard.includes("mute")) {
      connection.send(encodePeerMessage({ type: "pong", echoSentAtMs: value.sentAtMs }, 1));
    }
  };
  let closedBecause: string | null = null;
  connection.onClose = (reason) => (closedBecause = reason);
  return { connection, heard, network, closed: () => closedBecause };
}

/** A hello as a member of the first version sends it, unless said otherwise. */
export const hello = (more: Partial<HelloMessage> = {}): Uint8Array =>
  encodePeerMessage(
    {
      type: "hello",
      versionMin: 1,
      versionMax: 1,
      clusterId: clusterId("cluster"),
      timeline: 1,
      bootId: "boot-1",
      memberName: "puppet",
      appVersion: "9.9.9",
      listenPort: 0,
      http: null,
      lastIndex: logIndex(0),
      term: term(0),
      incarnation: 0,
      votedFor: null,
      ...more,
    },
    1,
  );
