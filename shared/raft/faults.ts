/**
 * Bugs that can be planted to prove that the tests would notice them. The product never passes
 * any: every one loses data or breaks an election.
 */
export type RaftFaults = {
  /** The leader commits an entry of an earlier term as soon as a majority holds it (figure 8). */
  readonly commitOldTermByCounting: boolean;
  /** The vote is left out of what is persisted. */
  readonly forgetVote: boolean;
  /** Acks and votes leave before what they promise is on disk. */
  readonly ackBeforePersist: boolean;
  /** The leader counts its own copy before its disk has it. */
  readonly countSelfBeforeFlush: boolean;
  /** Votes are given to candidates whose log is behind. */
  readonly noLogCheckOnVote: boolean;
  /** A follower cuts its log after `previous` on every append, conflict or not. */
  readonly truncateOnAnyAppend: boolean;
  /** The acks of mirrors count for commit as if they were voters'. */
  readonly countMirrors: boolean;
  /** A second candidate gets a vote in the same term. */
  readonly twoVotesPerTerm: boolean;
  /** Linearizable reads are answered without asking a quorum. */
  readonly readIndexWithoutRound: boolean;
  /** A follower takes the leader's commit index for entries it has not compared. */
  readonly commitBeyondMatch: boolean;
};

/** What the product runs with. */
export const NO_FAULTS: RaftFaults = {
  commitOldTermByCounting: false,
  forgetVote: false,
  ackBeforePersist: false,
  countSelfBeforeFlush: false,
  noLogCheckOnVote: false,
  truncateOnAnyAppend: false,
  countMirrors: false,
  twoVotesPerTerm: false,
  readIndexWithoutRound: false,
  commitBeyondMatch: false,
};
