/** Messages that prove that some member breaks the rules: nothing of them is taken, and it is said. */
import { describe, expect, it } from "vitest";
import { logIndex } from "../../shared/base/ids.ts";
import type { AppendMessage } from "../../shared/raft/types.ts";
import {
  CoreFixture,
  N1,
  N2,
  N3,
  acknowledge,
  at,
  configurationOf,
  entry,
  to,
} from "./core-fixture.ts";

const THREE = configurationOf([N1, N2, N3]);

function append(inTerm: number, options: Partial<AppendMessage>): AppendMessage {
  const commitIndex = logIndex(0);
  const base = { type: "append", previous: at(0, 0), entries: [], commitIndex } as const;
  return { ...to(inTerm), ...base, ...options };
}

/** A follower of n2 with 1:1 and 1:2 committed. */
function follower(): CoreFixture {
  const core = new CoreFixture(THREE, [1, 1], 1);
  core.step(append(1, { previous: at(1, 2), commitIndex: logIndex(2) }));
  core.node.finishPersist();
  core.sent();
  expect(core.node.status).toMatchObject({ commitIndex: 2, alarm: null });
  return core;
}

describe("an alarm", () => {
  it("is raised by a second leader of one term, at a follower and at the leader itself", () => {
    const core = follower();
    core.step(append(1, { from: N3, previous: at(1, 2), entries: [entry(1, 3)] }));
    expect(core.node.status).toMatchObject({ lastIndex: 2, leader: N2 });
    expect(core.node.status.alarm).toMatchObject({ code: "two-leaders", member: N3 });
    const leader = new CoreFixture(THREE);
    leader.lead();
    leader.step({ ...to(1), type: "heartbeat", commitIndex: logIndex(0), round: 1 });
    expect(leader.node.status).toMatchObject({ role: "leader", alarm: { code: "two-leaders" } });
  });

  it.each([
    ["an entry", append(2, { entries: [entry(1, 1), entry(2, 2)] })],
    ["the position before them", append(2, { previous: at(2, 2), entries: [entry(2, 3)] })],
    ["entries that end there", append(2, { previous: at(1, 1), entries: [entry(2, 2)] })],
  ])("is raised when %s contradicts what is committed, and nothing is acknowledged", (_, sent) => {
    const core = follower();
    core.step(sent);
    core.node.finishPersist();
    expect(core.node.status.alarm).toMatchObject({ code: "committed-differs", member: N2 });
    expect(core.node.status.lastIndex).toBe(2);
    expect(core.sentOf("append-ack")).toEqual([]);
  });

  it("is raised by a snapshot that contradicts what is committed", () => {
    const core = follower();
    const mark = { position: at(2, 2), configuration: THREE };
    core.run((raft) => raft.receiveSnapshot(mark, N2, 2));
    expect(core.node.status.alarm).toMatchObject({ code: "committed-differs" });
    expect(core.node.pending?.snapshot ?? null).toBeNull();
  });

  it("is raised by an ack of what was never sent, which counts for nothing", () => {
    const core = new CoreFixture(THREE);
    core.lead();
    acknowledge(core, 5);
    expect(core.node.status).toMatchObject({
      commitIndex: 0,
      alarm: { code: "impossible-message", member: N2 },
    });
  });

  it.each([
    ["with a gap", { previous: at(1, 2), entries: [entry(1, 4)] }],
    ["whose terms go back", { previous: at(1, 2), entries: [entry(2, 3), entry(1, 4)] }],
    ["of a later term than their leader's", { previous: at(1, 2), entries: [entry(3, 3)] }],
    ["after one of a later term than their leader's", { previous: at(3, 9), entries: [] }],
  ])("is raised by entries that no log can hold: %s", (_, impossible) => {
    const core = follower();
    core.step(append(2, impossible));
    expect(core.node.status.alarm).toMatchObject({ code: "impossible-message" });
    expect(core.node.status.lastIndex).toBe(2);
  });
});
