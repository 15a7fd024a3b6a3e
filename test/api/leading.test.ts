/** Who could lead and why, told from one member's status: what is not known there is not claimed. */
import { describe, expect, it } from "vitest";
import { LeadershipLog } from "../../electron/agent/replica/leadership-log.ts";
import { memberId, term } from "../../shared/base/ids.ts";
import type { MemberId } from "../../shared/base/ids.ts";
import { leadingReport } from "../../shared/cluster/leading.ts";
import type { MemberStatus, Status } from "../../shared/cluster/status.ts";
import type { RaftStatus } from "../../shared/raft/types.ts";

type Facts = Partial<MemberStatus> & { readonly name: string };

function statusOf(members: readonly Facts[], fields: Partial<Status> = {}): Status {
  return {
    role: "follower",
    canWrite: false,
    leader: null,
    lag: { entries: 0, bytes: 0, ms: 0, asOf: null, leaderReachable: false },
    seat: { state: "ok", reason: null, detail: null, since: null },
    storage: { state: "ok", detail: null, folder: "/data" },
    members: members.map((member, place) => ({
      ...{ seat: "voter", isSelf: place === 0, isLeader: false, connected: true },
      ...{ lagEntries: 0, lastSeen: null, refusal: null },
      ...member,
    })),
    ...fields,
  } as Status;
}

const away = { connected: false, lastSeen: "2026-11-23T18:02:00.000Z" };

describe("why nobody leads", () => {
  it("is too few that reach each other, and those that are not reached are named", () => {
    const report = leadingReport(
      statusOf([{ name: "desk" }, { name: "lab", ...away }, { name: "van", ...away }]),
    );
    expect(report.sentence).toBe(
      "No computer can lead: 2 of the 3 that vote must reach each other, and from here 1 do. Not reached: lab, van.",
    );
    expect(report).toMatchObject({ votesNeeded: 2, votesHere: 1, votesInAll: 3 });
    const [desk, lab] = report.members;
    expect(desk?.canLead).toBe(false);
    expect(desk?.checks.at(-1)).toEqual({
      isMet: false,
      sentence: "it reaches 1 of 3 votes, its own included, and needs 2",
    });
    // It may well lead the other side.
    expect(lab?.canLead).toBeNull();
    expect(lab?.checks[1]?.sentence).toBe(
      `it is not reached from here, last seen ${away.lastSeen}`,
    );
  });

  it("is an election under way when enough are there", () => {
    const report = leadingReport(
      statusOf([{ name: "desk" }, { name: "lab" }, { name: "van", ...away }]),
    );
    expect(report.sentence).toBe("No computer leads; those that reach each other are choosing.");
    expect(report.members.map(({ canLead }) => canLead)).toEqual([true, true, null]);
  });
});

describe("one computer", () => {
  const lab = { name: "lab", isLeader: true };
  const heard = {
    leader: { id: memberId("m2"), name: "lab", address: null },
    lag: { entries: 0, bytes: 0, ms: 0, asOf: null, leaderReachable: true },
  };

  it("cannot lead while it mirrors, gave its seat up, or its storage is broken", () => {
    const mirror = leadingReport(statusOf([{ name: "desk", seat: "mirror" }, lab], heard));
    expect(mirror.sentence).toBe("lab leads.");
    expect(mirror.members[0]).toMatchObject({ canLead: false, isLeader: false });
    const seat = {
      state: "barred",
      reason: "wiped",
      detail: "its log is gone",
      since: null,
    } as const;
    const barred = leadingReport(statusOf([{ name: "desk" }, lab], { ...heard, seat }));
    expect(barred.members[0]?.checks[1]).toEqual({
      isMet: false,
      sentence: "it gave its promises up: barred (its log is gone)",
    });
    const storage = { state: "failed", detail: null, folder: "/data" } as const;
    const failed = leadingReport(statusOf([{ name: "desk" }, lab], { ...heard, storage }));
    expect(failed.members[0]?.canLead).toBe(false);
  });

  it("that lacks changes is not said to be able, nor to be unable", () => {
    const behind = { name: "van", lagEntries: 12 };
    const report = leadingReport(statusOf([{ name: "desk" }, lab, behind], heard));
    expect(report.members[2]).toMatchObject({ canLead: null });
    expect(report.members[2]?.checks[2]?.sentence).toContain(
      "had not applied 12 confirmed changes",
    );
    const unheard = { name: "van", lagEntries: null };
    expect(leadingReport(statusOf([{ name: "desk" }, unheard])).members[1]?.canLead).toBeNull();
  });

  it("that was the leader is not called the leader of now when it is silent", () => {
    const silent = { ...heard, lag: { ...heard.lag, leaderReachable: false } };
    const report = leadingReport(statusOf([{ name: "desk" }, { ...lab, ...away }], silent));
    expect(report.sentence).toBe("lab led when it was last heard; it is not heard now.");
  });
});

it("an event says how long no leader was known, and nothing of it at the first one", () => {
  const log = new LeadershipLog();
  let nowMs = 1_000;
  const clock = { nowMs: () => nowMs, wallMs: () => 0 };
  const note = (leader: MemberId | null, inTerm: number) => {
    const status = { id: memberId("m1"), leader, term: term(inTerm) } as RaftStatus;
    return log.note(status, clock, (member) => member)?.sentence;
  };
  expect(note(memberId("m2"), 1)).toBe("m2 leads now (term 1).");
  nowMs = 5_000;
  expect(note(null, 1)).toContain("m2 does not lead any more");
  nowMs = 6_240;
  expect(note(memberId("m1"), 2)).toBe(
    "This computer leads now (term 2). For 1.2 s no leader was known here.",
  );
  expect(note(memberId("m1"), 2)).toBeUndefined();
});
