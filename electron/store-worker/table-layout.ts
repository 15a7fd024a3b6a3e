import type { TableShape } from "../../shared/changes/payload.ts";
import type { RowSql } from "./row-sql.ts";

/** A trigger somebody made; its effects are shipped as rows, so it rests while applying. */
export type UserTrigger = { readonly name: string; readonly sql: string };

/** One ordinary table. */
export type TableLayout = {
  readonly shape: TableShape;
  /** As in `sqlite_schema`: when it changes, the table's checksum is computed anew. */
  readonly sql: string;
  /** Quoted SQL for each value of an image, in order; the first is the rowid if it leads. */
  readonly imageSql: readonly string[];
  /** Places of the key among an image's values. */
  readonly keyPlaces: readonly number[];
  /**
   * Per image value: whether the column turns a REAL that is a whole number into an INTEGER.
   * Such columns take integers up to 2^51 bound as REAL; SQL.js exports no 64-bit bind.
   */
  readonly takesIntegerAsReal: readonly boolean[];
  readonly isAutoincrement: boolean;
  readonly hasDeferredKey: boolean;
  /** Tables whose changes it follows by actions of its foreign keys, in lower case. */
  readonly followedTables: readonly string[];
  readonly triggers: readonly UserTrigger[];
  /** The statements that read and write its rows. */
  readonly rowSql: RowSql;
};
