import { describe, expect, it } from "vitest";
import { logIndex, memberId } from "../../shared/base/ids.ts";
import { READS_WAITING_MAX } from "../../shared/raft/limits.ts";
import { askRead, handleReadIndex } from "../../shared/raft/reads.ts";
import { CoreFixture, N1, N2, N3, acknowledge, configurationOf, to } from "./core-fixture.ts";
import { follower, leader } from "./core-states.ts";

const THREE = configurationOf([N1, N2, N3]);

/** A follower of n2 that has passed a read on. */
function followerWithRead(): { readonly core: CoreFixture; readonly requestId: number } {
  const core = new CoreFixture(THREE, [1, 1], 1);
  hearLeader(core, 1);
  core.sent();
  core.run((raft) => raft.readIndex(7));
  const [asked] = core.sentOf("read-index");
  expect(asked).toMatchObject({ to: N2 });
  return { core, requestId: asked?.requestId ?? 0 };
}

function hearLeader(core: CoreFixture, inTerm: number, from = N2): void {
  core.step({ ...to(inTerm, from), type: "heartbeat", commitIndex: logIndex(0), round: 1 });
  core.node.finishPersist();
}

describe("§6.4 a read passed on to the leader", () => {
  it("is answered with what the leader says", () => {
    const { core, requestId } = followerWithRead();
    core.step({ ...to(1), type: "read-index-reply", requestId, index: logIndex(2) });
    expect(core.reads).toEqual([{ requestId: 7, index: 2 }]);
  });

  it("is answered by nobody else", () => {
    const { core, requestId } = followerWithRead();
    core.step({ ...to(1, N3), type: "read-index-reply", requestId, index: logIndex(2) });
    expect(core.reads).toEqual([]);
  });

  it("is refused when another leads; what the old leader says later answers nothing", () => {
    const { core, requestId } = followerWithRead();
    hearLeader(core, 2, N3);
    expect(core.reads).toEqual([{ requestId: 7, index: null }]);
    core.step({ ...to(1), type: "read-index-reply", requestId, index: logIndex(2) });
    core.step({ ...to(2), type: "read-index-reply", requestId, index: logIndex(2) });
    hearLeader(core, 3);
    core.step({ ...to(3), type: "read-index-reply", requestId, index: logIndex(2) });
    expect(core.reads).toHaveLength(1);
  });

  it("is refused when the connection is lost, or the leader is silent; late words are ignored", () => {
    for (const lose of [
      (core: CoreFixture) => core.run((raft) => raft.connectionLost(N2)),
      (core: CoreFixture) => core.wait(1100),
    ]) {
      const { core, requestId } = followerWithRead();
      lose(core);
      expect(core.reads).toEqual([{ requestId: 7, index: null }]);
      core.step({ ...to(1), type: "read-index-reply", requestId, index: logIndex(2) });
      expect(core.reads).toHaveLength(1);
    }
  });

  it("of a life before a restart does not answer one of today", () => {
    const { core, requestId } = followerWithRead();
    core.node.crash("everything");
    core.node.start(core.nowMs);
    hearLeader(core, 1);
    core.run((raft) => raft.readIndex(8));
    core.step({ ...to(1), type: "read-index-reply", requestId, index: logIndex(1) });
    expect(core.reads.filter(({ index }) => index !== null)).toEqual([]);
  });
});

describe("§6.4 a read at the leader", () => {
  it("is not confirmed by answers of an earlier term of its own", () => {
    const core = new CoreFixture(THREE);
    core.lead();
    acknowledge(core, 1);
    core.run((raft) => raft.readIndex(1));
    const round = core.sentOf("heartbeat").at(-1)?.round ?? 0;
    core.run((raft) => raft.stepDown());
    expect(core.reads).toEqual([{ requestId: 1, index: null }]);
    core.lead();
    acknowledge(core, 2);
    core.run((raft) => raft.readIndex(2));
    core.step({ ...to(1), type: "heartbeat-ack", incarnation: 0, round: round + 9 });
    core.step({ ...to(1), type: "heartbeat-ack", incarnation: 0, round });
    expect(core.reads).toHaveLength(1);
    const today = core.sentOf("heartbeat").at(-1)?.round ?? 0;
    core.step({ ...to(2), type: "heartbeat-ack", incarnation: 0, round: today });
    expect(core.reads).toContainEqual({ requestId: 2, index: 2 });
  });

  it("passed on by another is no answer for this member's own when the leadership ends", () => {
    const core = new CoreFixture(THREE);
    core.lead();
    acknowledge(core, 1);
    core.step({ ...to(1), type: "read-index", requestId: 5 });
    core.run((raft) => raft.stepDown());
    expect(core.reads).toEqual([]);
  });

  it("is confirmed although a voter's answer to an older round comes late", () => {
    const core = new CoreFixture(configurationOf([N1, N2, N3, memberId("n4"), memberId("n5")]));
    core.wait(2000);
    for (const preVote of [true, false]) {
      const vote = { type: "vote-reply", incarnation: 0, granted: true, preVote } as const;
      for (const from of [N2, N3]) core.step({ ...to(1, from), ...vote });
      core.node.finishPersist();
    }
    for (const from of [N2, N3]) acknowledge(core, 1, { from });
    core.wait(100);
    core.run((raft) => raft.readIndex(1));
    const round = core.sentOf("heartbeat").at(-1)?.round ?? 0;
    const answer = { type: "heartbeat-ack", incarnation: 0 } as const;
    core.step({ ...to(1), ...answer, round });
    core.step({ ...to(1), ...answer, round: round - 1 });
    core.step({ ...to(1, N3), ...answer, round });
    expect(core.reads).toEqual([{ requestId: 1, index: 1 }]);
  });

  it("is not confirmed by an answer to a round that never started", () => {
    const core = new CoreFixture(THREE);
    core.lead();
    acknowledge(core, 1);
    core.step({ ...to(1), type: "heartbeat-ack", incarnation: 0, round: 999 });
    core.run((raft) => raft.readIndex(1));
    expect(core.reads).toEqual([]);
    const round = core.sentOf("heartbeat").at(-1)?.round ?? 0;
    core.step({ ...to(1), type: "heartbeat-ack", incarnation: 0, round });
    expect(core.reads).toEqual([{ requestId: 1, index: 1 }]);
  });

  it("without a quorum is refused when the leader gives up, and never answered before", () => {
    const core = new CoreFixture(THREE);
    core.lead();
    acknowledge(core, 1);
    core.run((raft) => raft.readIndex(1));
    core.wait(900);
    expect(core.reads).toEqual([]);
    core.wait(400);
    expect(core.node.status.role).not.toBe("leader");
    expect(core.reads).toEqual([{ requestId: 1, index: null }]);
  });

  it("after an hour of sleep waits for answers of today", () => {
    const core = new CoreFixture(THREE);
    core.lead();
    acknowledge(core, 1);
    core.run((raft) => raft.advance(core.nowMs + 3_600_000));
    core.run((raft) => raft.readIndex(1));
    expect(core.reads).toEqual([]);
    core.step({ ...to(2), type: "heartbeat-ack", incarnation: 0, round: 0 });
    expect(core.reads).toEqual([{ requestId: 1, index: null }]);
  });
});

describe("a read beyond those that may wait", () => {
  it("is refused at once by the leader, its own as well as one passed on; the others wait", () => {
    const { core, role } = leader();
    for (let requestId = 1; requestId <= READS_WAITING_MAX; requestId++) askRead(core, requestId);
    expect(core.answers).toEqual([]);
    askRead(core, 20_000);
    expect(core.answers).toEqual([{ requestId: 20_000, index: null }]);
    core.outbox = [];
    handleReadIndex(core, { ...to(2), type: "read-index", requestId: 5 });
    expect(core.outbox).toMatchObject([{ type: "read-index-reply", requestId: 5, index: null }]);
    expect(role.reads).toHaveLength(READS_WAITING_MAX);
  });

  it("is refused at once by a follower", () => {
    const { core } = follower();
    for (let requestId = 1; requestId <= READS_WAITING_MAX; requestId++) askRead(core, requestId);
    expect(core.answers).toEqual([]);
    askRead(core, 20_000);
    expect(core.answers).toEqual([{ requestId: 20_000, index: null }]);
  });
});
