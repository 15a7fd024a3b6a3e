/**
 * Whose connections are taken and who is dialled.
 *
 * The committed configuration decides, with one exception that lives here alone: a newcomer
 * replays the log from its beginning, and old configurations do not know today's members. So
 * whoever was named when it joined stays admitted until a later configuration drops it.
 */
import type { MemberId } from "../../../shared/base/ids.ts";
import type { Configuration } from "../../../shared/raft/types.ts";

/** The set of admitted members; this member included. */
export class Admission {
  readonly #admitted: Set<MemberId>;
  #previous: readonly MemberId[] | null = null;
  #onChange: (admitted: readonly MemberId[]) => void;

  /** @param known From `cluster.json`. @param onChange Called with the new set, to store it. */
  constructor(known: readonly MemberId[], onChange: (admitted: readonly MemberId[]) => void) {
    this.#admitted = new Set(known);
    this.#onChange = onChange;
  }

  /** Whether a proven key may connect. */
  admits(member: MemberId): boolean {
    return this.#admitted.has(member);
  }

  /** All of them, sorted. */
  members(): readonly MemberId[] {
    return [...this.#admitted].sort();
  }

  /** The core works with this configuration now. */
  onConfiguration(configuration: Configuration): void {
    const current = configuration.seats.map((seat) => seat.id);
    const previous = this.#previous;
    this.#previous = current;
    let changed = false;
    for (const id of current) {
      if (!this.#admitted.has(id)) changed = true;
      this.#admitted.add(id);
    }
    for (const id of previous ?? []) {
      if (!current.includes(id)) changed = this.#admitted.delete(id) || changed;
    }
    if (changed) this.#onChange(this.members());
  }
}
