/**
 * Whether a transaction owes a reference: SQLite counts broken deferred keys between tables and looks at
 * the count at COMMIT only, but a captured transaction must know before.
 *
 * SQL.js has no way to ask for the count. But SQLite looks through the children of a new parent row
 * only while something is owed, and a child here has a computed key: when the function that computes
 * it is called, something is. This costs the same however large the tables are, and says exactly what
 * COMMIT would say; `foreign_key_check` reads all rows, compares a row with itself in another way than
 * SQLite does when it writes it, and finds references that were broken before.
 */
import { assert } from "../../shared/base/assert.ts";
import type { Connection } from "./connection.ts";

const FUNCTION_NAME = "_tidemark_key";
const CHILD = "temp._tidemark_child";
const PARENT = "temp._tidemark_parent";
const TABLES = [
  // Without a rowid: `last_insert_rowid()` is the user's.
  `CREATE TEMP TABLE _tidemark_parent(id INTEGER PRIMARY KEY) WITHOUT ROWID`,
  `CREATE TEMP TABLE _tidemark_child(id INTEGER PRIMARY KEY,
     parent AS (${FUNCTION_NAME}(id)) REFERENCES _tidemark_parent DEFERRABLE INITIALLY DEFERRED) WITHOUT ROWID`,
  `INSERT INTO ${CHILD}(id) VALUES (1)`,
];

/** Asks one connection, whose `foreign_keys` are on and whose transaction is open. */
export class DeferredKeys {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
    const code = connection.sqlite.addListenerFunction(connection.pointer, {
      name: FUNCTION_NAME,
      isDeterministic: true,
    });
    assert(code === 0, "SQLite takes the function of a key");
  }

  /** Whether COMMIT would fail now. */
  get areBroken(): boolean {
    const { sqlite } = this.#connection;
    const { listener } = sqlite;
    let callCount = 0;
    sqlite.listener = () => callCount++;
    try {
      this.#make();
      callCount = 0;
      this.#connection.run(`INSERT INTO ${PARENT} VALUES (1)`);
      const isOwed = callCount > 0;
      this.#connection.run(`DELETE FROM ${PARENT}`);
      return isOwed;
    } finally {
      // The recorder's: what happened in here was no change of a user.
      sqlite.listener = listener;
    }
  }

  /** A rollback to before they were made takes them away. */
  #make(): void {
    const made = "SELECT 1 FROM temp.sqlite_schema WHERE name = '_tidemark_child'";
    if (this.#connection.cached(made).first() !== null) return;
    for (const sql of TABLES) this.#connection.runOnce(sql);
  }
}
