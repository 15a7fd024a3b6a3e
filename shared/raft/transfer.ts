import type { MemberId } from "../base/ids.ts";
import { type Result, err, ok } from "../base/result.ts";
import { isVoter, votersOf } from "./configuration.ts";
import { campaign } from "./election.ts";
import { becomeFollower } from "./roles.ts";
import type { Core, Leadership } from "./state.ts";
import type { RaftError, TimeoutNowMessage } from "./types.ts";

/** Switchover (§3.10): no more proposals; the target catches up, then starts its election. */
export function startTransfer(core: Core, target: MemberId): Result<null, RaftError> {
  const { role } = core;
  if (role.name !== "leader") return err({ code: "not-leader", detail: "nothing to hand over" });
  if (target === core.id) return err({ code: "already-so", detail: "it leads already" });
  if (role.transfer) {
    return err({ code: "transfer-in-progress", detail: `to ${role.transfer.target}` });
  }
  if (!isVoter(core.configuration, target)) {
    return err({ code: "unknown-member", detail: "only a voter can lead" });
  }
  const deadlineMs = core.nowMs + core.settings.electionMs;
  role.transfer = { target, deadlineMs, isSent: false };
  return ok(null);
}

/** Tells the target to start as soon as it holds the whole log. */
export function continueTransfer(core: Core, role: Leadership): void {
  const { transfer } = role;
  if (transfer === null || transfer.isSent) return;
  if (role.progress.get(transfer.target)?.matchIndex !== core.log.lastIndex) return;
  sendTimeoutNow(core, transfer.target);
  transfer.isSent = true;
}

/** The leader asks this member to take over. */
export function handleTimeoutNow(core: Core, message: TimeoutNowMessage): void {
  if (core.role.name !== "follower" || core.leader !== message.from) return;
  if (!core.isSelfVoter || core.isDiskStuck || core.log.isInstalling) return;
  campaign(core, { isTransfer: true });
}

/**
 * A leader that is no voter any more leads until its removal is committed (§4.2.2), then stops,
 * and lets the voter that holds most start at once.
 */
export function leaveIfRemoved(core: Core, role: Leadership): void {
  if (core.isSelfVoter || core.configurations.latest.index > core.commitIndex) return;
  let successor: MemberId | null = null;
  let successorMatch = -1;
  for (const voter of votersOf(core.configuration)) {
    const matchIndex = role.progress.get(voter)?.matchIndex ?? -1;
    if (matchIndex <= successorMatch) continue;
    successor = voter;
    successorMatch = matchIndex;
  }
  if (successor !== null) sendTimeoutNow(core, successor);
  becomeFollower(core, core.term, null);
}

function sendTimeoutNow(core: Core, to: MemberId): void {
  core.send({ type: "timeout-now", from: core.id, to, term: core.term });
}
