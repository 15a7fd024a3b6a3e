/**
 * What the shell remembers between runs: the window's place and one switch. A file that is
 * missing or damaged only means the defaults; it never stops the app from starting.
 */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

/** A rectangle in screen pixels. */
export type Rectangle = {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
};

/** Kept in one small JSON file. */
export type ShellState = {
  /** null: let the system place the window. */
  readonly bounds: Rectangle | null;
  readonly isMaximized: boolean;
  /** Whether the agent goes on when the window is closed; a person has to ask for it. */
  readonly keepsRunning: boolean;
};

const DEFAULTS: ShellState = { bounds: null, isMaximized: false, keepsRunning: false };

/** The state of the last run, or the defaults. */
export function readShellState(file: string): ShellState {
  try {
    return parseShellState(JSON.parse(readFileSync(file, "utf8")));
  } catch {
    return DEFAULTS;
  }
}

/** Replaces the file in one step. */
export function writeShellState(file: string, state: ShellState): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(`${file}.new`, JSON.stringify(state));
  renameSync(`${file}.new`, file);
}

/** Takes what is right and leaves the rest at its default. */
export function parseShellState(raw: unknown): ShellState {
  if (typeof raw !== "object" || raw === null) return DEFAULTS;
  const fields = raw as Record<string, unknown>;
  return {
    bounds: parseBounds(fields["bounds"]),
    isMaximized: fields["isMaximized"] === true,
    keepsRunning: fields["keepsRunning"] === true,
  };
}

function parseBounds(raw: unknown): Rectangle | null {
  if (typeof raw !== "object" || raw === null) return null;
  const { x, y, width, height } = raw as Record<string, unknown>;
  if (!isPixels(x) || !isPixels(y) || !isPixels(width) || !isPixels(height)) return null;
  return width >= 200 && height >= 200 ? { x, y, width, height } : null;
}

function isPixels(value: unknown): value is number {
  return Number.isSafeInteger(value) && Math.abs(value as number) <= 100_000;
}

/**
 * Whether enough of a window would be on one of the screens to be grabbed: screens come and go
 * between runs.
 */
export function isReachable(bounds: Rectangle, screens: readonly Rectangle[]): boolean {
  return screens.some((screen) => {
    const right = Math.min(bounds.x + bounds.width, screen.x + screen.width);
    const bottom = Math.min(bounds.y + bounds.height, screen.y + screen.height);
    return (
      right - Math.max(bounds.x, screen.x) >= 100 && bottom - Math.max(bounds.y, screen.y) >= 50
    );
  });
}
