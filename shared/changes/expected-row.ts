/** What a client saw before it changes something, so that it overwrites nobody's newer work. */
import type { JsonCell } from "./values.ts";

/** A row as somebody saw it. The transaction that comes with it is carried out only while it is still so. */
export type ExpectedRow = {
  readonly table: string;
  /** Column -> value: what names the row, usually its primary key. `rowid` where no column holds it. */
  readonly key: Readonly<Record<string, JsonCell>>;
  /**
   * Column -> value exactly as it was read (5 is not 5.0): the columns that matter to the asker, all for a whole
   * before image. null: there is no such row.
   */
  readonly row: Readonly<Record<string, JsonCell>> | null;
};

/** Rows that one transaction may expect. */
export const EXPECTED_ROWS_MAX = 10_000;
