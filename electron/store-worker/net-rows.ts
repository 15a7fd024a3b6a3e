/**
 * What a list of changes comes to for each row: its first state and its last, whatever it went through and
 * however it was named in between.
 */
import type { RowPlace } from "../../shared/changes/row-change.ts";
import type { TableLayout } from "./table-layout.ts";

/** One changed row. Places are of images in the payload, -1 where the row is not there. */
export type NetRow = {
  readonly layout: TableLayout;
  readonly first: number;
  last: number;
};

/** Takes the changes in order. */
export class NetRows {
  readonly #nameAt: (layout: TableLayout, at: number) => string;
  /** In the order of their last changes. */
  readonly #rows = new Set<NetRow>();
  /** By their present names: rows that are there, and rows that a change removed. */
  readonly #there = new Map<string, NetRow>();
  readonly #removed = new Map<string, NetRow>();
  readonly #firstNamed = new Map<string, NetRow>();

  /** @param nameAt The table and key in the image at a place, as a text. */
  constructor(nameAt: (layout: TableLayout, at: number) => string) {
    this.#nameAt = nameAt;
  }

  /** What the changes come to, in the order in which each row reached its last state. */
  get rows(): readonly NetRow[] {
    return [...this.#rows];
  }

  /** Another row, whose first name is the last name of this one and which has left it in between. */
  formerOwner(row: NetRow): NetRow | null {
    if (row.last < 0) return null;
    const other = this.#firstNamed.get(this.#nameAt(row.layout, row.last));
    return other === undefined || other === row ? null : other;
  }

  add(layout: TableLayout, { before, after }: RowPlace): void {
    const from = before < 0 ? null : this.#nameAt(layout, before);
    const to = after < 0 ? null : this.#nameAt(layout, after);
    const known = from === null ? this.#removed.get(to ?? "") : this.#there.get(from);
    const row = known ?? { layout, first: before, last: after };
    if (known === undefined && from !== null) this.#firstNamed.set(from, row);
    row.last = after;
    this.#rows.delete(row);
    this.#rows.add(row);
    if (from !== null) this.#there.delete(from);
    if (from === null && to !== null) this.#removed.delete(to);
    if (to === null) this.#removed.set(from ?? "", row);
    else this.#there.set(to, row);
  }
}
