/**
 * Everything a person can change in a grid: cells, blocks, rows, and taking an edit back. One
 * gesture is one transaction. Each cell is written only if it still holds what the person saw,
 * so that a change made elsewhere at the same time is noticed instead of overwritten.
 */
import type { Agent, ClientError } from "../agent/client.ts";
import type { LiveStatus } from "../agent/live.svelte.ts";
import type { ColumnInfo } from "../../shared/api/methods.ts";
import type { ExpectedRow } from "../../shared/changes/expected-row.ts";
import type { JsonCell } from "../../shared/changes/values.ts";
import { defined } from "../../shared/base/assert.ts";
import { formatPlural } from "../parts/format.ts";
import { describeFailure, failureLine } from "../parts/failure.ts";
import type { Notices } from "../parts/notices.svelte.ts";
import { deleteRows, insertRow, updateCell, type RowName } from "../../shared/api/statements.ts";
import { text } from "../text/en.ts";
import { cellText, kindOf } from "../parts/cell-text.ts";
import { cellsEqual, clearedValue, parseTyped } from "./cell-value.ts";
import type { GridController } from "./grid.svelte.ts";
import type { GridRow } from "./page-cache.svelte.ts";
import { cellCount, type Block } from "./selection.ts";

/** Cells one gesture may write, and cells one copy may take. */
const WRITE_CELLS_MAX = 10_000;
const COPY_CELLS_MAX = 100_000;
/** Gestures that can be taken back. */
const UNDO_MAX = 100;

type Change = {
  readonly row: GridRow;
  readonly column: number;
  readonly before: JsonCell;
  readonly after: JsonCell;
};

/** What the grid's writer works with. */
export type WriterPorts = {
  readonly agent: Agent;
  readonly live: LiveStatus;
  readonly notices: Notices;
  readonly grid: GridController;
};

/** Owns the writes of one grid. */
export class GridWriter {
  readonly #ports: WriterPorts;
  readonly #grid: GridController;
  readonly #undoable: (readonly Change[])[] = [];

  constructor(ports: WriterPorts) {
    this.#ports = ports;
    this.#grid = ports.grid;
  }

  /** Why a cell cannot be edited, or null. */
  whyNot(column: ColumnInfo, value: JsonCell): string | null {
    if (this.#grid.readOnlyReason !== null) return this.#grid.readOnlyReason;
    if (column.isGenerated) return text.grid.generated;
    return kindOf(value) === "blob" ? text.grid.blob : null;
  }

  /** Whether anything can be written; says why not. */
  mayWrite(): boolean {
    const reason = this.#grid.readOnlyReason;
    if (reason !== null) this.#ports.notices.problem(reason);
    return reason === null;
  }

  /** Saves what was typed into a cell. NULL stays NULL while nothing is typed. */
  async typeInto(row: GridRow, column: number, typed: string): Promise<void> {
    const before = this.#shownValue(row, column);
    if (typed === cellText(before)) return;
    const info = this.#column(column);
    await this.#writeCells([{ row, column, before, after: parseTyped(typed, info) }]);
  }

  async clearBlock(block: Block): Promise<void> {
    await this.#writeBlock(block, (_row, column) => clearedValue(this.#column(column)));
  }

  async fillDown(block: Block): Promise<void> {
    const first = this.#grid.rowAt(block.top);
    if (first === null || block.bottom === block.top) return;
    const values = first.cells;
    await this.#writeBlock(
      { ...block, top: block.top + 1 },
      (_row, column) => values[column] ?? null,
    );
  }

  async setAll(block: Block, typed: string): Promise<void> {
    await this.#writeBlock(block, (_row, column) => parseTyped(typed, this.#column(column)));
  }

  /** Writes a pasted block from a block's first cell on; rows past the end are added. */
  async paste(cells: readonly (readonly string[])[], into: Block): Promise<void> {
    const single = cells.length === 1 && cells[0]?.length === 1 ? cells[0][0] : undefined;
    if (single !== undefined && cellCount(into) > 1) return this.setAll(into, single);
    const rowCount = this.#grid.rowCount ?? 0;
    const overCount = Math.min(rowCount - into.top, cells.length);
    const over = cells.slice(0, Math.max(0, overCount));
    const widest = Math.max(...cells.map((row) => row.length));
    if (over.length > 0) {
      const right = Math.min(into.left + widest, this.#grid.columns.length) - 1;
      const block = { top: into.top, bottom: into.top + over.length - 1, left: into.left, right };
      await this.#writeBlock(block, (row, column) => {
        const typed = over[row - block.top]?.[column - block.left];
        return typed === undefined ? undefined : parseTyped(typed, this.#column(column));
      });
    }
    const added = cells.slice(over.length);
    if (added.length > 0) await this.pasteAsRows(added, into.left);
  }

  /** Adds a pasted block as new rows. */
  async pasteAsRows(cells: readonly (readonly string[])[], firstColumn: number): Promise<void> {
    if (!this.mayWrite() || this.#isTooLarge(cells.length * (cells[0]?.length ?? 1))) return;
    const statements = cells.map((row) => {
      const values = row.flatMap((typed, place) => {
        const column = this.#grid.columns[firstColumn + place];
        if (column === undefined || column.isGenerated || typed === "") return [];
        return [[column.name, parseTyped(typed, column)] as const];
      });
      return insertRow(this.#grid.table.name, Object.fromEntries(values));
    });
    const answer = await this.#ports.agent.write("execute", { statements });
    if (!answer.ok) return this.#refused(answer.error);
    this.#ports.notices.done(`${formatPlural(cells.length, "row", "rows")} added.`);
    await this.#grid.showRow((this.#grid.rowCount ?? 0) + cells.length - 1);
  }

  /** @returns null when it was saved, else the error for the form. */
  async addRow(values: { readonly [column: string]: JsonCell }): Promise<ClientError | null> {
    const statements = [insertRow(this.#grid.table.name, values)];
    const answer = await this.#ports.agent.write("execute", { statements });
    if (!answer.ok) return answer.error;
    const end = Number.MAX_SAFE_INTEGER;
    await this.#grid.showRow(this.#grid.view.sort === null ? end : this.#grid.active.row);
    return null;
  }

  async deleteRows(block: Block): Promise<void> {
    if (!this.mayWrite() || this.#isTooLarge(block.bottom - block.top + 1)) return;
    const rows = await this.rowsOf(block);
    if (rows === null) return;
    const statements = deleteRows(this.#grid.table.name, rows.map(nameOf));
    const expect = rows.map((row) => this.#asSeen(row));
    const answer = await this.#ports.agent.write("execute", { statements, expect });
    if (!answer.ok) return this.#refused(answer.error);
    const count = answer.value.results.reduce((sum, result) => sum + result.changes, 0);
    this.#ports.notices.done(`${formatPlural(count, "row", "rows")} deleted.`);
    this.#grid.select({ row: block.top, column: this.#grid.active.column }, false);
  }

  /** Takes back the last edit of cells made in this window, if nobody changed them since. */
  async undo(): Promise<void> {
    if (!this.mayWrite()) return;
    const changes = this.#undoable.pop();
    if (changes === undefined) return this.#ports.notices.done(text.grid.nothingToUndo);
    const inverse = changes.map((change) => ({
      ...change,
      before: change.after,
      after: change.before,
    }));
    const isDone = await this.#send(inverse);
    if (isDone) this.#ports.notices.done(text.grid.undone);
  }

  /** A block as text, or null when it is too large or cannot be read. */
  async copy(block: Block): Promise<string[][] | null> {
    if (cellCount(block) > COPY_CELLS_MAX) {
      this.#ports.notices.problem(text.grid.copyTooLarge);
      return null;
    }
    const rows = await this.rowsOf(block);
    return rows === null ? null : rows.map((row) => this.#cellTexts(row, block));
  }

  /** The same at once, when all of it is on hand; null when it must be read first. */
  copyLoaded(block: Block): string[][] | null {
    const rows: string[][] = [];
    if (cellCount(block) > COPY_CELLS_MAX) return null;
    for (let index = block.top; index <= block.bottom; index += 1) {
      const row = this.#grid.rowAt(index);
      if (row === null) return null;
      rows.push(this.#cellTexts(row, block));
    }
    return rows;
  }

  /** The rows of a block, read if they are not on hand; null when that failed. */
  async rowsOf(block: Block): Promise<readonly GridRow[] | null> {
    const loaded: GridRow[] = [];
    for (let index = block.top; index <= block.bottom; index += 1) {
      const row = this.#grid.rowAt(index);
      if (row === null) break;
      loaded.push(row);
    }
    const count = block.bottom - block.top + 1;
    if (loaded.length === count) return loaded;
    const answer = await this.#grid.reader.page(this.#grid.view, block.top, count);
    if (answer.ok) return answer.value.rows;
    this.#refused(answer.error);
    return null;
  }

  async #writeBlock(
    block: Block,
    valueAt: (rowIndex: number, column: number) => JsonCell | undefined,
  ): Promise<void> {
    if (!this.mayWrite() || this.#isTooLarge(cellCount(block))) return;
    const rows = await this.rowsOf(block);
    if (rows === null) return;
    const changes: Change[] = [];
    rows.forEach((row, place) => {
      for (let column = block.left; column <= block.right; column += 1) {
        const before = this.#shownValue(row, column);
        const after = valueAt(block.top + place, column);
        if (after === undefined || cellsEqual(before, after)) continue;
        if (this.whyNot(this.#column(column), before) === null) {
          changes.push({ row, column, before, after });
        }
      }
    });
    await this.#writeCells(changes);
  }

  async #writeCells(changes: readonly Change[]): Promise<void> {
    if (changes.length === 0 || !this.mayWrite()) return;
    const isDone = await this.#send(changes);
    if (!isDone) return;
    this.#undoable.push(changes);
    if (this.#undoable.length > UNDO_MAX) this.#undoable.shift();
  }

  /** @returns whether every cell was saved. */
  async #send(changes: readonly Change[]): Promise<boolean> {
    const { marks, table } = this.#grid;
    const edits = changes.map(({ row, column, after }) => ({
      rowId: row.id,
      column,
      value: after,
    }));
    marks.begin(edits);
    const statements = changes.map(({ row, column, before, after }) => {
      return updateCell({
        table: table.name,
        row: nameOf(row),
        column: this.#column(column).name,
        oldValue: before,
        newValue: after,
      });
    });
    const answer = await this.#ports.agent.write("execute", { statements });
    if (!answer.ok) {
      marks.reject(edits, describeFailure(answer.error).what);
      this.#refused(answer.error);
      return false;
    }
    const saved = edits.filter((_edit, place) => answer.value.results[place]?.changes !== 0);
    const lost = edits.filter((_edit, place) => answer.value.results[place]?.changes === 0);
    marks.confirm(saved, answer.value.index);
    marks.reject(lost, text.grid.rowChanged);
    if (lost.length > 0) this.#ports.notices.problem(text.grid.rowChanged);
    this.#grid.refreshSoon();
    return lost.length === 0;
  }

  /** What the person sees: an edit on its way counts as done for the next one. */
  #shownValue(row: GridRow, column: number): JsonCell {
    const mark = this.#grid.marks.at(row.id, column);
    if (mark !== null && mark.state !== "rejected") return mark.value;
    return row.cells[column] ?? null;
  }

  /** The row as the person sees it: who deletes it does not want somebody else's newer work gone. */
  #asSeen(row: GridRow): ExpectedRow {
    const name = nameOf(row);
    const seen = this.#grid.columns.flatMap(({ name: column }, place) => {
      const value = row.cells[place] ?? null;
      // What this window has just written is its own, and not read back yet.
      const isOwn = this.#grid.marks.at(row.id, place) !== null;
      return isOwn || kindOf(value) === "blob" ? [] : [[column, value] as const];
    });
    const key = "rowid" in name ? { rowid: name.rowid } : name.key;
    return { table: this.#grid.table.name, key, row: Object.fromEntries(seen) };
  }

  #cellTexts(row: GridRow, block: Block): string[] {
    const texts: string[] = [];
    for (let column = block.left; column <= block.right; column += 1) {
      texts.push(cellText(this.#shownValue(row, column)));
    }
    return texts;
  }

  #column(column: number): ColumnInfo {
    return defined(this.#grid.columns[column], "a cell has a column");
  }

  #isTooLarge(count: number): boolean {
    if (count <= WRITE_CELLS_MAX) return false;
    this.#ports.notices.problem(text.grid.selectedTooLarge);
    return true;
  }

  #refused(error: ClientError): void {
    this.#ports.live.learnFrom(error);
    this.#ports.notices.problem(failureLine(error));
  }
}

/** Only tables whose rows have names can be written: `mayWrite` has said so before. */
function nameOf(row: GridRow): RowName {
  return defined(row.name, "a row that is written has a name");
}
