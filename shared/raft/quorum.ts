import { assert } from "../base/assert.ts";

/** How many of `voterCount` voters are a majority. */
export function majorityOf(voterCount: number): number {
  return Math.floor(voterCount / 2) + 1;
}

/**
 * The highest value that at least `count` of `values` reach: with `count` a majority of the
 * voters and the values their stored indexes, the index a majority holds (§3.6.2).
 *
 * Pure arithmetic: the caller must also check that the entry there is of its own term.
 *
 * @param values Reordered in place, so that the hot path allocates nothing.
 * @param count 1 to `values.length`.
 */
export function reachedBy(values: number[], count: number): number {
  assert(count >= 1 && count <= values.length, "a quorum lies inside its voters");
  // Insertion sort: at most 7 voters, nearly sorted from call to call.
  for (let i = 1; i < values.length; i++) {
    const value = values[i] as number;
    let at = i;
    for (; at > 0 && (values[at - 1] as number) < value; at--)
      values[at] = values[at - 1] as number;
    values[at] = value;
  }
  return values[count - 1] as number;
}
