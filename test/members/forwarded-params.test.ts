import { describe, expect, it } from "vitest";
import {
  parseIndex,
  parseJoiner,
  parseNewInvite,
  parseRemoval,
  parseTarget,
} from "../../electron/agent/members/forwarded-params.ts";
import { nameProblem } from "../../electron/agent/members/first-run.ts";

const INVITE = { id: "00ff", key: "abcd", role: "voter", expiresAtMs: 1_000 };
const JOINER = { inviteId: "00ff", id: "newcomer", name: "Back office" };
const GARBAGE = [null, undefined, 7, "text", [], {}, { id: {}, key: 1, index: -1, member: null }];

describe("what another member asks of this one", () => {
  it("is taken as it was meant", () => {
    expect(parseNewInvite(INVITE)).toEqual(INVITE);
    expect(parseJoiner(JOINER)).toEqual(JOINER);
    expect(parseIndex({ index: 7 })).toBe(7);
    expect(parseTarget({})).toEqual({});
    expect(parseTarget({ to: "Reception" })).toEqual({ to: "Reception" });
    expect(parseRemoval({ member: "Reception" })).toEqual({ member: "Reception" });
  });

  it("is refused when its shape is another one", () => {
    for (const garbage of GARBAGE) {
      expect(parseNewInvite(garbage)).toBeNull();
      expect(parseJoiner(garbage)).toBeNull();
      expect(parseIndex(garbage)).toBeNull();
      expect(parseRemoval(garbage)).toBeNull();
    }
    expect(parseTarget({ to: 7 })).toBeNull();
    expect(parseTarget(null)).toBeNull();
    expect(parseNewInvite({ ...INVITE, role: "leader" })).toBeNull();
    expect(parseJoiner({ ...JOINER, id: "with space" })).toBeNull();
    expect(parseJoiner({ ...JOINER, name: "é".repeat(200) })).toBeNull();
    expect(parseIndex({ index: 1.5 })).toBeNull();
  });
});

describe("a name of a cluster or computer", () => {
  it("is short enough for the messages that carry it, and not blank", () => {
    expect(nameProblem("Clinic", "é".repeat(128))).toBeNull();
    for (const name of ["", "  ", "é".repeat(129)]) {
      expect(nameProblem("Clinic", name)).toMatchObject({ code: "bad-request" });
    }
  });
});
