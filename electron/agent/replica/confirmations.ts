/**
 * Waiting until a proposed write is as safe as its ack level asks, and saying honestly what is
 * known when leadership is lost meanwhile.
 *
 * A write whose leader steps down may still be committed by the next one. It is watched for one
 * more election timeout: applied with its own term, it is done; another entry in its place, and
 * it never happened; neither, and the outcome is unknown.
 */
import type { AckLevel, ApiError } from "../../../shared/api/methods.ts";
import type { LogIndex, Position, Term } from "../../../shared/base/ids.ts";
import type { Clock } from "../ports.ts";
import type { Applier } from "./applier.ts";
import { IndexWaiters } from "./waiters.ts";
import type { WaitEnd } from "./waiters.ts";

type ConfirmationsOptions = {
  readonly clock: Clock;
  readonly applier: Applier;
  /** Of the entry that this member's log holds at an index; null when it holds none. */
  readonly termAt: (index: LogIndex) => Term | null;
  /** How long a write is watched after its leader stepped down. */
  readonly graceMs: number;
  /** How long `applied` waits for connected members that are behind. */
  readonly appliedWaitMs: number;
};

/** The writes of this leader that are not confirmed yet. */
export class Confirmations {
  readonly #options: ConfirmationsOptions;
  readonly #flushed = new IndexWaiters();
  readonly #appliedEverywhere = new IndexWaiters();
  readonly #cancels = new Set<() => void>();

  constructor(options: ConfirmationsOptions) {
    this.#options = options;
  }

  /** This leader's disk holds everything up to here. */
  flushed(index: LogIndex): void {
    this.#flushed.reach(index);
  }

  /** Every connected member has applied everything up to here. */
  appliedEverywhere(index: LogIndex): void {
    this.#appliedEverywhere.reach(index);
  }

  /** This member leads no more: what is open ends after the grace time. */
  leadershipLost(): void {
    // The next leader may cut what was flushed here: in a later term it counts anew.
    this.#flushed.forget();
    const open = [...this.#cancels];
    this.#options.clock.after(this.#options.graceMs, () => {
      for (const cancel of open) cancel();
    });
  }

  /** @returns null once the write is safe, else what is known of it. */
  async confirmed(position: Position, ack: AckLevel): Promise<ApiError | null> {
    if (ack === "flushed") {
      const end = await this.#watch(this.#flushed.wait(position.index));
      // Another leader may have put its own entry there meanwhile: the flush of that one proves nothing.
      const isOwn = this.#options.termAt(position.index) === position.term;
      return end === "reached" && isOwn ? null : this.#judge(position);
    }
    await this.#watch(this.#options.applier.reached(position.index));
    const error = this.#judge(position);
    if (error !== null || ack === "committed") return error;
    return this.#everywhere(position.index);
  }

  /** The same for a write that is applied here already, and was asked for again. */
  async repeated(position: Position, ack: AckLevel): Promise<ApiError | null> {
    return ack === "applied" ? this.#everywhere(position.index) : null;
  }

  /** Ends all waiting. */
  close(): void {
    for (const cancel of [...this.#cancels]) cancel();
    this.#flushed.close();
    this.#appliedEverywhere.close();
  }

  async #watch(waiting: ReturnType<IndexWaiters["wait"]>): Promise<WaitEnd> {
    this.#cancels.add(waiting.cancel);
    const end = await waiting.done;
    this.#cancels.delete(waiting.cancel);
    return end;
  }

  #judge(position: Position): ApiError | null {
    const { applier } = this.#options;
    if (applier.position.applied.index >= position.index) {
      const term = applier.termApplied(position.index);
      if (term === position.term) return null;
      if (term !== null) {
        return {
          code: "not-leader",
          message: "Another computer took over before this edit was confirmed; it did not happen.",
        };
      }
    }
    return {
      code: "unknown-outcome",
      message:
        "The leader lost contact with the majority before this edit was confirmed; it may or " +
        "may not have happened. Repeating it with the same clientId and sequence is safe.",
    };
  }

  async #everywhere(index: LogIndex): Promise<ApiError | null> {
    const waiting = this.#appliedEverywhere.wait(index);
    const timer = this.#options.clock.after(this.#options.appliedWaitMs, waiting.cancel);
    const end = await this.#watch(waiting);
    timer.cancel();
    if (end === "reached") return null;
    return {
      code: "unknown-outcome",
      message: "The edit is confirmed, but a connected computer has not applied it in time.",
    };
  }
}
