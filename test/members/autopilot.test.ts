import { describe, expect, it } from "vitest";
import { logIndex, memberId, term } from "../../shared/base/ids.ts";
import { encodeSeatContext } from "../../shared/cluster/seat-context.ts";
import type { RaftStatus, Seat, SeatKind } from "../../shared/raft/types.ts";
import { nextChange, voterTarget } from "../../electron/agent/members/autopilot.ts";

const LAST = 1_000;

type Sketch = {
  readonly id: string;
  readonly kind: SeatKind;
  readonly match?: number;
  readonly wantsVote?: boolean;
};

function status(sketches: readonly Sketch[], change: Partial<RaftStatus> = {}): RaftStatus {
  const seats = sketches.map(({ id, kind, wantsVote }): Seat => {
    const context = encodeSeatContext({ name: id, access: "admin", wantsVote: wantsVote ?? true });
    return { id: memberId(id), kind, incarnation: 0, context };
  });
  return {
    id: memberId("a"),
    role: "leader",
    term: term(3),
    votedFor: memberId("a"),
    incarnation: 0,
    leader: memberId("a"),
    lastIndex: logIndex(LAST),
    flushedIndex: logIndex(LAST),
    commitIndex: logIndex(LAST),
    configuration: { seats },
    isChangingConfiguration: false,
    transferTarget: null,
    progress: sketches.map(({ id, match }) => {
      const matchIndex = logIndex(match ?? LAST);
      return { id: memberId(id), incarnation: 0, matchIndex, mode: "replicate", isActive: true };
    }),
    alarm: null,
    ...change,
  };
}

const everybody = (): boolean => true;

describe("autopilot", () => {
  it("keeps one voter of two, three from three on, five from five on", () => {
    expect([1, 2, 3, 4, 5, 9].map(voterTarget)).toEqual([1, 1, 3, 3, 5, 5]);
  });

  it("leaves a pair with one voter", () => {
    const pair = status([
      { id: "a", kind: "voter" },
      { id: "b", kind: "mirror" },
    ]);
    expect(nextChange(pair, everybody)).toBeNull();
  });

  it("gives a vote to the mirror that holds most, one at a time", () => {
    const three = status([
      { id: "a", kind: "voter" },
      { id: "b", kind: "mirror", match: LAST - 20 },
      { id: "c", kind: "mirror", match: LAST - 3 },
    ]);
    expect(nextChange(three, everybody)).toEqual({ type: "promote", id: "c" });
    expect(nextChange({ ...three, isChangingConfiguration: true }, everybody)).toBeNull();
  });

  it("passes over mirrors that are away, far behind, or want no vote", () => {
    const seats = [
      { id: "a", kind: "voter" },
      { id: "b", kind: "mirror" },
      { id: "c", kind: "mirror" },
    ] as const;
    const notC = (member: string): boolean => member !== "c";
    expect(nextChange(status(seats), notC)).toBeNull();
    const behind = [seats[0], seats[1], { ...seats[2], match: 10 }];
    expect(nextChange(status(behind), everybody)).toBeNull();
    const unwilling = [seats[0], seats[1], { ...seats[2], wantsVote: false }];
    expect(nextChange(status(unwilling), everybody)).toBeNull();
  });

  it("does nothing on a follower", () => {
    const seats = [
      { id: "a", kind: "voter" },
      { id: "b", kind: "mirror" },
      { id: "c", kind: "mirror" },
    ] as const;
    expect(nextChange(status(seats, { role: "follower" }), everybody)).toBeNull();
  });
});
