import type { RowSum } from "../../shared/changes/checksum.ts";
import { imageValueCount } from "../../shared/changes/payload.ts";
import type { RowsRecord } from "../../shared/changes/row-change.ts";
import { rowEnd } from "../../shared/changes/row-image.ts";

/**
 * Moves a table's sum by a run of rows that are in the database already.
 *
 * @returns false when the run is malformed; the sum is then worthless.
 */
export function rollRows(sum: RowSum, payload: Uint8Array, record: RowsRecord): boolean {
  const count = imageValueCount(record.table);
  let at = record.start;
  for (let row = 0; row < record.rowCount; row++) {
    const end = rowEnd(payload, at, count);
    if (end < 0) return false;
    if (record.operation === "insert") sum.add(payload, at, end);
    else sum.subtract(payload, at, end);
    at = end;
    if (record.operation !== "update") continue;
    const afterEnd = rowEnd(payload, at, count);
    if (afterEnd < 0) return false;
    sum.add(payload, at, afterEnd);
    at = afterEnd;
  }
  return at === record.end;
}
