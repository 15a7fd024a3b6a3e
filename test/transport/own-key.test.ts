import { afterEach, expect, test } from "vitest";
import { identityOf, ids, startNode, stopAll } from "./link-nodes.ts";
import { until } from "./real-ports.ts";

afterEach(stopAll);

test("two processes on copies of one data folder meet, and agree which of them is to yield", async () => {
  const yielding: boolean[] = [];
  const alone = {
    members: () => ids.slice(0, 1),
    onOwnCopy: (_: unknown, isYielding: boolean) => void yielding.push(isYielding),
  };
  const first = await startNode(identityOf(0), alone);
  const second = await startNode(identityOf(0), { ...alone, manualAddresses: [first.address] });
  await until(() => yielding.length === 2);
  expect(yielding.sort()).toEqual([false, true]);
  expect([...first.events, ...second.events]).toEqual(["duplicate 0"]);
  expect(first.links.counters().connectionsUp + second.links.counters().connectionsUp).toBe(0);
});
