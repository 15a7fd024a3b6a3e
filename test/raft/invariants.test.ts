/**
 * Each assertion of the core fires, alone and by its own name, on the smallest state that breaks
 * it. States are broken from outside, because no call can bring them about.
 */
import { describe, expect, it } from "vitest";
import { InvariantError } from "../../shared/base/assert.ts";
import { POSITION_ZERO, logIndex, term } from "../../shared/base/ids.ts";
import { seededRng } from "../../shared/base/rng.ts";
import { encodeConfiguration } from "../../shared/raft/configuration.ts";
import type { Raft } from "../../shared/raft/interface.ts";
import { assertInvariants, watermarkOf } from "../../shared/raft/invariants.ts";
import { INFLIGHT_APPENDS_MAX, READS_WAITING_MAX } from "../../shared/raft/limits.ts";
import { createRaft } from "../../shared/raft/raft.ts";
import type { LogEntry } from "../../shared/raft/types.ts";
import { N1, N2, N3, SETTINGS, STRANGER, at, configurationOf, entry, to } from "./core-fixture.ts";
import {
  type Watched,
  type WatchedLeader,
  assertions,
  candidate,
  follower,
  force,
  leader,
  newLeader,
  preCandidate,
} from "./core-states.ts";
import { MemoryDisk } from "./memory-disk.ts";

const THREE = configurationOf([N1, N2, N3]);

function changeAt(index: number, configuration = THREE): LogEntry {
  return { ...at(2, index), kind: "configuration", payload: encodeConfiguration(configuration) };
}

function read(round: number): WatchedLeader["role"]["reads"][number] {
  return { requester: null, requestId: 1, index: null, round };
}

type Break<State> = readonly [name: string, make: () => State, breakIt: (state: State) => void];

const OF_ANYONE: readonly Break<Watched>[] = [
  ["the term never goes back", follower, ({ mark }) => force(mark, { term: 2 })],
  ["one vote in one term", follower, ({ mark }) => force(mark, { votedFor: N3 })],
  ["the commit index never goes back", follower, ({ mark }) => force(mark, { commitIndex: 3 })],
  ["nothing is applied twice", follower, ({ mark }) => force(mark, { handedOutIndex: 3 })],
  [
    "the disk is not ahead of its orders",
    candidate,
    ({ core }) => force(core, { flushedHardState: { ...core.flushedHardState, term: 2 } }),
  ],
  [
    "no term was stored that was not reached",
    follower,
    ({ core }) => force(core, { handedHardState: { ...core.handedHardState, term: 2 } }),
  ],
  ["what is committed is in the log", follower, ({ core }) => force(core, { commitIndex: 4 })],
  [
    "only committed entries are applied",
    follower,
    ({ core }) => force(core, { handedOutIndex: 3 }),
  ],
  [
    "the disk holds no more than the log",
    follower,
    ({ core }) => force(core.log, { flushedIndex: 4 }),
  ],
  [
    "only committed entries are compacted away",
    follower,
    ({ core }) => force(core.log, { firstIndex: 4 }),
  ],
  ["no entry is of a later term", follower, ({ core }) => force(core.log, { lastTerm: 2 })],
  ["what was compared is in the log", follower, ({ core }) => force(core, { verifiedIndex: 4 })],
  [
    "the configuration in force is in the log",
    follower,
    ({ core }) => core.configurations.append([changeAt(4)]),
  ],
  ["only who may lead campaigns", candidate, ({ core }) => force(core, { incarnation: 7 })],
  ["only who may lead campaigns", preCandidate, ({ core }) => force(core, { incarnation: 7 })],
  [
    "a configuration has a voter",
    leader,
    ({ core }) =>
      core.configurations.restore({ index: logIndex(4), configuration: { seats: [] } }, 3),
  ],
  ["a leader knows that it leads", leader, ({ core }) => force(core, { leader: null })],
  ["a leader knows that it leads", follower, ({ core }) => force(core, { leader: N1 })],
  [
    "only what was compared is committed",
    follower,
    ({ core }) => force(core, { verifiedIndex: 1 }),
  ],
  ["a candidate follows nobody", candidate, ({ core }) => force(core, { leader: N2 })],
  ["a candidate follows nobody", preCandidate, ({ core }) => force(core, { leader: N2 })],
  [
    "who vouches for nothing does not campaign",
    preCandidate,
    ({ core }) => force(core, { incarnation: null, isElectable: true }),
  ],
  [
    "it voted for itself",
    candidate,
    ({ core, mark }) => {
      force(mark, { votedFor: null });
      force(core, { votedFor: N2 });
    },
  ],
  [
    "votes are seats'",
    candidate,
    ({ core }) => core.role.name === "candidate" && core.role.votes.set(STRANGER, true),
  ],
];

const OF_LEADERS: readonly Break<WatchedLeader>[] = [
  [
    "a leader voted for itself",
    leader,
    ({ core, mark }) => {
      force(mark, { votedFor: null });
      force(core, { votedFor: N2 });
    },
  ],
  [
    "who vouches for nothing does not lead",
    leader,
    ({ core }) => force(core, { incarnation: null }),
  ],
  ["the opening no-op is in the log", leader, ({ role }) => force(role, { termStartIndex: 5 })],
  [
    "one change at a time",
    leader,
    ({ core }) => {
      core.appendToLog([changeAt(5)]);
      core.appendToLog([changeAt(6)]);
    },
  ],
  [
    "no change before an entry of the own term is committed",
    newLeader,
    ({ core }) => core.appendToLog([changeAt(4)]),
  ],
  [
    "progress is that of the seat of today",
    leader,
    ({ progress }) => force(progress, { incarnation: 1 }),
  ],
  [
    "progress is that of the seat of today",
    leader,
    ({ core }) => core.appendToLog([changeAt(5, configurationOf([N1, N3]))]),
  ],
  [
    "what a member is known to hold never shrinks",
    leader,
    ({ progress }) => force(progress, { matchIndex: 2 }),
  ],
  [
    "what a member holds is not sent again",
    leader,
    ({ progress }) => force(progress, { nextIndex: 3 }),
  ],
  [
    "nobody holds more than the leader",
    leader,
    ({ progress }) => force(progress, { matchIndex: 5, nextIndex: 6 }),
  ],
  ["nothing is sent before it exists", leader, ({ progress }) => force(progress, { nextIndex: 6 })],
  [
    "nobody answers a round before it started",
    leader,
    ({ progress, role }) => force(progress, { ackedRound: role.round + 1 }),
  ],
  [
    "the window is bounded",
    leader,
    ({ progress }) => force(progress.inflight, { count: INFLIGHT_APPENDS_MAX + 1 }),
  ],
  [
    "an empty window holds no bytes",
    leader,
    ({ progress }) => force(progress.inflight, { count: 0 }),
  ],
  [
    "only a member in step has a window",
    leader,
    ({ progress }) => force(progress, { mode: "probe" }),
  ],
  [
    "what was acknowledged left the window",
    leader,
    ({ progress }) => force(progress.inflight, { oldestIndex: 3 }),
  ],
  [
    "the window ends where the next append begins",
    leader,
    ({ progress }) => force(progress.inflight, { newestIndex: 5 }),
  ],
  [
    "reads that wait are bounded",
    leader,
    ({ role }) =>
      force(role, { reads: Array.from({ length: READS_WAITING_MAX + 1 }, () => read(0)) }),
  ],
  [
    "a read waits for a round that has started",
    leader,
    ({ role }) => force(role, { reads: [read(role.round + 1), read(0)] }),
  ],
  [
    "what is committed is not counted as uncommitted",
    leader,
    ({ role }) => force(role.uncommitted, { oldestIndex: 3 }),
  ],
  [
    "leadership is handed to somebody else",
    leader,
    ({ role }) => force(role, { transfer: { target: N1, deadlineMs: 1, isSent: false } }),
  ],
  ["a leader never cuts its log", leader, ({ mark }) => force(mark, { leaderLastIndex: 5 })],
  [
    "heartbeat rounds only go on",
    leader,
    ({ mark, role }) => force(mark, { leaderRound: role.round + 1 }),
  ],
  ["a majority of voters has on disk what is committed", leader, commitFourth],
  [
    "a majority of voters has on disk what is committed",
    () => leader(configurationOf([N1, N2], [N3])),
    (state) => {
      const mirror = state.role.progress.get(N3);
      if (mirror) force(mirror, { matchIndex: 4, nextIndex: 5 });
      commitFourth(state);
    },
  ],
  [
    "a majority of voters has on disk what is committed",
    leader,
    (state) => {
      force(state.core, { incarnation: 7 });
      const other = state.role.progress.get(N3);
      if (other) force(other, { matchIndex: 4, nextIndex: 5 });
      commitFourth(state);
    },
  ],
  [
    "copies of an older term's entry do not count",
    newLeader,
    ({ core }) => force(core, { commitIndex: 2 }),
  ],
];

/** As a leader would that counts wrongly: n2 and n3 do not have the fourth entry. */
function commitFourth({ core, role }: WatchedLeader): void {
  role.uncommitted.clear();
  force(core, { commitIndex: 4 });
}

describe("a core whose reasoning is broken stops:", () => {
  it.each(OF_ANYONE)("%s", (name, make, breakIt) => {
    const state = make();
    breakIt(state);
    expect(() => assertInvariants(state.core, state.mark)).toThrow(new InvariantError(name));
  });

  it.each(OF_LEADERS)("%s (leader)", (name, make, breakIt) => {
    const state = make();
    breakIt(state);
    expect(() => assertInvariants(state.core, state.mark)).toThrow(new InvariantError(name));
  });

  it.each([follower, preCandidate, candidate, newLeader, leader])(
    "not in the state of a healthy %o, of which everything is noted for the next time",
    (make) => {
      const { core } = make();
      const nothing = { term: 0, votedFor: null, commitIndex: 0, handedOutIndex: 0 };
      const mark = { ...nothing, leaderLastIndex: 0, leaderRound: 0 };
      assertInvariants(core, mark);
      const isLeader = core.role.name === "leader";
      expect(mark).toEqual({
        ...watermarkOf(core),
        leaderLastIndex: isLeader ? core.log.lastIndex : 0,
        leaderRound: core.role.name === "leader" ? core.role.round : 0,
      });
    },
  );
});

// Method: the disk, which alone changes between calls, drops entries that are not committed.
describe("the assertions are made after every call:", () => {
  const mark = { position: at(1, 1), configuration: THREE };
  const message = { ...to(1), type: "timeout-now" } as const;
  it.each<readonly [keyof Raft, (raft: Raft) => unknown]>([
    ["step", (raft) => raft.step(message)],
    ["advance", (raft) => raft.advance(1)],
    ["connectionLost", (raft) => raft.connectionLost(N2)],
    ["propose", (raft) => raft.propose([new Uint8Array(1)])],
    ["changeConfiguration", (raft) => raft.changeConfiguration({ type: "remove", id: N2 })],
    ["transferLeadership", (raft) => raft.transferLeadership(N2)],
    ["stepDown", (raft) => raft.stepDown()],
    ["holdIncarnation", (raft) => raft.holdIncarnation(null)],
    ["readIndex", (raft) => raft.readIndex(1)],
    ["receiveSnapshot", (raft) => raft.receiveSnapshot(mark, N2, 0)],
    ["reportSnapshot", (raft) => raft.reportSnapshot(N2, "sent")],
    ["ready", (raft) => raft.ready()],
    ["persisted", (raft) => raft.persisted(1)],
  ])("%s", (name, call) => {
    const { disk, raft } = startedRaft();
    if (name === "persisted") {
      raft.holdIncarnation(3);
      raft.ready();
    }
    disk.compact(at(1, 1), THREE);
    const broken = new InvariantError("only committed entries are compacted away");
    expect(() => call(raft)).toThrow(broken);
  });
});

it("a driver that reports another batch than the one under way ends the process", () => {
  const reported = new InvariantError("the outstanding batch is the one reported");
  const { raft } = startedRaft();
  expect(() => raft.persisted(1)).toThrow(reported);
  raft.holdIncarnation(3);
  const { id } = raft.ready().persist ?? { id: 0 };
  expect(() => raft.persisted(id + 1)).toThrow(reported);
  raft.persisted(id);
  expect(() => raft.persisted(id)).toThrow(reported);
});

it("a start takes no configuration from entries that the snapshot covers", () => {
  const disk = new MemoryDisk(N1, THREE);
  disk.entries = [changeAt(1, configurationOf([N1, N2])), { ...entry(2, 2) }];
  const raft = createRaft({
    ...{ id: N1, settings: SETTINGS, rng: seededRng(1), log: disk, configuration: THREE },
    ...{ hardState: { term: term(2), votedFor: null, incarnation: 0 }, nowMs: 0 },
    ...{ configurationPosition: at(2, 2), commitIndex: logIndex(0), appliedIndex: logIndex(2) },
  });
  expect(raft.status()).toMatchObject({ configuration: THREE, commitIndex: 2 });
});

function startedRaft(): { readonly disk: MemoryDisk; readonly raft: Raft } {
  const disk = new MemoryDisk(N1, THREE);
  disk.entries = [entry(1, 1), entry(1, 2)];
  const none = logIndex(0);
  const raft = createRaft({
    ...{ id: N1, settings: SETTINGS, rng: seededRng(1), log: disk, configuration: THREE },
    ...{ hardState: { term: term(1), votedFor: null, incarnation: 0 }, nowMs: 0 },
    ...{ configurationPosition: POSITION_ZERO, commitIndex: none, appliedIndex: none },
  });
  return { disk, raft };
}

it("no assertion is left out here", () => {
  const broken = [...OF_ANYONE, ...OF_LEADERS].map(([name]) => name);
  const { ofState } = assertions();
  expect([...new Set(broken)].sort()).toEqual(ofState.toSorted());
});
