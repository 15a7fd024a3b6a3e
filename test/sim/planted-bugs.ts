/**
 * Mistakes to make on purpose: a simulator that finds nothing proves nothing. Those of the
 * consensus core come from its own list (`shared/raft/faults.ts`), a few are switches of the log,
 * and the rest stand between the agent and its ports and need nothing from the product.
 */
import type { LogFaults } from "../../electron/agent/log/replication-log.ts";
import type { SeatFaults } from "../../electron/agent/members/peer-memory.ts";
import { NO_FAULTS } from "../../shared/raft/faults.ts";
import type { RaftFaults } from "../../shared/raft/faults.ts";
import type { Plant } from "./plant.ts";
import * as disk from "./plants-disk.ts";
import * as store from "./plants-store.ts";

/** A mistake to make on purpose, so that the simulator can show it would have been noticed. */
export type PlantedBug = {
  /** For `--bug`. */
  readonly name: string;
  /**
   * Its number in "Fifty ways hand-written Raft fails" (`shared/raft/DESIGN.md`); else the invariant (I) it
   * breaks, or the row (F) of the fault catalogue.
   */
  readonly item: string;
  readonly raft: RaftFaults;
  readonly log: LogFaults;
  readonly seats: SeatFaults;
  readonly plant: Plant;
};

/**
 * Bugs that worlds hardly notice, and what does: the core's need a message at one exact moment, which
 * `test/raft` tries ten times as often, or tells as a story.
 */
export const NOTICED_ELSEWHERE: { readonly [name: string]: string } = {
  ...Object.fromEntries(
    [
      "votes-counted-as-messages",
      "term-in-answers-ignored",
      "refusal-resets-timer",
      "no-check-quorum",
      "votes-although-the-leader-is-heard",
      "stall-taken-for-silence",
      "leads-with-a-stuck-disk",
      "match-lowered-by-late-refusal",
      "change-before-own-term-commit",
      "configuration-outlives-its-entry",
      "incarnation-ignored",
      "barred-goes-on",
      "read-before-own-term-commit",
      "read-joins-a-running-round",
      "older-snapshot-accepted",
      "never-compares-again",
      "acks-outlive-their-term",
    ].map((name) => [name, "test/raft/planted-bugs.test.ts"]),
  ),
};

/** Names and numbers of the core's mistakes, by number; one without an entry is named after its switch. */
const CORE: { readonly [key: string]: readonly [name: string, item: string] } = {
  forgetVote: ["vote-not-persisted", "1"],
  ackBeforePersist: ["ack-before-persist", "2"],
  keepAcksAcrossTerms: ["acks-outlive-their-term", "2"],
  countSelfBeforeFlush: ["leader-counts-itself-before-its-disk", "3"],
  noLogCheckOnVote: ["vote-for-a-shorter-log", "11"],
  compareCommitOnVote: ["commit-compared-on-vote", "11"],
  twoVotesPerTerm: ["two-votes-in-one-term", "12"],
  countVoteMessages: ["votes-counted-as-messages", "12"],
  preVoteResetsVote: ["pre-vote-resets-vote", "13"],
  ignoreTermInAnswers: ["term-in-answers-ignored", "14"],
  refusalResetsTimer: ["refusal-resets-timer", "15"],
  noCheckQuorum: ["no-check-quorum", "16"],
  noLease: ["votes-although-the-leader-is-heard", "16"],
  stallIsSilence: ["stall-taken-for-silence", "17"],
  leadWithStuckDisk: ["leads-with-a-stuck-disk", "18"],
  commitOldTermByCounting: ["commit-of-old-term-by-counting", "19"],
  commitBeyondMatch: ["commit-beyond-what-was-compared", "20"],
  truncateOnAnyAppend: ["append-always-truncates", "22"],
  neverCompareAgain: ["never-compares-again", "22"],
  forgetMatch: ["match-lowered-by-late-refusal", "23"],
  twoChangesAtOnce: ["two-changes-at-once", "25"],
  changeBeforeOwnTermCommit: ["change-before-own-term-commit", "25"],
  keepConfigurationOnTruncation: ["configuration-outlives-its-entry", "26"],
  ignoreIncarnation: ["incarnation-ignored", "27"],
  barredGoesOn: ["barred-goes-on", "27"],
  countMirrors: ["mirrors-count-for-commit", "28"],
  readBeforeOwnTermCommit: ["read-before-own-term-commit", "30"],
  readIndexWithoutRound: ["read-without-asking-the-quorum", "31"],
  readJoinsRunningRound: ["read-joins-a-running-round", "31"],
  acceptOldSnapshot: ["older-snapshot-accepted", "41"],
};

/** All of them: the core's, then the others by number. */
export const PLANTED_BUGS: readonly PlantedBug[] = [
  ...Object.keys(NO_FAULTS)
    .filter((key) => key !== "skipInvariants")
    .map(coreBug),
  logBug("hard-state-never-written", "1", { skipHardState: true }),
  planted("hard-state-after-messages", "1", disk.hardStateComesAfterMessages),
  logBug("ack-before-fsync", "2", { ackBeforeSync: true }),
  planted("write-told-before-the-quorum", "4", store.writeIsToldBeforeTheQuorum),
  planted("folder-sync-does-nothing", "5", disk.folderSyncDoesNothing),
  planted("failed-sync-retried", "6", disk.failedSyncIsRetried),
  planted("short-write-taken-for-whole", "7", disk.shortWriteIsTakenForWhole),
  planted("torn-record-left-behind", "7", disk.tornRecordIsLeftBehind),
  planted("image-older-than-its-mark", "9", store.imageIsOlderThanItsMark),
  planted("requests-not-in-snapshots", "24", store.snapshotsForgetRequests),
  planted("read-before-applied", "32", store.readIsOfAnOlderState),
  planted("bounded-not-measured", "34", store.boundIsIgnored),
  planted("session-token-ignored", "35", store.sessionTokenIsIgnored),
  planted("snapshot-adopted-before-sync", "37", disk.snapshotIsAdoptedUnsynced),
  planted("monotonic-clock-is-wall-clock", "48", store.monotonicClockIsTheWallClock),
  planted("apply-error-skipped", "50", store.applyErrorIsSkipped),
  planted("unknown-told-as-refused", "I6", store.unknownIsToldAsRefused),
  planted("as-of-too-new", "I11", store.asOfIsTooNew),
  planted("as-of-moment-too-new", "I11", store.asOfMomentIsTooNew),
  planted("lag-always-nought", "I11", store.lagIsAlwaysNought),
  planted("request-numbers-ignored", "I12", store.requestNumbersAreIgnored),
  seatBug("peer-memory-off", "F21", { forgetPeers: true }),
];

/** The bug of that name, or null. */
export function findBug(name: string): PlantedBug | null {
  return PLANTED_BUGS.find((bug) => bug.name === name) ?? null;
}

function coreBug(key: string): PlantedBug {
  const [name, item] = CORE[key] ?? [inWords(key), "core"];
  return {
    name,
    item,
    raft: { ...NO_FAULTS, skipInvariants: true, [key]: true },
    log: {},
    seats: {},
    plant: {},
  };
}

function logBug(name: string, item: string, log: LogFaults): PlantedBug {
  return { name, item, raft: NO_FAULTS, log, seats: {}, plant: {} };
}

function seatBug(name: string, item: string, seats: SeatFaults): PlantedBug {
  return { name, item, raft: NO_FAULTS, log: {}, seats, plant: {} };
}

function planted(name: string, item: string, plant: Plant): PlantedBug {
  return { name, item, raft: NO_FAULTS, log: {}, seats: {}, plant };
}

/** `noCheckQuorum` becomes `no-check-quorum`. */
function inWords(key: string): string {
  return key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
