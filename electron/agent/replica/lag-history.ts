import type { MemberId } from "../../../shared/base/ids.ts";
import type { LagSample } from "../../../shared/cluster/status.ts";

/** An hour of twenty computers at one sample a second. */
const SAMPLE_COUNT_MAX = 72_000;

/** The last hour of everybody's lag, for the chart; one sample per member and second. */
export class LagHistory {
  #samples: LagSample[] = [];

  /** Adds samples of one moment. */
  add(samples: readonly LagSample[]): void {
    this.#samples.push(...samples);
    // Cut in large steps: moving the array for every sample would be quadratic.
    if (this.#samples.length > SAMPLE_COUNT_MAX * 1.25) {
      this.#samples = this.#samples.slice(-SAMPLE_COUNT_MAX);
    }
  }

  /** Samples at or after a wall-clock time, oldest first. */
  since(atMs: number): readonly LagSample[] {
    return this.#samples.filter((sample) => sample.atMs >= atMs);
  }

  /** Makes one sample. */
  static sample(
    atMs: number,
    member: { readonly id: MemberId; readonly entries: number; readonly ms: number | null },
  ): LagSample {
    return { atMs, memberId: member.id, entries: member.entries, ms: member.ms };
  }
}
