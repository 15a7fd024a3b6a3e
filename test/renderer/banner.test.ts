import { describe, expect, it } from "vitest";
import { describeBanner, type BannerInput } from "../../renderer/banner/banner.ts";
import type { Status } from "../../shared/cluster/status.ts";
import { MockCluster } from "../support/mock-cluster.ts";

function bannerOf(change: (cluster: MockCluster) => void, input: Partial<BannerInput> = {}) {
  const cluster = new MockCluster();
  change(cluster);
  const nowMs = Date.now();
  return describeBanner({
    status: cluster.status(),
    connection: "open",
    heardAtMs: nowMs,
    nowMs,
    ...input,
  });
}

describe("describeBanner", () => {
  it("says on how many disks an edit is confirmed while this computer leads", () => {
    const view = bannerOf(() => undefined);
    expect(view).toMatchObject({ tone: "live", lead: "This computer leads.", asOf: "Live" });
    expect(view.edit).toContain("confirmed on 2 of 3 disks");
  });

  it("does not call live what a leader shows before it has all that may be confirmed", () => {
    const nowMs = Date.now();
    const asOf = new Date(nowMs - 2_000).toISOString();
    const status = new MockCluster().status();
    const asOfTextOf = (lag: Partial<Status["lag"]>) =>
      describeBanner({
        ...{ status: { ...status, lag: { ...status.lag, ...lag } }, connection: "open" },
        ...{ heardAtMs: nowMs, nowMs },
      }).asOf;
    expect(asOfTextOf({ ms: 2_000, asOf })).toMatch(/^As of \d\d:\d\d:\d\d$/);
    expect(asOfTextOf({ ms: null, asOf: null })).toBe("As of an unknown time");
    // What is on its way to the disk every moment is not lag.
    expect(asOfTextOf({ ms: 20, asOf })).toBe("Live");
  });

  it("names a member whose word was not taken, also while this computer leads", () => {
    const alarm = { code: "two-leaders", member: "Ward 2", detail: "a second leader of term 4" };
    const view = bannerOf((cluster) => (cluster.alarm = alarm));
    expect(view.tone).toBe("stopped");
    expect(view.lead).toContain("Ward 2 sent something that a sound computer never sends");
  });

  it("warns a single computer that its disk holds the only copy", () => {
    const view = bannerOf((cluster) => (cluster.members = cluster.members.slice(0, 1)));
    expect(view.edit).toContain("the only copy is on this disk");
  });

  it("never says live or editable when the leader has lost its quorum", () => {
    const view = bannerOf((cluster) => (cluster.hasQuorum = false));
    expect(view.tone).toBe("behind");
    expect(view.edit).toMatch(/^You cannot edit/);
    expect(view.asOf).not.toBe("Live");
  });

  it("names the leader and the way to edit on a mirror that is up to date", () => {
    const view = bannerOf((cluster) => (cluster.leader = 1));
    expect(view).toMatchObject({ tone: "mirror", lead: "Ward 2 leads." });
    expect(view.edit).toContain("edit on that computer");
    expect(view.asOf).toMatch(/^Up to date as of \d\d:\d\d:\d\d$/);
  });

  it("tells a mirror that is behind by how many changes", () => {
    const view = bannerOf((cluster) => {
      cluster.leader = 1;
      cluster.lagEntries = 1_284;
    });
    expect(view.tone).toBe("behind");
    expect(view.asOf).toMatch(/^1,284 changes behind, as of /);
  });

  it("says since when an unreachable leader was not heard, and keeps its name", () => {
    const view = bannerOf((cluster) => {
      cluster.leader = 1;
      cluster.leaderReachable = false;
      cluster.heardAgoMs = 120_000;
    });
    expect(view.lead).toBe("Ward 2 leads, but cannot be reached from here.");
    expect(view.asOf).toMatch(/2 min ago$/);
  });

  it("says that nobody leads during an election", () => {
    const view = bannerOf((cluster) => (cluster.leader = null));
    expect(view.lead).toBe("No computer leads right now.");
    expect(view.edit).toContain("You can read");
  });

  it("stops calling the picture live when the agent is gone or silent", () => {
    const lost = bannerOf(() => undefined, { connection: "lost" });
    const silent = bannerOf(() => undefined, { nowMs: Date.now() + 10_000 });
    for (const view of [lost, silent]) {
      expect(view.tone).toBe("stopped");
      expect(view.lead).toContain("does not answer");
      expect(view.asOf).toMatch(/^As of /);
    }
  });

  it("tells a full disk from a failed one", () => {
    const full = bannerOf((cluster) => (cluster.storage = "full"));
    const failed = bannerOf((cluster) => (cluster.storage = "failed"));
    expect(full.edit).toContain("goes on by itself");
    expect(failed.lead).toContain("failed to save");
  });

  it("says what was found about its own data folder before anything else, and what happens now", () => {
    const view = bannerOf((cluster) => {
      const since = new Date().toISOString();
      cluster.leader = 1;
      cluster.seat = { state: "barred", reason: "missing-entries", detail: "x", since };
    });
    expect(view.tone).toBe("stopped");
    expect(view.lead).toContain("older copy of this computer's data folder");
    expect(view.edit).toContain("by itself");
  });

  it("never calls a computer up to date that is being filled again or runs on a copied folder", () => {
    for (const state of ["reseeding", "copy", "damaged"] as const) {
      const view = bannerOf((cluster) => {
        cluster.leader = 1;
        cluster.seat = { state, reason: "copy", detail: null, since: null };
      });
      expect(view.tone).not.toBe("live");
      expect(view.tone).not.toBe("mirror");
      expect(view.asOf).not.toMatch(/Up to date|Live/);
    }
  });

  it("offers a lone computer with a damaged log what can still be done", () => {
    const view = bannerOf((cluster) => (cluster.storage = "damaged"));
    expect(view.tone).toBe("stopped");
    expect(view.edit).toContain("tidemark repair");
  });
});
