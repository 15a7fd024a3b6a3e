/** What a world as a whole promises is seen to break by one planted anomaly each. */
import { describe, expect, it } from "vitest";
import { writeSettings } from "../../electron/agent/log/settings-file.ts";
import { clusterRecordToJson } from "../../electron/agent/members/cluster-record.ts";
import { memberId, term } from "../../shared/base/ids.ts";
import type { ApiError, ApiResult } from "../../shared/api/methods.ts";
import type { Result } from "../../shared/base/result.ts";
import { FakeDisk } from "../support/fake-disk.ts";
import { expectViolation } from "./expect-violation.ts";
import { recordOf, seatOf } from "./founding.ts";
import { storedRecord } from "./record-file.ts";
import {
  SpinChecker,
  checkFirstWrite,
  checkFounding,
  checkPeaceTerms,
  checkQuiet,
  checkRefusedStart,
  checkStartAfterWound,
  checkVerified,
  stuckAt,
} from "./world-checks.ts";

const N1 = memberId("n1");
const FAST = {
  network: { delayMs: 1, jitterMs: 1, bytesPerMs: 10_000 },
  syncMs: 1,
  electionMs: 300,
};
const SLOW = { ...FAST, syncMs: 40 };

function refused(code: string): Result<never, ApiError> {
  return { ok: false, error: { code, message: "" } as ApiError };
}

function verified(isIdentical: boolean): Result<ApiResult<"verify">, ApiError> {
  return { ok: true, value: { isIdentical } as ApiResult<"verify"> };
}

describe("a world", () => {
  it("is founded with patience, and by no refusal that patience does not help", () => {
    for (const code of ["no-quorum", "busy"]) checkFounding(refused(code));
    expectViolation("founding-works", () => checkFounding(refused("bad-sql")));
    expectViolation("founding-works", () => checkFounding(null));
  });

  it("takes a write soon in peace", () => {
    checkFirstWrite(7_800, FAST);
    expectViolation("writes-soon-in-peace", () => checkFirstWrite(7_801, FAST));
    checkFirstWrite(9_600, SLOW);
    expectViolation("writes-soon-in-peace", () => checkFirstWrite(9_601, SLOW));
  });

  it("needs few terms in peace, a few more where votes take long", () => {
    checkPeaceTerms(3, FAST);
    expectViolation("few-terms-per-heal", () => checkPeaceTerms(4, FAST));
    checkPeaceTerms(6, SLOW);
    expectViolation("few-terms-per-heal", () => checkPeaceTerms(7, SLOW));
  });

  it("keeps its leader in a quiet time, and its term", () => {
    const leader = { id: N1, term: term(3) };
    checkQuiet(leader, { ...leader }, 5_000);
    const name = "a-quiet-cluster-keeps-its-leader";
    expectViolation("a-quiet-cluster-keeps-its-leader", () =>
      checkQuiet(leader, { ...leader, term: term(4) }, 5_000),
    );
    expectViolation(name, () => checkQuiet(leader, { ...leader, id: memberId("n2") }, 5_000));
    expectViolation(name, () => checkQuiet(leader, undefined, 5_000));
  });

  it("ends with checksums that are those of the rows", () => {
    checkVerified(N1, verified(true));
    expectViolation("checksums-are-of-the-rows", () => checkVerified(N1, verified(false)));
    expectViolation("checksums-are-of-the-rows", () => checkVerified(N1, null));
  });

  it("says what it waited for when its time is up", () => {
    expectViolation("works-again-in-peace", () => {
      throw stuckAt("a write in peace", ["n1 off"]);
    });
  });

  it("lets a member refuse to start while its disk is hurt, and not in peace", () => {
    checkRefusedStart(N1, "storage-full: no space", false);
    expectViolation("starts-after-any-crash", () =>
      checkRefusedStart(N1, "storage-full: no space", true),
    );
    expectViolation("starts-after-any-crash", () => checkRefusedStart(N1, "log-damaged: x", false));
  });

  it("wants a hurt member to start", () => {
    expect(checkStartAfterWound(N1, "a replica", "5 files gone")).toBe("a replica");
    expectViolation("starts-after-any-wound", () => checkStartAfterWound(N1, null, "5 files gone"));
  });

  it("lets many events happen in a ms, and not without end", () => {
    const spin = (count: number, stepMs: number): void => {
      const checker = new SpinChecker();
      for (let i = 0; i < count; i++) checker.ran(i * stepMs);
    };
    spin(40_000, 0.001);
    expectViolation("never-spins", () => spin(20_001, 0.000_01));
  });
});

describe("settings on a disk", () => {
  it("are whole: half a file and a changed one are noticed", async () => {
    const disk = new FakeDisk();
    expect(storedRecord(disk)).toBeNull();
    const record = recordOf(N1, [seatOf(N1, "voter")]);
    await writeSettings(disk, "cluster.json", clusterRecordToJson(record));
    expect(storedRecord(disk)).toEqual(record);
    const whole = disk.contents().get("cluster.json") ?? new Uint8Array();
    disk.putFile("cluster.json", whole.slice(0, whole.length / 2));
    expectViolation("settings-are-never-half-written", () => storedRecord(disk));
    const text = new TextDecoder().decode(whole).replace("Simulated", "simulated");
    disk.putFile("cluster.json", new TextEncoder().encode(text));
    expectViolation("settings-are-never-half-written", () => storedRecord(disk));
  });
});
