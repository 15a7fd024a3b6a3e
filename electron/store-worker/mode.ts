import type { Connection } from "./connection.ts";

/** Settings every connection runs with; the rest depends on what it does. */
const PRAGMAS = [
  // The file is this connection's alone: no locks to take and no other writer's journal to look for.
  "PRAGMA locking_mode = EXCLUSIVE",
  "PRAGMA journal_mode = MEMORY",
  "PRAGMA synchronous = OFF",
  "PRAGMA temp_store = MEMORY",
  "PRAGMA recursive_triggers = ON",
  "PRAGMA trusted_schema = ON",
];

/**
 * What the connection does now. While capturing, constraints hold and cascades happen; while
 * applying they must not, because their effects are in the log as rows. Changed only outside a
 * transaction: SQLite ignores `foreign_keys` inside one.
 */
export class ConnectionMode {
  readonly #connection: Connection;
  #mode: "none" | "capture" | "restore" | "apply" = "none";

  constructor(connection: Connection) {
    this.#connection = connection;
    for (const sql of PRAGMAS) connection.runOnce(sql);
  }

  capture(): void {
    this.#enter("capture", "ON", "OFF");
  }

  /** A former state is captured: each row is written as it was, so nothing may follow from another one. */
  restore(): void {
    this.#enter("restore", "OFF", "OFF");
  }

  apply(): void {
    this.#enter("apply", "OFF", "ON");
  }

  #enter(mode: "capture" | "restore" | "apply", foreignKeys: string, ignoreChecks: string): void {
    if (this.#mode === mode) return;
    this.#connection.run(`PRAGMA foreign_keys = ${foreignKeys}`);
    this.#connection.run(`PRAGMA ignore_check_constraints = ${ignoreChecks}`);
    this.#mode = mode;
  }
}
