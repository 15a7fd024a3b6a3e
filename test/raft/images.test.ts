/** A member that lacks what the log keeps no more: when it gets an image, and what is lost on the way. */
import { describe, expect, it } from "vitest";
import { logIndex } from "../../shared/base/ids.ts";
import { sendAppends } from "../../shared/raft/replication.ts";
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
import { force, leader } from "./core-states.ts";

const THREE = configurationOf([N1, N2, N3]);

/** A leader with four entries committed by n2, of which its log keeps none. n3 never answered. */
function leaderWithoutLog(): CoreFixture {
  const core = new CoreFixture(THREE, [1, 1, 1], 1);
  core.lead();
  acknowledge(core, 4);
  core.node.compact();
  core.sent();
  return core;
}

function alive(core: CoreFixture, from = N3): void {
  core.step({ ...to(2, from), type: "heartbeat-ack", incarnation: 0, round: 0 });
}

/** Time passes for a leader that n2 keeps in office. */
function waitInOffice(core: CoreFixture, durationMs: number): void {
  for (let waitedMs = 0; waitedMs < durationMs; waitedMs += 50) {
    core.wait(50);
    alive(core, N2);
  }
}

function modeOf(core: CoreFixture): string | undefined {
  return core.node.status.progress.find(({ id }) => id === N3)?.mode;
}

describe("a member that needs an image", () => {
  it("gets none while it is silent, and one when it answers", () => {
    const core = leaderWithoutLog();
    waitInOffice(core, 3000);
    expect(core.snapshotsFor).toEqual([]);
    alive(core);
    expect(core.snapshotsFor).toEqual([N3]);
    expect(modeOf(core)).toBe("snapshot");
  });

  // No call brings a core there any more; the image would be read from the disk for nobody.
  it("gets none that never answered, although the entry before its next one is gone", () => {
    const { core, role } = leader();
    const silent = role.progress.get(N3);
    if (silent === undefined) throw new Error("n3 has a seat");
    role.progress.delete(N2);
    force(silent, { isProbeSent: false });
    force(core.log, { termAt: () => null });
    sendAppends(core, role);
    expect(core.snapshotsFor).toEqual([]);
    expect(silent).toMatchObject({ mode: "probe", isProbeSent: true });
    force(silent, { isProbeSent: false, isHeard: true });
    sendAppends(core, role);
    expect(core.snapshotsFor).toEqual([N3]);
  });

  it.each([
    ["nothing of it is acknowledged", (core: CoreFixture) => [1, 2].forEach(() => alive(core))],
    ["the connection drops", (core: CoreFixture) => core.run((raft) => raft.connectionLost(N3))],
  ])("gets one, not entries, when what was under way is gone from the log and %s", (_name, act) => {
    const core = new CoreFixture(THREE, [1, 1, 1], 1);
    core.lead();
    acknowledge(core, 4);
    acknowledge(core, 4, { from: N3 });
    for (let index = 5; index < 10; index++) {
      core.run((raft) => raft.propose([new Uint8Array(60)]));
      core.node.finishPersist();
      acknowledge(core, index);
    }
    expect(modeOf(core)).toBe("replicate");
    core.node.compact();
    act(core);
    expect(core.snapshotsFor).toEqual([N3]);
  });

  it("is sent no entries meanwhile, and the next one once it has the image", () => {
    const core = leaderWithoutLog();
    alive(core);
    core.run((raft) => raft.propose([new Uint8Array(8)]));
    core.node.finishPersist();
    waitInOffice(core, 300);
    alive(core);
    acknowledge(core, 2, { from: N3 });
    expect(core.sentOf("append").filter((each) => each.to === N3)).toEqual([]);
    expect(modeOf(core)).toBe("snapshot");
    expect(core.snapshotsFor).toEqual([N3]);
    acknowledge(core, 4, { from: N3 });
    expect(core.sentOf("append").filter((each) => each.to === N3)).toMatchObject([
      { previous: { index: 4 }, entries: [{ index: 5 }] },
    ]);
  });
});

describe("an image", () => {
  it("is not asked for again because a refusal of before comes late", () => {
    const core = leaderWithoutLog();
    alive(core);
    const refusal = { accepted: false, rejectedIndex: logIndex(3), hint: at(1, 2) } as const;
    core.step({ ...to(2, N3), type: "append-ack", incarnation: 0, ...refusal });
    expect(core.snapshotsFor).toEqual([N3]);
    expect(modeOf(core)).toBe("snapshot");
  });

  it("is waited for as long as it is being sent", () => {
    const core = leaderWithoutLog();
    alive(core);
    waitInOffice(core, 20 * SETTINGS.electionMs);
    expect(core.snapshotsFor).toEqual([N3]);
  });

  it.each([
    ["whose acknowledgement is lost", "sent", 4 * SETTINGS.electionMs],
    ["that did not arrive", "failed", SETTINGS.heartbeatMs],
  ] as const)("%s is sent again after a while, and no sooner", (_name, outcome, waitMs) => {
    const core = leaderWithoutLog();
    alive(core);
    core.run((raft) => raft.reportSnapshot(N3, outcome));
    waitInOffice(core, waitMs - 50);
    expect(core.snapshotsFor).toEqual([N3]);
    waitInOffice(core, 50);
    expect(core.snapshotsFor).toEqual([N3, N3]);
    waitInOffice(core, 2 * waitMs);
    expect(core.snapshotsFor).toEqual([N3, N3]);
  });

  it("whose acknowledgement is lost holds nobody up: a later one is as good", () => {
    const core = leaderWithoutLog();
    alive(core);
    core.run((raft) => raft.reportSnapshot(N3, "sent"));
    waitInOffice(core, 2 * SETTINGS.electionMs);
    acknowledge(core, 4, { from: N3 });
    waitInOffice(core, 4 * SETTINGS.electionMs);
    expect(core.snapshotsFor).toEqual([N3]);
    expect(modeOf(core)).toBe("replicate");
  });

  it("nobody waits for changes nothing when its sending ends", () => {
    const core = leaderWithoutLog();
    acknowledge(core, 4, { from: N3 });
    core.run((raft) => raft.reportSnapshot(N3, "failed"));
    waitInOffice(core, 300);
    expect(modeOf(core)).toBe("replicate");
  });
});
