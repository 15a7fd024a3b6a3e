/**
 * How far behind a member is, told by one clock only.
 *
 * The leader notes when it committed each index, on its own monotonic clock. A member that has applied index `i` is behind since
 * the moment `i + 1` was committed. So two computers whose clocks are days apart still agree on
 * the lag, and an idle cluster has a lag of 0 (facts: clock skew shown as lag, idle standbys
 * reported hours behind).
 */
import { logIndex } from "../base/ids.ts";
import type { LogIndex } from "../base/ids.ts";

/** `wallMs`: what the leader's wall clock showed then. */
type CommitMark = { readonly index: LogIndex; readonly atMs: number; readonly wallMs: number };

/** Marks closer together than this are merged; the lag is exact to this many ms. */
const MARK_SPACING_MS = 5;
/** An hour of a busy cluster at one mark every 100 ms would be 36,000; older ones are thinned. */
const MARK_COUNT_MAX = 8_192;

/** When each commit index became known, newest last. */
export class CommitTimes {
  #marks: CommitMark[] = [];
  /** Entries up to here were committed before anybody watched. */
  #floorIndex: LogIndex = logIndex(0);

  /** Notes that `index` was known to be committed at `nowMs`. Calls ascend in both. */
  committed(index: LogIndex, { nowMs, wallMs }: { nowMs: number; wallMs: number }): void {
    const last = this.#marks.at(-1);
    if (last !== undefined && index <= last.index) return;
    // The mark keeps the time of its lowest index, so that a lag is never told too small.
    if (last !== undefined && nowMs - last.atMs < MARK_SPACING_MS) {
      this.#marks[this.#marks.length - 1] = { ...last, index };
      return;
    }
    this.#marks.push({ index, atMs: nowMs, wallMs });
    if (this.#marks.length > MARK_COUNT_MAX) this.#thin();
  }

  /**
   * How long a member that holds everything up to `applied` has been behind, in ms; 0 when
   * nothing after it is known to be committed, null when it lacks what was committed before the watch began.
   */
  lagMs(applied: LogIndex, nowMs: number): number | null {
    if (applied < this.#floorIndex) return null;
    const first = this.#firstAfter(applied);
    return first === null ? 0 : Math.max(0, nowMs - first.atMs);
  }

  /**
   * What the wall clock showed when the first commit after `applied` became known; null when there is none. It may
   * have been set since, so this is not what it shows now less the lag.
   */
  behindSinceWallMs(applied: LogIndex): number | null {
    return this.#firstAfter(applied)?.wallMs ?? null;
  }

  /** Forgets everything: another leader counts from now. @param floorIndex The newest entry there is. */
  clear(floorIndex: LogIndex): void {
    this.#marks = [];
    this.#floorIndex = floorIndex;
  }

  #firstAfter(applied: LogIndex): CommitMark | null {
    let low = 0;
    let high = this.#marks.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const mark = this.#marks[middle];
      if (mark !== undefined && mark.index > applied) high = middle;
      else low = middle + 1;
    }
    return this.#marks[low] ?? null;
  }

  /** Merges pairs of the older half; each keeps the earlier time and the higher index. */
  #thin(): void {
    const half = this.#marks.length >> 1;
    const kept: CommitMark[] = [];
    for (let i = 0; i + 1 < half; i += 2) {
      const earlier = this.#marks[i];
      const later = this.#marks[i + 1];
      if (earlier !== undefined && later !== undefined) {
        kept.push({ ...earlier, index: later.index });
      }
    }
    this.#marks = [...kept, ...this.#marks.slice(kept.length * 2)];
  }
}
