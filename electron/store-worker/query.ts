import { err, ok, type Result } from "../../shared/base/result.ts";
import type { JsonCell } from "../../shared/changes/values.ts";
import type { Connection } from "./connection.ts";
import { checkQuery } from "./guard.ts";
import type { StoreError, StoreMethods } from "./messages.ts";
import { errorAnswer } from "./refusal.ts";
import { bindUserStatement } from "./user-statement.ts";

/** Rows as they are asked for, without the position they were read at. */
export type QueryRows = {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly JsonCell[])[];
  readonly isTruncated: boolean;
};

/**
 * Runs a query. It is judged before it runs, and runs in a transaction that is rolled back, so
 * that one the guard misjudged changes nothing either.
 */
export function runQuery(
  connection: Connection,
  query: StoreMethods["query"]["params"],
): Result<QueryRows, StoreError> {
  if (!Number.isSafeInteger(query.rowsMax) || query.rowsMax < 1) {
    return err({ code: "bad-request", message: "A query asks for at least one row." });
  }
  const checked = checkQuery(query.sql, query.isInternal ?? false);
  if (!checked.ok) return checked;
  connection.run("BEGIN");
  try {
    const statement = bindUserStatement(connection, query, checked.value.tokens);
    try {
      const columns = statement.columnNames();
      const rows: JsonCell[][] = [];
      let hasMore = statement.step();
      for (; hasMore && rows.length < query.rowsMax; hasMore = statement.step()) {
        rows.push(statement.cells());
      }
      return ok({ columns, rows, isTruncated: hasMore });
    } finally {
      statement.reset();
    }
  } catch (thrown) {
    return err(errorAnswer(thrown));
  } finally {
    connection.run("ROLLBACK");
  }
}
