/** What a held incarnation permits, and whose answers count. */
import { describe, expect, it } from "vitest";
import { logIndex } from "../../shared/base/ids.ts";
import { changeOf } from "../../shared/raft/configuration.ts";
import type { AppendMessage, VoteRequestMessage } from "../../shared/raft/types.ts";
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

function asks(inTerm: number, preVote: boolean): VoteRequestMessage {
  return { ...to(inTerm), type: "vote-request", preVote, last: at(9, 9), transfer: false };
}

function append(inTerm: number): AppendMessage {
  const entries = [entry(inTerm, 1)];
  const commitIndex = logIndex(0);
  return { ...to(inTerm), type: "append", previous: at(0, 0), entries, commitIndex };
}

/** A member that was told that its disk vouches for nothing. */
function barred(): CoreFixture {
  const core = new CoreFixture(THREE, [1, 1], 1);
  core.run((raft) => raft.holdIncarnation(null));
  core.node.finishPersist();
  core.sent();
  return core;
}

describe("a member that holds no incarnation", () => {
  it("refuses votes and pre-votes, and learns the term all the same", () => {
    const core = barred();
    core.step(asks(5, true));
    core.step(asks(5, false));
    core.node.finishPersist();
    expect(core.sentOf("vote-reply")).toMatchObject([
      { granted: false, incarnation: null },
      { granted: false, incarnation: null },
    ]);
    expect(core.node.status).toMatchObject({ term: 5, votedFor: null });
  });

  it("takes what the leader sends, and neither acknowledges nor confirms", () => {
    const core = barred();
    core.step({ ...append(2), previous: at(1, 2), entries: [entry(2, 3)] });
    core.step({ ...append(2), previous: at(2, 9), entries: [] });
    core.step({ ...to(2), type: "heartbeat", commitIndex: logIndex(0), round: 4 });
    core.node.finishPersist();
    core.node.finishPersist();
    expect(core.sent()).toEqual([]);
    expect(core.node.status).toMatchObject({ lastIndex: 3, leader: N2 });
  });

  it("never campaigns, not even as the only voter", () => {
    for (const configuration of [THREE, configurationOf([N1])]) {
      const core = new CoreFixture(configuration, [1], 1);
      core.node.finishPersist();
      core.run((raft) => raft.holdIncarnation(null));
      core.node.finishPersist();
      core.sent();
      core.wait(20_000);
      expect(core.sent()).toEqual([]);
      expect(core.node.status).toMatchObject({ role: "follower", leader: null });
    }
  });

  it("still tells an old leader that its term is over", () => {
    const core = barred();
    core.step(asks(5, false));
    core.node.finishPersist();
    core.sent();
    core.step({ ...to(3, N3), type: "heartbeat", commitIndex: logIndex(0), round: 4 });
    expect(core.sent()).toMatchObject([{ type: "heartbeat-ack", term: 5, round: 0, to: N3 }]);
  });

  it("says nothing any more that it was about to say", () => {
    const core = new CoreFixture(THREE, [], 1);
    core.run((raft) => {
      raft.step({ ...to(1), type: "heartbeat", commitIndex: logIndex(0), round: 3 });
      raft.holdIncarnation(null);
    });
    core.node.finishPersist();
    expect(core.sent()).toEqual([]);
  });

  it("leads no more at once, and campaigns no more", () => {
    const leader = new CoreFixture(THREE);
    leader.lead();
    const candidate = new CoreFixture(THREE);
    candidate.wait(2000);
    for (const core of [leader, candidate]) {
      expect(core.node.status.role).not.toBe("follower");
      core.run((raft) => raft.holdIncarnation(null));
      expect(core.node.status).toMatchObject({ role: "follower", leader: null });
    }
  });

  it("leads no more from the moment it is told, and breaks no promise on its way out", () => {
    const core = new CoreFixture(THREE);
    core.lead();
    acknowledge(core, 1);
    core.run((raft) => raft.propose([new Uint8Array(1)]));
    core.sent();
    core.step({ ...asks(5, false), transfer: true });
    core.run((raft) => raft.holdIncarnation(null));
    expect(core.node.status).toMatchObject({ role: "follower", incarnation: null });
    core.node.finishPersist();
    core.node.finishPersist();
    expect(core.sent()).toEqual([]);
  });
});

describe("a held incarnation", () => {
  it("is on disk before anything is said under it, and then is said to the leader at once", () => {
    const core = barred();
    core.step({ ...to(1), type: "heartbeat", commitIndex: logIndex(0), round: 1 });
    core.run((raft) => raft.holdIncarnation(9));
    core.step({ ...to(1), type: "heartbeat", commitIndex: logIndex(0), round: 2 });
    expect(core.sent()).toEqual([]);
    expect(core.node.pending?.hardState).toMatchObject({ incarnation: 9 });
    core.node.finishPersist();
    expect(core.sentOf("heartbeat-ack")).toMatchObject([
      { incarnation: 9, round: 0 },
      { incarnation: 9, round: 2 },
    ]);
  });

  it("newer than the seat in an old configuration answers, and does not campaign", () => {
    const core = barred();
    core.run((raft) => raft.holdIncarnation(9));
    core.node.finishPersist();
    core.wait(10_000);
    expect(core.sentOf("vote-request")).toEqual([]);
    core.step(asks(5, false));
    core.node.finishPersist();
    expect(core.sentOf("vote-reply")).toMatchObject([{ granted: true, incarnation: 9 }]);
  });

  it("survives a restart", () => {
    const core = barred();
    core.run((raft) => raft.holdIncarnation(9));
    core.node.finishPersist();
    core.node.crash("nothing");
    core.node.start(core.nowMs);
    expect(core.node.status.incarnation).toBe(9);
  });
});

describe("an answer under another incarnation than the seat's", () => {
  it("is no vote, but a higher term in it is heeded", () => {
    const core = new CoreFixture(THREE);
    core.wait(2000);
    const reply = { type: "vote-reply", preVote: true, granted: true } as const;
    core.step({ ...to(1), ...reply, incarnation: 7 });
    expect(core.node.status.role).toBe("pre-candidate");
    core.step({ ...to(4), ...reply, granted: false, incarnation: 7 });
    expect(core.node.status.term).toBe(4);
  });

  it("commits nothing, confirms no read and keeps no leader in office", () => {
    const core = new CoreFixture(THREE);
    core.lead();
    acknowledge(core, 1, { incarnation: 7 });
    expect(core.node.status.commitIndex).toBe(0);
    acknowledge(core, 1);
    core.run((raft) => raft.readIndex(1));
    for (let round = 1; round < 16; round++) {
      core.step({ ...to(1), type: "heartbeat-ack", incarnation: 7, round });
      core.wait(100);
    }
    expect(core.reads).toEqual([{ requestId: 1, index: null }]);
    expect(core.node.status.role).not.toBe("leader");
  });

  it("counts when a member of protocol 1 states none", () => {
    const core = new CoreFixture(THREE);
    core.lead();
    acknowledge(core, 1, { incarnation: "unstated" });
    expect(core.node.status.commitIndex).toBe(1);
  });
});

describe("a seat that begins anew", () => {
  it("is a mirror's, under the entry's index, and keeps its context", () => {
    const changed = changeOf(THREE, { type: "reseat", id: N2 }, 42);
    expect(changed).toMatchObject({
      ok: true,
      value: { seats: [{ id: N1 }, { id: N2, kind: "mirror", incarnation: 42 }, { id: N3 }] },
    });
    const sole = changeOf(configurationOf([N1], [N2]), { type: "reseat", id: N1 }, 42);
    expect(sole).toMatchObject({ ok: false, error: { code: "would-leave-no-voter" } });
  });

  it("holds nothing for the leader, whatever its member said before", () => {
    const core = new CoreFixture(THREE);
    core.lead();
    acknowledge(core, 1);
    acknowledge(core, 1, { from: N3 });
    core.run((raft) => raft.changeConfiguration({ type: "reseat", id: N3 }));
    acknowledge(core, 2, { from: N3 });
    const progress = core.node.status.progress.find(({ id }) => id === N3);
    expect(progress).toMatchObject({ incarnation: 2, matchIndex: 0, mode: "probe" });
    acknowledge(core, 2, { from: N3, incarnation: 2 });
    expect(core.node.status.progress.find(({ id }) => id === N3)).toMatchObject({ matchIndex: 2 });
  });

  it("is the same when it was removed and added again", () => {
    const core = new CoreFixture(THREE);
    core.lead();
    acknowledge(core, 1);
    acknowledge(core, 1, { from: N3 });
    core.node.finishPersist();
    core.run((raft) => raft.changeConfiguration({ type: "remove", id: N3 }));
    core.node.finishPersist();
    acknowledge(core, 2);
    const context = new Uint8Array();
    core.run((raft) => raft.changeConfiguration({ type: "add-mirror", id: N3, context }));
    acknowledge(core, 3, { from: N3 });
    const progress = core.node.status.progress.find(({ id }) => id === N3);
    expect(progress).toMatchObject({ incarnation: 3, matchIndex: 0 });
  });
});

describe("a change that takes a vote away", () => {
  it("is refused while too few of the others are there", () => {
    const core = new CoreFixture(THREE);
    core.lead();
    acknowledge(core, 1);
    const demote = () => core.run((raft) => raft.changeConfiguration({ type: "demote", id: N2 }));
    expect(demote()).toMatchObject({ error: { code: "would-lose-quorum" } });
    acknowledge(core, 1, { from: N3 });
    expect(demote()).toMatchObject({ ok: true });
  });
});
