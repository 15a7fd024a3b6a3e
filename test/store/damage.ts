/**
 * Damage behind a store's back: its image is opened as any SQLite tool would, changed, and loaded again, with position
 * and checksums as they were. Triggers, foreign keys and CHECKs keep out of it, as they would of a flipped bit.
 */
import { Connection } from "../../electron/store-worker/connection.ts";
import type { StoreEngine } from "../../electron/store-worker/engine.ts";
import type { PieceComparison, RowPiece } from "../../electron/store-worker/messages.ts";
import type { SqliteModule } from "../../electron/store-worker/sqlite-module.ts";
import { quoteIdentifier } from "../../shared/changes/identifiers.ts";
import type { RowChange } from "../../shared/changes/row-change.ts";
import { readRows } from "./worlds/catalogue.ts";

/** The image with the statements done to it. @throws what SQLite has against one of them. */
export function damagedImage(
  sqlite: SqliteModule,
  image: Uint8Array,
  statements: readonly string[],
): Uint8Array {
  const connection = new Connection(sqlite, image);
  try {
    connection.runOnce("PRAGMA ignore_check_constraints = ON");
    const triggers = readRows(
      connection,
      "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger' ORDER BY rowid",
    );
    for (const [name] of triggers) {
      connection.runOnce(`DROP TRIGGER ${quoteIdentifier(String(name))}`);
    }
    for (const sql of statements) connection.runOnce(sql);
    for (const [, sql] of triggers) connection.runOnce(String(sql));
    return connection.exportImage();
  } finally {
    connection.close();
  }
}

/** Does it to a store. */
export function damage(
  sqlite: SqliteModule,
  engine: StoreEngine,
  statements: readonly string[],
): void {
  const { image } = engine.handle("image", {});
  const loaded = engine.handle("load", { image: damagedImage(sqlite, image, statements) });
  if (!loaded.ok) throw new Error(loaded.error.detail);
}

/** What a table of one store has otherwise than that of another, compared in pieces. */
export function compareTable(
  here: StoreEngine,
  other: StoreEngine,
  table: string,
  max: { readonly bytesMax?: number; readonly rowsMax?: number } = {},
): Pick<PieceComparison, "missing" | "surplus" | "changed"> & {
  readonly payloads: readonly Uint8Array[];
  readonly rows: readonly RowChange[];
  readonly pieceCount: number;
} {
  const { bytesMax = 200, rowsMax = Infinity } = max;
  const sum = { missing: 0, surplus: 0, changed: 0 };
  const payloads: Uint8Array[] = [];
  const rows: RowChange[] = [];
  let pieceCount = 0;
  for (let after: Uint8Array | null = null; ;) {
    const piece: RowPiece = other.handle("rowPiece", { table, after, bytesMax });
    const kept = { rowsMax: rowsMax - rows.length, bytesMax: Infinity };
    const found = here.handle("compareRows", { table, after, piece, ...kept });
    pieceCount++;
    for (const key of ["missing", "surplus", "changed"] as const) sum[key] += found[key];
    if (found.changes !== null) {
      payloads.push(found.changes);
      const read = here.handle("rowChanges", { payload: found.changes, skip: 0, rowsMax: 1_000 });
      if (read.ok) rows.push(...read.value.changes);
    }
    if (piece.upTo === null) return { ...sum, payloads, rows, pieceCount };
    after = piece.upTo;
  }
}
