import { describe, expect, it } from "vitest";
import { NO_BYTES } from "../../shared/base/bytes.ts";
import { type Position, logIndex } from "../../shared/base/ids.ts";
import { TERM_MAX } from "../../shared/raft/limits.ts";
import type { AppendMessage } from "../../shared/raft/types.ts";
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

function append(inTerm: number, options: Partial<AppendMessage> = {}): AppendMessage {
  return {
    ...to(inTerm),
    type: "append",
    previous: at(0, 0),
    entries: [],
    commitIndex: logIndex(0),
    ...options,
  };
}

function accepted(core: CoreFixture, matchIndex: number, from = N2): void {
  const inTerm = core.node.status.term;
  core.step({
    ...to(inTerm, from),
    type: "append-ack",
    incarnation: 0,
    accepted: true,
    matchIndex: logIndex(matchIndex),
  });
}

describe("§3.5 a follower", () => {
  it("acknowledges entries only after they are on disk", () => {
    const core = new CoreFixture(THREE);
    core.step(append(1, { entries: [entry(1, 1)] }));
    expect(core.sent()).toEqual([]);
    core.node.finishPersist();
    expect(core.sentOf("append-ack")).toMatchObject([{ accepted: true, matchIndex: 1 }]);
  });

  it("refuses an append whose previous entry it lacks, and skips the whole conflicting term", () => {
    const core = new CoreFixture(THREE, [1, 2, 2, 2, 2]);
    core.step(append(4, { previous: at(3, 5) }));
    core.node.finishPersist();
    expect(core.sentOf("append-ack")).toMatchObject([
      { accepted: false, rejectedIndex: 5, hint: at(2, 4) },
    ]);
    core.step(append(4, { previous: at(1, 4) }));
    core.node.finishPersist();
    expect(core.sentOf("append-ack")).toMatchObject([{ accepted: false, hint: at(1, 1) }]);
  });

  it("keeps a longer log when an old append arrives late", () => {
    const core = new CoreFixture(THREE, [1, 1, 1], 1);
    core.step(append(1, { entries: [entry(1, 1)] }));
    expect(core.node.status.lastIndex).toBe(3);
  });

  it("cuts at a real conflict, and drops acks that would vouch for what was cut", () => {
    const core = new CoreFixture(THREE);
    core.step(append(1, { entries: [entry(1, 1)] }));
    core.step(append(1, { previous: at(1, 1), entries: [entry(1, 2), entry(1, 3)] }));
    core.step(append(2, { from: N3, previous: at(1, 1), entries: [entry(2, 2)] }));
    core.node.finishPersist();
    core.node.finishPersist();
    const acks = core
      .sentOf("append-ack")
      .map((ack) => [ack.to, ack.term, "matchIndex" in ack && ack.matchIndex]);
    expect(acks).toEqual([
      [N2, 1, 1],
      [N3, 2, 2],
    ]);
    expect(core.node.disk.entries.map(({ term }) => term)).toEqual([1, 2]);
  });

  it("says once, with the highest index, what waits for the same flush", () => {
    const core = new CoreFixture(THREE, [], 1);
    const first = append(1, { entries: [entry(1, 1)] });
    core.step(first);
    core.step(append(1, { previous: at(1, 1), entries: [entry(1, 2)] }));
    core.step(append(1, { previous: at(1, 2), entries: [entry(1, 3)] }));
    core.step(first);
    core.node.finishPersist();
    core.node.finishPersist();
    const acks = core.sentOf("append-ack").map((ack) => ack.accepted && ack.matchIndex);
    expect(acks).toEqual([1, 3]);
  });

  it("answers a heartbeat only when asked, and asks for a comparison only when behind", () => {
    const core = new CoreFixture(THREE, [1, 1], 1);
    const heartbeat = (commitIndex: number, round: number): void =>
      core.step({ ...to(1), type: "heartbeat", commitIndex: logIndex(commitIndex), round });
    core.step(append(1, { previous: at(1, 2), commitIndex: logIndex(1) }));
    core.sent();
    heartbeat(2, 0);
    expect(core.node.status.commitIndex).toBe(2);
    expect(core.sent()).toEqual([]);
    heartbeat(2, 4);
    expect(core.sent()).toMatchObject([{ type: "heartbeat-ack", round: 4 }]);
    heartbeat(3, 0);
    expect(core.sent()).toMatchObject([{ type: "append-ack", accepted: true, matchIndex: 2 }]);
  });

  it("never hints below what is committed here, whatever the leader's log is said to be", () => {
    const core = new CoreFixture(THREE, [1, 1]);
    core.run((raft) => raft.receiveSnapshot({ position: at(3, 9), configuration: THREE }, N2, 4));
    core.node.finishPersist();
    core.sent();
    core.step(append(4, { previous: at(2, 12) }));
    expect(core.sentOf("append-ack")).toMatchObject([{ accepted: false, hint: at(3, 9) }]);
  });

  it("believes a commit index only as far as it compared its log", () => {
    const core = new CoreFixture(THREE, [1, 1, 1], 1);
    core.step({ ...to(2), type: "heartbeat", commitIndex: logIndex(3), round: 1 });
    expect(core.node.status.commitIndex).toBe(0);
    core.step(append(2, { previous: at(1, 2), commitIndex: logIndex(3) }));
    expect(core.node.status.commitIndex).toBe(2);
    core.step({ ...to(2), type: "heartbeat", commitIndex: logIndex(99), round: 2 });
    expect(core.node.status.commitIndex).toBe(2);
  });

  it("ignores what no leader could have sent", () => {
    const core = new CoreFixture(THREE, [1, 1]);
    const impossible = [
      append(1, { previous: at(1, 2), entries: [entry(1, 4)] }),
      append(1, { previous: at(1, 2), entries: [entry(2, 3)] }),
      append(1, { previous: at(1, 2), entries: [{ ...entry(1, 3), kind: "configuration" }] }),
    ];
    for (const message of impossible) core.step(message);
    expect(core.node.status).toMatchObject({ lastIndex: 2, leader: null });
  });

  it("without a configuration takes the log from anyone", () => {
    const core = new CoreFixture({ seats: [] });
    core.run((raft) => raft.holdIncarnation(7));
    core.node.finishPersist();
    core.step(append(1, { from: STRANGER, entries: [entry(1, 1)] }));
    core.node.finishPersist();
    expect(core.sentOf("append-ack")).toMatchObject([{ accepted: true, to: STRANGER }]);
  });
});

describe("§3.6.2 a leader", () => {
  it("does not count copies of an entry of an old term (figure 3.7)", () => {
    const core = new CoreFixture(THREE, [1, 2]);
    core.lead();
    accepted(core, 2);
    expect(core.node.status.commitIndex).toBe(0);
    accepted(core, 3);
    expect(core.node.status.commitIndex).toBe(3);
  });

  it("sends a proposal in the same Ready, and counts its own copy after its own flush", () => {
    const core = new CoreFixture(configurationOf([N1, N2]));
    core.lead();
    accepted(core, 1);
    core.sent();
    core.run((raft) => raft.propose([new Uint8Array(3)]));
    expect(core.sentOf("append")).toMatchObject([{ previous: at(1, 1), entries: [{ index: 2 }] }]);
    accepted(core, 2);
    expect(core.node.status.commitIndex).toBe(1);
    core.node.finishPersist();
    expect(core.node.status.commitIndex).toBe(2);
  });

  it("never counts a mirror", () => {
    const core = new CoreFixture(configurationOf([N1, N2], [N3]));
    core.lead();
    accepted(core, 1, N3);
    expect(core.node.status.commitIndex).toBe(0);
  });

  it("stops at the window of a member and goes on with its acks", () => {
    const core = new CoreFixture(THREE);
    core.lead();
    accepted(core, 1);
    core.sent();
    const big = (): Uint8Array => new Uint8Array(60);
    core.run((raft) => raft.propose([big(), big(), big(), big()]));
    expect(core.sentOf("append").filter(({ to: id }) => id === N2)).toHaveLength(3);
    accepted(core, 2);
    expect(core.sentOf("append").filter(({ to: id }) => id === N2)).toMatchObject([
      { previous: { index: 4 } },
    ]);
  });

  it("answers queue-full beyond its limit, and takes proposals again after a commit", () => {
    const core = new CoreFixture(THREE);
    core.lead();
    const big = [new Uint8Array(200)];
    const tries = [1, 2].map(() => core.run((raft) => raft.propose(big)));
    expect(tries).toMatchObject([{ ok: true }, { ok: false, error: { code: "queue-full" } }]);
    core.node.finishPersist();
    accepted(core, 2);
    expect(core.run((raft) => raft.propose(big))).toMatchObject({ ok: true });
  });

  it("changes nobody's seat before an entry of its own term is committed", () => {
    const core = new CoreFixture(THREE, [1]);
    core.lead();
    const remove = () => core.run((raft) => raft.changeConfiguration({ type: "remove", id: N3 }));
    expect(remove()).toMatchObject({ error: { code: "term-not-settled" } });
    accepted(core, 2);
    expect(remove()).toMatchObject({ ok: true });
    expect(remove()).toMatchObject({ error: { code: "change-in-progress" } });
  });

  it("promotes a mirror only when it holds what was committed", () => {
    const core = new CoreFixture(configurationOf([N1, N2], [N3]));
    core.lead();
    accepted(core, 1);
    core.wait(100);
    const promote = () => core.run((raft) => raft.changeConfiguration({ type: "promote", id: N3 }));
    expect(promote()).toMatchObject({ error: { code: "not-caught-up" } });
    accepted(core, 1, N3);
    core.run((raft) => raft.connectionLost(N3));
    expect(promote()).toMatchObject({ error: { code: "not-caught-up" } });
    accepted(core, 1, N3);
    expect(promote()).toMatchObject({ ok: true });
  });
});

it("§4.2.1 a mirror is promoted only with what was committed a heartbeat ago", () => {
  const core = new CoreFixture(configurationOf([N1, N2], [N3]));
  core.lead();
  accepted(core, 1);
  accepted(core, 1, N3);
  core.run((raft) => raft.propose([new Uint8Array(1)]));
  core.node.finishPersist();
  accepted(core, 2);
  core.wait(100);
  const promote = () => core.run((raft) => raft.changeConfiguration({ type: "promote", id: N3 }));
  expect(promote()).toMatchObject({ error: { code: "not-caught-up" } });
  accepted(core, 2, N3);
  expect(promote()).toMatchObject({ ok: true });
});

describe("§6.4 a linearizable read", () => {
  it("is answered by a round that started after it, not by an older one", () => {
    const core = new CoreFixture(THREE);
    core.lead();
    accepted(core, 1);
    core.wait(100);
    const before = core.sentOf("heartbeat").at(-1)?.round ?? 0;
    core.run((raft) => raft.readIndex(1));
    core.step({ ...to(1), type: "heartbeat-ack", incarnation: 0, round: before });
    expect(core.reads).toEqual([]);
    core.step({ ...to(1), type: "heartbeat-ack", incarnation: 0, round: before + 1 });
    expect(core.reads).toEqual([{ requestId: 1, index: 1 }]);
  });

  it("waits until the leader's own term has a commit", () => {
    const core = new CoreFixture(THREE, [1, 1]);
    core.lead();
    core.run((raft) => raft.readIndex(1));
    core.wait(100);
    const round = core.sentOf("heartbeat").at(-1)?.round ?? 0;
    core.step({ ...to(2), type: "heartbeat-ack", incarnation: 0, round });
    expect(core.reads).toEqual([]);
    accepted(core, 3);
    core.step({
      ...to(2),
      type: "heartbeat-ack",
      incarnation: 0,
      round: core.sentOf("heartbeat").at(-1)?.round ?? 0,
    });
    expect(core.reads).toEqual([{ requestId: 1, index: 3 }]);
  });

  it("is refused when the leadership ends, or the leader stays silent", () => {
    const leader = new CoreFixture(THREE);
    leader.lead();
    leader.run((raft) => raft.readIndex(1));
    leader.run((raft) => raft.stepDown());
    expect(leader.reads).toEqual([{ requestId: 1, index: null }]);
    const follower = new CoreFixture(configurationOf([N2, N3], [N1]));
    follower.step({ ...to(1), type: "heartbeat", commitIndex: logIndex(0), round: 1 });
    follower.run((raft) => raft.readIndex(2));
    follower.wait(1100);
    expect(follower.reads).toEqual([{ requestId: 2, index: null }]);
  });
});

describe("§5 a snapshot", () => {
  it("older than what is committed here changes nothing", () => {
    const core = new CoreFixture(THREE, [1, 1], 1);
    core.step(append(1, { previous: at(1, 2), commitIndex: logIndex(2) }));
    const mark = { position: at(1, 1), configuration: THREE };
    core.run((raft) => raft.receiveSnapshot(mark, N2, 1));
    expect(core.node.pending?.snapshot ?? null).toBeNull();
    expect(core.node.status.lastIndex).toBe(2);
  });

  it("older than the one before changes nothing, although its entries are gone", () => {
    const core = new CoreFixture(THREE, [1, 1]);
    const install = (position: Position): void => {
      core.run((raft) => raft.receiveSnapshot({ position, configuration: THREE }, N2, 3));
      core.node.finishPersist();
    };
    install(at(3, 9));
    install(at(2, 4));
    expect(core.node.status).toMatchObject({ lastIndex: 9, commitIndex: 9 });
    expect(core.sentOf("append-ack").map((ack) => ack.accepted && ack.matchIndex)).toEqual([9, 9]);
  });

  it("of a leader of an earlier term, or of a term beyond all, changes nothing", () => {
    const core = new CoreFixture(THREE, [1, 1], 3);
    const mark = { position: at(1, 9), configuration: THREE };
    const taken = [2, TERM_MAX + 1].map((inTerm) =>
      core.run((raft) => raft.receiveSnapshot(mark, N2, inTerm)),
    );
    expect(taken).toEqual([false, false]);
    expect(core.node.pending).toBeNull();
    expect(core.node.status).toMatchObject({ lastIndex: 2, term: 3, leader: null });
  });

  it("that arrives while the disk is busy is stored after that, and not taken for stored", () => {
    const core = new CoreFixture(THREE, [1], 1);
    core.step(append(1, { previous: at(1, 1), entries: [entry(1, 2)] }));
    const mark = { position: at(1, 9), configuration: THREE };
    core.run((raft) => raft.receiveSnapshot(mark, N2, 1));
    expect(core.node.pending).toMatchObject({ snapshot: null });
    core.node.finishPersist();
    expect(core.node.pending).toMatchObject({ snapshot: mark });
    expect(core.sentOf("append-ack").filter((ack) => ack.accepted && ack.matchIndex > 2)).toEqual(
      [],
    );
    core.node.finishPersist();
    expect(core.sentOf("append-ack")).toMatchObject([{ matchIndex: 9 }]);
  });

  it("of what the log holds already only tells that it is committed", () => {
    const core = new CoreFixture(THREE, [1, 1, 1, 1], 1);
    const mark = { position: at(1, 3), configuration: configurationOf([N1, N2]) };
    expect(core.run((raft) => raft.receiveSnapshot(mark, N2, 1))).toBe(false);
    core.node.finishPersist();
    const expected = { lastIndex: 4, commitIndex: 3, configuration: THREE };
    expect(core.node.status).toMatchObject(expected);
    expect(core.sentOf("append-ack")).toMatchObject([{ accepted: true, matchIndex: 3 }]);
  });

  it("replaces log and configuration, and is acknowledged when it is on disk", () => {
    const core = new CoreFixture(THREE, [1, 1]);
    const configuration = configurationOf([N1, N2]);
    core.run((raft) => raft.receiveSnapshot({ position: at(3, 9), configuration }, N2, 3));
    expect(core.sent()).toEqual([]);
    core.node.finishPersist();
    expect(core.sentOf("append-ack")).toMatchObject([{ accepted: true, matchIndex: 9 }]);
    expect(core.node.status).toMatchObject({ lastIndex: 9, commitIndex: 9, configuration });
    expect(core.node.disk.entries).toEqual([]);
    core.step(append(3, { previous: at(3, 9), entries: [{ ...entry(3, 10), payload: NO_BYTES }] }));
    expect(core.node.status.lastIndex).toBe(10);
  });
});
