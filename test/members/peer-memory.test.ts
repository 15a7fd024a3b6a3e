import { describe, expect, it } from "vitest";
import { PeerMemory } from "../../electron/agent/members/peer-memory.ts";
import type { Claim } from "../../electron/agent/members/peer-memory.ts";
import { logIndex, memberId, term } from "../../shared/base/ids.ts";
import { VirtualClock } from "../support/virtual-clock.ts";

const SELF = memberId("self");
const PEER = memberId("peer");
const SEAT = 5;

function makeMemory(saved: unknown = null) {
  const clock = new VirtualClock();
  const files: unknown[] = [];
  let isDiskOk = true;
  const memory = new PeerMemory({
    self: SELF,
    clock,
    saved,
    save: (json) => {
      if (isDiskOk) files.push(JSON.parse(JSON.stringify(json)));
      return Promise.resolve(isDiskOk);
    },
  });
  const setDisk = (ok: boolean): void => void (isDiskOk = ok);
  return { memory, clock, files, setDisk };
}

const CLAIM: Claim = { incarnation: SEAT, term: 9, lastIndex: 120, votedFor: null };

function judged(memory: PeerMemory, claim: Partial<Claim> = {}, seat: number | null = SEAT) {
  return memory.judge(PEER, { ...CLAIM, ...claim }, seat);
}

function rich() {
  const made = makeMemory();
  made.memory.saw(PEER, { incarnation: SEAT, term: term(9) });
  made.memory.saw(PEER, { incarnation: SEAT, index: logIndex(120) });
  return made;
}

describe("PeerMemory", () => {
  it("believes a member that comes back with what it had, or with more", () => {
    const { memory } = rich();
    expect(judged(memory)).toBeNull();
    expect(judged(memory, { term: 11, lastIndex: 400 })).toBeNull();
  });

  it("bars one that comes back with fewer entries, and says how many", () => {
    const { memory } = rich();
    const bar = judged(memory, { lastIndex: 119 });
    expect(bar).toMatchObject({ incarnation: SEAT, reason: "missing-entries" });
    expect(bar?.detail).toMatch(/up to 120 .* up to 119/);
  });

  it("bars one that comes back in an older term", () => {
    const { memory } = rich();
    expect(judged(memory, { term: 8 })).toMatchObject({ reason: "older-term" });
  });

  it("bars one that has forgotten a vote it gave to this member", () => {
    const { memory } = rich();
    memory.saw(PEER, { incarnation: SEAT, votedTerm: term(9) });
    expect(judged(memory, { votedFor: SELF })).toBeNull();
    expect(judged(memory, { votedFor: null })).toMatchObject({ reason: "forgotten-vote" });
  });

  it("expects no vote of a term that is over", () => {
    const { memory } = rich();
    memory.saw(PEER, { incarnation: SEAT, votedTerm: term(9) });
    expect(judged(memory, { term: 10, votedFor: memberId("other") })).toBeNull();
  });

  it("goes on barring an incarnation, whatever it says later", () => {
    const { memory } = rich();
    judged(memory, { lastIndex: 3 });
    expect(judged(memory, { lastIndex: 500 })).not.toBeNull();
    expect(memory.isBelieved(PEER, SEAT)).toBe(false);
    expect(memory.isBelieved(PEER, "unstated")).toBe(false);
  });

  it("believes the member again under its new seat", () => {
    const { memory } = rich();
    judged(memory, { lastIndex: 3 });
    expect(memory.isBelieved(PEER, 44)).toBe(true);
    expect(judged(memory, { incarnation: 44, lastIndex: 3, term: 1 }, 44)).toBeNull();
    memory.seated(PEER, 44);
    expect(memory.barOf(PEER)).toBeNull();
  });

  it("has nothing against one that claims nothing", () => {
    const { memory } = rich();
    expect(judged(memory, { incarnation: null, lastIndex: 0, term: 0 })).toBeNull();
  });

  it("tells one that speaks for an older seat that it is superseded", () => {
    const { memory } = rich();
    expect(judged(memory, {}, 44)).toMatchObject({ incarnation: SEAT, reason: "superseded" });
  });

  it("compares a member of protocol version 1 with what its seat promised", () => {
    const { memory } = rich();
    const old: Partial<Claim> = { incarnation: "unstated", votedFor: "unstated" };
    expect(judged(memory, old)).toBeNull();
    expect(judged(memory, { ...old, lastIndex: 3 })).toMatchObject({ reason: "missing-entries" });
  });

  it("forgets what was promised under an older seat, and never takes it for the newer one", () => {
    const { memory } = rich();
    memory.saw(PEER, { incarnation: 44, index: logIndex(2) });
    memory.saw(PEER, { incarnation: SEAT, index: logIndex(9_999) });
    expect(judged(memory, { incarnation: 44, lastIndex: 2, term: 0 }, 44)).toBeNull();
  });

  it("knows after a restart what it knew before, bars included", async () => {
    const { memory, files } = rich();
    judged(memory, { lastIndex: 3 });
    await memory.close();
    const again = makeMemory(files.at(-1)).memory;
    expect(again.barOf(PEER)).toMatchObject({ reason: "missing-entries" });
    expect(again.isBelieved(PEER, SEAT)).toBe(false);
  });

  it("writes at most once a second, and everything at the end", async () => {
    const { memory, clock, files } = makeMemory();
    for (let index = 1; index <= 300; index++) {
      memory.saw(PEER, { incarnation: SEAT, index: logIndex(index) });
      clock.advanceTo(index * 10);
      await Promise.resolve();
    }
    expect(files.length).toBeLessThanOrEqual(3);
    await memory.close();
    expect(JSON.stringify(files.at(-1))).toContain('"index":300');
    expect(clock.pendingCount).toBe(0);
  });

  it("tries again when the disk did not take it", async () => {
    const { memory, clock, files, setDisk } = rich();
    setDisk(false);
    clock.advanceTo(1_500);
    await Promise.resolve();
    await Promise.resolve();
    setDisk(true);
    await memory.close();
    expect(files).toHaveLength(1);
  });

  it("leaves out what it cannot read", () => {
    const saved = {
      format: 1,
      members: {
        peer: { incarnation: SEAT, term: 9, index: "many", votedTerm: 0, bar: null },
        "a b": { incarnation: 1, term: 1, index: 1, votedTerm: 1, bar: null },
        good: { incarnation: 2, term: 3, index: 4, votedTerm: 0, bar: { reason: 1 } },
      },
    };
    const { memory } = makeMemory(saved);
    expect(judged(memory, { lastIndex: 0, term: 0 })).toBeNull();
    const good = memory.judge(memberId("good"), { ...CLAIM, incarnation: 2, lastIndex: 1 }, 2);
    expect(good).toMatchObject({ reason: "missing-entries" });
    for (const nonsense of [7, "x", [], { format: 2, members: {} }]) {
      expect(judged(makeMemory(nonsense).memory)).toBeNull();
    }
  });
});
