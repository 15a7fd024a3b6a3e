import { afterEach, expect, test } from "vitest";
import type { MemberId } from "../../shared/base/ids.ts";
import type { MemberMessage } from "../../shared/protocol/messages.ts";
import type { VersionRange } from "../../shared/protocol/version.ts";
import { identityOf, ids, note, startNode, stopAll } from "./link-nodes.ts";
import { until } from "./real-ports.ts";

afterEach(stopAll);

const FIRST: VersionRange = { min: 1, max: 1 };
const BOTH: VersionRange = { min: 1, max: 2 };
const SECOND: VersionRange = { min: 2, max: 2 };

const idOf = (place: number): MemberId => identityOf(place).memberId;

const barred: MemberMessage = {
  type: "barred",
  incarnation: 3,
  reason: "superseded",
  detail: "the seat was given anew",
};

async function pair(ours: VersionRange, theirs: VersionRange) {
  const a = await startNode(identityOf(0), { versions: ours });
  const b = await startNode(identityOf(1), { versions: theirs, manualAddresses: [a.address] });
  return { a, b };
}

test.each([
  ["an older one and this one", FIRST, BOTH, 1],
  ["this one and a newer one", BOTH, SECOND, 2],
  ["two of this build", BOTH, BOTH, 2],
])("%s agree on the highest version both speak", async (_, ours, theirs, agreed) => {
  const { a, b } = await pair(ours, theirs);
  await until(() => a.links.isUp(b.id) && b.links.isUp(a.id));
  expect(a.links.versionOf(b.id)).toBe(agreed);
  expect(b.links.peers().get(a.id)?.protocolVersion).toBe(agreed);
});

test("a message of version 2 is not sent to a member of version 1, and what follows is", async () => {
  const { a, b } = await pair(BOTH, FIRST);
  await until(() => a.links.isUp(b.id) && b.links.isUp(a.id));
  expect(a.links.send(b.id, barred)).toBe(false);
  expect(a.links.send(b.id, note("after"))).toBe(true);
  await until(() => b.messages.length > 0);
  expect(b.messages.map(({ message }) => message.type)).toEqual(["forward-request"]);
  expect(b.links.counters().malformedFrames).toBe(0);
});

test("a message of version 2 arrives where both speak it", async () => {
  const { a, b } = await pair(BOTH, SECOND);
  await until(() => a.links.isUp(b.id) && b.links.isUp(a.id));
  expect(a.links.send(b.id, barred)).toBe(true);
  await until(() => b.messages.length > 0);
  expect(b.messages).toEqual([{ from: a.id, message: barred }]);
});

test("members whose versions do not meet refuse each other, and both can say why", async () => {
  const { a, b } = await pair(FIRST, SECOND);
  const refusals = () => [
    a.links.peers().get(idOf(1))?.refusal ?? null,
    b.links.peers().get(idOf(0))?.refusal ?? null,
  ];
  await until(() => refusals().every((refusal) => refusal !== null));
  for (const refusal of refusals()) {
    expect(refusal?.code).toBe("version-mismatch");
    expect(refusal?.detail).toMatch(/protocol \d to \d/);
  }
  expect(a.events.concat(b.events)).toEqual([]);
  expect(ids).toContain(a.id);
});
