/**
 * The rows that one step (a statement, a bulk insert, an undo) touches, while it runs.
 *
 * Changes are recorded right after their row was written, and a change that comes out of another one comes
 * after it. There are two exceptions: a BEFORE trigger that changes the row it is fired for, and actions of
 * keys that come back to the row they start from: SQLite runs both before the change that they belong to
 * counts as done. The inner change is recorded first then, and no member could replay such a step. It is found
 * out here, and the step is written anew as what it came to: each row as it was before and as it is now.
 */
import { defined } from "../../shared/base/assert.ts";
import { CHECKSUM_ZERO, RowSum } from "../../shared/changes/checksum.ts";
import type { PayloadBuilder, RowOperation } from "../../shared/changes/payload.ts";
import { rowEnd, valueEnd } from "../../shared/changes/row-image.ts";
import type { Connection } from "./connection.ts";
import { PlacedBytes } from "./placed-bytes.ts";
import { RowWriter } from "./row-writer.ts";
import type { TableLayout } from "./table-layout.ts";

/** Bytes as a text, one character each. */
type Image = string;

type Touched = {
  readonly layout: TableLayout;
  /** Some image with its key. */
  readonly sample: Image;
  /** As it was before the step; null when it was not there. */
  readonly first: Image | null;
  /** As the changes recorded so far leave it. */
  replayed: Image | null;
};

/** An image that SQLite has handed over: `bytes` from `start` to `end`. */
export type PlacedImage = {
  readonly layout: TableLayout;
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
};

/** Those of one step. */
export class StepRows {
  readonly #touched = new Map<string, Touched>();
  #isInOrder = true;

  /** Whether the changes follow from each other in the order in which they were recorded. */
  get isInOrder(): boolean {
    return this.#isInOrder;
  }

  /** A row that is there, told before it is changed. */
  isThere(placed: PlacedImage): void {
    const image = textOf(placed);
    this.#touch(placed, image, image);
  }

  /** A row that is about to get this name: unless it was told before, nobody has it. */
  isWanted(placed: PlacedImage): void {
    this.#touch(placed, textOf(placed), null);
  }

  /** A row that was changed or deleted, as it was. */
  vanished(placed: PlacedImage): void {
    const image = textOf(placed);
    const row = this.#touch(placed, image, image);
    this.#isInOrder &&= row.replayed === image;
    row.replayed = null;
  }

  /** A row that was changed or inserted, as it is. */
  appeared(placed: PlacedImage): void {
    const image = textOf(placed);
    const row = this.#touch(placed, image, null);
    this.#isInOrder &&= row.replayed === null;
    row.replayed = image;
  }

  /** Writes what the step came to, read from the rows as they are now. */
  writeNet(connection: Connection, builder: PayloadBuilder): void {
    const all = [...this.#touched.values()].filter(({ layout }) =>
      isStillThere(connection, layout),
    );
    const changed = readNow(connection, all).filter((row) => row.first !== row.now);
    const updated = changed.filter(({ first, now }) => first !== null && now !== null);
    const canUpdate = updatable(connection, updated);
    const write = (
      row: NetRow,
      operation: RowOperation,
      images: readonly (Image | null)[],
    ): void => {
      builder.beginRow(row.layout.shape, operation);
      for (const image of images) {
        const bytes = Buffer.from(image ?? "", "latin1");
        builder.images.copy(bytes, 0, bytes.length);
      }
    };
    // Unique values are free when they are taken: all that goes away goes first.
    for (const row of changed) {
      const isGone = row.first !== null && !(row.now !== null && canUpdate.has(row.layout));
      if (isGone) write(row, "delete", [row.first]);
    }
    for (const row of updated) {
      if (canUpdate.has(row.layout)) write(row, "update", [row.first, row.now]);
    }
    for (const row of changed) {
      const isNew = row.now !== null && !(row.first !== null && canUpdate.has(row.layout));
      if (isNew) write(row, "insert", [row.now]);
    }
  }

  #touch({ layout, bytes, start }: PlacedImage, sample: Image, first: Image | null): Touched {
    const name = nameOf(layout, bytes, start);
    const known = this.#touched.get(name);
    if (known !== undefined) return known;
    const row = { layout, sample, first, replayed: first };
    this.#touched.set(name, row);
    return row;
  }
}

type NetRow = Touched & { readonly now: Image | null };

/** What became of rows of a table that was dropped meanwhile is of no interest. */
function isStillThere(connection: Connection, { shape }: TableLayout): boolean {
  const sql = "SELECT 1 FROM main.sqlite_schema WHERE type = 'table' AND name = ?";
  return connection.cached(sql).first([shape.name]) !== null;
}

function readNow(connection: Connection, rows: readonly Touched[]): NetRow[] {
  const samples = Buffer.from(rows.map(({ sample }) => sample).join(""), "latin1");
  const placed = new PlacedBytes(connection.sqlite, samples);
  const writers = new Map<TableLayout, RowWriter>();
  let at = 0;
  try {
    return rows.map((row): NetRow => {
      const { layout, sample } = row;
      if (!writers.has(layout)) {
        const sum = new RowSum(layout.shape.name, CHECKSUM_ZERO);
        writers.set(layout, new RowWriter(connection, layout, { placed, sum }));
      }
      const found = defined(writers.get(layout), "each table has one").currentRow(at);
      // A collation may take another name for this one: that row is told under its own.
      const isNamed = found !== null && nameOf(layout, found, 0) === nameOf(layout, samples, at);
      at += sample.length;
      return { ...row, now: isNamed ? Buffer.from(found).toString("latin1") : null };
    });
  } finally {
    placed.dispose();
  }
}

/** Tables whose rows can be updated in any order: no two of them can be in each other's way. */
function updatable(connection: Connection, rows: readonly NetRow[]): Set<TableLayout> {
  const counts = new Map<TableLayout, number>();
  for (const { layout } of rows) counts.set(layout, (counts.get(layout) ?? 0) + 1);
  const found = new Set<TableLayout>();
  for (const [layout, count] of counts) {
    const { name, hasLeadingRowid } = layout.shape;
    const unique = connection
      .cached(
        `SELECT 1 FROM pragma_index_list(?1, 'main') WHERE "unique" AND (origin <> 'pk' OR ?2)`,
      )
      .first([name, hasLeadingRowid ? 1 : 0]);
    if (count === 1 || unique === null) found.add(layout);
  }
  return found;
}

function textOf({ bytes, start, end }: PlacedImage): Image {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString("latin1");
}

function nameOf(layout: TableLayout, bytes: Uint8Array, start: number): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const keys = layout.keyPlaces.map((place) => {
    const at = rowEnd(bytes, start, place);
    return buffer.toString("latin1", at, valueEnd(bytes, at));
  });
  return `${keys.join("")} ${layout.shape.name}`;
}
