/**
 * Which rows are on screen, for any number of rows.
 *
 * A browser cannot make an element of any height (Firefox ends at about 17.9 million pixels), so
 * above a ceiling one pixel of the scroll bar stands for several of the table. `top` is always
 * in pixels of the table; only `toScrollTop` and `fromScrollTop` know of the scroll bar. Pure.
 */

/** The tallest element we ask a browser for, in px: below every engine's own limit. */
export const HEIGHT_PX_MAX = 12_000_000;

/** The measures everything is computed from, in px. */
export type ScrollMeasure = {
  readonly rowCount: number;
  readonly rowPx: number;
  /** Height in which rows show: the scroller without its header. */
  readonly viewPx: number;
};

/** Height all rows would have. */
export function tablePx(measure: ScrollMeasure): number {
  return measure.rowCount * measure.rowPx;
}

/** Height of the element that gives the scroll bar its length. */
export function spacerPx(measure: ScrollMeasure): number {
  return Math.min(tablePx(measure), HEIGHT_PX_MAX);
}

/** The farthest `top` can go. */
export function topMax(measure: ScrollMeasure): number {
  return Math.max(0, tablePx(measure) - measure.viewPx);
}

/** `top` kept between the first and the last row. */
export function clampTop(measure: ScrollMeasure, top: number): number {
  return Math.min(Math.max(0, top), topMax(measure));
}

/** Table pixels for one pixel of the scroll bar; 1 for a table below the ceiling. */
export function scrollRatio(measure: ScrollMeasure): number {
  const physicalMax = Math.max(0, spacerPx(measure) - measure.viewPx);
  return physicalMax === 0 ? 1 : topMax(measure) / physicalMax;
}

/** Where the scroll bar must stand for `top`. */
export function toScrollTop(measure: ScrollMeasure, top: number): number {
  return top / scrollRatio(measure);
}

/** The `top` the scroll bar stands for. */
export function fromScrollTop(measure: ScrollMeasure, scrollTop: number): number {
  return clampTop(measure, scrollTop * scrollRatio(measure));
}

/** Rows from `first` to `last`, both included; `last` is -1 when there is none. */
export type RowRange = { readonly first: number; readonly last: number };

/** The rows to render: those on screen and a few around them. */
export function visibleRows(measure: ScrollMeasure, top: number, overscanCount: number): RowRange {
  const first = Math.floor(top / measure.rowPx) - overscanCount;
  const last = Math.ceil((top + measure.viewPx) / measure.rowPx) - 1 + overscanCount;
  return { first: Math.max(0, first), last: Math.min(measure.rowCount - 1, last) };
}

/** The nearest `top` at which the whole row is on screen. */
export function topShowing(measure: ScrollMeasure, top: number, rowIndex: number): number {
  const rowTop = rowIndex * measure.rowPx;
  if (rowTop < top) return clampTop(measure, rowTop);
  const rowEnd = rowTop + measure.rowPx;
  if (rowEnd > top + measure.viewPx) return clampTop(measure, rowEnd - measure.viewPx);
  return top;
}
