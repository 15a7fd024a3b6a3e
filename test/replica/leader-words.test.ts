import { beforeEach, describe, expect, it } from "vitest";
import type { Applier } from "../../electron/agent/replica/applier.ts";
import { LagTracker } from "../../electron/agent/replica/lag-tracker.ts";
import { logIndex, memberId, term } from "../../shared/base/ids.ts";
import type { BeatAckMessage, BeatMessage } from "../../shared/protocol/beat.ts";
import type { RaftStatus, Seat } from "../../shared/raft/types.ts";
import { VirtualClock } from "../support/virtual-clock.ts";

const LEADER = memberId("leader");
const FOLLOWER = memberId("follower");
const SILENCE_MS = 1_000;
const HOUR_MS = 3_600_000;

let clock: VirtualClock;
let applied = 10;
let committed = 10;
let role: RaftStatus["role"] = "follower";
let committedTerm = 3;
let checksums: ReadonlyMap<number, string>;
let mismatches: unknown[];
let lag: LagTracker;

beforeEach(() => {
  checksums = new Map();
  mismatches = [];
  clock = new VirtualClock();
  applied = 10;
  committed = 10;
  committedTerm = 3;
  role = "follower";
  lag = trackerOf();
});

function trackerOf(): LagTracker {
  const applier = {
    get position() {
      return { applied: { term: term(3), index: logIndex(applied) }, checksum: "" };
    },
    checksumAt: (index: number) => checksums.get(index) ?? null,
  };
  return new LagTracker({
    clock,
    applier: applier as unknown as Applier,
    raftStatus: () =>
      ({
        role,
        leader: LEADER,
        term: term(3),
        commitIndex: logIndex(committed),
        lastIndex: logIndex(committed),
        flushedIndex: logIndex(committed),
      }) as RaftStatus,
    termAt: () => term(committedTerm),
    bytesAfter: () => 100,
    snapshotIndex: () => logIndex(0),
    silenceMs: SILENCE_MS,
    onMismatch: (member, index) => mismatches.push([member, index]),
  });
}

function beat(index: number, answersMs: BeatMessage["answersMs"]): BeatMessage {
  const checksum = { index: logIndex(0), value: "" };
  const commit = { term: term(3), index: logIndex(index) };
  return { type: "beat", sentAtMs: 0, wallMs: 0, commit, logBytes: 0, checksum, answersMs };
}

/** The leader's word arrives. @returns the stamp of the answer. */
function hear(index: number, answersMs: BeatMessage["answersMs"]): number | null {
  return lag.onBeat(LEADER, beat(index, answersMs))?.stampMs ?? null;
}

function pass(ms: number): void {
  clock.advanceTo(clock.nowMs() + ms);
}

/** Caught up, and heard a moment ago. */
function inStep(): { readonly stamp: number | null; readonly at: string } {
  const first = hear(10, null);
  pass(100);
  const at = new Date(clock.wallMs() - 100).toISOString();
  const stamp = hear(10, first);
  expect(lag.asOf()).toMatchObject({ lagMs: 0, lagEntries: 0, at, leaderReachable: true });
  return { stamp, at };
}

describe("how new a follower's data is", () => {
  it("is not known before the leader answered anything", () => {
    expect(lag.asOf()).toMatchObject({ at: null, lagMs: null, leaderReachable: false });
    hear(10, null);
    expect(lag.asOf()).toMatchObject({ at: null, lagMs: null, leaderReachable: true });
    pass(SILENCE_MS + 1);
    expect(lag.asOf()).toMatchObject({ at: null, lagMs: null, leaderReachable: false });
  });

  it("stays that of the last answer after a long cut, until what came meanwhile is applied", () => {
    const { stamp } = inStep();
    const before = new Date(clock.wallMs()).toISOString();
    pass(HOUR_MS);
    const after = hear(5_010, stamp);
    pass(40);
    expect(lag.asOf()).toMatchObject({ lagEntries: 5_000, leaderReachable: false });
    expect(lag.asOf().lagMs).toBeGreaterThanOrEqual(HOUR_MS);
    // Fresh answers say that the leader is there; the data is as old as before.
    pass(60);
    hear(5_010, after);
    expect(lag.asOf()).toMatchObject({ leaderReachable: true, lagEntries: 5_000 });
    expect(lag.asOf().lagMs).toBeGreaterThanOrEqual(HOUR_MS);
    expect(Date.parse(lag.asOf().at ?? "")).toBeLessThanOrEqual(Date.parse(before));
    applied = 5_010;
    expect(lag.asOf()).toMatchObject({ lagMs: 0, lagEntries: 0 });
  });

  it("is not made newer by words that waited while this process stood still", () => {
    const { stamp } = inStep();
    pass(5_000);
    for (let i = 0; i < 50; i++) hear(10, stamp);
    expect(lag.asOf()).toMatchObject({ leaderReachable: false, lagEntries: 0 });
    expect(lag.asOf().lagMs).toBeGreaterThanOrEqual(5_000);
  });

  it("counts the time that the computer slept, which its monotonic clock does not", () => {
    const { stamp } = inStep();
    clock.jumpWall(HOUR_MS);
    hear(10, stamp);
    expect(lag.asOf().leaderReachable).toBe(false);
    expect(lag.asOf().lagMs).toBeGreaterThanOrEqual(HOUR_MS);
  });

  it("is not made newer by a leader that knows less than the one before", () => {
    const { stamp } = inStep();
    pass(100);
    const next = hear(20, stamp);
    pass(100);
    hear(12, next);
    expect(lag.asOf()).toMatchObject({ lagEntries: 10 });
    applied = 12;
    expect(lag.asOf().lagMs).toBeGreaterThanOrEqual(100);
    applied = 20;
    expect(lag.asOf()).toMatchObject({ lagMs: 0, lagEntries: 0 });
  });

  it("is told by arrival where the leader's version does not say what it answers", () => {
    hear(10, "unstated");
    expect(lag.asOf()).toMatchObject({ lagMs: 0, leaderReachable: true });
  });

  it("grows while words bring nothing new and something is missing", () => {
    let { stamp } = inStep();
    for (let i = 1; i <= 100; i++) {
      pass(100);
      stamp = hear(10 + i, stamp);
    }
    expect(lag.lag().entries).toBe(100);
    expect(lag.lag().ms).toBeGreaterThanOrEqual(10_000);
    applied = 60;
    const { ms } = lag.lag();
    expect(ms).toBeGreaterThanOrEqual(5_000);
    expect(ms).toBeLessThanOrEqual(5_400);
  });
});

it("takes no word from a member that it does not follow", () => {
  inStep();
  expect(lag.onBeat(memberId("another"), beat(9_000, null))).toBeNull();
  expect(lag.asOf()).toMatchObject({ lagEntries: 0, lagMs: 0 });
});

it("is told as older than the last word by the longest silence that passes for none", () => {
  inStep();
  pass(500);
  expect(lag.stalenessMs()).toBe(600 + SILENCE_MS);
});

it.each([
  ["the two differ", "aa", "bb", true],
  ["the two are alike", "aa", "aa", false],
  ["the other does not say", "aa", "", false],
  ["this one has none", "", "bb", false],
  ["this one does not know any more", null, "bb", false],
])("data at one index is called different only when %s", (_, ours, theirs, isDifferent) => {
  if (ours !== null) checksums = new Map([[9, ours]]);
  const checksum = { index: logIndex(9), value: theirs };
  lag.onBeat(LEADER, { ...beat(10, null), checksum });
  expect(mismatches).toEqual(isDifferent ? [[LEADER, 9]] : []);
  mismatches = [];
  const answer = lag.onBeat(LEADER, beat(10, null)) ?? expect.fail("it follows that leader");
  lag.onBeatAck(FOLLOWER, { ...answer, checksum });
  expect(mismatches).toEqual(isDifferent ? [[FOLLOWER, 9]] : []);
});

describe("a leader", () => {
  beforeEach(() => {
    role = "leader";
    lag.noteOwnCommit({ role, lastIndex: logIndex(10), commitIndex: logIndex(10) } as RaftStatus);
  });

  function ack(stampMs: number | null, at: number): BeatAckMessage {
    const index = logIndex(at);
    const checksum = { index: logIndex(0), value: "" };
    const stages = { received: index, flushed: index, applied: index, snapshotIndex: logIndex(0) };
    return { type: "beat-ack", echoSentAtMs: 0, checksum, stampMs, ...stages };
  }

  it("answers what it heard last, once it knows all that its predecessors committed", () => {
    expect(lag.beat(FOLLOWER).answersMs).toBeNull();
    lag.onBeatAck(FOLLOWER, ack(77, 10));
    expect(lag.beat(FOLLOWER).answersMs).toBe(77);
    committedTerm = 2;
    expect(lag.beat(FOLLOWER).answersMs).toBeNull();
  });

  it("does not say how late a member is that lacks what was committed before it led", () => {
    lag.onBeatAck(FOLLOWER, ack(77, 4));
    expect(lag.memberLagMs(FOLLOWER)).toBeNull();
    lag.onBeatAck(FOLLOWER, ack(78, 10));
    expect(lag.memberLagMs(FOLLOWER)).toBe(0);
  });

  it("is as new as the follower it was until it has applied all that it began with", () => {
    const changed = (): void =>
      lag.noteOwnCommit({
        role,
        term: term(3),
        lastIndex: logIndex(12),
        commitIndex: logIndex(committed),
        configuration: { seats: [] },
      } as unknown as RaftStatus);
    lag = trackerOf();
    role = "follower";
    const { at } = inStep();
    pass(2 * SILENCE_MS);
    role = "leader";
    // Even before the change was noted: what it counted in an earlier leadership says nothing of this one.
    expect(lag.asOf()).toMatchObject({ at, leaderReachable: true });
    changed();
    expect(lag.asOf()).toMatchObject({ at, leaderReachable: true });
    expect(lag.asOf().lagMs).toBeGreaterThanOrEqual(2 * SILENCE_MS);
    committed = 12;
    changed();
    expect(lag.asOf()).toMatchObject({ at });
    applied = 12;
    const now = new Date(clock.wallMs()).toISOString();
    expect(lag.asOf()).toMatchObject({ at: now, lagMs: 0, lagEntries: 0, leaderReachable: true });
  });

  it("that has just begun is not called current, however lately it was in step as a follower", () => {
    lag = trackerOf();
    role = "follower";
    inStep();
    pass(50);
    role = "leader";
    expect(lag.asOf()).toMatchObject({ lagEntries: 0, lagMs: 150, leaderReachable: true });
  });

  it("is behind since the first commit that its own database lacks", () => {
    const before = new Date(clock.wallMs()).toISOString();
    committed = 13;
    lag.noteOwnCommit({ role, commitIndex: logIndex(13) } as RaftStatus);
    pass(400);
    // A clock that is set meanwhile never showed the time it was then by its new setting.
    clock.jumpWall(-2 * HOUR_MS);
    expect(lag.lag()).toEqual({
      ...{ entries: 3, bytes: 100, ms: 400, asOf: before, leaderReachable: true },
    });
  });

  it("counts the silence of a member that is not heard any more as its lag", () => {
    lag.onBeatAck(FOLLOWER, ack(77, 10));
    pass(SILENCE_MS);
    expect(lag.memberLagMs(FOLLOWER)).toBe(0);
    pass(HOUR_MS);
    expect(lag.memberLagMs(FOLLOWER)).toBe(SILENCE_MS + HOUR_MS);
  });

  it("forgets what a seat had when it is given anew, and everything in another term", () => {
    const seat = (incarnation: number): Seat => ({
      ...{ id: FOLLOWER, kind: "voter", incarnation, context: new Uint8Array(0) },
    });
    lag.noteSeats([seat(1)]);
    lag.onBeatAck(FOLLOWER, ack(77, 10));
    lag.noteSeats([seat(1)]);
    expect(lag.stagesOf(FOLLOWER)?.applied).toBe(10);
    lag.noteSeats([seat(2)]);
    expect(lag.stagesOf(FOLLOWER)).toBeNull();
    const status = { role, term: term(3), commitIndex: logIndex(10) } as RaftStatus;
    lag.noteOwnCommit(status);
    lag.onBeatAck(FOLLOWER, ack(78, 10));
    lag.noteOwnCommit({ ...status, term: term(4) });
    expect(lag.stagesOf(FOLLOWER)).toBeNull();
  });

  it("that led has data as new as the newest beat that a majority answered", () => {
    const voters = [FOLLOWER, LEADER, memberId("third")].map((id) => ({ id, kind: "voter" }));
    const ended = {
      id: LEADER,
      role: "follower",
      lastIndex: logIndex(10),
      commitIndex: logIndex(10),
      configuration: { seats: voters },
    } as unknown as RaftStatus;
    const { sentAtMs } = lag.beat(FOLLOWER);
    const at = new Date(clock.wallMs()).toISOString();
    pass(100);
    lag.onBeatAck(FOLLOWER, { ...ack(77, 10), echoSentAtMs: sentAtMs });
    pass(HOUR_MS);
    lag.beat(FOLLOWER);
    role = "follower";
    lag.noteOwnCommit(ended);
    expect(lag.asOf()).toMatchObject({ at, leaderReachable: false });
    expect(lag.asOf().lagMs).toBeGreaterThanOrEqual(HOUR_MS);
  });

  it("that led before it had applied what it began with is no newer than it was", () => {
    const changed = (): void =>
      lag.noteOwnCommit({
        ...{ id: LEADER, role, term: term(3), lastIndex: logIndex(13), commitIndex: logIndex(10) },
        configuration: { seats: [FOLLOWER, LEADER].map((id) => ({ id, kind: "voter" })) },
      } as unknown as RaftStatus);
    lag = trackerOf();
    role = "follower";
    const { at } = inStep();
    pass(2 * SILENCE_MS);
    role = "leader";
    changed();
    const { sentAtMs } = lag.beat(FOLLOWER);
    const led = new Date(clock.wallMs()).toISOString();
    lag.onBeatAck(FOLLOWER, { ...ack(77, 10), echoSentAtMs: sentAtMs });
    pass(100);
    role = "follower";
    changed();
    expect(lag.asOf().at).toBe(at);
    applied = 13;
    expect(lag.asOf().at).toBe(led);
  });

  it("that led five has data as new as what the second of the others answered", () => {
    const others = ["b", "c", "d", "e"].map(memberId);
    const voters = [LEADER, ...others].map((id) => ({ id, kind: "voter" }));
    const answeredAt = others.map((id) => {
      pass(100);
      const { sentAtMs } = lag.beat(id);
      lag.onBeatAck(id, { ...ack(77, 10), echoSentAtMs: sentAtMs });
      return new Date(clock.wallMs()).toISOString();
    });
    role = "follower";
    const ended = { id: LEADER, role, lastIndex: logIndex(10), commitIndex: logIndex(10) };
    const configuration = { seats: voters };
    lag.noteOwnCommit({ ...ended, configuration } as unknown as RaftStatus);
    expect(lag.asOf().at).toBe(answeredAt[2]);
  });
});
