import type { Move } from "./selection.ts";

/** What a key asks of the grid. */
export type GridCommand =
  | { readonly type: "move"; readonly move: Move; readonly isExtending: boolean }
  | { readonly type: "edit" }
  /** Typing over: the editor opens with this text. */
  | { readonly type: "type"; readonly text: string }
  | { readonly type: "clear" }
  | { readonly type: "cancel" }
  | { readonly type: "select-all" | "select-column" | "select-row" }
  | { readonly type: "fill-down" | "insert-today" | "undo" | "add-row" | "delete-rows" | "find" }
  | { readonly type: "row-history" };

/** What is needed of a KeyboardEvent. */
export type Key = {
  readonly key: string;
  readonly code: string;
  readonly isControl: boolean;
  readonly isShift: boolean;
  readonly isAlt: boolean;
};

const PLAIN_MOVES: { readonly [key: string]: Move } = {
  ArrowUp: "up",
  ArrowDown: "down",
  ArrowLeft: "left",
  ArrowRight: "right",
  PageUp: "page-up",
  PageDown: "page-down",
  Home: "row-start",
  End: "row-end",
};

const CONTROL_MOVES: { readonly [key: string]: Move } = {
  ArrowUp: "column-start",
  ArrowDown: "column-end",
  ArrowLeft: "row-start",
  ArrowRight: "row-end",
  Home: "table-start",
  End: "table-end",
};

const CONTROL_COMMANDS: { readonly [key: string]: GridCommand } = {
  a: { type: "select-all" },
  " ": { type: "select-column" },
  d: { type: "fill-down" },
  ";": { type: "insert-today" },
  z: { type: "undo" },
  f: { type: "find" },
  h: { type: "row-history" },
  "-": { type: "delete-rows" },
};

/** The command of a key on the grid, outside the editor; null leaves the key to the browser. */
export function commandOf(key: Key): GridCommand | null {
  if (key.isAlt) return null;
  if (key.isControl) {
    const move = CONTROL_MOVES[key.key];
    if (move !== undefined) return { type: "move", move, isExtending: key.isShift };
    return CONTROL_COMMANDS[key.key.toLowerCase()] ?? null;
  }
  const move = PLAIN_MOVES[key.key];
  if (move !== undefined) return { type: "move", move, isExtending: key.isShift };
  return plainCommand(key);
}

function plainCommand(key: Key): GridCommand | null {
  switch (key.key) {
    case "Tab":
      return { type: "move", move: key.isShift ? "previous" : "next", isExtending: false };
    case "Enter":
      return key.isShift ? { type: "move", move: "up", isExtending: false } : { type: "edit" };
    case "F2":
      return { type: "edit" };
    case "Delete":
    case "Backspace":
      return { type: "clear" };
    case "Escape":
      return { type: "cancel" };
    case "Insert":
      return { type: "add-row" };
    case " ":
      return key.isShift ? { type: "select-row" } : { type: "type", text: " " };
    default:
      return isPrintable(key.key) ? { type: "type", text: key.key } : null;
  }
}

/** A key that writes one character; `?` opens the list of shortcuts instead. */
function isPrintable(key: string): boolean {
  return [...key].length === 1 && key !== "?";
}
