/**
 * Whose connections are taken and who is dialled.
 *
 * The committed configuration decides, with one exception that lives here alone: a newcomer, and a member that
 * lost its log, replays the log from its beginning, and old configurations do not know today's members. So
 * configurations older than this member's seat let nobody go.
 */
import type { MemberId } from "../../../shared/base/ids.ts";
import type { Configuration } from "../../../shared/raft/types.ts";

/** The set of admitted members; this member included. */
export class Admission {
  readonly #self: MemberId;
  readonly #admitted: Set<MemberId>;
  /** Everybody whom a configuration named since the last committed one of today, that one included. */
  readonly #named = new Set<MemberId>();
  #onChange: (admitted: readonly MemberId[]) => void;

  /** @param known From `cluster.json`. @param onChange Called with the new set, to store it. */
  constructor(
    self: MemberId,
    known: readonly MemberId[],
    onChange: (admitted: readonly MemberId[]) => void,
  ) {
    this.#self = self;
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

  /**
   * A member that is ahead of this one names the members of today.
   *
   * @returns whether anybody is let in who was not before.
   */
  vouched(ids: readonly MemberId[]): boolean {
    const fresh = ids.filter((id) => !this.#admitted.has(id));
    for (const id of fresh) this.#admitted.add(id);
    if (fresh.length > 0) this.#onChange(this.members());
    return fresh.length > 0;
  }

  /**
   * The core works with this configuration now. Whoever it drops is let go only once it is
   * committed: until then it may be undone, and the leader that undoes it may be the very member
   * it drops, whom this member must still hear.
   *
   * @param held This member's held incarnation; null while it holds none.
   */
  onConfiguration(
    configuration: Configuration,
    { isCommitted, held }: { readonly isCommitted: boolean; readonly held: number | null },
  ): void {
    const current = configuration.seats.map((seat) => seat.id);
    // One that does not name this seat yet is older than it: whoever it lacks may have come back since.
    const own = configuration.seats.find((seat) => seat.id === this.#self);
    const isOfToday = own !== undefined && held !== null && own.incarnation >= held;
    let changed = false;
    for (const id of current) {
      if (!this.#admitted.has(id)) changed = true;
      this.#admitted.add(id);
      this.#named.add(id);
    }
    if (isCommitted && isOfToday) {
      for (const id of [...this.#named]) {
        if (current.includes(id)) continue;
        this.#named.delete(id);
        changed = this.#admitted.delete(id) || changed;
      }
    }
    if (changed) this.#onChange(this.members());
  }
}
