/**
 * Bugs that can be planted to prove that the tests would notice them. The product never passes
 * any: every one loses data, answers wrongly or keeps a cluster from working. The numbers are
 * those of the table in DESIGN.md.
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
  /** A voter compares the candidate's log with its commit index, not with its log (11). */
  readonly compareCommitOnVote: boolean;
  /** Votes are counted as messages: one voter that answers twice counts twice (12). */
  readonly countVoteMessages: boolean;
  /** A pre-vote takes back the vote of the current term (13). */
  readonly preVoteResetsVote: boolean;
  /** A higher term in an ack or a heartbeat's answer changes nothing (14). */
  readonly ignoreTermInAnswers: boolean;
  /** Who refuses a candidate starts waiting anew, too (15). */
  readonly refusalResetsTimer: boolean;
  /** A leader that hears no majority goes on leading (16). */
  readonly noCheckQuorum: boolean;
  /** Candidates get pre-votes and votes although the leader is heard (16). */
  readonly noLease: boolean;
  /** Time in which this process did not run counts as the leader's silence (17). */
  readonly stallIsSilence: boolean;
  /** A disk that stands still changes nobody's role (18). */
  readonly leadWithStuckDisk: boolean;
  /** A late refusal lowers what a member is known to hold (23). */
  readonly forgetMatch: boolean;
  /** The next change of the configuration does not wait for the one before (25). */
  readonly twoChangesAtOnce: boolean;
  /** A new leader changes the configuration at once (25, Ongaro's correction of 2015). */
  readonly changeBeforeOwnTermCommit: boolean;
  /** A configuration stays in force when its entry is cut (26). */
  readonly keepConfigurationOnTruncation: boolean;
  /** Answers of a seat's past life count (27). */
  readonly ignoreIncarnation: boolean;
  /** A member that was told that its disk vouches for nothing goes on as before (27). */
  readonly barredGoesOn: boolean;
  /** A new leader answers reads before it knows what is committed (30). */
  readonly readBeforeOwnTermCommit: boolean;
  /** A read is confirmed by a round that had started before it (31). */
  readonly readJoinsRunningRound: boolean;
  /** A snapshot older than what is committed here replaces the log (41). */
  readonly acceptOldSnapshot: boolean;
  /** A member that started anew in the same term waits for the next entry in silence. */
  readonly neverCompareAgain: boolean;
  /** Acks of an old term leave although the new leader may have replaced the entries (2). */
  readonly keepAcksAcrossTerms: boolean;
  /** Not a bug: the core's own assertions are left out, so that only the checkers can notice. */
  readonly skipInvariants: boolean;
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
  compareCommitOnVote: false,
  countVoteMessages: false,
  preVoteResetsVote: false,
  ignoreTermInAnswers: false,
  refusalResetsTimer: false,
  noCheckQuorum: false,
  noLease: false,
  stallIsSilence: false,
  leadWithStuckDisk: false,
  forgetMatch: false,
  twoChangesAtOnce: false,
  changeBeforeOwnTermCommit: false,
  keepConfigurationOnTruncation: false,
  ignoreIncarnation: false,
  barredGoesOn: false,
  readBeforeOwnTermCommit: false,
  readJoinsRunningRound: false,
  acceptOldSnapshot: false,
  neverCompareAgain: false,
  keepAcksAcrossTerms: false,
  skipInvariants: false,
};
