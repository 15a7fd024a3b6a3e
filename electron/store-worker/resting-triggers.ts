/**
 * Triggers of users that rest: while rows are written whose causes and effects are known already, a
 * trigger must not add its own again. They are dropped from a table before its first row is written and
 * made again afterwards. (SQL.js has no switch for them; a condition in each trigger would have changed
 * the SQL its author sees.)
 */
import { quoteIdentifier } from "../../shared/changes/identifiers.ts";
import type { Connection } from "./connection.ts";
import type { TableLayout } from "./table-layout.ts";

/** Those of one transaction; a rollback wakes them, too. */
export class RestingTriggers {
  readonly #connection: Connection;
  readonly #tables = new Set<string>();
  #sql: string[] = [];

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Before rows of this table are written. */
  rest(layout: TableLayout): void {
    const { name } = layout.shape;
    if (layout.triggers.length === 0 || this.#tables.has(name)) return;
    this.#tables.add(name);
    for (const trigger of layout.triggers) {
      this.#connection.runOnce(`DROP TRIGGER main.${quoteIdentifier(trigger.name)}`);
      this.#sql.push(trigger.sql);
    }
  }

  /** Before the schema changes, or at the end. */
  wake(): void {
    for (const sql of this.#sql) this.#connection.runOnce(sql);
    this.#sql = [];
    this.#tables.clear();
  }
}
