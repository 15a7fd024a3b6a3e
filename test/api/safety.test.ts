/** What would be lost with this computer, and what stops when it is closed: never more than is known. */
import { describe, expect, it } from "vitest";
import { logIndex } from "../../shared/base/ids.ts";
import { safetyOf, safetySentence } from "../../shared/cluster/safety.ts";
import type { MemberRole, MemberStatus } from "../../shared/cluster/status.ts";

type Facts = {
  readonly seat?: MemberStatus["seat"];
  readonly flushed?: number | null;
  readonly isConnected?: boolean;
  readonly isLeader?: boolean;
};

/** The first is this computer; commits reach to 100. */
function judged(role: MemberRole, ...all: readonly Facts[]) {
  const members = all.map((facts, place) => ({
    seat: facts.seat ?? "voter",
    isSelf: place === 0,
    isLeader: facts.isLeader ?? (place === 0 && role === "leader"),
    connected: facts.isConnected ?? true,
    flushed: facts.flushed === undefined ? 100 : facts.flushed,
  }));
  return safetyOf({
    role,
    members: members as MemberStatus[],
    log: { commitIndex: logIndex(100) },
  });
}

describe("closing this computer", () => {
  it("is safe among three that vote, whether it leads or not", () => {
    expect(judged("leader", {}, {}, {})).toEqual({
      closing: "safe",
      onlyHereMax: 0,
      wholeCopies: 2,
    });
    expect(judged("follower", {}, { isLeader: true }, {}).closing).toBe("safe");
  });

  it("stops editing when those who are left are no majority", () => {
    expect(judged("leader", {}, {}, { isConnected: false }).closing).toBe("stops-editing");
    expect(judged("leader", {}, {}).closing).toBe("stops-editing");
  });

  it("is noticed by nobody when it only mirrors", () => {
    const leader = { isLeader: true, flushed: null };
    expect(judged("mirror", { seat: "mirror" }, leader).closing).toBe("safe");
    const left = { isConnected: false, flushed: null };
    expect(judged("mirror", { seat: "mirror" }, left).closing).toBe("safe");
  });

  it("loses what a pair's leader has not mirrored yet, and says at most how much", () => {
    const mirror = { seat: "mirror", flushed: 93 } as const;
    expect(judged("leader", {}, mirror)).toEqual({
      closing: "only-here",
      onlyHereMax: 7,
      wholeCopies: 0,
    });
    // Never heard of: nothing is known to be there.
    expect(judged("leader", {}, { seat: "mirror", flushed: null }).onlyHereMax).toBe(100);
    expect(judged("leader", {}, { seat: "mirror" }).closing).toBe("stops-editing");
  });

  it("loses nothing that a majority confirmed, whatever is known of each", () => {
    const silent = { flushed: null, isConnected: false };
    expect(judged("follower", {}, silent, silent)).toEqual({
      closing: "stops-editing",
      onlyHereMax: 0,
      wholeCopies: 1,
    });
  });

  it("takes the only copy away when nobody else belongs to the workspace", () => {
    expect(judged("leader", {})).toEqual({ closing: "alone", onlyHereMax: 100, wholeCopies: 0 });
  });
});

it("says one change and many in the right number", () => {
  const only = { closing: "only-here", wholeCopies: 0 } as const;
  expect(safetySentence({ ...only, onlyHereMax: 1 })).toBe(
    "Up to 1 confirmed change is on this computer only.",
  );
  expect(safetySentence({ ...only, onlyHereMax: 1_284 })).toBe(
    "Up to 1,284 confirmed changes are on this computer only.",
  );
});
