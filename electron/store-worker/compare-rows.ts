/**
 * Compares a table with the same table of another store, a piece of the key's order at a time: the other one gives its
 * rows (`readPiece`), this one says what is otherwise here (`comparePiece`), as the changes that would make it equal.
 * So tables of any size are compared with little memory and small messages.
 */
import { assert } from "../../shared/base/assert.ts";
import { bytesEqual, hexEncode } from "../../shared/base/bytes.ts";
import { finishInverse } from "../../shared/changes/inverse.ts";
import {
  imageValueCount,
  PayloadBuilder,
  type RowOperation,
} from "../../shared/changes/payload.ts";
import { ImageWriter, rowEnd } from "../../shared/changes/row-image.ts";
import type { Connection } from "./connection.ts";
import type { PieceComparison, RowPiece, StoreMethods } from "./messages.ts";
import { keyBytesOf, rowsInRange } from "./row-range.ts";
import type { TableLayout } from "./table-layout.ts";

/** The rows behind a key, as many as fit. */
export function readPiece(
  connection: Connection,
  layout: TableLayout,
  { after, bytesMax }: Pick<StoreMethods["rowPiece"]["params"], "after" | "bytesMax">,
): RowPiece {
  const rows = new ImageWriter(bytesMax);
  for (const image of rowsInRange(connection, layout, { after, upTo: null })) {
    rows.copy(image, 0, image.length);
    if (rows.length >= bytesMax) return { rows: rows.finish(), upTo: keyBytesOf(image, layout) };
  }
  return { rows: rows.finish(), upTo: null };
}

/** What is otherwise here than in a piece. */
export function comparePiece(
  connection: Connection,
  layout: TableLayout,
  { after, piece, rowsMax, bytesMax }: StoreMethods["compareRows"]["params"],
): PieceComparison {
  const found = new Differences(layout, { rowsMax, bytesMax });
  const valueCount = imageValueCount(layout.shape);
  const { rows, upTo } = piece;
  let at = 0;
  /** Rows that should be here and were not met yet, by their key; null while all were the same. */
  let waiting: Map<string, Uint8Array> | null = null;
  for (const image of rowsInRange(connection, layout, { after, upTo })) {
    if (waiting === null) {
      const end = at < rows.length ? rowEnd(rows, at, valueCount) : at;
      if (end > at && bytesEqual(rows.subarray(at, end), image)) {
        at = end;
        continue;
      }
      waiting = byKey(rows.subarray(at), layout);
    }
    const key = hexEncode(keyBytesOf(image, layout));
    const should = waiting.get(key) ?? null;
    waiting.delete(key);
    if (should === null) found.add("delete", [image]);
    else if (!bytesEqual(should, image)) found.add("update", [image, should]);
  }
  waiting ??= byKey(rows.subarray(at), layout);
  for (const should of waiting.values()) found.add("insert", [should]);
  return found.finish();
}

function byKey(rows: Uint8Array, layout: TableLayout): Map<string, Uint8Array> {
  const valueCount = imageValueCount(layout.shape);
  const images = new Map<string, Uint8Array>();
  for (let at = 0; at < rows.length;) {
    const end = rowEnd(rows, at, valueCount);
    assert(end > at, "a piece holds whole rows");
    const image = rows.subarray(at, end);
    images.set(hexEncode(keyBytesOf(image, layout)), image);
    at = end;
  }
  return images;
}

/** Counts all, and keeps what fits. */
class Differences {
  readonly #layout: TableLayout;
  readonly #max: { readonly rowsMax: number; readonly bytesMax: number };
  readonly #builder = new PayloadBuilder();
  readonly #counts: Record<RowOperation, number> = { insert: 0, delete: 0, update: 0 };
  #bytes = 0;

  constructor(layout: TableLayout, max: { readonly rowsMax: number; readonly bytesMax: number }) {
    this.#layout = layout;
    this.#max = max;
  }

  add(operation: RowOperation, images: readonly Uint8Array[]): void {
    this.#counts[operation]++;
    const { rowsMax, bytesMax } = this.#max;
    const bytes = images.reduce((sum, image) => sum + image.length, 0);
    this.#bytes += bytes;
    if (this.#builder.rowCount >= rowsMax || this.#builder.bytes + bytes > bytesMax) return;
    this.#builder.beginRow(this.#layout.shape, operation);
    for (const image of images) this.#builder.images.copy(image, 0, image.length);
  }

  finish(): PieceComparison {
    const { insert: missing, delete: surplus, update: changed } = this.#counts;
    const keptCount = this.#builder.rowCount;
    const changes = this.#builder.isEmpty ? null : finishInverse(this.#builder);
    return { missing, surplus, changed, keptCount, changes, bytes: this.#bytes };
  }
}
