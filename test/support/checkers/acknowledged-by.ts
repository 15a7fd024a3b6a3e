/** Something that was known to be so from a moment on. */
type Fact<T> = { readonly atMs: number; readonly rank: number; readonly what: T };

/**
 * What was known at a moment: of all facts up to then the one of the highest rank. Facts are
 * added in any order, then asked about; a million of each are a matter of a second.
 */
export class AcknowledgedBy<T> {
  readonly #facts: Fact<T>[] = [];
  #highest: readonly Fact<T>[] | null = null;

  /** @param atMs From then on it was known. @param rank What it is compared by. */
  add(atMs: number, rank: number, what: T): void {
    this.#facts.push({ atMs, rank, what });
    this.#highest = null;
  }

  /** The highest of the facts known before the moment, that moment left out. */
  before(momentMs: number): { readonly rank: number; readonly what: T } | null {
    const highest = (this.#highest ??= this.#climb());
    let low = 0;
    let high = highest.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((highest[middle]?.atMs ?? Infinity) < momentMs) low = middle + 1;
      else high = middle;
    }
    return highest[low - 1] ?? null;
  }

  /** In the order of time, only those that are higher than all before them. */
  #climb(): readonly Fact<T>[] {
    const steps: Fact<T>[] = [];
    for (const fact of this.#facts.sort((a, b) => a.atMs - b.atMs || b.rank - a.rank)) {
      if (fact.rank > (steps.at(-1)?.rank ?? -Infinity)) steps.push(fact);
    }
    return steps;
  }
}
