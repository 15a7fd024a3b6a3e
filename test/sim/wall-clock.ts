/** Wall time of the world's beginning. */
const WALL_START_MS = Date.UTC(2026, 0, 5, 8, 0, 0);

/** From a moment of the world on, how wrong the clock was. */
type Setting = { readonly sinceMs: number; readonly errorMs: number };

/** The wall clock of one computer: wrong from the start, and people and time servers set it. */
export class WallClock {
  readonly #settings: Setting[];

  constructor(errorMs: number) {
    this.#settings = [{ sinceMs: 0, errorMs }];
  }

  /** Whether anybody ever set it: then a sleep may not show. */
  get wasSet(): boolean {
    return this.#settings.length > 1;
  }

  /** What it shows at a moment of the world. */
  readAt(nowMs: number): number {
    return Math.floor(WALL_START_MS + nowMs + this.#errorMs);
  }

  /** Somebody sets it. */
  jump(nowMs: number, byMs: number): void {
    this.#settings.push({ sinceMs: nowMs, errorMs: this.#errorMs + byMs });
  }

  /**
   * When it showed this, in ms of the world. A clock that was set back shows a time twice: then it
   * is the earliest.
   *
   * @param wallMs A time of day, whole ms.
   * @param fromMs What it showed before does not count.
   * @returns null when it never showed it.
   */
  momentOf(wallMs: number, fromMs: number): number | null {
    for (const [i, { sinceMs, errorMs }] of this.#settings.entries()) {
      const untilMs = this.#settings[i + 1]?.sinceMs ?? Infinity;
      const shownMs = wallMs - WALL_START_MS - errorMs;
      const firstMs = Math.max(shownMs, sinceMs, fromMs);
      if (firstMs < shownMs + 1 && firstMs <= untilMs) return firstMs;
    }
    return null;
  }

  get #errorMs(): number {
    return this.#settings.at(-1)?.errorMs ?? 0;
  }
}
