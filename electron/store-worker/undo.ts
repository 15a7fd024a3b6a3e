/**
 * Takes a transaction back: writes its inverse on top of what is there now, as part of a request that is
 * being captured.
 *
 * Nothing is forced: a row that is not as the transaction left it is a conflict, and with one conflict nothing
 * is written. Triggers of users rest, because what they did is among the rows that are taken back. Keys between
 * tables are checked at the end, when all rows are there again; their actions cannot rest (SQLite takes no
 * `foreign_keys` inside a transaction), so a row that one of them has already brought back is taken as done,
 * and rows beyond the transaction's own are a conflict.
 */
import { assert, defined } from "../../shared/base/assert.ts";
import { bytesEqual, hexEncode } from "../../shared/base/bytes.ts";
import { CHECKSUM_ZERO, RowSum } from "../../shared/changes/checksum.ts";
import { invertPayload } from "../../shared/changes/inverse.ts";
import { imageValueCount, isSameShape, PayloadReader } from "../../shared/changes/payload.ts";
import type { PayloadBuilder } from "../../shared/changes/payload.ts";
import { cellsAt, rowPlaces } from "../../shared/changes/row-change.ts";
import { rowEnd, valueEnd } from "../../shared/changes/row-image.ts";
import { UNDO_CONFLICTS_MAX } from "../../shared/changes/undo.ts";
import type { UndoConflict, UndoConflictReason } from "../../shared/changes/undo.ts";
import type { Connection } from "./connection.ts";
import type { DeferredKeys } from "./deferred-keys.ts";
import { NetRows, type NetRow } from "./net-rows.ts";
import { PlacedBytes } from "./placed-bytes.ts";
import { Refusal } from "./refusal.ts";
import { RestingTriggers } from "./resting-triggers.ts";
import { Divergence, RowWriter } from "./row-writer.ts";
import type { Schema } from "./schema.ts";
import type { TableLayout } from "./table-layout.ts";

/** Where an undo happens. */
export type UndoContext = {
  readonly connection: Connection;
  /** null: keys between tables rest altogether, so all rows are looked at in the end. */
  readonly deferredKeys: DeferredKeys | null;
  readonly schema: Schema;
  /** What the recorder writes to meanwhile. */
  readonly builder: PayloadBuilder;
  /** Does what changes these tables, and records it. */
  readonly record: <T>(tables: readonly string[], work: () => T) => T;
};

/**
 * @param payload The whole transaction to take back.
 * @returns rows that were changed.
 * @throws Refusal `undo-conflict` with the conflicts, `sql-refused` for what has no inverse.
 */
export function undoTransaction(context: UndoContext, payload: Uint8Array): number {
  const inverse = invertPayload(payload);
  if (!inverse.ok) {
    const message = `This transaction cannot be undone. ${inverse.error.detail} Nothing was done.`;
    throw new Refusal({ code: "sql-refused", message });
  }
  return takeBack(context, inverse.value);
}

/**
 * @param inverse A payload with what is to be done.
 * @returns rows that were changed.
 * @throws Refusal `undo-conflict` with the conflicts.
 */
export function takeBack(context: UndoContext, inverse: Uint8Array): number {
  const { connection } = context;
  connection.runOnce("PRAGMA defer_foreign_keys = ON");
  try {
    new Undo(context, inverse).run();
  } finally {
    connection.runOnce("PRAGMA defer_foreign_keys = OFF");
  }
  return context.builder.rowCount;
}

class Undo {
  readonly #context: UndoContext;
  readonly #inverse: Uint8Array;
  readonly #triggers: RestingTriggers;
  readonly #conflicts: UndoConflict[] = [];
  readonly #refusedTables = new Set<string>();
  readonly #writers = new Map<TableLayout, RowWriter>();
  #conflictCount = 0;

  constructor(context: UndoContext, inverse: Uint8Array) {
    this.#context = context;
    this.#inverse = inverse;
    this.#triggers = new RestingTriggers(context.connection);
  }

  /** @throws Refusal */
  run(): void {
    const placed = new PlacedBytes(this.#context.connection.sqlite, this.#inverse);
    try {
      const net = this.#readNet(placed);
      const open = net.rows.filter((row) => this.#isOpen(row, net));
      this.#throwConflicts();
      const tables = [...this.#writers.keys()].map(({ shape }) => shape.name);
      this.#context.record(tables, () => {
        const stepCount = this.#writeAll(open, net);
        if (this.#conflictCount === 0) this.#checkCascade(stepCount);
      });
      if (this.#conflictCount === 0) this.#checkReferences();
      this.#throwConflicts();
      this.#triggers.wake();
    } finally {
      placed.dispose();
    }
  }

  #readNet(placed: PlacedBytes): NetRows {
    const { connection, schema } = this.#context;
    const reader = PayloadReader.open(this.#inverse);
    assert(reader.ok, "an inverse is a payload");
    const net = new NetRows((layout, at) => nameAt(this.#inverse, at, layout));
    for (let record = reader.value.next(); record !== null; record = reader.value.next()) {
      if (record.type !== "rows") continue;
      const layout = schema.tables.get(record.table.name);
      // Rows that were to go have gone with their table.
      if (layout === undefined && record.operation === "delete") continue;
      if (layout === undefined || !isSameShape(layout.shape, record.table)) {
        this.#refuseTable(record.table.name, layout !== undefined);
        continue;
      }
      if (!this.#writers.has(layout)) {
        this.#triggers.rest(layout);
        const sum = new RowSum(layout.shape.name, CHECKSUM_ZERO);
        this.#writers.set(layout, new RowWriter(connection, layout, { placed, sum }));
      }
      for (const change of rowPlaces(this.#inverse, record)) net.add(layout, change);
    }
    return net;
  }

  /** Whether there is something to do about a row; one that is otherwise than expected is a conflict. */
  #isOpen(row: NetRow, net: NetRows): boolean {
    const { layout, first, last } = row;
    if (first < 0 && last < 0) return false;
    const left = this.#imageAt(layout, first);
    const goal = this.#imageAt(layout, last);
    // It came to nothing: what became of the row since is not this transaction's.
    if (isSame(left, goal)) return false;
    const now = this.#current(layout, first < 0 ? last : first);
    if (isSame(now, left)) return true;
    // Its key belongs to another row that the transaction left there, and that goes away first.
    if (left === null && net.formerOwner(row) !== null) return true;
    const there = goal === null || left === null ? now : this.#current(layout, last);
    if (isSame(there, goal)) return false;
    this.#conflict(describe(layout, reasonOf(left, now), { left, now }));
    return false;
  }

  /**
   * The rows in their order. One whose key or unique value is still another row's waits for that; rows that wait
   * for each other are taken away and put back.
   *
   * @returns how many changes that is.
   */
  #writeAll(rows: readonly NetRow[], net: NetRows): number {
    // Rows that still have the names they had at first.
    const unmoved = new Set(rows);
    const removed = new Set<NetRow>();
    const write = (row: NetRow): string | null => {
      const owner = net.formerOwner(row);
      // It would look as if the row were there already.
      if (owner !== null && unmoved.has(owner)) return "its key is still another row's";
      const problem = this.#write(removed.has(row) ? { ...row, first: -1 } : row);
      if (problem === null) unmoved.delete(row);
      return problem;
    };
    const remove = (row: NetRow): string | null => {
      const problem = attempt(() => void this.#writerOf(row.layout).deleteRow(row.first));
      if (problem === null && unmoved.delete(row)) removed.add(row);
      return problem;
    };
    const waiting = [...settle(rows, write).keys()];
    const swapped = waiting.filter(({ first, last }) => first >= 0 && last >= 0);
    for (const [row, problem] of settle(swapped, remove)) this.#tell(row, problem);
    if (this.#conflictCount > 0) return 0;
    for (const [row, problem] of settle(waiting, write)) this.#tell(row, problem);
    const replaced = [...this.#writers.values()].map((writer) => writer.replacedCount);
    return replaced.reduce((sum, count) => sum + count, rows.length + swapped.length);
  }

  #tell({ layout, first }: NetRow, problem: string): void {
    const left = this.#imageAt(layout, first);
    const found = describe(layout, "constraint", { left, now: left });
    this.#conflict({ ...found, detail: `${capitalized(problem)}.` });
  }

  /** @returns what is in the way; null when it was done. */
  #write({ layout, first, last }: NetRow): string | null {
    const writer = this.#writerOf(layout);
    const left = this.#imageAt(layout, first);
    const goal = this.#imageAt(layout, last);
    const now = this.#current(layout, first < 0 ? last : first);
    // The action of a key between tables brought it back already.
    const there = left === null || goal === null ? now : this.#current(layout, last);
    if (!isSame(now, left) && isSame(there, goal)) return null;
    return attempt(() => {
      if (left === null) writer.insertRows(last, 1);
      else if (goal === null) writer.deleteRow(first);
      else writer.changeRow(first, last);
    });
  }

  #imageAt({ shape }: TableLayout, at: number): Uint8Array | null {
    if (at < 0) return null;
    return this.#inverse.subarray(at, rowEnd(this.#inverse, at, imageValueCount(shape)));
  }

  #current(layout: TableLayout, at: number): Uint8Array | null {
    return this.#writerOf(layout).currentRow(at);
  }

  #writerOf(layout: TableLayout): RowWriter {
    return defined(this.#writers.get(layout), "each table has its writer");
  }

  #refuseTable(table: string, isThere: boolean): void {
    if (this.#refusedTables.has(table)) return;
    this.#refusedTables.add(table);
    const detail = isThere
      ? `Table ${table} has other columns since.`
      : `Table ${table} is not there any more.`;
    this.#conflict({ ...NO_ROW, table, reason: "table-changed", detail });
  }

  #checkCascade(stepCount: number): void {
    const count = this.#context.builder.rowCount - stepCount;
    if (count <= 0) return;
    const rows = count === 1 ? "1 row" : `${count} rows`;
    const detail = `${rows} that came later would change too, because they refer to what is undone.`;
    this.#conflict({ ...NO_ROW, table: "", reason: "cascade", detail });
  }

  #checkReferences(): void {
    const { connection, deferredKeys } = this.#context;
    if (deferredKeys?.areBroken === false) return;
    for (const [child, rowid, parent] of connection.cached("PRAGMA foreign_key_check").all()) {
      const table = String(child);
      const row = rowid === null ? "A row" : `Row ${String(rowid)}`;
      const detail = `${row} of table ${table} would refer to a row of ${String(parent)} that is not there.`;
      this.#conflict({ ...NO_ROW, table, reason: "reference", detail });
    }
    if (this.#conflictCount > 0 || deferredKeys === null) return;
    const detail = "A row would refer to a row that is not there.";
    this.#conflict({ ...NO_ROW, table: "", reason: "reference", detail });
  }

  #conflict(conflict: UndoConflict): void {
    this.#conflictCount++;
    if (this.#conflicts.length < UNDO_CONFLICTS_MAX) this.#conflicts.push(conflict);
  }

  #throwConflicts(): void {
    const [first] = this.#conflicts;
    if (first === undefined) return;
    const others = this.#conflictCount - 1;
    const more = others === 0 ? "" : ` And ${others} more.`;
    const message = `It cannot be undone as it is. ${first.detail}${more} Nothing was done.`;
    throw new Refusal({ code: "undo-conflict", message, conflicts: this.#conflicts });
  }
}

const NO_ROW = { columns: [], left: null, now: null } as const;

/** @returns what SQLite has against it; null when it was done. */
function attempt(action: () => void): string | null {
  try {
    action();
    return null;
  } catch (thrown) {
    if (!(thrown instanceof Divergence)) throw thrown;
    return thrown.message;
  }
}

/** Tries all, again and again while that helps. @returns what is left, each with what is in its way. */
function settle(
  rows: readonly NetRow[],
  action: (row: NetRow) => string | null,
): ReadonlyMap<NetRow, string> {
  let left = new Map<NetRow, string>();
  let waiting = rows;
  do {
    const before = waiting.length;
    left = new Map();
    for (const row of waiting) {
      const problem = action(row);
      if (problem !== null) left.set(row, problem);
    }
    if (left.size === before) break;
    waiting = [...left.keys()];
  } while (waiting.length > 0);
  return left;
}

function reasonOf(left: Uint8Array | null, now: Uint8Array | null): UndoConflictReason {
  if (left === null) return "row-exists";
  return now === null ? "row-gone" : "row-changed";
}

const SENTENCES: Readonly<Partial<Record<UndoConflictReason, string>>> = {
  "row-changed": "A row of table # was changed since.",
  "row-gone": "A row of table # was deleted since.",
  "row-exists": "A row of table # has the key of one that was deleted.",
};

function describe(
  layout: TableLayout,
  reason: UndoConflictReason,
  images: { readonly left: Uint8Array | null; readonly now: Uint8Array | null },
): UndoConflict {
  const { shape } = layout;
  const cells = (image: Uint8Array | null): UndoConflict["left"] =>
    image === null ? null : cellsAt(image, 0, shape);
  return {
    table: shape.name,
    reason,
    detail: (SENTENCES[reason] ?? "").replace("#", shape.name),
    columns: shape.hasLeadingRowid ? ["rowid", ...shape.columns] : shape.columns,
    left: cells(images.left),
    now: cells(images.now),
  };
}

function isSame(a: Uint8Array | null, b: Uint8Array | null): boolean {
  return a === null || b === null ? a === b : bytesEqual(a, b);
}

/** Table and key of an image, as a text that no other row has. */
function nameAt(bytes: Uint8Array, at: number, { shape, keyPlaces }: TableLayout): string {
  const keys = keyPlaces.map((place) => {
    const start = rowEnd(bytes, at, place);
    return hexEncode(bytes.subarray(start, valueEnd(bytes, start)));
  });
  return `${keys.join(".")} ${shape.name}`;
}

function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
