import { describe, expect, test } from "vitest";
import { logIndex, term } from "../../shared/base/ids.ts";
import { contentAt, markAt } from "../log/snapshot-fixtures.ts";
import { value } from "../log/log-fixtures.ts";
import { TransferWorld } from "./transfer-world.ts";
import type { TransferNode } from "./transfer-world.ts";

const KIB = 1024;

/** A leader, a follower with a snapshot of its own, and a member that needs one. */
async function threeOf(size = 600 * KIB) {
  const world = new TransferWorld();
  const leader = await world.add("leader");
  const follower = await world.add("follower");
  const newcomer = await world.add("newcomer");
  value(await leader.files.write(contentAt(20, size)));
  value(await follower.files.write(contentAt(15, size)));
  leader.sources = [follower];
  return { world, leader, follower, newcomer };
}

function countOf(world: TransferWorld, from: TransferNode, type: string): number {
  return world.sent.filter((each) => each.from === from.id && each.message.type === type).length;
}

function expectImage(node: TransferNode, index: number, size = 600 * KIB) {
  expect(node.files.latest()?.mark).toEqual(markAt(index));
  return node.files.read().then((read) => {
    const image = value(read)?.image ?? new Uint8Array(0);
    expect(Buffer.compare(image, contentAt(index, size).image)).toBe(0);
  });
}

describe("a member that needs a snapshot", () => {
  test("gets it from a follower the leader points to, and the leader sends no piece", async () => {
    const { world, leader, follower, newcomer } = await threeOf();
    leader.sender.start(newcomer.id);
    expect(leader.sender.pinOf(newcomer.id)).toBe(15);
    await world.run(5000);
    await expectImage(newcomer, 15);
    expect(leader.reports).toEqual([{ to: newcomer.id, outcome: "sent" }]);
    // Who was asked owes its own core nothing.
    expect(follower.reports).toEqual([]);
    expect(countOf(world, leader, "snapshot-chunk")).toBe(0);
    expect(countOf(world, follower, "snapshot-chunk")).toBeGreaterThan(2);
  });

  test("gets it from the leader when no follower's joins the kept log", async () => {
    const { world, leader, follower, newcomer } = await threeOf();
    world.keptFrom = 16;
    leader.sender.start(newcomer.id);
    await world.run(5000);
    await expectImage(newcomer, 20);
    expect(countOf(world, follower, "snapshot-chunk")).toBe(0);
  });

  test("takes none of a later term than the leader's that pointed to it", async () => {
    const { world, leader, follower, newcomer } = await threeOf();
    const later = { term: term(99), index: logIndex(18) };
    const content = contentAt(18);
    value(await follower.files.write({ ...content, mark: { ...content.mark, position: later } }));
    // The core asks again after a failure; the leader itself serves when a follower failed twice.
    for (let attempt = 0; attempt < 3; attempt++) {
      leader.sender.start(newcomer.id);
      await world.run(15_000);
    }
    expect(leader.reports[0]).toEqual({ to: newcomer.id, outcome: "failed" });
    expect(countOf(world, newcomer, "snapshot-progress")).toBeGreaterThan(0);
    await expectImage(newcomer, 20);
  });

  test("gets it from the leader when it speaks the first version", async () => {
    const { world, leader, newcomer } = await threeOf();
    world.version = 1;
    leader.sender.start(newcomer.id);
    await world.run(5000);
    await expectImage(newcomer, 20);
    expect(leader.reports).toEqual([{ to: newcomer.id, outcome: "sent" }]);
  });

  test("gets it from the leader in the end when it cannot reach the follower", async () => {
    const { world, leader, follower, newcomer } = await threeOf();
    world.cut(newcomer, follower);
    for (let attempt = 0; attempt < 3; attempt++) {
      leader.sender.start(newcomer.id);
      await world.run(5000);
    }
    expect(leader.reports.map(({ outcome }) => outcome)).toEqual(["failed", "failed", "sent"]);
    await expectImage(newcomer, 20);
  });

  test("that is away costs nothing: the core is told at once, and asks again", async () => {
    const { world, leader, newcomer } = await threeOf();
    world.cut(leader, newcomer);
    for (let i = 0; i < 3; i++) leader.sender.start(newcomer.id);
    expect(leader.reports.map(({ outcome }) => outcome)).toEqual(["failed", "failed", "failed"]);
    expect(world.sent).toEqual([]);
    expect(leader.sender.pinOf(newcomer.id)).toBeNull();
  });

  test("takes no older one from a follower than the leader asked for", async () => {
    const { world, leader, follower, newcomer } = await threeOf();
    world.passes = ({ message }) => message.type !== "snapshot-offer";
    leader.sender.start(newcomer.id);
    // As if the log had been cut, or the follower had put its newest one aside, in the meantime.
    world.keptFrom = 16;
    await world.run(100);
    newcomer.intake.onOffer(leader.id, {
      type: "snapshot-offer",
      ...{ transferId: 1, term: 5 as never, source: follower.id, indexMin: 16 as never },
    });
    await world.run(1000);
    expect(newcomer.taken).toEqual([]);
    expect(leader.reports).toEqual([{ to: newcomer.id, outcome: "failed" }]);
  });

  test("does not take one from a leader of an older term, nor an unasked one", async () => {
    const { world, leader, follower, newcomer } = await threeOf();
    leader.sources = [];
    leader.sender.start(newcomer.id);
    await world.run(0);
    world.term = 6;
    await world.run(1000);
    expect(newcomer.taken).toEqual([]);
    expect(leader.reports).toEqual([{ to: newcomer.id, outcome: "failed" }]);
    follower.sender.onRequest(newcomer.id, {
      type: "snapshot-request",
      ...{ requestId: 1, indexMin: 1 as never },
    });
    await world.run(1000);
    expect(newcomer.taken).toEqual([]);
  });
});

describe("a bad sector in the snapshot that is sent", () => {
  const badSector = (node: TransferNode): void => {
    const path = node.files.latest()?.path ?? expect.fail("it has a snapshot");
    node.disk.makeUnreadable(path, 300 * KIB, 300 * KIB + 512);
  };

  /** The core asks again as soon as it may. @returns how it went. */
  async function outcomesOf(world: TransferWorld, leader: TransferNode, to: TransferNode) {
    leader.onReport = (_, outcome) => {
      if (outcome === "failed" && leader.reports.length < 5) leader.sender.start(to.id);
    };
    leader.sender.start(to.id);
    await world.run(5000);
    return leader.reports.map(({ outcome }) => outcome);
  }

  test("puts it aside, and the leader sends the one before it", async () => {
    const { world, leader, newcomer } = await threeOf();
    leader.sources = [];
    value(await leader.files.write(contentAt(30, 600 * KIB)));
    badSector(leader);
    expect(await outcomesOf(world, leader, newcomer)).toEqual(["failed", "sent"]);
    await expectImage(newcomer, 20);
    expect(leader.files.latest()?.mark).toEqual(markAt(20));
    expect([...leader.disk.contents().keys()].some((path) => path.endsWith(".damaged"))).toBe(true);
  });

  test("makes the leader make a new one when that was its only one", async () => {
    const { world, leader, newcomer } = await threeOf();
    leader.sources = [];
    leader.prepare = async () => {
      if (leader.files.latest() === null) value(await leader.files.write(contentAt(21, 600 * KIB)));
    };
    badSector(leader);
    expect(await outcomesOf(world, leader, newcomer)).toEqual(["failed", "sent"]);
    await expectImage(newcomer, 21);
  });

  test("of a follower is told at once, and the leader serves instead", async () => {
    const { world, leader, follower, newcomer } = await threeOf();
    badSector(follower);
    leader.sender.start(newcomer.id);
    await world.run(1000);
    expect(leader.reports).toEqual([{ to: newcomer.id, outcome: "failed" }]);
    expect(follower.files.latest()).toBeNull();
    leader.sender.start(newcomer.id);
    await world.run(5000);
    await expectImage(newcomer, 20);
  });
});

describe("a member that others were pointed to", () => {
  test("serves three at a time, and tells the fourth at once", async () => {
    const { world, follower } = await threeOf();
    const asking = [];
    for (const name of ["a", "b", "c", "d"]) asking.push(await world.add(name));
    for (const { id } of asking) {
      const request = { requestId: 1, indexMin: logIndex(1) };
      follower.sender.onRequest(id, { type: "snapshot-request", ...request });
    }
    await world.run(1);
    const sent = world.sent.filter(({ from }) => from === follower.id);
    const typesTo = (node: TransferNode | undefined) =>
      sent.filter(({ to }) => to === node?.id).map(({ message }) => message.type);
    expect(asking.slice(0, 3).map(typesTo)).toEqual(Array(3).fill(["snapshot-begin"]));
    expect(typesTo(asking[3])).toEqual(["snapshot-end"]);
  });

  test("does not begin to send one that is older than what was asked for", async () => {
    const { world, follower, newcomer } = await threeOf();
    const request = { requestId: 1, indexMin: logIndex(16) };
    follower.sender.onRequest(newcomer.id, { type: "snapshot-request", ...request });
    await world.run(1000);
    expect(world.sent.map(({ message }) => message.type)).toEqual(["snapshot-end"]);
  });
});

describe("a transfer that is cut", () => {
  test.each(["process-killed", "power-lost"] as const)(
    "at any piece by the receiver's end (%s) goes on, and the image is right",
    async (kind) => {
      let resumed = 0;
      for (let cutAfter = 1; cutAfter <= 9; cutAfter++) {
        const { world, leader, newcomer } = await threeOf(300 * KIB);
        leader.sources = [];
        leader.sender.start(newcomer.id);
        await world.run(5000, () => countOf(world, newcomer, "snapshot-progress") > cutAfter);
        await newcomer.crash(kind);
        world.sent.length = 0;
        leader.sender.start(newcomer.id);
        await world.run(5000);
        await expectImage(newcomer, 20, 300 * KIB);
        const first = world.sent.find(({ message }) => message.type === "snapshot-chunk");
        if (first?.message.type === "snapshot-chunk") resumed += first.message.offset;
      }
      // What the power failure left is a matter of luck below the first sync.
      if (kind === "process-killed") expect(resumed).toBeGreaterThan(0);
    },
  );

  test("goes on from another member that has the very same image", async () => {
    const { world, leader, follower, newcomer } = await threeOf();
    const other = await world.add("other");
    value(await other.files.write(contentAt(15, 600 * KIB)));
    leader.sender.start(newcomer.id);
    await world.run(5000, () => countOf(world, newcomer, "snapshot-progress") > 6);
    world.cut(newcomer, follower);
    leader.sources = [other];
    await world.run(100);
    expect(leader.reports).toEqual([{ to: newcomer.id, outcome: "failed" }]);
    leader.sender.start(newcomer.id);
    await world.run(5000);
    await expectImage(newcomer, 15);
    const piece = world.sent.find(
      ({ from, message }) => from === other.id && message.type === "snapshot-chunk",
    );
    expect(piece?.message).toHaveProperty("offset");
    if (piece?.message.type === "snapshot-chunk") expect(piece.message.offset).toBeGreaterThan(0);
  });

  test("by a receiver that falls silent ends after ten seconds, and holds the log no more", async () => {
    const { world, leader, newcomer } = await threeOf();
    leader.sources = [];
    leader.sender.start(newcomer.id);
    await world.run(5000, () => countOf(world, newcomer, "snapshot-progress") > 3);
    world.passes = ({ from }) => from !== newcomer.id;
    expect(leader.sender.pinOf(newcomer.id)).toBe(20);
    await world.run(9000);
    expect(leader.reports).toEqual([]);
    await world.run(2000);
    expect(leader.reports).toEqual([{ to: newcomer.id, outcome: "failed" }]);
    expect(leader.sender.pinOf(newcomer.id)).toBeNull();
    expect(world.clock.pendingCount).toBe(0);
  });

  test("and stalls costs another receiver of the same sender no time", async () => {
    const tookMs: number[] = [];
    for (const isOtherStalled of [false, true]) {
      const { world, leader, newcomer } = await threeOf();
      leader.sources = [];
      const other = await world.add("other");
      if (isOtherStalled) {
        leader.sender.start(other.id);
        await world.run(5000, () => countOf(world, other, "snapshot-progress") > 3);
        world.passes = ({ from }) => from !== other.id;
      }
      const startedAtMs = world.clock.nowMs();
      leader.sender.start(newcomer.id);
      await world.run(5000, () => leader.reports.length > 0);
      expect(leader.reports).toEqual([{ to: newcomer.id, outcome: "sent" }]);
      tookMs.push(world.clock.nowMs() - startedAtMs);
    }
    expect(tookMs[1]).toBeCloseTo(tookMs[0] ?? 0, 6);
  });

  test("at a source that falls silent is given up by the leader", async () => {
    const { world, leader, follower, newcomer } = await threeOf();
    world.passes = ({ from }) => from !== follower.id;
    leader.sender.start(newcomer.id);
    await world.run(11_000);
    expect(leader.reports).toEqual([{ to: newcomer.id, outcome: "failed" }]);
  });

  test("at any lost frame is repeated until it succeeds", async () => {
    for (let lost = 1; lost <= 16; lost++) {
      const { world, leader, newcomer } = await threeOf(200 * KIB);
      let count = 0;
      world.passes = () => ++count !== lost;
      for (let attempt = 0; attempt < 3 && newcomer.taken.length === 0; attempt++) {
        leader.sender.start(newcomer.id);
        await world.run(25_000, () => newcomer.files.latest() !== null);
      }
      const index = newcomer.files.latest()?.mark.position.index ?? 0;
      await expectImage(newcomer, index, 200 * KIB);
    }
  });
});

describe("a snapshot that the core took", () => {
  test("is not replaced by the next one before it is installed", async () => {
    const { world, leader, newcomer } = await threeOf();
    leader.sources = [];
    newcomer.isInstallingAtOnce = false;
    leader.sender.start(newcomer.id);
    await world.run(5000);
    expect(newcomer.taken).toEqual([markAt(20)]);
    value(await leader.files.write(contentAt(30, 600 * KIB)));
    leader.sender.start(newcomer.id);
    await world.run(5000);
    expect(leader.reports.at(-1)).toEqual({ to: newcomer.id, outcome: "failed" });
    await newcomer.install(markAt(20));
    await expectImage(newcomer, 20);
    newcomer.isInstallingAtOnce = true;
    leader.sender.start(newcomer.id);
    await world.run(5000);
    await expectImage(newcomer, 30);
  });

  test("is there or is fetched again, wherever the receiver's disk stops", async () => {
    let installed = 0;
    for (let stopAfter = 1; stopAfter < 60; stopAfter++) {
      const { world, leader, newcomer } = await threeOf(100 * KIB);
      leader.sources = [];
      newcomer.disk.haltAfter(stopAfter);
      // What the core would be told is that the disk failed; here the install just ends.
      newcomer.isInstallingAtOnce = false;
      leader.sender.start(newcomer.id);
      await world.run(3000);
      const [mark] = newcomer.taken;
      if (mark !== undefined) await newcomer.files.adoptReceived(mark);
      await newcomer.crash("power-lost");
      newcomer.isInstallingAtOnce = true;
      if (newcomer.files.latest() === null) {
        leader.sender.start(newcomer.id);
        await world.run(3000);
      } else installed++;
      await expectImage(newcomer, 20, 100 * KIB);
    }
    expect(installed).toBeGreaterThan(0);
  });
});

describe("a member whose own snapshot is damaged on its disk", () => {
  test("puts it aside when a receiver says so, and serves the one before it", async () => {
    const { world, leader, newcomer } = await threeOf(100 * KIB);
    leader.sources = [];
    value(await leader.files.write(contentAt(30, 100 * KIB)));
    const path = leader.files.latest()?.path ?? "";
    const bytes = leader.disk.contents().get(path) ?? new Uint8Array(0);
    const file = value(await leader.disk.open(path));
    const spoiled = Uint8Array.of((bytes[5000] ?? 0) ^ 1);
    value(await file.overwrite(5000, spoiled));
    leader.sender.start(newcomer.id);
    await world.run(3000);
    expect(leader.reports).toEqual([{ to: newcomer.id, outcome: "failed" }]);
    expect(newcomer.taken).toEqual([]);
    leader.sender.start(newcomer.id);
    await world.run(3000);
    await expectImage(newcomer, 20, 100 * KIB);
  });
});
