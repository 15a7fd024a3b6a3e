import type { CellPlace } from "./selection.ts";

/** The cell an event happened in, by the numbers its element carries; null outside of cells. */
export function placeOf(target: EventTarget | null): CellPlace | null {
  const cell = target instanceof Element ? target.closest<HTMLElement>("[data-column]") : null;
  if (cell === null || target instanceof HTMLTextAreaElement) return null;
  return { row: Number(cell.dataset["row"]), column: Number(cell.dataset["column"]) };
}

/** The row whose number was pressed; null elsewhere. */
export function rowOf(target: EventTarget | null): number | null {
  const gutter = target instanceof Element ? target.closest<HTMLElement>("[data-gutter]") : null;
  return gutter === null ? null : Number(gutter.dataset["gutter"]);
}
