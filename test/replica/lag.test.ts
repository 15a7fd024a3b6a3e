import { describe, expect, it } from "vitest";
import { logIndex } from "../../shared/base/ids.ts";
import { CommitTimes } from "../../shared/cluster/lag.ts";

const at = (nowMs: number) => ({ nowMs, wallMs: nowMs + 5 });

describe("lag by commit times", () => {
  it("is 0 when everything known to be committed is applied, however long ago that was", () => {
    const times = new CommitTimes();
    times.committed(logIndex(7), at(1_000));
    expect(times.lagMs(logIndex(7), 9_000_000)).toBe(0);
    expect(times.lagMs(logIndex(9), 9_000_000)).toBe(0);
  });

  it("counts from the moment the first missing entry was committed", () => {
    const times = new CommitTimes();
    times.committed(logIndex(1), at(1_000));
    times.committed(logIndex(2), at(2_000));
    times.committed(logIndex(3), at(3_000));
    expect(times.lagMs(logIndex(1), 5_000)).toBe(3_000);
    expect(times.lagMs(logIndex(2), 5_000)).toBe(2_000);
    expect(times.lagMs(logIndex(0), 5_000)).toBe(4_000);
  });

  it("never tells less than the truth when marks close together are merged", () => {
    const times = new CommitTimes();
    times.committed(logIndex(1), at(1_000));
    times.committed(logIndex(2), at(1_001));
    times.committed(logIndex(3), at(1_004));
    expect(times.lagMs(logIndex(2), 2_000)).toBeGreaterThanOrEqual(2_000 - 1_004);
  });

  it("stays above the truth and bounded in memory after a million commits", () => {
    const times = new CommitTimes();
    for (let i = 1; i <= 1_000_000; i++) times.committed(logIndex(i), at(i * 10));
    for (const applied of [10, 400_000, 999_000, 999_999]) {
      const truthMs = 10_000_000 - (applied + 1) * 10;
      expect(times.lagMs(logIndex(applied), 10_000_000)).toBeGreaterThanOrEqual(truthMs);
    }
    expect(times.lagMs(logIndex(999_999), 10_000_000)).toBe(0);
  });

  it("tells what the wall clock showed then, whatever it shows now", () => {
    const times = new CommitTimes();
    times.committed(logIndex(1), at(1_000));
    times.committed(logIndex(2), { nowMs: 2_000, wallMs: 77 });
    expect(times.behindSinceWallMs(logIndex(1))).toBe(77);
    expect(times.behindSinceWallMs(logIndex(2))).toBeNull();
  });
});
