/**
 * The highest term that is believed: a million elections a second would need a century to come here. Beyond
 * 2^53 a term could not be counted up any more, and would be on every disk by then.
 */
export const TERM_MAX = 2 ** 52;

/** Voters in one configuration. More make every write slower and no room safer. */
export const VOTERS_MAX = 7;

/** Seats in one configuration, mirrors included. */
export const SEATS_MAX = 64;

/** Bytes of one seat's context. */
export const CONTEXT_BYTES_MAX = 4096;

/** Appends sent to one member and not acknowledged; bounds the queue when entries are tiny. */
export const INFLIGHT_APPENDS_MAX = 256;

/** Reads a leader keeps waiting for a quorum round; further ones are refused. */
export const READS_WAITING_MAX = 10_000;

/** Payload bytes of committed entries in one Ready, so that a restart hands out its log in pieces. */
export const COMMITTED_BYTES_MAX = 8 * 1024 * 1024;

/**
 * A heartbeat may leave this share of its period too early: the next call may be a whole heartbeat
 * away, so the call nearest to the due time is taken. Below one half, so that calls twice as often
 * do not send twice as many.
 */
export const HEARTBEAT_EARLY_SHARE = 0.45;

/** Shortest wait between a lost connection to the leader and the pre-vote it suggests. */
export const HINT_DELAY_MS_MIN = 20;

/** Random part of that wait. */
export const HINT_JITTER_MS_MAX = 40;

/**
 * Each further voter in the order of ids waits this much longer: everybody notices the end of a
 * leader at the same moment, and candidates that ask together split the vote.
 */
export const HINT_RANK_MS = 80;

/** A hinted election that found no leader is tried again after this, and the wait above. */
export const HINT_RETRY_MS = 200;

/** Early tries after the first, before the ordinary election timeout takes over. */
export const HINT_RETRY_COUNT_MAX = 3;

/** Stalls of its own process in a row that a leader does not count as a member's silence. */
export const GAPS_FORGIVEN_MAX = 3;
