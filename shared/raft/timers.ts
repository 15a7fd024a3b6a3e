/**
 * What time brings: elections, heartbeats, the loss of a quorum, deadlines.
 *
 * Time is what `advance` was told last. A gap between two calls means that this process did not
 * run (a stall, a sleeping laptop); the messages of that time are still waiting in its sockets,
 * so nobody's silence is concluded from it.
 */
import type { MemberId } from "../base/ids.ts";
import { votersOf } from "./configuration.ts";
import { startElection } from "./election.ts";
import { hurryAfterHint, postponeHint } from "./hint.ts";
import { majorityOf, reachedBy } from "./quorum.ts";
import { dropForwardedReads, expireForwardedReads } from "./reads.ts";
import { GAPS_FORGIVEN_MAX, HEARTBEAT_EARLY_SHARE } from "./limits.ts";
import { broadcastHeartbeat, forgetInflight, retrySnapshots } from "./replication.ts";
import { becomeFollower } from "./roles.ts";
import type { Core, Leadership } from "./state.ts";

/** Time has come; a clock that seems to go back is ignored. */
export function advanceTime(core: Core, nowMs: number): void {
  const gapMs = nowMs - core.nowMs;
  if (gapMs <= 0) {
    if (core.hurryAtMs !== null && core.nowMs >= core.hurryAtMs) startElection(core);
    return;
  }
  core.nowMs = nowMs;
  const isStall = gapMs > core.settings.electionMs / 2;
  if (isStall && !core.faults.stallIsSilence) forgiveGap(core, gapMs);
  if (core.role.name === "leader") advanceLeader(core, core.role);
  else if (nowMs >= electionAtMs(core)) startElection(core);
  if (core.forwardedReads.size > 0) expireForwardedReads(core);
}

/** When an election is due, were nothing heard until then; Infinity for a leader. */
export function electionAtMs(core: Core): number {
  if (core.role.name === "leader") return Infinity;
  const timeoutAtMs = core.timerStartMs + core.electionTimeoutMs;
  return core.hurryAtMs === null ? timeoutAtMs : Math.min(core.hurryAtMs, timeoutAtMs);
}

/** The connection to a member dropped. */
export function noteConnectionLost(core: Core, member: MemberId): void {
  if (core.role.name === "leader") {
    forgetInflight(core.role, member);
    if (core.role.transfer?.target === member) core.role.transfer = null;
    return;
  }
  if (core.leader !== member) return;
  // The lease goes, so that others' pre-votes are granted; theirs still protect a live leader.
  core.heardLeaderAtMs = -Infinity;
  hurryAfterHint(core, member);
  dropForwardedReads(core);
}

/** Gives leadership up without naming a successor. */
export function stepDownNow(core: Core): void {
  if (core.role.name !== "leader") return;
  becomeFollower(core, core.term, null);
  core.resetElectionTimer();
}

function advanceLeader(core: Core, role: Leadership): void {
  const voters = votersOf(core.configuration);
  // Alone with a slow disk it can only wait; otherwise somebody else's disk may do better.
  const couldOtherLead = voters.some((voter) => voter !== core.id);
  if ((core.isDiskStuck && couldOtherLead) || hasLostQuorum(core, role, voters)) {
    stepDownNow(core);
    return;
  }
  if (role.transfer && core.nowMs >= role.transfer.deadlineMs) role.transfer = null;
  retrySnapshots(core, role);
  const { heartbeatMs } = core.settings;
  if (core.nowMs < role.nextHeartbeatAtMs - heartbeatMs * HEARTBEAT_EARLY_SHARE) return;
  role.nextHeartbeatAtMs = core.nowMs + heartbeatMs;
  role.commitIndexAtHeartbeat = core.commitIndex;
  broadcastHeartbeat(core, role);
}

/** CheckQuorum (§6.2): no majority was heard for an election timeout, so another may lead. */
function hasLostQuorum(core: Core, role: Leadership, voters: readonly MemberId[]): boolean {
  if (core.faults.noCheckQuorum) return false;
  const heardAtMs = voters.map((id) =>
    id === core.id ? core.nowMs : (role.progress.get(id)?.heardAtMs ?? -Infinity),
  );
  const majorityHeardAtMs = reachedBy(heardAtMs, majorityOf(voters.length));
  return core.nowMs - majorityHeardAtMs > core.settings.electionMs;
}

function forgiveGap(core: Core, gapMs: number): void {
  core.timerStartMs = core.nowMs;
  postponeHint(core);
  if (core.outstanding) core.outstanding.sinceMs += gapMs;
  if (core.role.name !== "leader") return;
  for (const progress of core.role.progress.values()) {
    // A process that stalls again and again, and hears nobody in between, is cut off as well.
    if (progress.forgivenGapCount >= GAPS_FORGIVEN_MAX) continue;
    progress.forgivenGapCount += 1;
    progress.heardAtMs += gapMs;
  }
}
