import { afterEach, expect, test } from "vitest";
import type { MemberId } from "../../shared/base/ids.ts";
import { encodePeerMessage } from "../../shared/protocol/messages.ts";
import { hello, identityOf, ids, note, puppet, startNode, stopAll } from "./link-nodes.ts";
import type { Node } from "./link-nodes.ts";
import { until } from "./real-ports.ts";

afterEach(stopAll);

const idOf = (place: number): MemberId => identityOf(place).memberId;
const said = (word: string): Uint8Array => encodePeerMessage(note(word), 1);

function heardBy(node: Node): string[] {
  return node.messages.map(({ message }) =>
    message.type === "forward-request" ? message.method : message.type,
  );
}

test("frames of a former process's connection count no more once its successor is there", async () => {
  const a = await startNode(identityOf(0));
  const before = await puppet(a, 1);
  before.connection.send(hello({ bootId: "boot-1" }));
  await until(() => a.links.isUp(idOf(1)));
  before.connection.send(said("in time"));
  await until(() => a.messages.length === 1);
  // The old process hangs: it answers nothing, yet what it had sent is still on its way.
  before.heard.push("mute");
  const after = await puppet(a, 1);
  after.connection.send(hello({ bootId: "boot-2" }));
  after.connection.send(said("not judged yet"));
  await until(() => a.events.includes(`down ${ids.indexOf(idOf(1))}`));
  before.connection.send(said("too late"));
  after.connection.send(said("of the new one"));
  await until(() => heardBy(a).includes("of the new one"));
  expect(heardBy(a)).toEqual(["in time", "of the new one"]);
  await before.network.close();
  await after.network.close();
});

test("what was sent on a replaced connection of the same process comes once, in its order", async () => {
  const a = await startNode(identityOf(0));
  const first = await puppet(a, 1);
  first.connection.send(hello());
  await until(() => a.links.isUp(idOf(1)));
  const second = await puppet(a, 1);
  for (let i = 0; i < 5; i++) first.connection.send(said(`first ${i}`));
  second.connection.send(hello());
  for (let i = 0; i < 5; i++) second.connection.send(said(`second ${i}`));
  await until(() => heardBy(a).filter((word) => word.startsWith("second")).length === 5);
  await until(() => first.closed() !== null);
  const heard = heardBy(a);
  for (const name of ["first", "second"]) {
    const words = heard.filter((word) => word.startsWith(name));
    expect(words).toEqual(words.map((_, i) => `${name} ${i}`));
  }
  expect(new Set(heard).size).toBe(heard.length);
  expect(a.events).toEqual([`up ${ids.indexOf(idOf(1))}`]);
  await first.network.close();
  await second.network.close();
});
