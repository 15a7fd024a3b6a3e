import type { Core } from "./state.ts";
import type { Progress, RaftStatus } from "./types.ts";

/** A picture of the core for status pages and tests. */
export function describeStatus(core: Core): RaftStatus {
  const { role, log } = core;
  return {
    id: core.id,
    role: role.name,
    term: core.term,
    votedFor: core.votedFor,
    incarnation: core.incarnation,
    leader: core.leader,
    lastIndex: log.lastIndex,
    flushedIndex: log.flushedIndex,
    commitIndex: core.commitIndex,
    configuration: core.configuration,
    isChangingConfiguration: core.configurations.latest.index > core.commitIndex,
    transferTarget: role.name === "leader" ? (role.transfer?.target ?? null) : null,
    progress: describeProgress(core),
    alarm: core.alarm,
  };
}

function describeProgress(core: Core): readonly Progress[] {
  const { role, settings, nowMs } = core;
  if (role.name !== "leader") return [];
  return [...role.progress.values()].map((progress) =>
    progress.describe(progress.isHeard && nowMs - progress.heardAtMs < settings.electionMs),
  );
}
