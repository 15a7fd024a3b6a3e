/** Who takes over at once when told to, and who must not: whoever could not lead well. */
import { describe, expect, it } from "vitest";
import { logIndex } from "../../shared/base/ids.ts";
import {
  CoreFixture,
  N1,
  N2,
  N3,
  SETTINGS,
  STRANGER,
  at,
  configurationOf,
  entry,
  to,
} from "./core-fixture.ts";

const THREE = configurationOf([N1, N2, N3]);
const MARK = { position: at(1, 5), configuration: THREE };

function hearLeader(core: CoreFixture): void {
  core.step({ ...to(1), type: "heartbeat", commitIndex: logIndex(0), round: 1 });
}

/** A follower of n2 in term 1. */
function follower(configuration = THREE): CoreFixture {
  const core = new CoreFixture(configuration, [1, 1], 1);
  hearLeader(core);
  core.node.finishPersist();
  core.sent();
  return core;
}

/** Its disk gets an entry, and is busy with it. */
function occupyDisk(core: CoreFixture): void {
  const previous = at(1, 2);
  const commitIndex = logIndex(0);
  core.step({ ...to(1), type: "append", previous, entries: [entry(1, 3)], commitIndex });
}

function told(core: CoreFixture, from = N2): void {
  core.step({ ...to(1, from), type: "timeout-now" });
}

function expectNoCampaign(core: CoreFixture): void {
  expect(core.node.status).toMatchObject({ role: "follower", term: 1, leader: N2 });
  expect(core.sentOf("vote-request")).toEqual([]);
}

describe("§3.10 a member that is told to take over", () => {
  it("asks for votes at once, and says that it is a transfer", () => {
    const core = follower();
    told(core);
    expect(core.node.status).toMatchObject({ role: "candidate", term: 2, votedFor: N1 });
    core.node.finishPersist();
    expect(core.sentOf("vote-request")).toMatchObject([
      { to: N2, preVote: false, transfer: true },
      { to: N3, preVote: false, transfer: true },
    ]);
  });

  it.each([
    ["another member than its leader", N3],
    ["a stranger", STRANGER],
  ])("does not by %s", (_name, from) => {
    const core = follower();
    told(core, from);
    expectNoCampaign(core);
  });

  it("does not as a mirror", () => {
    const core = follower(configurationOf([N2, N3], [N1]));
    told(core);
    expectNoCampaign(core);
  });

  it("does not while its disk stands still, and does when it goes on", () => {
    const core = follower();
    occupyDisk(core);
    for (let waitedMs = 0; waitedMs <= SETTINGS.electionMs; waitedMs += 50) {
      core.wait(50);
      hearLeader(core);
    }
    told(core);
    expectNoCampaign(core);
    core.node.finishPersist();
    told(core);
    expect(core.node.status.role).toBe("candidate");
  });

  it("does while its disk is only slow", () => {
    const core = follower();
    occupyDisk(core);
    core.wait(SETTINGS.electionMs / 2);
    hearLeader(core);
    core.wait(SETTINGS.electionMs / 2);
    told(core);
    expect(core.node.status.role).toBe("candidate");
  });

  it("does not while an image is being installed, and does afterwards", () => {
    const core = follower();
    core.run((raft) => raft.receiveSnapshot(MARK, N2, 1));
    told(core);
    expectNoCampaign(core);
    core.node.finishPersist();
    told(core);
    expect(core.node.status.role).toBe("candidate");
  });
});

describe("a member whose leader is gone", () => {
  it("does not campaign while an image is being installed, and does afterwards", () => {
    const core = follower();
    core.run((raft) => raft.receiveSnapshot(MARK, N2, 1));
    core.run((raft) => raft.connectionLost(N2));
    core.wait(400);
    expect(core.node.status).toMatchObject({ role: "follower", term: 1 });
    expect(core.sentOf("vote-request")).toEqual([]);
    core.node.finishPersist();
    core.wait(2 * SETTINGS.electionMs);
    expect(core.sentOf("vote-request").length).toBeGreaterThan(0);
  });
});
