import { describe, expect, test, vi } from "vitest";
import { SnapshotReader } from "../../electron/agent/log/snapshot-reader.ts";
import { logIndex, term } from "../../shared/base/ids.ts";
import { value } from "../log/log-fixtures.ts";
import { contentAt } from "../log/snapshot-fixtures.ts";
import { TransferWorld } from "./transfer-world.ts";
import type { TransferNode } from "./transfer-world.ts";

/** A leader that points to a follower with a snapshot of its own, and a member that needs one. */
async function threeOf() {
  const world = new TransferWorld();
  const leader = await world.add("leader");
  const follower = await world.add("follower");
  const newcomer = await world.add("newcomer");
  value(await leader.files.write(contentAt(20)));
  value(await follower.files.write(contentAt(15)));
  leader.sources = [follower];
  return { world, leader, follower, newcomer };
}

function countOf(world: TransferWorld, from: TransferNode, type: string): number {
  return world.sent.filter((each) => each.from === from.id && each.message.type === type).length;
}

describe("a member that needs a snapshot", () => {
  test("is not sent to a source by a leader of an older term", async () => {
    const { world, leader, follower, newcomer } = await threeOf();
    world.term = 6;
    newcomer.intake.onOffer(leader.id, {
      type: "snapshot-offer",
      ...{ transferId: 1, term: term(5), source: follower.id, indexMin: logIndex(1) },
    });
    await world.run(1000);
    expect(world.sent.map(({ message }) => message)).toEqual([
      { type: "snapshot-end", transferId: 1, outcome: "cancelled" },
    ]);
  });

  test("refuses an older one itself, should the source begin to send it all the same", async () => {
    const { world, leader, follower, newcomer } = await threeOf();
    world.passes = ({ message }) => message.type !== "snapshot-request";
    newcomer.intake.onOffer(leader.id, {
      type: "snapshot-offer",
      ...{ transferId: 1, term: term(5), source: follower.id, indexMin: logIndex(16) },
    });
    await world.run(10);
    const request = { requestId: 1, indexMin: logIndex(1) };
    follower.sender.onRequest(newcomer.id, { type: "snapshot-request", ...request });
    await world.run(1000);
    expect(newcomer.taken).toEqual([]);
    expect(countOf(world, follower, "snapshot-chunk")).toBe(0);
    expect(world.sent.at(-1)).toMatchObject({ to: leader.id, message: { outcome: "failed" } });
  });

  test("keeps no room on its disk for one that its core did not want", async () => {
    const { world, leader, newcomer } = await threeOf();
    newcomer.isTaking = false;
    leader.sender.start(newcomer.id);
    await world.run(5000);
    expect(countOf(world, newcomer, "snapshot-progress")).toBeGreaterThan(0);
    const names = [...newcomer.disk.contents().keys()];
    expect(names.filter((name) => name.includes("receiving"))).toEqual([]);
  });
});

test("a transfer that ended while its file was opened sends nothing, and leaves no file open", async () => {
  const close = vi.spyOn(SnapshotReader.prototype, "close");
  const { world, leader, newcomer } = await threeOf();
  leader.sources = [];
  leader.sender.start(newcomer.id);
  leader.sender.onDown(newcomer.id);
  // It is back at once: the newer transfer is its own.
  leader.sender.start(newcomer.id);
  await world.run(0);
  const begins = world.sent.filter(({ message }) => message.type === "snapshot-begin");
  expect(begins.map(({ message }) => message)).toMatchObject([{ transferId: 2 }]);
  expect(close).toHaveBeenCalledTimes(1);
  close.mockRestore();
});
