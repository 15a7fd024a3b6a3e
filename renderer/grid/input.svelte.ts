/**
 * Keyboard, pointer and clipboard of a grid, turned into moves and writes. Owns the open editor
 * and the dialogs. One click selects; typing, F2, Enter or a double click edits; leaving the
 * editor by any way but Escape saves, so that no edit is lost by a change of focus.
 */
import type { JsonCell } from "../../shared/changes/values.ts";
import type { Notices } from "../parts/notices.svelte.ts";
import { text } from "../text/en.ts";
import { cellText } from "../parts/cell-text.ts";
import type { GridController } from "./grid.svelte.ts";
import { commandOf, type GridCommand, type Key } from "./keymap.ts";
import type { GridRow } from "./page-cache.svelte.ts";
import type { Block, CellPlace, Move } from "./selection.ts";
import { formatTsv, parseTsv } from "./tsv.ts";
import type { GridWriter } from "./writer.svelte.ts";

/** The open editor. The row is kept: it may move while somebody types. */
export type Editing = { readonly row: GridRow; readonly column: number; readonly text: string };

/** The dialog that is open over the grid. */
export type GridDialog = "add-row" | "delete-rows" | null;

/** What the input works with. */
export type InputPorts = {
  readonly grid: GridController;
  readonly writer: GridWriter;
  readonly notices: Notices;
  /** Today as the column should hold it; the clock is not read here. */
  readonly today: () => string;
  readonly focusFilter: () => void;
  /** Somebody asks what became of a row. */
  readonly onHistory: (row: GridRow) => void;
};

/** Owns what a person is doing in a grid right now. */
export class GridInput {
  #editing = $state.raw<Editing | null>(null);
  #dialog = $state<GridDialog>(null);
  #isDragging = false;
  #isPastingRows = false;
  /** After Escape the next Tab leaves the grid: a way out for the keyboard. */
  #isLeaving = false;
  readonly #ports: InputPorts;

  constructor(ports: InputPorts) {
    this.#ports = ports;
  }

  get editing(): Editing | null {
    return this.#editing;
  }

  get dialog(): GridDialog {
    return this.#dialog;
  }

  openDialog(dialog: Exclude<GridDialog, null>): void {
    if (this.#ports.writer.mayWrite()) this.#dialog = dialog;
  }

  closeDialog(): void {
    this.#dialog = null;
  }

  /** @returns whether the key was used. */
  key(key: Key): boolean {
    if (key.key === "Shift" || key.key === "Control") return false;
    if (key.key === "Tab" && this.#isLeaving) return false;
    this.#isLeaving = key.key === "Escape";
    this.#isPastingRows = key.isControl && key.isShift && key.key.toLowerCase() === "v";
    const command = commandOf(key);
    if (command === null || this.#isPastTheEdge(command)) return false;
    this.#run(command);
    return true;
  }

  edit(typed?: string): void {
    const { grid, writer, notices } = this.#ports;
    const row = grid.rowAt(grid.active.row);
    const column = grid.columns[grid.active.column];
    if (row === null || column === undefined) return;
    const value = this.#shown(row, grid.active.column);
    const reason = writer.whyNot(column, value);
    if (reason !== null) return notices.problem(reason);
    grid.marks.dismissRejected();
    const start = typed ?? cellText(value);
    this.#editing = { row, column: grid.active.column, text: start };
  }

  /** Saves the editor and moves on; moving is optional. */
  commit(typed: string, move: Move | null): void {
    const editing = this.#editing;
    if (editing === null) return;
    this.#editing = null;
    void this.#ports.writer.typeInto(editing.row, editing.column, typed);
    if (move !== null) this.#ports.grid.move(move, false);
  }

  cancelEdit(): void {
    this.#editing = null;
  }

  pointerDown(place: CellPlace, isExtending: boolean): void {
    this.#isDragging = true;
    this.#isLeaving = false;
    this.#ports.grid.select(place, isExtending);
  }

  pointerOver(place: CellPlace): void {
    if (this.#isDragging) this.#ports.grid.select(place, true);
  }

  pointerUp(): void {
    this.#isDragging = false;
  }

  selectRow(rowIndex: number, isExtending: boolean): void {
    const { grid } = this.#ports;
    const last = grid.columns.length - 1;
    const from = isExtending ? grid.block.top : rowIndex;
    grid.selectBlock({ row: from, column: last }, { row: rowIndex, column: 0 });
  }

  copy(clipboard: DataTransfer): void {
    const loaded = this.#ports.writer.copyLoaded(this.#ports.grid.block);
    if (loaded !== null) return clipboard.setData("text/plain", formatTsv(loaded));
    void this.#copyUnloaded(this.#ports.grid.block);
  }

  cut(clipboard: DataTransfer): void {
    if (!this.#ports.writer.mayWrite()) return;
    this.copy(clipboard);
    void this.#ports.writer.clearBlock(this.#ports.grid.block);
  }

  paste(pasted: string): void {
    if (pasted === "" || !this.#ports.writer.mayWrite()) return;
    const { grid, writer } = this.#ports;
    const cells = parseTsv(pasted);
    if (this.#isPastingRows) void writer.pasteAsRows(cells, 0);
    else void writer.paste(cells, grid.block);
  }

  /** What became of the row the cursor is on. */
  showHistory(): void {
    const row = this.#ports.grid.rowAt(this.#ports.grid.active.row);
    if (row !== null) this.#ports.onHistory(row);
  }

  async deleteSelected(): Promise<void> {
    this.#dialog = null;
    await this.#ports.writer.deleteRows(this.#ports.grid.block);
  }

  async #copyUnloaded(block: Block): Promise<void> {
    const cells = await this.#ports.writer.copy(block);
    if (cells === null) return;
    await navigator.clipboard.writeText(formatTsv(cells));
    this.#ports.notices.done(text.grid.copied);
  }

  #run(command: GridCommand): void {
    const { grid, writer } = this.#ports;
    switch (command.type) {
      case "move":
        return grid.move(command.move, command.isExtending);
      case "edit":
        return this.edit();
      case "type":
        return this.edit(command.text);
      case "clear":
        return void writer.clearBlock(grid.block);
      case "cancel":
        grid.marks.dismissRejected();
        return grid.select(grid.active, false);
      case "select-all":
      case "select-column":
      case "select-row":
        return this.#selectWhole(command.type);
      case "fill-down":
        return void writer.fillDown(grid.block);
      case "insert-today":
        return void writer.setAll(grid.block, this.#ports.today());
      case "undo":
        return void writer.undo();
      case "add-row":
      case "delete-rows":
        return this.openDialog(command.type);
      case "find":
        return this.#ports.focusFilter();
      case "row-history":
        return this.showHistory();
    }
  }

  #selectWhole(what: "select-all" | "select-column" | "select-row"): void {
    const { grid } = this.#ports;
    const { row, column } = grid.active;
    const lastRow = Math.max(0, (grid.rowCount ?? 0) - 1);
    const lastColumn = grid.columns.length - 1;
    if (what === "select-row") return this.selectRow(row, false);
    const isAll = what === "select-all";
    grid.selectBlock(
      { row: lastRow, column: isAll ? lastColumn : column },
      { row: 0, column: isAll ? 0 : column },
    );
  }

  /** Tab on the last cell and Shift+Tab on the first leave the grid. */
  #isPastTheEdge(command: GridCommand): boolean {
    if (command.type !== "move") return false;
    const { row, column } = this.#ports.grid.active;
    if (command.move === "previous") return row === 0 && column === 0;
    if (command.move !== "next") return false;
    const lastRow = (this.#ports.grid.rowCount ?? 0) - 1;
    return row >= lastRow && column === this.#ports.grid.columns.length - 1;
  }

  #shown(row: GridRow, column: number): JsonCell {
    const mark = this.#ports.grid.marks.at(row.id, column);
    return mark !== null && mark.state !== "rejected" ? mark.value : (row.cells[column] ?? null);
  }
}
