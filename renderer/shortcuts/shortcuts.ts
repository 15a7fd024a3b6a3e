/** One line of the list of shortcuts. */
export type Shortcut = { readonly keys: readonly string[]; readonly does: string };

/** The shortcuts, by where they work. */
export const shortcutGroups: readonly {
  readonly title: string;
  readonly shortcuts: readonly Shortcut[];
}[] = [
  {
    title: "Move and select",
    shortcuts: [
      { keys: ["←", "↑", "→", "↓"], does: "Move by a cell" },
      { keys: ["Tab", "Shift Tab"], does: "Next or previous cell" },
      { keys: ["Home", "End"], does: "First or last column" },
      { keys: ["Ctrl Home", "Ctrl End"], does: "First or last cell of the table" },
      { keys: ["Ctrl ↑", "Ctrl ↓"], does: "First or last row" },
      { keys: ["Page Up", "Page Down"], does: "A screen up or down" },
      { keys: ["Shift + any of these"], does: "Select up to there" },
      { keys: ["Ctrl A"], does: "Select everything" },
      { keys: ["Ctrl Space", "Shift Space"], does: "Select the column or the row" },
      { keys: ["Esc, then Tab"], does: "Leave the grid" },
    ],
  },
  {
    title: "Edit",
    shortcuts: [
      { keys: ["Enter", "F2"], does: "Edit the cell" },
      { keys: ["any letter"], does: "Type over the cell" },
      { keys: ["Enter", "Shift Enter"], does: "Save and go down or up" },
      { keys: ["Alt Enter"], does: "New line in a cell" },
      { keys: ["Esc"], does: "Leave the cell as it was" },
      { keys: ["Delete"], does: "Clear the selected cells (to NULL)" },
      { keys: ["Ctrl D"], does: "Fill down" },
      { keys: ["Ctrl ;"], does: "Today's date" },
      { keys: ["Insert"], does: "Add a row" },
      { keys: ["Ctrl −"], does: "Delete the selected rows" },
      { keys: ["Ctrl Z"], does: "Undo your last edit of cells" },
      { keys: ["Ctrl H"], does: "What became of the row" },
    ],
  },
  {
    title: "Clipboard",
    shortcuts: [
      {
        keys: ["Ctrl C", "Ctrl X"],
        does: "Copy or cut cells; they land in a spreadsheet as cells",
      },
      { keys: ["Ctrl V"], does: "Paste a block from here on" },
      { keys: ["Ctrl Shift V"], does: "Paste as new rows" },
    ],
  },
  {
    title: "Anywhere",
    shortcuts: [
      { keys: ["Ctrl F"], does: "Search the table" },
      { keys: ["Ctrl Enter"], does: "Run the SQL statement" },
      { keys: ["?", "F1"], does: "This list" },
    ],
  },
];
