/** Bytes of a transaction's payload before it must be cut into parts: one log entry each. */
export const ENTRY_BYTES_MAX = 1024 * 1024;

/** Bytes of a whole transaction; beyond it the answer is `too-large`. */
export const TRANSACTION_BYTES_MAX = 64 * 1024 * 1024;

/**
 * Bytes of the database. It is in memory, about four times while a snapshot is made and opened: measured up to 4 GiB in one
 * process, set to what a computer with 8 GiB has room for beside other programs.
 */
export const DATABASE_BYTES_MAX = 1024 * 1024 * 1024;

/** Columns of a table: as many as SQLite itself takes (SQLITE_MAX_COLUMN). */
export const COLUMN_COUNT_MAX = 2000;

/** Bytes of a client id or an author. */
export const LABEL_BYTES_MAX = 1024;

/** Bytes of the answer kept for a client's retry. */
export const RESULTS_BYTES_MAX = 1024 * 1024;
