import { assert, defined } from "../../shared/base/assert.ts";
import { quoteIdentifier } from "../../shared/changes/identifiers.ts";
import type { ImageWriter } from "../../shared/changes/row-image.ts";
import type { Connection } from "./connection.ts";
import { resultLists } from "./row-sql.ts";
import type { TableLayout } from "./table-layout.ts";

/** Shows each row of a table as an image, which is good until the next one. */
export function scanImages(
  connection: Connection,
  { shape, imageSql }: TableLayout,
  visit: (image: ImageWriter) => void,
): void {
  const table = `main.${quoteIdentifier(shape.name)}`;
  // A second list is needed beside a rowid only, and rowid tables are then read in the rowid's order.
  const statements = resultLists(imageSql).map((list) => {
    const { statement } = connection.prepare(`SELECT ${list} FROM ${table} NOT INDEXED`);
    return defined(statement, "a SELECT is a statement");
  });
  const { scratch } = connection;
  try {
    while (statements[0]?.step() === true) {
      scratch.length = 0;
      for (const [i, statement] of statements.entries()) {
        assert(i === 0 || statement.step(), "each list shows every row");
        statement.writeImage(scratch);
      }
      visit(scratch);
    }
  } finally {
    for (const statement of statements) statement.finalize();
  }
}
