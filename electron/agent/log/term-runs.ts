import { assert } from "../../../shared/base/assert.ts";
import type { LogIndex, Position, Term } from "../../../shared/base/ids.ts";

type Run = { readonly firstIndex: number; readonly term: Term };

/**
 * The term at every index, as runs of equal terms: a log of millions of entries has a handful.
 *
 * Invariant: `firstIndex` and `term` of the runs ascend.
 */
export class TermRuns {
  #runs: Run[];

  /** @param base The position before the first kept entry. */
  constructor(base: Position) {
    this.#runs = [{ firstIndex: base.index, term: base.term }];
  }

  /** The next entry. Terms never go down in a log. */
  push(position: Position): void {
    const last = this.#runs[this.#runs.length - 1];
    assert(last !== undefined && position.term >= last.term, "terms ascend along the log");
    if (position.term > last.term) {
      this.#runs.push({ firstIndex: position.index, term: position.term });
    }
  }

  /** @param index From the base's index on; the caller checks the upper end. */
  at(index: LogIndex): Term {
    let low = 0;
    let high = this.#runs.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if ((this.#runs[middle] as Run).firstIndex <= index) low = middle;
      else high = middle - 1;
    }
    const run = this.#runs[low];
    assert(run !== undefined && run.firstIndex <= index, "the index is not before the log");
    return run.term;
  }

  /** Forgets everything from `index` on; the base stays. */
  cutFrom(index: LogIndex): void {
    while (this.#runs.length > 1 && (this.#runs.at(-1) as Run).firstIndex >= index) {
      this.#runs.pop();
    }
  }

  /** `base` becomes the position before the first kept entry. */
  dropBefore(base: Position): void {
    const later = this.#runs.filter((run) => run.firstIndex > base.index);
    this.#runs = [{ firstIndex: base.index, term: base.term }, ...later];
  }
}
