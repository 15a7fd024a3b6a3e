/**
 * What the window says in words. Sentences are the product here: they must never claim too much.
 */
import { describe, expect, it } from "vitest";
import { describeMember } from "../../renderer/computers/describe.ts";
import { toSeries } from "../../renderer/computers/lag-series.ts";
import { describeVerification, repairBody, toneOf } from "../../renderer/computers/verification.ts";
import { describeFailure } from "../../renderer/parts/failure.ts";
import { formatDuration } from "../../renderer/parts/format.ts";
import { hrefOf, parseRoute } from "../../renderer/route.ts";
import { isReading } from "../../renderer/sql/statement-kind.ts";
import { logIndex, memberId } from "../../shared/base/ids.ts";
import { MockCluster } from "../support/mock-cluster.ts";

describe("a computer in the list", () => {
  const member = (change: object) => {
    const [, second] = new MockCluster().status().members;
    if (second === undefined) throw new Error("the mock has three members");
    return describeMember({ ...second, ...change }, Date.now());
  };

  it("is not called up to date while nothing is known of it", () => {
    expect(member({ lagEntries: null, lagMs: null }).state).toBe("Waiting for word");
    expect(member({ lagEntries: null, lagMs: null }).lag).toBe("not known");
  });

  it("says of a computer with another version that this is why it is away", () => {
    const refusal = { code: "version-mismatch", detail: "desk runs 9.9.9" };
    expect(member({ connected: false, refusal }).state).toBe("Runs another version");
    expect(member({ connected: false }).state).toBe("Not connected");
  });

  it("shows the absolute remainder while it is away", () => {
    const view = member({ connected: false, lagEntries: 1_284, lagMs: null });
    expect(view).toMatchObject({ tone: "away", state: "Not connected", lag: "1,284 changes" });
  });

  it("is up to date when what it lacks is younger than a second", () => {
    expect(member({ lagEntries: 3, lagMs: 40 }).tone).toBe("live");
    expect(member({ lagEntries: 3, lagMs: 2_000 }).tone).toBe("behind");
  });
});

describe("the lag chart", () => {
  it("shows silence as a gap, not as zero", () => {
    const a = memberId("a");
    const samples = [
      { atMs: 2_000, memberId: a, entries: 0, ms: null },
      { atMs: 1_000, memberId: a, entries: 4, ms: 8 },
    ];
    expect(toSeries(samples, [a])).toEqual({
      seconds: [1, 2],
      lines: [{ memberId: a, entries: [4, null] }],
    });
  });
});

describe("the check of a copy", () => {
  const found = {
    isIdentical: true,
    comparedWith: "leader",
    index: logIndex(9),
    rolling: "a",
    recomputed: "a",
    tables: [],
    leader: "a",
  } as const;

  it("claims to equal the leader only when the leader's checksum was compared", () => {
    expect(describeVerification(found)).toContain("identical to the leader");
    const own = { ...found, comparedWith: "own-log" } as const;
    const unheard = describeVerification({ ...own, leader: null });
    expect(unheard).not.toContain("identical to the leader");
    expect(unheard).toContain("was not heard");
    const leading = describeVerification(own);
    expect(leading).not.toContain("identical to the leader");
    expect(leading).toContain("This computer leads");
  });

  it("has the colour of what is right only where it was compared, or leads", () => {
    const own = { ...found, comparedWith: "own-log" } as const;
    expect(toneOf(found)).toBe("live");
    expect(toneOf(own)).toBe("live");
    expect(toneOf({ ...own, leader: null })).toBe("behind");
    expect(toneOf({ ...found, isIdentical: false })).toBe("stopped");
  });

  it("offers a repair only of what the own log can put right, and tells a leader what it means", () => {
    expect(repairBody("no-proof", false)).toBeNull();
    expect(repairBody("log-differs", false)).toBeNull();
    expect(repairBody("rows-differ", false)).not.toContain("This computer leads");
    expect(repairBody("tables-differ", true)).toContain("This computer leads");
  });

  it("names the damaged tables", () => {
    const tables = [{ name: "people", rolling: "a", recomputed: "b" }];
    const sentence = describeVerification({ ...found, isIdentical: false, tables });
    expect(sentence).toContain("in: people");
  });
});

describe("error texts", () => {
  it("name the leader, and quote SQLite only where it says more", () => {
    const leader = { id: memberId("b"), name: "Ward 2", address: null, http: null };
    const refused = describeFailure({ code: "not-leader", message: "internal words", leader });
    expect(refused.what).toContain("Ward 2 leads");
    expect(refused.verbatim).toBeNull();
    const sql = describeFailure({ code: "sql-error", message: 'near "FRM": syntax error' });
    expect(sql.verbatim).toBe('near "FRM": syntax error');
  });
});

describe("addresses", () => {
  it("carry any table name there and back", () => {
    const route = { page: "tables", table: "a/b #1 %" } as const;
    expect(parseRoute(hrefOf(route))).toEqual(route);
  });

  it("lead to the list of tables when they are broken", () => {
    expect(parseRoute("#/tables/%E0%A4%A")).toEqual({ page: "tables", table: null });
    expect(parseRoute("#/nowhere")).toEqual({ page: "tables", table: null });
  });
});

describe("the first word of a statement", () => {
  it("decides between reading and writing, past comments and through WITH", () => {
    expect(isReading("-- drop table\n SELECT 1")).toBe(true);
    expect(isReading("/* x */ values (1)")).toBe(true);
    expect(isReading("WITH a AS (SELECT 'delete') SELECT * FROM a")).toBe(true);
    expect(isReading("WITH a AS (SELECT 1) DELETE FROM t")).toBe(false);
    expect(isReading("UPDATE t SET a = 1")).toBe(false);
  });
});

describe("durations", () => {
  it("have one unit that fits", () => {
    expect([0, 999, 2_400, 59_400, 61_000, 7_200_000, 200_000_000].map(formatDuration)).toEqual([
      "0 ms",
      "999 ms",
      "2.4 s",
      "59 s",
      "1 min",
      "2 h",
      "2 days",
    ]);
  });
});
