/** What happens exactly when, and not a moment sooner. Starts from a leader that n2 keeps in office. */
import { describe, expect, it } from "vitest";
import { logIndex } from "../../shared/base/ids.ts";
import { HINT_RETRY_COUNT_MAX } from "../../shared/raft/limits.ts";
import {
  CoreFixture,
  N1,
  N2,
  N3,
  SETTINGS,
  acknowledge,
  at,
  configurationOf,
  to,
} from "./core-fixture.ts";

const THREE = configurationOf([N1, N2, N3]);

function leader(): CoreFixture {
  const core = new CoreFixture(THREE);
  core.lead();
  acknowledge(core, 1);
  core.sent();
  return core;
}

/** Time jumps: less than half an election timeout is no stall. */
function pass(core: CoreFixture, durationMs: number): void {
  core.nowMs += durationMs;
  core.run((raft) => raft.advance(core.nowMs));
}

function alive(core: CoreFixture, from = N2): void {
  const inTerm = core.node.status.term;
  core.step({ ...to(inTerm, from), type: "heartbeat-ack", incarnation: 0, round: 0 });
}

function propose(core: CoreFixture): boolean {
  return core.run((raft) => raft.propose([new Uint8Array(1)])).ok;
}

describe("a leader", () => {
  it("leads for an election timeout without its quorum, and no longer", () => {
    const core = leader();
    for (let i = 0; i < 4; i++) pass(core, SETTINGS.electionMs / 4);
    expect(core.node.status.role).toBe("leader");
    pass(core, 1);
    expect(core.node.status.role).toBe("follower");
  });

  it("beats a little early rather than a whole call late", () => {
    const core = leader();
    core.wait(SETTINGS.heartbeatMs / 2);
    expect(core.sentOf("heartbeat")).toHaveLength(2);
    pass(core, 0.54 * SETTINGS.heartbeatMs);
    expect(core.sentOf("heartbeat")).toEqual([]);
    pass(core, 0.01 * SETTINGS.heartbeatMs);
    expect(core.sentOf("heartbeat")).toHaveLength(2);
  });

  it("that alone can lead goes on with a disk that stands still, and waits for it", () => {
    const core = new CoreFixture(configurationOf([N1], [N2]));
    core.node.finishPersist();
    core.node.finishPersist();
    expect(propose(core)).toBe(true);
    core.wait(5 * SETTINGS.electionMs);
    expect(core.node.status).toMatchObject({ role: "leader", commitIndex: 1 });
    core.node.finishPersist();
    expect(core.node.status.commitIndex).toBe(2);
  });

  it("does not take its own stall for a disk that stands still", () => {
    const core = leader();
    propose(core);
    pass(core, 700);
    for (let i = 0; i < 8; i++) {
      pass(core, 50);
      alive(core);
    }
    expect(core.node.status.role).toBe("leader");
  });

  it("that is the only voter and steps down leads again at once", () => {
    const core = new CoreFixture(configurationOf([N1]));
    core.node.finishPersist();
    const { term } = core.node.status;
    core.run((raft) => raft.holdIncarnation(null));
    core.run((raft) => raft.holdIncarnation(0));
    expect(core.node.status.role).toBe("follower");
    core.run((raft) => raft.advance(core.nowMs));
    expect(core.node.status).toMatchObject({ role: "leader", term: term + 1 });
  });
});

describe("a transfer that is under way", () => {
  it("ends after an election timeout, and no sooner; then proposals are taken again", () => {
    const core = leader();
    core.run((raft) => raft.transferLeadership(N3));
    for (let waitedMs = 50; waitedMs < SETTINGS.electionMs; waitedMs += 50) {
      pass(core, 50);
      alive(core);
      expect(propose(core)).toBe(false);
    }
    pass(core, 50);
    expect(core.node.status).toMatchObject({ role: "leader", transferTarget: null });
    expect(propose(core)).toBe(true);
  });

  it("ends when the connection to its target drops, and not with another's", () => {
    const core = leader();
    core.run((raft) => raft.transferLeadership(N3));
    core.run((raft) => raft.connectionLost(N2));
    expect(core.node.status.transferTarget).toBe(N3);
    core.run((raft) => raft.connectionLost(N3));
    expect(core.node.status.transferTarget).toBeNull();
  });

  it("tells its target once, as soon as that holds everything", () => {
    const core = leader();
    core.run((raft) => raft.transferLeadership(N3));
    expect(core.sentOf("timeout-now")).toEqual([]);
    acknowledge(core, 1, { from: N3 });
    acknowledge(core, 1, { from: N3 });
    expect(core.sentOf("timeout-now")).toMatchObject([{ to: N3 }]);
  });

  it.each([
    ["already-so", N1],
    ["unknown-member", N2],
  ] as const)("does not begin: %s", (code, target) => {
    const core = new CoreFixture(configurationOf([N1], [N2]));
    const started = core.run((raft) => raft.transferLeadership(target));
    expect(started).toMatchObject({ ok: false, error: { code } });
  });
});

describe("a follower", () => {
  it("campaigns at the very moment that it names", () => {
    const core = new CoreFixture(THREE);
    const dueAtMs = core.run((raft) => raft.wakeAtMs());
    expect(dueAtMs).toBeGreaterThanOrEqual(SETTINGS.electionMs);
    while (core.nowMs + 100 < dueAtMs) pass(core, 100);
    pass(core, dueAtMs - core.nowMs - 0.5);
    expect(core.node.status.role).toBe("follower");
    pass(core, 0.5);
    expect(core.node.status.role).toBe("pre-candidate");
  });

  it("counts a hint from the end of a stall on", () => {
    const core = new CoreFixture(THREE);
    core.step({ ...to(1), type: "heartbeat", commitIndex: logIndex(0), round: 1 });
    core.run((raft) => raft.connectionLost(N2));
    pass(core, 60_000);
    expect(core.node.status.role).toBe("follower");
    core.wait(200);
    expect(core.node.status.role).toBe("pre-candidate");
  });

  it("hurries a few times after a hint, then waits as always", () => {
    const core = new CoreFixture(THREE);
    core.step({ ...to(1), type: "heartbeat", commitIndex: logIndex(0), round: 1 });
    core.node.finishPersist();
    core.run((raft) => raft.connectionLost(N2));
    core.wait(1500);
    expect(core.sentOf("vote-request")).toHaveLength(2 * (1 + HINT_RETRY_COUNT_MAX));
    core.wait(5 * SETTINGS.electionMs);
    expect(core.sentOf("vote-request").length).toBeLessThanOrEqual(2 * 5);
  });

  it("is in no hurry any more once a leader was heard", () => {
    const core = new CoreFixture(THREE);
    const heartbeat = { type: "heartbeat", commitIndex: logIndex(0), round: 1 } as const;
    core.step({ ...to(1), ...heartbeat });
    core.node.finishPersist();
    core.run((raft) => raft.connectionLost(N2));
    core.step({ ...to(1), ...heartbeat });
    while (core.node.status.role === "follower") core.wait(50);
    core.wait(SETTINGS.electionMs - 50);
    // One try, and the next after a whole election timeout.
    expect(core.sentOf("vote-request")).toHaveLength(2);
  });

  it("has no lease to keep once the term went on without its leader", () => {
    const core = new CoreFixture(THREE);
    core.step({ ...to(1), type: "heartbeat", commitIndex: logIndex(0), round: 1 });
    core.step({ ...to(2, N3), type: "read-index", requestId: 1 });
    while (core.node.finishPersist());
    core.sent();
    const asks = { type: "vote-request", preVote: true, last: at(0, 0), transfer: false } as const;
    core.step({ ...to(3, N3), ...asks });
    expect(core.sentOf("vote-reply")).toMatchObject([{ granted: true }]);
  });

  it("does not hurry for a connection to another than its leader", () => {
    const core = new CoreFixture(THREE);
    core.step({ ...to(1), type: "heartbeat", commitIndex: logIndex(0), round: 1 });
    core.run((raft) => raft.connectionLost(N3));
    core.wait(400);
    expect(core.node.status).toMatchObject({ role: "follower", leader: N2 });
  });
});

describe("what waits to be committed", () => {
  it("is at most its limit, to the byte; one proposal alone may be larger", () => {
    const limitBytes = SETTINGS.uncommittedBytesMax;
    const tries = [
      [limitBytes - 1, 1],
      [limitBytes, 1],
      [limitBytes + 1, 0],
    ].map((sizes) => {
      const core = leader();
      return sizes.map((size) => core.run((raft) => raft.propose([new Uint8Array(size)])).ok);
    });
    expect(tries).toEqual([
      [true, true],
      [true, false],
      [true, false],
    ]);
  });
});
