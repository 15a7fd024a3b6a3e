/** A promise of the product that a run broke. Ends the run; nothing else does. */
export class Violation extends Error {
  override readonly name = "Violation";
  /** Stable name of what was broken, e.g. `one-leader-per-term`. */
  readonly invariant: string;

  constructor(invariant: string, detail: string) {
    super(`${invariant}: ${detail}`);
    this.invariant = invariant;
  }
}

/** @throws Violation when the condition is false. */
export function uphold(
  condition: boolean,
  invariant: string,
  detail: () => string,
): asserts condition {
  if (!condition) throw new Violation(invariant, detail());
}
