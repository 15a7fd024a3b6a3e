/** What a higher term ends, whichever message brings it, and which messages only speak of one. */
import { describe, expect, it } from "vitest";
import { logIndex } from "../../shared/base/ids.ts";
import type { AppendMessage, RaftMessage, RaftRole } from "../../shared/raft/types.ts";
import {
  CoreFixture,
  N1,
  N2,
  N3,
  STRANGER,
  at,
  configurationOf,
  entry,
  to,
} from "./core-fixture.ts";

const THREE = configurationOf([N1, N2, N3]);
const HIGHER = to(9);

const heartbeat = { type: "heartbeat", commitIndex: logIndex(0), round: 1 } as const;
const vote = { type: "vote-reply", incarnation: 0, preVote: false, granted: true } as const;
const request = { type: "vote-request", preVote: false, last: at(0, 0), transfer: true } as const;

/** One of each kind, in a term that is higher than all others here. A new kind does not compile. */
const OF_EACH_TYPE: { readonly [Type in RaftMessage["type"]]: RaftMessage & { type: Type } } = {
  append: { ...HIGHER, type: "append", previous: at(1, 1), entries: [], commitIndex: logIndex(0) },
  "append-ack": {
    ...{ ...HIGHER, type: "append-ack", incarnation: 0 },
    ...{ accepted: true, matchIndex: logIndex(1) },
  },
  heartbeat: { ...HIGHER, ...heartbeat },
  "heartbeat-ack": { ...HIGHER, type: "heartbeat-ack", incarnation: 0, round: 0 },
  // Its log is behind, so it gets no vote; as part of a transfer it is not refused unread.
  "vote-request": { ...HIGHER, ...request },
  "vote-reply": { ...HIGHER, ...vote },
  "timeout-now": { ...HIGHER, type: "timeout-now" },
  "read-index": { ...HIGHER, type: "read-index", requestId: 1 },
  "read-index-reply": { ...HIGHER, type: "read-index-reply", requestId: 1, index: logIndex(1) },
};

/** Unlike a granted one it tells of the term that its sender is in. */
const REFUSED_PRE_VOTE: RaftMessage = { ...HIGHER, ...vote, preVote: true, granted: false };

/** A member with one entry, in a role. */
function memberAs(role: RaftRole): CoreFixture {
  const core = new CoreFixture(THREE, [1]);
  if (role === "leader") core.lead();
  if (role === "follower") core.step({ ...to(1, N3), ...heartbeat });
  if (role === "pre-candidate" || role === "candidate") core.wait(2000);
  if (role === "candidate") core.step({ ...to(2), ...vote, preVote: true });
  core.node.finishPersist();
  core.sent();
  expect(core.node.status.role).toBe(role);
  return core;
}

describe.each(["follower", "pre-candidate", "candidate", "leader"] as const)("a %s", (role) => {
  it.each([...Object.values(OF_EACH_TYPE), REFUSED_PRE_VOTE])(
    "follows in the higher term of: $type",
    (message) => {
      const core = memberAs(role);
      core.step(message);
      const isOfLeader = message.type === "append" || message.type === "heartbeat";
      const leader = isOfLeader ? N2 : null;
      expect(core.node.status).toMatchObject({ role: "follower", term: 9, votedFor: null, leader });
      while (core.node.finishPersist());
      expect(core.node.disk.hardState).toMatchObject({ term: 9, votedFor: null });
    },
  );

  it.each<readonly [string, RaftMessage]>([
    ["a pre-vote that is asked for", { ...HIGHER, ...request, preVote: true }],
    ["a pre-vote that is granted", { ...HIGHER, ...vote, preVote: true }],
    ["a message that names this very member as its sender", { ...HIGHER, ...heartbeat, from: N1 }],
    ["a message to somebody else", { ...HIGHER, ...heartbeat, to: N3 }],
    ["a vote of a stranger", { ...HIGHER, ...vote, from: STRANGER }],
    ["a stranger that asks with a log behind", { ...HIGHER, ...request, from: STRANGER }],
    ["an ack of a stranger", { ...OF_EACH_TYPE["append-ack"], from: STRANGER }],
    ["a stranger's word to take over", { ...OF_EACH_TYPE["timeout-now"], from: STRANGER }],
  ])("keeps term and role whatever term is named by %s", (_name, message) => {
    const core = memberAs(role);
    const before = core.node.status;
    core.step(message);
    expect(core.node.status).toEqual(before);
  });
});

it.each(["follower", "leader"] as const)(
  "a %s that has a leader keeps its term when a vote is asked outside a transfer",
  (role) => {
    const core = memberAs(role);
    const before = core.node.status;
    core.step({ ...HIGHER, ...request, last: at(8, 8), transfer: false });
    expect(core.node.status).toEqual(before);
    expect(core.sent()).toEqual([]);
  },
);

describe("what was compared with a leader's log", () => {
  const append = (inTerm: number, options: Partial<AppendMessage>): AppendMessage => {
    const base = { type: "append", entries: [], commitIndex: logIndex(0) } as const;
    return { ...to(inTerm), ...base, previous: at(1, 1), ...options };
  };

  it("was compared with no other: the next term begins with what is committed", () => {
    const core = new CoreFixture(THREE, [1, 1, 1], 1);
    core.step(append(1, { previous: at(1, 3), commitIndex: logIndex(1) }));
    core.step({ ...to(2, N3), ...heartbeat, commitIndex: logIndex(3) });
    expect(core.node.status.commitIndex).toBe(1);
    core.step(append(2, { from: N3, previous: at(1, 2), commitIndex: logIndex(3) }));
    expect(core.node.status.commitIndex).toBe(2);
  });

  it("ends where the log is cut, also by a leader that contradicts itself in its term", () => {
    const core = new CoreFixture(THREE, [1], 1);
    core.step(append(3, { entries: [entry(2, 2), entry(2, 3), entry(2, 4)] }));
    core.step(append(3, { entries: [entry(3, 2)] }));
    core.step(append(3, { previous: at(3, 2), entries: [entry(3, 3)] }));
    core.step({ ...to(3), ...heartbeat, commitIndex: logIndex(4) });
    expect(core.node.status).toMatchObject({ lastIndex: 3, commitIndex: 3 });
  });
});
