import { afterEach, describe, expect, test } from "vitest";
import type { MemberId } from "../../shared/base/ids.ts";
import { randomBetween, seededRng } from "../../shared/base/rng.ts";
import { encodePeerMessage } from "../../shared/protocol/messages.ts";
import { hello, identityOf, ids, note, puppet, startNode, stopAll } from "./link-nodes.ts";
import { until } from "./real-ports.ts";

afterEach(stopAll);

describe("a member that misbehaves", () => {
  test.each([
    ["bytes that are no message", Uint8Array.of(0xee, 1, 2, 3)],
    ["an empty frame", new Uint8Array(0)],
    ["a cut-off hello", hello().subarray(0, 10)],
    ["a message before hello", encodePeerMessage({ type: "ping", sentAtMs: 1 }, 1)],
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
    b.connection.send(hello({ versionMin: 7, versionMax: 8 }));
    await until(() => b.closed() !== null);
    expect(b.heard).toContain("refused version-mismatch");
    const refusal = a.links.peers().get(ids[1] as MemberId)?.refusal;
    expect(refusal?.detail).toContain("9.9.9 (7 to 8)");
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

describe("a member gone wrong", () => {
  test("cannot take more than a few connections at a time", async () => {
    const b = await startNode(identityOf(1));
    const puppets: Awaited<ReturnType<typeof puppet>>[] = [];
    for (let i = 0; i < 8; i++) {
      const one = await puppet(b, 0);
      one.connection.send(hello());
      puppets.push(one);
    }
    await until(() => puppets.filter((one) => one.closed() !== null).length === 2);
    expect(b.links.isUp(ids[0] as MemberId)).toBe(true);
    await Promise.all(puppets.map((one) => one.network.close()));
  });

  test("sends random frames, and everybody else notices nothing", async () => {
    const a = await startNode(identityOf(0));
    const good = await startNode(identityOf(2), { manualAddresses: [a.address] });
    await until(() => good.links.isUp(a.id) && a.links.isUp(good.id));
    const rng = seededRng(42);
    for (let round = 0; round < 40; round++) {
      const bad = await puppet(a, 1);
      if (round % 2 === 0) bad.connection.send(hello());
      for (let i = 0; i < 20; i++) {
        const length = randomBetween(rng, 0, 200);
        bad.connection.send(Uint8Array.from({ length }, () => randomBetween(rng, 0, 255)));
      }
      await until(() => bad.closed() !== null);
      await bad.network.close();
    }
    expect(a.links.counters().malformedFrames).toBe(40);
    expect(good.events).toEqual(["up 0"]);
    expect(a.messages.every(({ from }) => from === ids[1])).toBe(true);
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
    // What is sent before the end is noticed may be lost, and no event tells: the member stays up.
    await until(() => {
      expect(b.links.send(ids[0] as MemberId, note("y"))).toBe(true);
      return first.heard.includes("forward-request");
    });
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
