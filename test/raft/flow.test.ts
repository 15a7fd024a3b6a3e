/**
 * What one follower costs the others: nothing. Measured by counting messages and steps, because
 * clocks on a shared computer prove little.
 */
import { describe, expect, it } from "vitest";
import { logIndex } from "../../shared/base/ids.ts";
import type { MemberId } from "../../shared/base/ids.ts";
import { GAPS_FORGIVEN_MAX, INFLIGHT_APPENDS_MAX } from "../../shared/raft/limits.ts";
import type { RaftMessage } from "../../shared/raft/types.ts";
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

type Neighbour = "in-step" | "silent" | "waits-for-a-snapshot";

/** A leader with n2 in step, and n3 as told. */
function leaderBeside(neighbour: Neighbour): CoreFixture {
  const core = new CoreFixture(THREE, [1, 1, 1], 1);
  core.lead();
  acknowledge(core, 4);
  if (neighbour === "in-step") acknowledge(core, 4, { from: N3 });
  if (neighbour === "waits-for-a-snapshot") {
    core.node.compact();
    const refusal = { accepted: false, rejectedIndex: logIndex(3), hint: at(0, 0) } as const;
    core.step({ ...to(2, N3), type: "append-ack", incarnation: 0, ...refusal });
    expect(core.node.status.progress).toMatchObject([{ id: N2 }, { id: N3, mode: "snapshot" }]);
  }
  core.sent();
  return core;
}

function appendsTo(id: MemberId, sent: readonly RaftMessage[]): readonly number[] {
  return sent.flatMap((each) =>
    each.to === id && each.type === "append" ? [each.previous.index] : [],
  );
}

function bytesTo(id: MemberId, sent: readonly RaftMessage[]): number {
  let sizeBytes = 0;
  for (const each of sent) {
    if (each.to !== id || each.type !== "append") continue;
    for (const { payload } of each.entries) sizeBytes += payload.length;
  }
  return sizeBytes;
}

describe("a follower that does not answer, or waits for an image", () => {
  it("costs the others no message and no step until the commit", () => {
    const [inStep, ...others] = (["in-step", "silent", "waits-for-a-snapshot"] as const).map(
      (neighbour) => {
        const core = leaderBeside(neighbour);
        const seen: unknown[] = [];
        for (let index = 5; index < 60; index++) {
          core.run((raft) => raft.propose([new Uint8Array(40)]));
          seen.push(appendsTo(N2, core.sent()));
          core.node.finishPersist();
          acknowledge(core, index);
          seen.push(core.node.status.commitIndex);
        }
        return seen;
      },
    );
    for (const other of others) expect(other).toEqual(inStep);
  });

  it("has no more under way than its window and one append", () => {
    const core = leaderBeside("in-step");
    let sentBytes = 0;
    for (let index = 5; index < 60; index++) {
      core.run((raft) => raft.propose([new Uint8Array(40)]));
      core.node.finishPersist();
      acknowledge(core, index);
      sentBytes += bytesTo(N3, core.sent());
    }
    expect(sentBytes).toBeLessThanOrEqual(SETTINGS.inflightBytesMax + SETTINGS.appendBytesMax);
    expect(sentBytes).toBeGreaterThanOrEqual(SETTINGS.inflightBytesMax);
  });

  it("is asked with entries once, and then without, however long it is silent", () => {
    const core = new CoreFixture(THREE, [1, 1, 1], 1);
    core.lead();
    const probes = [0, 1, 2, 3].flatMap(() => {
      core.wait(100);
      core.run((raft) => raft.propose([new Uint8Array(10)]));
      core.step({ ...to(2, N3), type: "heartbeat-ack", incarnation: 0, round: 0 });
      return core.sentOf("append").filter((each) => each.to === N3);
    });
    expect(probes.map(({ entries }) => entries.length)).toEqual([0, 0, 0, 0]);
  });
});

describe("a member whose log differs", () => {
  it("is asked below the whole term that differs, with entries, and late refusals move nothing", () => {
    const core = new CoreFixture(THREE, [1, 2, 2, 2], 2);
    core.lead();
    const refuse = (rejected: number, hint: number): void => {
      const refusal = { accepted: false, rejectedIndex: logIndex(rejected) } as const;
      const ack = { ...to(3), type: "append-ack", incarnation: 0, ...refusal } as const;
      core.step({ ...ack, hint: at(1, hint) });
    };
    refuse(2, 1);
    expect(core.sentOf("append")).toEqual([]);
    refuse(4, 3);
    expect(core.sentOf("append")).toMatchObject([
      { previous: at(1, 1), entries: [{ index: 2 }, {}, {}, {}] },
    ]);
  });
});

describe("an append that was lost", () => {
  it("is asked for after two heartbeats without news, and sent again", () => {
    const core = leaderBeside("in-step");
    core.run((raft) => raft.propose([new Uint8Array(8)]));
    core.sent();
    const beat = (): void => {
      core.wait(100);
      const round = core.sentOf("heartbeat").at(-1)?.round ?? 0;
      core.step({ ...to(2), type: "heartbeat-ack", incarnation: 0, round });
    };
    beat();
    beat();
    expect(appendsTo(N2, core.sent())).toEqual([5]);
    const refusal = { accepted: false, rejectedIndex: logIndex(5), hint: at(2, 4) } as const;
    core.step({ ...to(2), type: "append-ack", incarnation: 0, ...refusal });
    expect(appendsTo(N2, core.sent())).toEqual([4]);
  });
});

describe("a member whose connection was lost", () => {
  it("is sent anew at once what was under way, and then the rest, and the other is not", () => {
    const core = leaderBeside("in-step");
    const payload = new Uint8Array(60);
    core.run((raft) => raft.propose([payload, payload, payload, payload]));
    expect(appendsTo(N3, core.sent())).toEqual([4, 5, 6]);
    core.run((raft) => raft.connectionLost(N3));
    const again = core.sent();
    expect(appendsTo(N3, again)).toEqual([4]);
    expect(appendsTo(N2, again)).toEqual([]);
    acknowledge(core, 5, { from: N3 });
    expect(appendsTo(N3, core.sent())).toEqual([5, 6, 7]);
  });
});

describe("a heartbeat", () => {
  it("leaves ahead of the entries of the same moment", () => {
    const core = leaderBeside("in-step");
    core.run((raft) => {
      raft.propose([new Uint8Array(60), new Uint8Array(60)]);
      raft.advance(core.nowMs + 100);
    });
    const types = core.sent().map(({ type }) => type);
    expect(types.indexOf("append")).toBeGreaterThan(types.lastIndexOf("heartbeat"));
  });
});

describe("a leader whose process stalls again and again", () => {
  it("keeps its office while answers come in between, and gives up when none do", () => {
    const core = leaderBeside("in-step");
    const stall = (): void => {
      core.nowMs += 1200;
      core.run((raft) => raft.advance(core.nowMs));
    };
    for (let round = 0; round < 20; round++) {
      stall();
      core.step({ ...to(2), type: "heartbeat-ack", incarnation: 0, round: 0 });
    }
    expect(core.node.status.role).toBe("leader");
    for (let round = 0; round < GAPS_FORGIVEN_MAX; round++) stall();
    expect(core.node.status.role).toBe("leader");
    stall();
    expect(core.node.status.role).toBe("follower");
  });
});

describe("a member in step", () => {
  it("has no more appends under way than its window, however small they are", () => {
    const core = leaderBeside("in-step");
    const count = INFLIGHT_APPENDS_MAX + 10;
    for (let i = 0; i < count; i++) core.run((raft) => raft.propose([new Uint8Array(0)]));
    expect(appendsTo(N3, core.sent())).toHaveLength(INFLIGHT_APPENDS_MAX);
  });

  it("has its window full with exactly its bytes", () => {
    const core = leaderBeside("in-step");
    const half = SETTINGS.inflightBytesMax / 2;
    for (let i = 0; i < 3; i++) core.run((raft) => raft.propose([new Uint8Array(half)]));
    expect(appendsTo(N3, core.sent())).toEqual([4, 5]);
  });

  it("is never sent again what it holds, however low it hints", () => {
    const core = leaderBeside("in-step");
    core.run((raft) => raft.propose([new Uint8Array(8)]));
    core.sent();
    const refusal = { accepted: false, rejectedIndex: logIndex(5), hint: at(1, 1) } as const;
    core.step({ ...to(2), type: "append-ack", incarnation: 0, ...refusal });
    expect(appendsTo(N2, core.sent())).toEqual([4]);
  });

  it("is not told by a heartbeat of a commit that an append told it", () => {
    const core = leaderBeside("in-step");
    core.run((raft) => raft.propose([new Uint8Array(8)]));
    core.node.finishPersist();
    core.sent();
    core.run((raft) => {
      raft.propose([new Uint8Array(8)]);
      const ack = { type: "append-ack", incarnation: 0, accepted: true } as const;
      raft.step({ ...to(2, N3), ...ack, matchIndex: logIndex(5) });
    });
    const toN3 = core.sent().filter((each) => each.to === N3);
    expect(toN3).toMatchObject([{ type: "append", commitIndex: 5 }]);
  });

  it("stays so when a refusal of before comes late", () => {
    const core = leaderBeside("in-step");
    const refusal = { accepted: false, rejectedIndex: logIndex(3), hint: at(1, 2) } as const;
    core.step({ ...to(2), type: "append-ack", incarnation: 0, ...refusal });
    expect(core.node.status.progress).toMatchObject([{ id: N2, mode: "replicate" }, { id: N3 }]);
    expect(core.sent()).toEqual([]);
  });

  it("is sent no append while there is nothing to send, however often it answers", () => {
    const core = leaderBeside("in-step");
    for (let round = 0; round < 5; round++) {
      core.wait(100);
      for (const from of [N2, N3])
        core.step({ ...to(2, from), type: "heartbeat-ack", incarnation: 0, round: 0 });
    }
    expect(core.sentOf("append")).toEqual([]);
  });
});

describe("a disk that stands still", () => {
  it("ends a leadership within two election timeouts, and is not elected while it lasts", () => {
    const core = leaderBeside("in-step");
    core.run((raft) => raft.propose([new Uint8Array(8)]));
    for (let round = 0; round < 20 && core.node.status.role === "leader"; round++) {
      core.wait(100);
      core.step({ ...to(2), type: "heartbeat-ack", incarnation: 0, round: 0 });
    }
    expect(core.node.status.role).toBe("follower");
    expect(core.nowMs).toBeLessThanOrEqual(2000 + 2 * SETTINGS.electionMs);
    core.sent();
    core.wait(20 * SETTINGS.electionMs);
    expect(core.sent()).toEqual([]);
    const last = at(9, 99);
    core.step({ ...to(9), type: "vote-request", preVote: true, last, transfer: false });
    expect(core.sentOf("vote-reply")).toMatchObject([{ granted: false }]);
    core.node.finishPersist();
    core.wait(2 * SETTINGS.electionMs);
    expect(core.sentOf("vote-request").length).toBeGreaterThan(0);
  });
});
