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

/** One change, with the row it belongs to. */
export type NetStep = { readonly row: NetRow; readonly change: RowPlace };

/** Takes the changes in order. */
export class NetRows {
  readonly rows: NetRow[] = [];
  readonly steps: NetStep[] = [];
  readonly #nameAt: (layout: TableLayout, at: number) => string;
  /** By their present names: rows that are there, and rows that a change removed. */
  readonly #there = new Map<string, NetRow>();
  readonly #removed = new Map<string, NetRow>();
  readonly #first = new Map<string, NetRow>();

  /** @param nameAt The table and key in the image at a place, as a text. */
  constructor(nameAt: (layout: TableLayout, at: number) => string) {
    this.#nameAt = nameAt;
  }

  /** Whether the last name of a row is the first name of another one, which has left it in between. */
  isFirstNameOfAnother(row: NetRow): boolean {
    if (row.last < 0) return false;
    const other = this.#first.get(this.#nameAt(row.layout, row.last));
    return other !== undefined && other !== row;
  }

  add(layout: TableLayout, change: RowPlace): void {
    const { before, after } = change;
    const from = before < 0 ? null : this.#nameAt(layout, before);
    const to = after < 0 ? null : this.#nameAt(layout, after);
    const known = from === null ? this.#removed.get(to ?? "") : this.#there.get(from);
    const row = known ?? { layout, first: before, last: after };
    if (known === undefined) {
      this.rows.push(row);
      if (from !== null) this.#first.set(from, row);
    }
    row.last = after;
    this.steps.push({ row, change });
    if (from !== null) this.#there.delete(from);
    if (from === null && to !== null) this.#removed.delete(to);
    if (to === null) this.#removed.set(from ?? "", row);
    else this.#there.set(to, row);
  }
}
