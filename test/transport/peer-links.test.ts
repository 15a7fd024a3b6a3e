import { afterEach, describe, expect, test } from "vitest";
import { AddressBook } from "../../electron/agent/transport/address-book.ts";
import { clusterId } from "../../shared/base/ids.ts";
import type { MemberId } from "../../shared/base/ids.ts";
import { identityOf, ids, note, startNode, stop, stopAll } from "./link-nodes.ts";
import { until } from "./real-ports.ts";

afterEach(stopAll);

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
