import type { LogFaults } from "../../electron/agent/log/replication-log.ts";
import { NO_FAULTS } from "../../shared/raft/faults.ts";
import type { RaftFaults } from "../../shared/raft/faults.ts";

/** A mistake to make on purpose, so that the simulator can show it would have been noticed. */
export type PlantedBug = {
  /** For `--bug`. */
  readonly name: string;
  readonly raft: RaftFaults;
  readonly log: LogFaults;
};

/** All of them, by the name of what they get wrong. */
export const PLANTED_BUGS: readonly PlantedBug[] = [
  raftBug("vote-not-persisted", { forgetVote: true }),
  logBug("ack-before-fsync", { ackBeforeSync: true }),
  raftBug("commit-of-old-term-by-counting", { commitOldTermByCounting: true }),
  logBug("hard-state-never-written", { skipHardState: true }),
  raftBug("ack-before-persist", { ackBeforePersist: true }),
  raftBug("leader-counts-itself-before-its-disk", { countSelfBeforeFlush: true }),
  raftBug("vote-for-a-shorter-log", { noLogCheckOnVote: true }),
  raftBug("append-always-truncates", { truncateOnAnyAppend: true }),
  raftBug("mirrors-count-for-commit", { countMirrors: true }),
  raftBug("two-votes-in-one-term", { twoVotesPerTerm: true }),
  raftBug("read-without-asking-the-quorum", { readIndexWithoutRound: true }),
  raftBug("commit-beyond-what-was-compared", { commitBeyondMatch: true }),
];

function raftBug(name: string, faults: Partial<RaftFaults>): PlantedBug {
  return { name, raft: { ...NO_FAULTS, ...faults }, log: {} };
}

function logBug(name: string, log: LogFaults): PlantedBug {
  return { name, raft: NO_FAULTS, log };
}
