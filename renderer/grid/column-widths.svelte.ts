import type { ColumnInfo } from "../../shared/api/methods.ts";
import { cellText } from "../parts/cell-text.ts";
import { affinityOf } from "./cell-value.ts";
import type { GridRow } from "./page-cache.svelte.ts";

/** Narrowest and widest a column gets by itself; a person may drag it further. In px. */
const WIDTH_PX_MIN = 72;
const FIT_PX_MAX = 340;
const DRAG_PX_MAX = 1_200;
/** An average character at the grid's size, and what a cell needs beside its text. In px. */
const CHARACTER_PX = 7.4;
const PADDING_PX = 30;
const HEADER_EXTRA_PX = 26;
/** The narrowest column of row numbers, in px. */
const GUTTER_PX_MIN = 56;
/** Keys grow with the table: a column of whole numbers starts with room for a million. In px. */
const WHOLE_PX_MIN = 100;

/** Owns how wide the columns are: fitted once to the first rows, then as dragged. */
export class ColumnWidths {
  readonly #columns: readonly ColumnInfo[];
  #widths = $state.raw<readonly number[]>([]);
  #gutterPx = $state(GUTTER_PX_MIN);
  #isFitted = false;

  readonly template = $derived.by(
    () => `${this.#gutterPx}px ${this.#widths.map((width) => `${width}px`).join(" ")}`,
  );
  readonly totalPx = $derived.by(() =>
    this.#widths.reduce((total, width) => total + width, this.#gutterPx),
  );

  constructor(columns: readonly ColumnInfo[]) {
    this.#columns = columns;
    this.#widths = columns.map((column) => clampFit(headerPx(column)));
  }

  /** Width of the row numbers' column, in px. */
  get gutterPx(): number {
    return this.#gutterPx;
  }

  /** Makes room for the row numbers of a table of this length. */
  fitGutter(rowCount: number): void {
    this.#gutterPx = Math.max(GUTTER_PX_MIN, String(rowCount).length * 7 + 28);
  }

  /** Left edge of a column from the first one's, in px. */
  leftOf(column: number): number {
    return this.#widths.slice(0, column).reduce((total, width) => total + width, 0);
  }

  widthOf(column: number): number {
    return this.#widths[column] ?? WIDTH_PX_MIN;
  }

  /** Fits to the rows that came first; later ones change nothing under the reader's eyes. */
  fit(rows: readonly GridRow[]): void {
    if (this.#isFitted || rows.length === 0) return;
    this.#isFitted = true;
    this.#widths = this.#columns.map((column, index) => {
      const lengths = rows.map((row) => cellText(row.cells[index] ?? null).length);
      const longest = lengths.reduce((most, length) => Math.max(most, length), 4);
      const least = affinityOf(column.type) === "integer" ? WHOLE_PX_MIN : 0;
      return clampFit(Math.max(least, headerPx(column), longest * CHARACTER_PX + PADDING_PX));
    });
  }

  drag(column: number, widthPx: number): void {
    const width = Math.min(Math.max(WIDTH_PX_MIN, Math.round(widthPx)), DRAG_PX_MAX);
    this.#widths = this.#widths.map((old, index) => (index === column ? width : old));
  }
}

function headerPx(column: ColumnInfo): number {
  return column.name.length * CHARACTER_PX + PADDING_PX + HEADER_EXTRA_PX;
}

function clampFit(widthPx: number): number {
  return Math.round(Math.min(Math.max(WIDTH_PX_MIN, widthPx), FIT_PX_MAX));
}
