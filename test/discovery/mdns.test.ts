import { createSocket } from "node:dgram";
import { afterEach, describe, expect, test } from "vitest";
import { clusterHash, MdnsDiscovery, NoDiscovery } from "../../electron/agent/discovery/mdns.ts";
import type { Sighting } from "../../electron/agent/ports.ts";
import { realClock, realRandom, RecordingLogger, until } from "../transport/real-ports.ts";

const running: MdnsDiscovery[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((discovery) => discovery.close()));
});

function announce(clusterTag: string, port: number, interfaceAddress = "127.0.0.1") {
  const logger = new RecordingLogger();
  const random = realRandom(port);
  const discovery = new MdnsDiscovery({ clock: realClock, random, logger, interfaceAddress });
  running.push(discovery);
  const sightings: Sighting[] = [];
  discovery.start({
    clusterTag,
    address: `127.0.0.1:${port}`,
    onSighting: (sighting) => sightings.push(sighting),
  });
  return { discovery, sightings, logger };
}

const addresses = (sightings: readonly Sighting[]) => sightings.map((each) => each.address);

describe("mDNS on loopback", () => {
  test("members of one cluster see each other's address, not their own", async () => {
    const a = announce("cluster-a", 47_101);
    const b = announce("cluster-a", 47_102);
    await until(() => a.sightings.length > 0 && b.sightings.length > 0);
    expect(new Set(addresses(a.sightings))).toEqual(new Set(["127.0.0.1:47102"]));
    expect(new Set(addresses(b.sightings))).toEqual(new Set(["127.0.0.1:47101"]));
  });

  test("another cluster is not reported", async () => {
    const foreign = announce("cluster-x", 47_103);
    const a = announce("cluster-a", 47_104);
    const b = announce("cluster-a", 47_105);
    await until(() => a.sightings.length > 0 && b.sightings.length > 0);
    expect(addresses([...a.sightings, ...b.sightings])).not.toContain("127.0.0.1:47103");
    expect(foreign.sightings).toEqual([]);
  });

  test("what is announced names neither the member nor the cluster", async () => {
    const a = announce("my-cluster-id", 47_106);
    const b = announce("my-cluster-id", 47_107);
    await until(() => a.sightings.length > 0 && b.sightings.length > 0);
    expect(a.sightings[0]?.instance).toMatch(/^[0-9a-f]{16}$/);
    expect(clusterHash("my-cluster-id")).toMatch(/^[0-9a-f]{12}$/);
    expect(clusterHash("my-cluster-id")).not.toBe(clusterHash("my-cluster-ie"));
  });

  test("garbage on the mDNS port does no harm", async () => {
    const a = announce("cluster-a", 47_108);
    const socket = createSocket("udp4");
    await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
    socket.setMulticastInterface("127.0.0.1");
    for (const bytes of [Buffer.alloc(0), Buffer.alloc(400, 0xff), Buffer.from("hello")]) {
      await new Promise((resolve) => socket.send(bytes, 5353, "224.0.0.251", resolve));
    }
    await new Promise<void>((resolve) => socket.close(() => resolve()));
    const b = announce("cluster-a", 47_109);
    await until(() => a.sightings.length > 0 && b.sightings.length > 0);
  });

  test("an interface that does not exist is a warning, not an end", async () => {
    const lost = announce("cluster-a", 47_110, "203.0.113.7");
    const a = announce("cluster-a", 47_111);
    const b = announce("cluster-a", 47_112);
    await until(() => a.sightings.length > 0 && b.sightings.length > 0);
    expect(lost.sightings).toEqual([]);
    expect(lost.logger.lines.map((line) => line.event)).toEqual(["discovery-unavailable"]);
    await lost.discovery.close();
  });

  test("closing twice, and before a start, is harmless", async () => {
    const { discovery } = announce("cluster-a", 47_113);
    await discovery.close();
    await discovery.close();
    const none = new NoDiscovery();
    none.start();
    await none.close();
  });
});
