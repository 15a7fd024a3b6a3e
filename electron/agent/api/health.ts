import type { Status } from "../../../shared/cluster/status.ts";

/** An answer for scripts and load balancers: 200 or 503, and one word why. */
export type Health = { readonly isUp: boolean; readonly reason: string };

/** Paths that answer without a token: they tell nothing but yes or no. */
export type HealthPath = "/healthz" | "/readyz" | "/leader" | "/follower";

/** Whether a path is one of them. */
export function isHealthPath(path: string): path is HealthPath {
  return ["/healthz", "/readyz", "/leader", "/follower"].includes(path);
}

/**
 * `/healthz`: the agent works. `/readyz`: it has a cluster and can answer reads. `/leader`: a
 * write sent here now would be taken. `/follower`: reads here are served by a member that does
 * not lead, hears its leader, and is at most `lagMsMax` behind.
 */
export function judgeHealth(path: HealthPath, status: Status, lagMsMax: number): Health {
  const { state } = status.storage;
  if (state === "failed" || state === "diverged") return down(`storage-${state}`);
  if (path === "/healthz") return up;
  if (status.cluster === null) return down("no-cluster");
  if (path === "/readyz") return up;
  const isLeader = status.role === "leader";
  if (path === "/leader") {
    if (!isLeader) return down("not-leader");
    return status.canWrite ? up : down("cannot-write");
  }
  if (isLeader) return down("is-leader");
  if (status.lag.ms === null || !status.lag.leaderReachable) return down("leader-unreachable");
  return status.lag.ms <= lagMsMax ? up : down("behind");
}

const up: Health = { isUp: true, reason: "ok" };

function down(reason: string): Health {
  return { isUp: false, reason };
}
