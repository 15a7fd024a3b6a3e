/**
 * Writes single rows into the database that a comparison found to be otherwise than the log says. Not a transaction of
 * the workspace: no entry, no trigger, no action of a key, and the position stays. Whether it was a repair is for the
 * checksums to say: what does not come to the log's own is rolled back.
 */
import { assert } from "../../shared/base/assert.ts";
import { CHECKSUM_ZERO, RowSum } from "../../shared/changes/checksum.ts";
import { isSameShape, PayloadReader } from "../../shared/changes/payload.ts";
import { rowPlaces, type RowsRecord } from "../../shared/changes/row-change.ts";
import { sumAll } from "./checksums.ts";
import type { Checksums } from "./bookkeeping.ts";
import { SqliteError, type Connection } from "./connection.ts";
import { writeCounters } from "./counters.ts";
import type { RepairOutcome, StoreMethods } from "./messages.ts";
import { PlacedBytes } from "./placed-bytes.ts";
import { RestingTriggers } from "./resting-triggers.ts";
import { Divergence, RowWriter } from "./row-writer.ts";
import type { Schema } from "./schema.ts";
import type { StoreState } from "./state.ts";

/** All of it, or nothing: in a transaction of its own. Constraints and keys rest already (`ConnectionMode.apply`). */
export function repairRows(
  connection: Connection,
  state: Pick<StoreState, "position" | "schema" | "checksums">,
  { applied, ...wanted }: StoreMethods["repairRows"]["params"],
): RepairOutcome {
  const { term, index } = state.position;
  if (term !== applied.term || index !== applied.index) return { type: "moved" };
  connection.run("BEGIN");
  try {
    writeAll(connection, state.schema, wanted);
    const wrong = tablesThatDiffer(state.checksums, sumAll(connection, state.schema));
    if (wrong.length === 0) {
      connection.run("COMMIT");
      return { type: "repaired" };
    }
    connection.rollback();
    return { type: "not-proven", detail: `still not equal: ${wrong.join(", ")}` };
  } catch (error) {
    connection.rollback();
    // A row that is not as it was compared, or that SQLite does not take.
    if (!(error instanceof Divergence || error instanceof SqliteError)) throw error;
    return { type: "not-proven", detail: error.message };
  }
}

/** All that is wrong goes first: a key or a unique value is then free for the row that has it. */
function writeAll(
  connection: Connection,
  schema: Schema,
  { changes, counters }: Pick<StoreMethods["repairRows"]["params"], "changes" | "counters">,
): void {
  const triggers = new RestingTriggers(connection);
  const context = { connection, schema, triggers };
  for (const payload of changes) {
    eachRun(context, payload, (writer, run) => {
      for (const { before } of rowPlaces(payload, run)) if (before >= 0) writer.deleteRow(before);
    });
  }
  for (const payload of changes) {
    eachRun(context, payload, (writer, run) => {
      if (run.operation === "insert") writer.insertRows(run.start, run.rowCount);
      else
        for (const { after } of rowPlaces(payload, run))
          if (after >= 0) writer.insertRows(after, 1);
    });
  }
  triggers.wake();
  // Rows that were inserted may have moved them.
  if (schema.hasCounters) writeCounters(connection, counters);
}

/** A table without rows may have no sum kept. */
function tablesThatDiffer(wanted: Checksums, found: Checksums): readonly string[] {
  return [...new Set([...wanted.keys(), ...found.keys()])].filter((name) => {
    const [a, b] = [wanted.get(name) ?? CHECKSUM_ZERO, found.get(name) ?? CHECKSUM_ZERO];
    return a.high !== b.high || a.low !== b.low;
  });
}

type RepairContext = {
  readonly connection: Connection;
  readonly schema: Schema;
  readonly triggers: RestingTriggers;
};

function eachRun(
  { connection, schema, triggers }: RepairContext,
  payload: Uint8Array,
  write: (writer: RowWriter, run: RowsRecord) => void,
): void {
  const reader = PayloadReader.open(payload);
  assert(reader.ok, "a comparison gives payloads");
  const placed = new PlacedBytes(connection.sqlite, payload);
  try {
    for (let record = reader.value.next(); record !== null; record = reader.value.next()) {
      assert(record.type === "rows", "a comparison gives rows");
      const layout = schema.tables.get(record.table.name);
      if (layout === undefined || !isSameShape(layout.shape, record.table)) {
        throw new Divergence(`table ${record.table.name} is another one now`);
      }
      triggers.rest(layout);
      const sum = new RowSum(layout.shape.name, CHECKSUM_ZERO);
      const writer = new RowWriter(connection, layout, { placed, sum });
      write(writer, record);
    }
  } finally {
    placed.dispose();
  }
}
