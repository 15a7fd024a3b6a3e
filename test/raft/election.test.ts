import { describe, expect, it } from "vitest";
import { memberId } from "../../shared/base/ids.ts";
import type { VoteRequestMessage } from "../../shared/raft/types.ts";
import { CoreFixture, N1, N2, N3, STRANGER, at, configurationOf, to } from "./core-fixture.ts";

const THREE = configurationOf([N1, N2, N3]);

function asks(inTerm: number, options: Partial<VoteRequestMessage> = {}): VoteRequestMessage {
  return {
    ...to(inTerm),
    type: "vote-request",
    preVote: false,
    last: at(9, 9),
    transfer: false,
    ...options,
  };
}

describe("§3.4 a vote", () => {
  it("leaves only after it is on disk", () => {
    const core = new CoreFixture(THREE);
    core.step(asks(1));
    expect(core.sent()).toEqual([]);
    expect(core.node.pending?.hardState).toEqual({ term: 1, votedFor: N2, incarnation: 0 });
    core.node.finishPersist();
    expect(core.sent()).toMatchObject([
      { type: "vote-reply", incarnation: 0, granted: true, to: N2, term: 1 },
    ]);
  });

  it("is given to one candidate in a term, and to that one again", () => {
    const core = new CoreFixture(THREE);
    core.step(asks(1));
    core.node.finishPersist();
    core.sent();
    core.step(asks(1, { from: N3 }));
    core.step(asks(1));
    core.node.finishPersist();
    const replies = core
      .sentOf("vote-reply")
      .map(({ to: candidate, granted }) => [candidate, granted]);
    expect(replies).toEqual([
      [N3, false],
      [N2, true],
    ]);
  });

  it("given twice by one voter does not make a leader of five", () => {
    const five = configurationOf([N1, N2, N3, memberId("n4"), memberId("n5")]);
    const core = new CoreFixture(five);
    core.wait(2000);
    for (let i = 0; i < 3; i++) {
      core.step({ ...to(1), type: "vote-reply", incarnation: 0, preVote: true, granted: true });
    }
    expect(core.node.status.role).toBe("pre-candidate");
  });
});

describe("§3.6.1 a candidate whose log is behind", () => {
  it.each([
    ["older last term", at(1, 9), false],
    ["same term, shorter", at(2, 2), false],
    ["same", at(2, 3), true],
    ["newer last term, shorter", at(3, 1), true],
  ])("%s", (_name, last, granted) => {
    const core = new CoreFixture(THREE, [1, 2, 2]);
    core.step(asks(4, { last }));
    core.node.finishPersist();
    expect(core.sentOf("vote-reply")).toMatchObject([{ granted }]);
  });
});

describe("§3.4 a candidate", () => {
  const vote = { type: "vote-reply", incarnation: 0, preVote: false, granted: true } as const;

  /** Asks for votes in term 1, with the pre-vote of n2. */
  function candidate(): CoreFixture {
    const core = new CoreFixture(THREE);
    core.wait(2000);
    core.step({ ...to(1), ...vote, preVote: true });
    core.node.finishPersist();
    expect(core.node.status).toMatchObject({ role: "candidate", term: 1 });
    return core;
  }

  it("is not elected by a pre-vote that comes late", () => {
    const core = candidate();
    core.step({ ...to(1, N3), ...vote, preVote: true });
    expect(core.node.status.role).toBe("candidate");
    core.step({ ...to(1, N3), ...vote });
    expect(core.node.status.role).toBe("leader");
  });

  it("is not elected by a vote of an earlier term", () => {
    const core = candidate();
    core.wait(2000);
    core.step({ ...to(2), ...vote, preVote: true });
    core.node.finishPersist();
    core.step({ ...to(1), ...vote });
    expect(core.node.status).toMatchObject({ role: "candidate", term: 2 });
  });

  it("gives up as soon as a majority refuses, and not before", () => {
    const core = candidate();
    core.step({ ...to(1), ...vote, granted: false });
    expect(core.node.status.role).toBe("candidate");
    core.step({ ...to(1, N3), ...vote, granted: false });
    expect(core.node.status.role).toBe("follower");
  });

  it("of an earlier term is told of today's", () => {
    const core = new CoreFixture(THREE, [], 5);
    core.step(asks(3));
    core.step(asks(3, { preVote: true }));
    const refusal = { term: 5, granted: false };
    expect(core.sentOf("vote-reply")).toMatchObject([refusal, refusal]);
  });

  it("gets no vote in the term of a leader that was lost", () => {
    const core = new CoreFixture(THREE);
    core.step({ ...to(1), type: "heartbeat", commitIndex: at(0, 0).index, round: 1 });
    core.run((raft) => raft.connectionLost(N2));
    core.step(asks(1, { from: N3 }));
    core.node.finishPersist();
    expect(core.sentOf("vote-reply")).toMatchObject([{ to: N3, granted: false }]);
    expect(core.node.status.votedFor).toBeNull();
  });
});

describe("§9.6 a pre-vote", () => {
  it("is not given for a term that is here already", () => {
    const core = new CoreFixture(THREE, [], 5);
    core.step(asks(5, { preVote: true }));
    expect(core.sentOf("vote-reply")).toMatchObject([{ term: 5, granted: false }]);
  });

  it("is given to the very leader that was just heard: it leads no more", () => {
    const core = new CoreFixture(THREE);
    core.step({ ...to(1), type: "heartbeat", commitIndex: at(0, 0).index, round: 1 });
    core.node.finishPersist();
    core.step(asks(2, { preVote: true }));
    expect(core.sentOf("vote-reply")).toMatchObject([{ term: 2, granted: true }]);
  });

  it("changes neither term nor vote", () => {
    const core = new CoreFixture(THREE);
    core.step(asks(1, { preVote: true }));
    expect(core.sentOf("vote-reply")).toMatchObject([{ granted: true, preVote: true, term: 1 }]);
    expect(core.node.status).toMatchObject({ term: 0, votedFor: null });
  });

  it("is refused, and a vote ignored, while the leader is heard; not in a transfer", () => {
    const core = new CoreFixture(THREE);
    core.step({ ...to(1), type: "heartbeat", commitIndex: at(0, 0).index, round: 1 });
    core.node.finishPersist();
    core.sent();
    core.step(asks(2, { from: N3, preVote: true }));
    expect(core.sentOf("vote-reply")).toMatchObject([{ granted: false, term: 1 }]);
    core.step(asks(2, { from: N3 }));
    expect(core.node.status.term).toBe(1);
    core.step(asks(2, { from: N3, transfer: true }));
    expect(core.node.status).toMatchObject({ term: 2, votedFor: N3 });
  });
});

describe("§4.2 who may campaign and who answers", () => {
  it("a mirror answers, because it may not know that it was promoted", () => {
    const core = new CoreFixture(configurationOf([N2, N3], [N1]));
    core.step(asks(1));
    core.node.finishPersist();
    expect(core.sentOf("vote-reply")).toMatchObject([{ granted: true }]);
  });

  it("a mirror and a member without a configuration never campaign", () => {
    for (const configuration of [configurationOf([N2, N3], [N1]), { seats: [] }]) {
      const core = new CoreFixture(configuration);
      core.wait(10_000);
      expect(core.sent()).toEqual([]);
    }
  });

  it("a mirror that hears its leader no more names none", () => {
    const core = new CoreFixture(configurationOf([N2, N3], [N1]));
    core.step({ ...to(1), type: "heartbeat", commitIndex: at(0, 0).index, round: 1 });
    expect(core.node.status.leader).toBe(N2);
    core.wait(2000);
    expect(core.node.status).toMatchObject({ role: "follower", leader: null });
  });

  it("a stranger whose log is behind is ignored, one whose log is ahead gets the vote", () => {
    const core = new CoreFixture(THREE, [1, 2]);
    core.step(asks(9, { from: STRANGER, last: at(1, 1) }));
    expect(core.node.status.term).toBe(2);
    core.step(asks(9, { from: STRANGER, last: at(2, 3) }));
    expect(core.node.status).toMatchObject({ term: 9, votedFor: STRANGER });
  });
});

describe("time", () => {
  it("that passed while this process stood still is not the leader's silence", () => {
    const core = new CoreFixture(THREE);
    core.run((raft) => raft.advance(60_000));
    expect(core.sent()).toEqual([]);
    core.nowMs = 60_000;
    core.wait(2000);
    expect(core.sentOf("vote-request").length).toBeGreaterThan(0);
  });

  it("is short after the connection to the leader dropped, unless the leader is heard again", () => {
    const core = new CoreFixture(THREE);
    const heartbeat = {
      ...to(1),
      type: "heartbeat",
      commitIndex: at(0, 0).index,
      round: 1,
    } as const;
    core.step(heartbeat);
    core.run((raft) => raft.connectionLost(N2));
    core.step(heartbeat);
    core.wait(300);
    expect(core.node.status.role).toBe("follower");
    core.run((raft) => raft.connectionLost(N2));
    core.wait(200);
    expect(core.node.status.role).toBe("pre-candidate");
  });

  it("is short again when the votes asked for after that were lost", () => {
    const core = new CoreFixture(THREE);
    core.step({ ...to(1), type: "heartbeat", commitIndex: at(0, 0).index, round: 1 });
    core.node.finishPersist();
    core.run((raft) => raft.connectionLost(N2));
    core.wait(150);
    const vote = { type: "vote-reply", incarnation: 0, granted: true } as const;
    core.step({ ...to(2, N3), ...vote, preVote: true });
    core.node.finishPersist();
    expect(core.node.status).toMatchObject({ role: "candidate", term: 2 });
    core.sent();
    core.wait(450);
    expect(core.sentOf("vote-request")).toMatchObject([
      { to: N2, preVote: true, term: 3 },
      { to: N3, preVote: true, term: 3 },
    ]);
  });
});
