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

/** Texts and blobs of one answer; it is one JSON text later, which has a limit of its own. */
const ANSWER_BYTES_MAX = 128 * 1024 * 1024;

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
      let bytes = 0;
      for (; hasMore && rows.length < query.rowsMax; hasMore = statement.step()) {
        bytes += statement.rowBytes;
        if (bytes > ANSWER_BYTES_MAX) return err(answerTooLarge());
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

function answerTooLarge(): StoreError {
  const mebibytes = ANSWER_BYTES_MAX / (1024 * 1024);
  const message = `The answer has more than ${mebibytes} MiB; ask for fewer rows or columns.`;
  return { code: "too-large", message };
}
