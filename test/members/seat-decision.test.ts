import { describe, expect, it } from "vitest";
import { decideSeat } from "../../electron/agent/members/seat-decision.ts";
import type { FoundSeat } from "../../electron/agent/members/seat-decision.ts";

const NOW_MS = 1_700_000_000_000;

/** A voter of three that was stopped and starts again with everything it had. */
const WHOLE: FoundSeat = {
  begun: true,
  withdrawal: null,
  hasOthers: true,
  isLogEmpty: false,
  hasSnapshot: false,
  stored: 7,
  damage: null,
  newestSeat: 7,
  initialSeat: 7,
  isSoleVoter: false,
  nowMs: NOW_MS,
};

function decide(change: Partial<FoundSeat>) {
  return decideSeat({ ...WHOLE, ...change });
}

/** A folder in which nothing was ever promised. */
const FRESH: Partial<FoundSeat> = {
  begun: false,
  isLogEmpty: true,
  stored: "missing",
  newestSeat: 7,
};

describe("decideSeat", () => {
  it("holds what is stored after an ordinary stop", () => {
    expect(decide({})).toEqual({ held: 7, withdrawal: null });
  });

  it("gives a folder that never began the seat it was given when it joined", () => {
    expect(decide(FRESH)).toEqual({ held: 7, withdrawal: null });
    expect(decide({ ...FRESH, initialSeat: 0, hasOthers: false }).held).toBe(0);
  });

  it("begins again when the first start ended before it was noted", () => {
    expect(decide({ ...FRESH, stored: 7 }).held).toBe(7);
  });

  it("holds nothing when a folder that had begun has neither log nor vote", () => {
    const decision = decide({ ...FRESH, begun: true });
    expect(decision.held).toBeNull();
    expect(decision.withdrawal).toMatchObject({ reason: "wiped", incarnation: 7, atMs: NOW_MS });
  });

  it("takes the emptied folder of an older version for wiped, unless nobody else was ever known", () => {
    expect(decide({ ...FRESH, begun: null }).withdrawal?.reason).toBe("wiped");
    expect(decide({ ...FRESH, begun: null, hasOthers: false }).held).toBe(7);
  });

  it("never takes a folder with a snapshot for a fresh one", () => {
    expect(decide({ ...FRESH, hasSnapshot: true }).held).toBeNull();
  });

  it("holds nothing when term and vote are gone beside a log", () => {
    expect(decide({ stored: "missing" }).withdrawal?.reason).toBe("damaged");
  });

  it("holds nothing of a damaged log, whatever the vote says", () => {
    const decision = decide({ damage: "log/1.seg, bytes 5 to 9: not what was stored" });
    expect(decision.held).toBeNull();
    expect(decision.withdrawal).toMatchObject({ reason: "damaged", incarnation: 7 });
    expect(decision.withdrawal?.detail).toContain("bytes 5 to 9");
  });

  it("adopts the newest seat in the log of a version that kept none", () => {
    expect(decide({ stored: "unknown", newestSeat: 31 }).held).toBe(31);
    expect(decide({ stored: "unknown", newestSeat: null }).held).toBeNull();
  });

  it("lets a withdrawal stand over restarts, also when the vote still names the old seat", () => {
    const withdrawal = {
      incarnation: 7,
      reason: "missing-entries" as const,
      detail: "it had stored more",
      atMs: 1,
    };
    for (const stored of [7, null, "unknown", "missing"] as const) {
      expect(decide({ withdrawal, stored })).toEqual({ held: null, withdrawal });
    }
  });

  it("ends a withdrawal when a newer seat reached the disk", () => {
    const withdrawal = { incarnation: 7, reason: "wiped" as const, detail: "gone", atMs: 1 };
    expect(decide({ withdrawal, stored: 40 })).toEqual({ held: 40, withdrawal: null });
  });

  it("does not hold the newer seat either when its log is damaged", () => {
    const withdrawal = { incarnation: 7, reason: "wiped" as const, detail: "gone", atMs: 1 };
    expect(decide({ withdrawal, stored: 40, damage: "bytes" }).held).toBeNull();
  });

  it("lets the only voter go on after a copy of it was seen, and nobody else", () => {
    const withdrawal = { incarnation: 7, reason: "copy" as const, detail: "seen", atMs: 1 };
    expect(decide({ withdrawal, stored: null, isSoleVoter: true }).held).toBe(7);
    expect(decide({ withdrawal, stored: null }).held).toBeNull();
  });

  it("holds nothing when the disk says none and no reason was kept", () => {
    expect(decide({ stored: null }).withdrawal?.reason).toBe("withdrawn");
  });
});
