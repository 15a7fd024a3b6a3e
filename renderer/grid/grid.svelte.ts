/**
 * What one grid shows: which rows, in which order, from where, and where the cursor is. Rows are
 * anchored by their name: when rows above come or go, cursor and view stay with their row.
 * It does not write; `GridWriter` does, and `EditMarks` remembers what is on its way.
 */
import type { Agent } from "../agent/client.ts";
import type { LiveStatus } from "../agent/live.svelte.ts";
import type { ApiEvent, ColumnInfo, TableInfo } from "../../shared/api/methods.ts";
import type { AsOf } from "../../shared/cluster/status.ts";
import { whyReadOnly } from "../parts/edit-permission.ts";
import { describeFailure, type Failure } from "../parts/failure.ts";
import { hasRowNames, type RowView } from "../parts/statements.ts";
import { text } from "../text/en.ts";
import { ColumnWidths } from "./column-widths.svelte.ts";
import { EditMarks } from "./edits.svelte.ts";
import { PageCache, type GridRow, type LoadedPage } from "./page-cache.svelte.ts";
import { RowReader } from "./rows.ts";
import * as scroll from "./scroll-map.ts";
import { blockOf, movePlace, selectCell, type CellPlace, type Move } from "./selection.ts";

/** Height of a row, in px. */
export const ROW_PX = 32;
/** Rows rendered beyond each edge of the screen. */
const OVERSCAN_COUNT = 6;
/** Shortest time between two reads of the screen while commits rain, in ms. */
const REFRESH_MS_MIN = 120;

const ALL_ROWS: RowView = { quickFilter: "", columnFilters: {}, sort: null };

/** Owns what one grid shows. */
export class GridController {
  readonly table: TableInfo;
  readonly reader: RowReader;
  readonly marks = new EditMarks();
  readonly widths: ColumnWidths;
  readonly pages: PageCache;
  readonly #agent: Agent;
  readonly #live: LiveStatus;
  readonly #endings: (() => void)[];
  #view = $state.raw<RowView>(ALL_ROWS);
  #rowCount = $state<number | null>(null);
  #asOf = $state.raw<AsOf | null>(null);
  #failure = $state.raw<Failure | null>(null);
  #top = $state(0);
  #viewPx = $state(480);
  #selection = $state.raw(selectCell({ row: 0, column: 0 }));
  #refreshTimer: ReturnType<typeof setTimeout> | undefined;
  #isRefreshing = false;
  #isRefreshWanted = false;
  #refreshedAtMs = 0;
  /** Answers that come after the grid left the page change nothing any more. */
  #isDisposed = false;

  readonly measure = $derived.by(() => ({
    rowCount: this.#rowCount ?? 0,
    rowPx: ROW_PX,
    viewPx: this.#viewPx,
  }));
  readonly range = $derived.by(() => scroll.visibleRows(this.measure, this.#top, OVERSCAN_COUNT));
  readonly block = $derived.by(() => blockOf(this.#selection));
  /** Why nothing can be edited here, or null. */
  readonly readOnlyReason = $derived.by(() => {
    if (this.table.kind === "view") return text.grid.viewReadOnly;
    if (!hasRowNames(this.table)) return text.grid.noKey;
    const { readOnlyReason } = this.#agent;
    return readOnlyReason ?? whyReadOnly(this.#live.status, this.#live.connection);
  });
  readonly isFiltered = $derived.by(
    () =>
      this.#view.quickFilter !== "" ||
      Object.values(this.#view.columnFilters).some((typed) => typed.trim() !== ""),
  );

  constructor(agent: Agent, live: LiveStatus, table: TableInfo) {
    this.table = table;
    this.#agent = agent;
    this.#live = live;
    this.reader = new RowReader(agent, table);
    this.widths = new ColumnWidths(table.columns);
    this.pages = new PageCache(
      (offset, limit) => this.#loadPage(offset, limit),
      (asOf) => (this.#asOf = asOf),
    );
    this.#endings = [
      agent.onEvent((event) => this.#onEvent(event)),
      agent.onConnection((state) => {
        if (state === "open") this.refreshSoon();
      }),
    ];
  }

  get columns(): readonly ColumnInfo[] {
    return this.table.columns;
  }

  /** null until the first answer. */
  get rowCount(): number | null {
    return this.#rowCount;
  }

  get asOf(): AsOf | null {
    return this.#asOf;
  }

  get failure(): Failure | null {
    return this.#failure;
  }

  get view(): RowView {
    return this.#view;
  }

  /** First table pixel on screen. */
  get top(): number {
    return this.#top;
  }

  get active(): CellPlace {
    return this.#selection.active;
  }

  rowAt(rowIndex: number): GridRow | null {
    return this.pages.rowAt(rowIndex);
  }

  resize(viewPx: number): void {
    this.#viewPx = Math.max(ROW_PX, viewPx);
    this.scrollTo(this.#top);
  }

  /** Shows the table from a pixel on, and loads what is missing there. */
  scrollTo(top: number): void {
    if (this.#isDisposed) return;
    this.#top = scroll.clampTop(this.measure, top);
    void this.pages.want(this.range);
  }

  move(move: Move, isExtending: boolean): void {
    const extent = {
      rowCount: this.#rowCount ?? 0,
      columnCount: this.columns.length,
      pageRowCount: Math.max(1, Math.floor(this.#viewPx / ROW_PX) - 1),
    };
    const place = movePlace(this.#selection.active, move, extent);
    this.select(place, isExtending);
  }

  select(place: CellPlace, isExtending: boolean): void {
    const anchor = isExtending ? this.#selection.anchor : place;
    this.#selection = { anchor, active: place };
    this.#reveal(place.row);
  }

  /** Selects a block without moving the view; the cursor stays where it is in it. */
  selectBlock(anchor: CellPlace, active: CellPlace): void {
    this.#selection = { anchor, active };
  }

  sortBy(column: string): void {
    const sort = this.#view.sort;
    if (sort?.column !== column) this.setView({ sort: { column, isDescending: false } });
    else if (!sort.isDescending) this.setView({ sort: { column, isDescending: true } });
    else this.setView({ sort: null });
  }

  setView(change: Partial<RowView>): void {
    this.#view = { ...this.#view, ...change };
    this.pages.clear();
    this.#top = 0;
    this.#selection = selectCell({ row: 0, column: this.#selection.active.column });
    this.refreshSoon();
  }

  clearFilters(): void {
    this.setView({ quickFilter: "", columnFilters: {} });
  }

  /** Reads what is on screen again; many calls in a short time make one read. */
  refreshSoon(): void {
    if (this.#isDisposed) return;
    this.#isRefreshWanted = true;
    if (this.#isRefreshing || this.#refreshTimer !== undefined) return;
    const waitMs = Math.max(0, this.#refreshedAtMs + REFRESH_MS_MIN - performance.now());
    this.#refreshTimer = setTimeout(() => {
      this.#refreshTimer = undefined;
      void this.#refresh();
    }, waitMs);
  }

  /** Goes to the row of a key, e.g. one just added. */
  async showRow(rowIndex: number): Promise<void> {
    await this.#countRows();
    const row = Math.min(Math.max(0, rowIndex), Math.max(0, (this.#rowCount ?? 1) - 1));
    this.select({ row, column: this.#selection.active.column }, false);
  }

  dispose(): void {
    this.#isDisposed = true;
    for (const end of this.#endings) end();
    clearTimeout(this.#refreshTimer);
    this.pages.dispose();
  }

  #reveal(rowIndex: number): void {
    this.scrollTo(scroll.topShowing(this.measure, this.#top, rowIndex));
  }

  #onEvent(event: ApiEvent): void {
    if (event.type !== "committed") return;
    const isOurs = event.tables.includes(this.table.name) || event.tables.includes("*");
    if (isOurs || this.table.kind === "view") this.refreshSoon();
  }

  async #refresh(): Promise<void> {
    this.#isRefreshing = true;
    this.#isRefreshWanted = false;
    const view = this.#view;
    const anchorRow = this.#anchorRow();
    const anchor = anchorRow === null ? null : this.rowAt(anchorRow);
    this.pages.expire();
    await this.#countRows();
    if (this.#isDisposed) return;
    this.scrollTo(this.#top);
    await this.pages.want(this.range);
    if (anchorRow !== null && anchor !== null) await this.#followRow(view, anchorRow, anchor);
    if (this.#isDisposed) return;
    if (this.#asOf !== null) this.marks.settle(this.#asOf.index);
    this.#refreshedAtMs = performance.now();
    this.#isRefreshing = false;
    if (this.#isRefreshWanted) this.refreshSoon();
  }

  /** The row that must stay where it is: the cursor's if it is on screen, else the first one. */
  #anchorRow(): number | null {
    if ((this.#rowCount ?? 0) === 0) return null;
    const firstRow = Math.ceil(this.#top / ROW_PX);
    const lastRow = Math.floor((this.#top + this.#viewPx) / ROW_PX) - 1;
    const active = this.#selection.active.row;
    return active >= firstRow && active <= lastRow ? active : firstRow;
  }

  async #followRow(view: RowView, before: number, row: GridRow): Promise<void> {
    if (view !== this.#view || row.name === null || this.rowAt(before)?.id === row.id) return;
    const now = this.pages.findRow(row.id) ?? (await this.reader.placeOf(view, row.name));
    // Another order or filter begins at its top, wherever the row would be in it.
    if (now === null || now === before || this.#isDisposed || view !== this.#view) return;
    const shift = now - before;
    const { anchor, active } = this.#selection;
    this.#selection = {
      anchor: { ...anchor, row: Math.max(0, anchor.row + shift) },
      active: { ...active, row: Math.max(0, active.row + shift) },
    };
    this.#top = scroll.clampTop(this.measure, this.#top + shift * ROW_PX);
    await this.pages.want(this.range);
  }

  async #countRows(): Promise<void> {
    const answer = await this.reader.count(this.#view);
    this.#failure = answer.ok ? null : describeFailure(answer.error);
    if (!answer.ok) return;
    this.#rowCount = answer.value;
    this.widths.fitGutter(answer.value);
  }

  async #loadPage(offset: number, limit: number): Promise<LoadedPage> {
    const answer = await this.reader.page(this.#view, offset, limit);
    if (!answer.ok) {
      this.#failure = describeFailure(answer.error);
      return null;
    }
    this.widths.fit(answer.value.rows);
    return answer.value;
  }
}
