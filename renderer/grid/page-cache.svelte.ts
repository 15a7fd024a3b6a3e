/**
 * The rows near the screen, in pages, kept from growing. A page stays visible while a newer one
 * is on its way, so that nothing flashes when somebody else edits. It knows neither SQL nor the
 * agent: it is given a function that loads rows.
 */
import type { AsOf } from "../../shared/cluster/status.ts";
import type { JsonCell } from "../../shared/changes/values.ts";
import type { RowName } from "../../shared/api/statements.ts";
import { cellsEqual } from "./cell-value.ts";
import type { RowRange } from "./scroll-map.ts";

/** Rows of one page: several screens, and well under a millisecond to read. */
export const PAGE_ROW_COUNT = 120;
/** Pages kept; 40 times 120 rows of a usual table are a few MB. */
const PAGES_MAX = 40;
/** How long a cell that somebody else changed stays marked, in ms. */
const FRESH_MS = 1_600;

/** A row as the grid holds it. */
export type GridRow = {
  /** The row's name as one text; equal for the same row at another place. */
  readonly id: string;
  /** What edits name it by; null in a view. */
  readonly name: RowName | null;
  readonly cells: readonly JsonCell[];
};

/** What loading a page gives; null when it failed and will be tried again on the next change. */
export type LoadedPage = { readonly rows: readonly GridRow[]; readonly asOf: AsOf } | null;

type Page = {
  readonly rows: readonly GridRow[];
  readonly version: number;
  readonly usedAt: number;
};

/** Owns the loaded pages of one view of one table. */
export class PageCache {
  #pages = $state.raw<ReadonlyMap<number, Page>>(new Map());
  /** `rowId:column` of cells that changed under the reader's eyes. */
  #fresh = $state.raw<ReadonlySet<string>>(new Set());
  #version = 0;
  #useCount = 0;
  #epoch = 0;
  readonly #loading = new Map<number, { readonly version: number; readonly done: Promise<void> }>();
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();
  readonly #load: (offset: number, limit: number) => Promise<LoadedPage>;
  readonly #onLoaded: (asOf: AsOf) => void;

  constructor(
    load: (offset: number, limit: number) => Promise<LoadedPage>,
    onLoaded: (asOf: AsOf) => void,
  ) {
    this.#load = load;
    this.#onLoaded = onLoaded;
  }

  /** The row at a place, or null while it is not loaded. */
  rowAt(rowIndex: number): GridRow | null {
    const page = this.#pages.get(Math.floor(rowIndex / PAGE_ROW_COUNT));
    return page?.rows[rowIndex % PAGE_ROW_COUNT] ?? null;
  }

  isFresh(rowId: string, column: number): boolean {
    return this.#fresh.has(`${rowId}:${column}`);
  }

  /** Where a row is now among the pages that are up to date, or null. */
  findRow(id: string): number | null {
    for (const [pageIndex, page] of this.#pages) {
      if (page.version !== this.#version) continue;
      const place = page.rows.findIndex((row) => row.id === id);
      if (place >= 0) return pageIndex * PAGE_ROW_COUNT + place;
    }
    return null;
  }

  /** Resolves when every row of a range is there and up to date, or could not be loaded. */
  async want(range: RowRange): Promise<void> {
    if (range.last < range.first) return;
    const wanted: Promise<void>[] = [];
    const first = Math.floor(range.first / PAGE_ROW_COUNT);
    const last = Math.floor(range.last / PAGE_ROW_COUNT);
    for (let index = first; index <= last; index += 1) {
      if (this.#pages.get(index)?.version === this.#version) continue;
      const loading = this.#loading.get(index);
      wanted.push(loading?.version === this.#version ? loading.done : this.#startLoading(index));
    }
    await Promise.all(wanted);
  }

  /** Rows changed: pages stay on screen and are read again when wanted. */
  expire(): void {
    this.#version += 1;
  }

  /** Another filter or order: nothing that is loaded means anything any more. */
  clear(): void {
    this.#version += 1;
    this.#epoch += 1;
    this.#pages = new Map();
    this.#fresh = new Set();
  }

  dispose(): void {
    this.clear();
    for (const timer of this.#timers) clearTimeout(timer);
  }

  #startLoading(index: number): Promise<void> {
    const version = this.#version;
    const done = this.#loadPage(index, version).finally(() => {
      if (this.#loading.get(index)?.version === version) this.#loading.delete(index);
    });
    this.#loading.set(index, { version, done });
    return done;
  }

  async #loadPage(index: number, version: number): Promise<void> {
    const epoch = this.#epoch;
    const loaded = await this.#load(index * PAGE_ROW_COUNT, PAGE_ROW_COUNT);
    if (loaded === null || epoch !== this.#epoch) return;
    if ((this.#pages.get(index)?.version ?? -1) > version) return;
    this.#store(index, loaded.rows, version);
    this.#onLoaded(loaded.asOf);
  }

  #store(index: number, rows: readonly GridRow[], version: number): void {
    const before = this.#pages.get(index);
    if (before !== undefined) this.#markFresh(before.rows, rows);
    this.#useCount += 1;
    const pages = new Map(this.#pages);
    pages.set(index, { rows, version, usedAt: this.#useCount });
    if (pages.size > PAGES_MAX) pages.delete(oldestPage(pages));
    this.#pages = pages;
  }

  #markFresh(before: readonly GridRow[], after: readonly GridRow[]): void {
    const changed = changedCells(before, after);
    if (changed.length === 0) return;
    this.#fresh = new Set([...this.#fresh, ...changed]);
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      const rest = new Set(this.#fresh);
      for (const cell of changed) rest.delete(cell);
      this.#fresh = rest;
    }, FRESH_MS);
    this.#timers.add(timer);
  }
}

/** `rowId:column` of every cell of a row that both hold and that differs. */
export function changedCells(before: readonly GridRow[], after: readonly GridRow[]): string[] {
  const known = new Map(before.map((row) => [row.id, row]));
  const changed: string[] = [];
  for (const row of after) {
    const old = known.get(row.id);
    if (old === undefined) continue;
    row.cells.forEach((cell, column) => {
      if (!cellsEqual(cell, old.cells[column] ?? null)) changed.push(`${row.id}:${column}`);
    });
  }
  return changed;
}

function oldestPage(pages: ReadonlyMap<number, Page>): number {
  let oldest = -1;
  let oldestUse = Infinity;
  for (const [index, page] of pages) {
    if (page.usedAt >= oldestUse) continue;
    oldest = index;
    oldestUse = page.usedAt;
  }
  return oldest;
}
