import { afterEach, describe, expect, test } from "vitest";
import { createEphemeralIdentity } from "../../electron/agent/pairing/identity.ts";
import type { Identity } from "../../electron/agent/pairing/identity.ts";
import type { Connection } from "../../electron/agent/ports.ts";
import { AddressBook } from "../../electron/agent/transport/address-book.ts";
import { PeerLinks } from "../../electron/agent/transport/peer-links.ts";
import type { PeerLinksOptions } from "../../electron/agent/transport/peer-links.ts";
import { TlsNetwork } from "../../electron/agent/transport/tls-network.ts";
import { utf8Encode } from "../../shared/base/bytes.ts";
import { clusterId, logIndex, term } from "../../shared/base/ids.ts";
import type { MemberId } from "../../shared/base/ids.ts";
import { decodePeerMessage, encodePeerMessage } from "../../shared/protocol/messages.ts";
import type { MemberMessage } from "../../shared/protocol/messages.ts";
import { loopbackNetwork, realClock, realRandom, RecordingLogger, until } from "./real-ports.ts";

type Node = {
  readonly id: MemberId;
  readonly links: PeerLinks;
  readonly network: TlsNetwork;
  readonly book: AddressBook;
  readonly events: string[];
  readonly messages: { readonly from: MemberId; readonly message: MemberMessage }[];
  address: string;
};

const running: Node[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((node) => node.links.close()));
});

/** Ids in ascending order, so that tests know who decides between two connections. */
const identities = Array.from({ length: 4 }, () => createEphemeralIdentity()).sort((a, b) =>
  a.memberId < b.memberId ? -1 : 1,
);
const ids = identities.map((identity) => identity.memberId);

async function startNode(
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
    }),
    onMessage: (from, message) => messages.push({ from, message }),
    onUp: (peer) => events.push(`up ${ids.indexOf(peer)}`),
    onDown: (peer) => events.push(`down ${ids.indexOf(peer)}`),
    onDuplicate: (peer) => events.push(`duplicate ${ids.indexOf(peer)}`),
    ...more,
  });
  const started = await links.start();
  if (!started.ok) throw new Error(started.error.detail);
  const id = identity.memberId;
  const node = { id, links, network, book, events, messages, address: started.value };
  running.push(node);
  return node;
}

function identityOf(place: number): Identity {
  const identity = identities[place];
  if (identity === undefined) throw new Error(`no identity ${place}`);
  return identity;
}

async function stop(node: Node): Promise<void> {
  running.splice(running.indexOf(node), 1);
  await node.links.close();
}

const note = (text: string): MemberMessage => ({
  type: "forward-request",
  requestId: 1,
  method: text,
  params: utf8Encode("{}"),
});

describe("members on loopback", () => {
  test("three find each other when each knows only the first one's address", async () => {
    const a = await startNode(identityOf(0));
    const b = await startNode(identityOf(1), { manualAddresses: [a.address] });
    const c = await startNode(identityOf(2), { manualAddresses: [a.address] });
    await until(() =>
      [a, b, c].every((node) => [...node.links.peers().values()].every((peer) => peer.isConnected)),
    );
    expect(b.links.peers().get(c.id)?.address).toBe(c.address);
    expect(b.links.peers().get(c.id)?.name).toBe("member 2");
    expect(b.book.addressesOf(c.id)).toContain(c.address);
    expect([...a.links.peers().keys()].sort()).toEqual([b.id, c.id].sort());
  });

  test("messages arrive in order, with the sender that its key proves", async () => {
    const a = await startNode(identityOf(0));
    const b = await startNode(identityOf(1), { manualAddresses: [a.address] });
    await until(() => a.links.isUp(b.id) && b.links.isUp(a.id));
    for (let i = 0; i < 100; i++) expect(b.links.send(a.id, note(`n${i}`))).toBe(true);
    await until(() => a.messages.length === 100);
    expect(a.messages.map(({ message }) => (message as { method: string }).method)).toEqual(
      Array.from({ length: 100 }, (_, i) => `n${i}`),
    );
    expect(new Set(a.messages.map(({ from }) => from))).toEqual(new Set([b.id]));
    expect(a.links.send(ids[2] as MemberId, note("nobody"))).toBe(false);
  });

  test("a suggested address is dialled, and a suggested one of oneself is not", async () => {
    const a = await startNode(identityOf(0));
    const b = await startNode(identityOf(1));
    b.links.suggestAddress(b.address);
    b.links.suggestAddress("not an address");
    b.links.suggestAddress(a.address);
    await until(() => b.links.isUp(a.id) && a.links.isUp(b.id));
    expect(b.events).toEqual(["up 0"]);
  });

  test("a member that ends is noticed at once and found again when it is back", async () => {
    const a = await startNode(identityOf(0));
    const b = await startNode(identityOf(1), { manualAddresses: [a.address] });
    await until(() => a.links.isUp(b.id) && b.links.isUp(a.id));
    const stoppedAtMs = performance.now();
    await stop(a);
    await until(() => !b.links.isUp(a.id));
    expect(performance.now() - stoppedAtMs).toBeLessThan(500);
    expect(b.events).toEqual(["up 0", "down 0"]);
    const port = Number(a.address.split(":")[1]);
    const again = await startNode(identityOf(0), { port });
    await until(() => b.links.isUp(again.id));
    expect(b.events).toEqual(["up 0", "down 0", "up 0"]);
  });

  test("a member that comes back at another address is found by its own dialling", async () => {
    const a = await startNode(identityOf(0));
    const b = await startNode(identityOf(1), { manualAddresses: [a.address] });
    await until(() => a.links.isUp(b.id));
    await stop(a);
    const saved = new AddressBook(JSON.stringify({ [b.id]: [b.address] }), () => undefined);
    const moved = await startNode(identityOf(0), { addressBook: saved });
    await until(() => b.links.peers().get(moved.id)?.address === moved.address);
    await until(() => moved.links.isUp(b.id));
  });

  test("both dialling at once leaves one connection in use and loses no member", async () => {
    const books = [0, 1].map(() => new AddressBook(null, () => undefined));
    const [a, b] = await Promise.all(
      [0, 1].map((i) => startNode(identityOf(i), { addressBook: books[i] as AddressBook })),
    );
    if (a === undefined || b === undefined) throw new Error("two nodes");
    a.links.suggestAddress(b.address);
    b.links.suggestAddress(a.address);
    const second = await Promise.all([
      a.network.dial(b.address, b.id),
      b.network.dial(a.address, a.id),
    ]);
    expect(second.every((each) => each.ok)).toBe(true);
    await until(() => a.links.isUp(b.id) && b.links.isUp(a.id));
    a.links.send(b.id, note("to b"));
    b.links.send(a.id, note("to a"));
    await until(() => a.messages.length === 1 && b.messages.length === 1);
    expect(a.events).toEqual(["up 1"]);
    expect(b.events).toEqual(["up 0"]);
  });

  test("whoever leaves the membership is disconnected and dialled no more", async () => {
    let members: readonly MemberId[] = ids.slice(0, 2);
    const a = await startNode(identityOf(0), { members: () => members });
    const b = await startNode(identityOf(1), { manualAddresses: [a.address] });
    await until(() => a.links.isUp(b.id) && b.links.isUp(a.id));
    members = ids.slice(0, 1);
    a.links.membersChanged();
    await until(() => !b.links.isUp(a.id));
    expect(a.links.peers().size).toBe(0);
    await until(() => b.links.peers().get(a.id)?.refusal?.code === "not-a-member");
    expect(b.links.peers().get(a.id)?.refusal?.by).toBe("them");
  });

  test("another cluster is refused with the reason on both sides", async () => {
    const a = await startNode(identityOf(0));
    const b = await startNode(identityOf(1), {
      clusterId: clusterId("other"),
      manualAddresses: [a.address],
    });
    await until(() => a.links.counters().refusedByUs + a.links.counters().refusedByThem > 0);
    await until(() => b.links.peers().get(a.id)?.refusal?.code === "wrong-cluster");
    expect(a.links.peers().get(b.id)?.refusal?.code).toBe("wrong-cluster");
    expect(a.events).toEqual([]);
    expect(b.events).toEqual([]);
  });

  test("the round trip is measured", async () => {
    const a = await startNode(identityOf(0));
    const b = await startNode(identityOf(1), { manualAddresses: [a.address] });
    await until(() => (b.links.peers().get(a.id)?.roundTripMs ?? 0) > 0);
    expect(b.links.peers().get(a.id)?.roundTripMs).toBeLessThan(1000);
  });
});

/** Speaks to a node by hand: proves a member's key and then says whatever the test wants. */
async function puppet(node: Node, place: number) {
  const network = loopbackNetwork(identityOf(place));
  await network.listen({ admit: () => true, onConnection: () => undefined });
  const dialled = await network.dial(node.address, node.id);
  if (!dialled.ok) throw new Error(dialled.error.detail);
  const connection: Connection = dialled.value;
  const heard: string[] = [];
  connection.onFrame = (frame) => {
    const decoded = decodePeerMessage(frame, { from: node.id, to: connection.peer });
    if (!decoded.ok) return;
    const { value } = decoded;
    heard.push(value.type === "refused" ? `refused ${value.code}` : value.type);
    if (value.type === "ping" && !heard.includes("mute")) {
      connection.send(encodePeerMessage({ type: "pong", echoSentAtMs: value.sentAtMs }));
    }
  };
  let closedBecause: string | null = null;
  connection.onClose = (reason) => (closedBecause = reason);
  return { connection, heard, network, closed: () => closedBecause };
}

const hello = (more: object = {}): Uint8Array =>
  encodePeerMessage({
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
    ...more,
  });

describe("a member that misbehaves", () => {
  test.each([
    ["bytes that are no message", Uint8Array.of(0xee, 1, 2, 3)],
    ["an empty frame", new Uint8Array(0)],
    ["a cut-off hello", hello().subarray(0, 10)],
    ["a message before hello", encodePeerMessage({ type: "ping", sentAtMs: 1 })],
  ])("is disconnected and counted after %s", async (_, frame) => {
    const a = await startNode(identityOf(0));
    const b = await puppet(a, 1);
    b.connection.send(frame);
    await until(() => b.closed() !== null);
    expect(a.links.counters().malformedFrames).toBe(1);
    expect(a.events).toEqual([]);
    await b.network.close();
  });

  test.each([
    ["a second hello", hello()],
    ["a malformed frame", Uint8Array.of(0x10, 0xff)],
  ])("goes down after %s in the middle of the conversation", async (_, frame) => {
    const a = await startNode(identityOf(0));
    const b = await puppet(a, 1);
    b.connection.send(hello());
    await until(() => a.links.isUp(ids[1] as MemberId));
    b.connection.send(frame);
    await until(() => b.closed() !== null);
    expect(a.links.counters().malformedFrames).toBe(1);
    expect(a.events).toEqual(["up 1", "down 1"]);
    await b.network.close();
  });

  test("of a newer protocol is refused with the versions of both", async () => {
    const a = await startNode(identityOf(0));
    const b = await puppet(a, 1);
    b.connection.send(hello({ versionMin: 2, versionMax: 3 }));
    await until(() => b.closed() !== null);
    expect(b.heard).toContain("refused version-mismatch");
    const refusal = a.links.peers().get(ids[1] as MemberId)?.refusal;
    expect(refusal?.detail).toContain("9.9.9 (2 to 3)");
    await b.network.close();
  });

  test("that says no hello is disconnected", async () => {
    const a = await startNode(identityOf(0));
    const b = await puppet(a, 1);
    await until(() => b.closed() !== null);
    expect(b.closed()).toContain("no hello");
    await b.network.close();
  });
});

describe("two connections of one member", () => {
  test("of one process: the newer one is used, the older one closed by the smaller id", async () => {
    const a = await startNode(identityOf(0));
    const first = await puppet(a, 1);
    first.connection.send(hello());
    await until(() => a.events.length === 1);
    const second = await puppet(a, 1);
    second.connection.send(hello());
    await until(() => first.closed() !== null);
    a.links.send(ids[1] as MemberId, note("x"));
    await until(() => second.heard.includes("forward-request"));
    expect(a.events).toEqual(["up 1"]);
    expect(second.closed()).toBeNull();
    await first.network.close();
    await second.network.close();
  });

  test("of one process: the larger id leaves closing to the other side", async () => {
    const b = await startNode(identityOf(1));
    const first = await puppet(b, 0);
    first.connection.send(hello());
    await until(() => b.events.length === 1);
    const second = await puppet(b, 0);
    second.connection.send(hello());
    await until(() => second.heard.includes("hello"));
    b.links.send(ids[0] as MemberId, note("x"));
    await until(() => [...first.heard, ...second.heard].includes("forward-request"));
    second.connection.close("changed my mind");
    await until(() => second.closed() !== null);
    b.links.send(ids[0] as MemberId, note("y"));
    await until(() => first.heard.includes("forward-request"));
    expect(b.events).toEqual(["up 0"]);
    await first.network.close();
    await second.network.close();
  });

  test("of two processes that both answer: the newer is refused as a duplicate", async () => {
    const a = await startNode(identityOf(0));
    const original = await puppet(a, 1);
    original.connection.send(hello());
    await until(() => a.events.length === 1);
    const clone = await puppet(a, 1);
    clone.connection.send(hello({ bootId: "boot-2" }));
    await until(() => clone.closed() !== null);
    expect(clone.heard).toContain("refused duplicate-identity");
    expect(a.events).toEqual(["up 1", "duplicate 1"]);
    expect(original.closed()).toBeNull();
    expect(a.links.counters().duplicateIdentities).toBe(1);
    await original.network.close();
    await clone.network.close();
  });

  test("of two processes of which the older is silent: the member has restarted", async () => {
    const a = await startNode(identityOf(0));
    const old = await puppet(a, 1);
    old.heard.push("mute");
    old.connection.send(hello());
    await until(() => a.events.length === 1);
    const restarted = await puppet(a, 1);
    restarted.connection.send(hello({ bootId: "boot-2" }));
    await until(() => a.events.length === 3);
    expect(a.events).toEqual(["up 1", "down 1", "up 1"]);
    await until(() => old.closed() !== null);
    expect(restarted.closed()).toBeNull();
    await old.network.close();
    await restarted.network.close();
  });
});
