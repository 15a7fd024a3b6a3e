/** Where the cursor is and what is selected. Pure; rows and columns count from 0. */

/** A cell by its place. */
export type CellPlace = { readonly row: number; readonly column: number };

/** A block from `anchor` to `active`; the cursor is at `active`. */
export type Selection = { readonly anchor: CellPlace; readonly active: CellPlace };

/** A block by its edges, all included. */
export type Block = {
  readonly top: number;
  readonly bottom: number;
  readonly left: number;
  readonly right: number;
};

/** How far the cursor can go. */
export type Extent = {
  readonly rowCount: number;
  readonly columnCount: number;
  /** Rows of one page up or down. */
  readonly pageRowCount: number;
};

/** Ways the cursor moves. */
export type Move =
  | "up"
  | "down"
  | "left"
  | "right"
  | "page-up"
  | "page-down"
  | "row-start"
  | "row-end"
  | "table-start"
  | "table-end"
  | "column-start"
  | "column-end"
  | "next"
  | "previous";

/** One selected cell. */
export function selectCell(place: CellPlace): Selection {
  return { anchor: place, active: place };
}

/** The block between anchor and cursor. */
export function blockOf(selection: Selection): Block {
  const { anchor, active } = selection;
  return {
    top: Math.min(anchor.row, active.row),
    bottom: Math.max(anchor.row, active.row),
    left: Math.min(anchor.column, active.column),
    right: Math.max(anchor.column, active.column),
  };
}

/** Cells in a block. */
export function cellCount(block: Block): number {
  return (block.bottom - block.top + 1) * (block.right - block.left + 1);
}

/** Whether a block holds a cell. */
export function blockHolds(block: Block, row: number, column: number): boolean {
  return row >= block.top && row <= block.bottom && column >= block.left && column <= block.right;
}

/** The place after a move, kept inside the table. */
export function movePlace(place: CellPlace, move: Move, extent: Extent): CellPlace {
  const lastRow = Math.max(0, extent.rowCount - 1);
  const lastColumn = Math.max(0, extent.columnCount - 1);
  const { row, column } = place;
  const at = (nextRow: number, nextColumn: number): CellPlace => ({
    row: Math.min(Math.max(0, nextRow), lastRow),
    column: Math.min(Math.max(0, nextColumn), lastColumn),
  });
  switch (move) {
    case "up":
      return at(row - 1, column);
    case "down":
      return at(row + 1, column);
    case "left":
      return at(row, column - 1);
    case "right":
      return at(row, column + 1);
    case "page-up":
      return at(row - extent.pageRowCount, column);
    case "page-down":
      return at(row + extent.pageRowCount, column);
    case "row-start":
      return at(row, 0);
    case "row-end":
      return at(row, lastColumn);
    case "table-start":
      return at(0, 0);
    case "table-end":
      return at(lastRow, lastColumn);
    case "column-start":
      return at(0, column);
    case "column-end":
      return at(lastRow, column);
    case "next":
      return column === lastColumn && row < lastRow ? at(row + 1, 0) : at(row, column + 1);
    case "previous":
      return column === 0 && row > 0 ? at(row - 1, lastColumn) : at(row, column - 1);
  }
}
