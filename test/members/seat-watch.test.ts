import { beforeEach, describe, expect, it } from "vitest";
import { PeerMemory } from "../../electron/agent/members/peer-memory.ts";
import { SeatWatch } from "../../electron/agent/members/seat-watch.ts";
import type { StoredRow } from "../../electron/agent/members/seat-watch.ts";
import type { DoubtEvent } from "../../shared/api/methods.ts";
import { clusterId, logIndex, memberId, term } from "../../shared/base/ids.ts";
import type { BarredMessage } from "../../shared/protocol/barred.ts";
import type { HelloMessage } from "../../shared/protocol/hello.ts";
import type { Configuration, RaftMessage, RaftStatus } from "../../shared/raft/types.ts";
import { VirtualClock } from "../support/virtual-clock.ts";

const SELF = memberId("self");
const PEER = memberId("peer");
const SILENT = { info: () => undefined, warn: () => undefined };

let seat = 5;
let progress: RaftStatus["progress"] = [];
let sent: BarredMessage[] = [];
let events: DoubtEvent[] = [];
let watch: SeatWatch;
let memory: PeerMemory;
let clock: VirtualClock;

beforeEach(() => {
  seat = 5;
  progress = [];
  sent = [];
  events = [];
  clock = new VirtualClock();
  memory = new PeerMemory({ self: SELF, clock, saved: null, save: () => Promise.resolve(true) });
  watch = new SeatWatch({
    self: SELF,
    clock,
    logger: SILENT,
    memory,
    raftStatus: () => ({ commitIndex: logIndex(100), progress }) as RaftStatus,
    configurationAt: (): Configuration => ({
      seats: [{ id: PEER, kind: "voter", incarnation: seat, context: new Uint8Array(0) }],
    }),
    nameOf: () => "Office",
    send: (_, message) => void sent.push(message),
    onEvent: (event) => events.push(event),
  });
});

function hello(more: Partial<HelloMessage> = {}): HelloMessage {
  return {
    type: "hello",
    versionMin: 1,
    versionMax: 2,
    clusterId: clusterId("c"),
    timeline: 1,
    bootId: "boot-1",
    memberName: "Office",
    appVersion: "0.1.0",
    listenPort: 0,
    http: null,
    lastIndex: logIndex(100),
    term: term(3),
    incarnation: 5,
    votedFor: null,
    ...more,
  };
}

const ends = { from: PEER, to: SELF, term: term(3) };
const ack = (incarnation: number | null | "unstated"): RaftMessage => ({
  ...ends,
  type: "append-ack",
  incarnation,
  accepted: true,
  matchIndex: logIndex(90),
});
const vote: RaftMessage = {
  ...ends,
  type: "vote-reply",
  incarnation: 5,
  preVote: false,
  granted: true,
};
const candidacy: RaftMessage = {
  ...ends,
  type: "vote-request",
  preVote: false,
  last: { term: term(3), index: logIndex(1) },
  transfer: false,
};

/** The leader knows that the peer stored everything up to 90, and 95 is not committed. */
function remember(): void {
  progress = [
    { id: PEER, incarnation: 5, matchIndex: logIndex(90), mode: "replicate", isActive: true },
  ];
  watch.note([]);
}

/** The leader tells it, and hellos written before that have arrived. */
function hearLongAgo(row: StoredRow): void {
  watch.note([row]);
  for (let look = 0; look < 10; look++) watch.note([]);
}

describe("SeatWatch", () => {
  it("tells a member that came back with less, once to people and every time to it", () => {
    remember();
    expect(watch.onHello(PEER, hello({ lastIndex: logIndex(89) }))).not.toBeNull();
    expect(watch.onHello(PEER, hello({ lastIndex: logIndex(89) }))).not.toBeNull();
    expect(sent.map((message) => message.reason)).toEqual(["missing-entries", "missing-entries"]);
    expect(events).toHaveLength(1);
    expect(events[0]?.sentence).toContain("Office is not believed");
  });

  it("keeps the acks, votes and candidacies of a barred seat from the core", () => {
    remember();
    watch.onHello(PEER, hello({ lastIndex: logIndex(89) }));
    for (const message of [ack(5), ack("unstated"), vote, candidacy]) {
      expect(watch.onRaft(message)).toBe(false);
    }
    expect(watch.onRaft({ ...ends, type: "heartbeat", commitIndex: logIndex(1), round: 1 })).toBe(
      true,
    );
  });

  it("tells a barred member again that goes on answering, once a second", () => {
    remember();
    watch.onHello(PEER, hello({ lastIndex: logIndex(89) }));
    watch.onRaft(ack(5));
    expect(sent).toHaveLength(1);
    clock.advanceTo(1_000);
    watch.onRaft(ack(5));
    watch.onRaft(ack(5));
    expect(sent).toHaveLength(2);
  });

  it("tells a member whose seat was given anew after its hello", () => {
    expect(watch.onHello(PEER, hello())).toBeNull();
    seat = 60;
    expect(watch.onRaft(ack(5))).toBe(false);
    expect(sent).toMatchObject([{ incarnation: 5, reason: "superseded" }]);
    expect(watch.onRaft(ack(null))).toBe(true);
  });

  it("lets the member be heard again under its new seat", () => {
    remember();
    watch.onHello(PEER, hello({ lastIndex: logIndex(89) }));
    expect(watch.onRaft(ack(60))).toBe(true);
    expect(watch.onRaft(candidacy)).toBe(true);
    seat = 60;
    watch.note([]);
    expect(watch.onHello(PEER, hello({ bootId: "boot-2", incarnation: 60 }))).toBeNull();
  });

  it("does not compare a hello written before what the same process acknowledged since", () => {
    expect(watch.onHello(PEER, hello({ lastIndex: logIndex(10) }))).toBeNull();
    remember();
    expect(watch.onHello(PEER, hello({ lastIndex: logIndex(10) }))).toBeNull();
    expect(
      watch.onHello(PEER, hello({ bootId: "boot-2", lastIndex: logIndex(10) })),
    ).not.toBeNull();
  });

  it("expects nothing that was not committed, and nothing of a seat that is over", () => {
    progress = [
      { id: PEER, incarnation: 5, matchIndex: logIndex(140), mode: "replicate", isActive: true },
    ];
    hearLongAgo({ id: PEER, incarnation: 4, stored: 9_999 });
    expect(watch.onHello(PEER, hello({ lastIndex: logIndex(100) }))).toBeNull();
  });

  it("knows at the greeting what a leader heard since its last look", () => {
    watch.note([]);
    progress = [
      { id: PEER, incarnation: 5, matchIndex: logIndex(90), mode: "replicate", isActive: true },
    ];
    expect(watch.onHello(PEER, hello({ lastIndex: logIndex(80) }))).toMatchObject({
      reason: "missing-entries",
    });
  });

  it("learns on a follower from what the leader tells", () => {
    hearLongAgo({ id: PEER, incarnation: 5, stored: 70 });
    expect(watch.onHello(PEER, hello({ lastIndex: logIndex(69) }))).toMatchObject({
      reason: "missing-entries",
    });
  });

  it("believes a member whose hello took longer than the leader's word of what it stored since", () => {
    const written = hello({ lastIndex: logIndex(69) });
    watch.note([{ id: PEER, incarnation: 5, stored: 70 }]);
    expect(watch.onHello(PEER, written)).toBeNull();
    expect(sent).toEqual([]);
  });

  it("remembers a vote given to it, and does not take a pre-vote for one", () => {
    watch.onRaft({ ...vote, preVote: true, term: term(9) } as RaftMessage);
    expect(watch.onHello(PEER, hello())).toBeNull();
    watch.onRaft(vote);
    const back = hello({ bootId: "boot-2", votedFor: null });
    expect(watch.onHello(PEER, back)).toMatchObject({ reason: "forgotten-vote" });
  });

  it("tells a copy of an old data folder that its seat was given anew", () => {
    seat = 60;
    expect(watch.onHello(PEER, hello())).toMatchObject({ incarnation: 5, reason: "superseded" });
  });
});
