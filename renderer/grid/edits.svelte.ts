/**
 * Edits on their way: what was typed shows at once, marked as waiting, until the agent says
 * confirmed or refused; a confirmed one stays over the page until a page that holds it arrives.
 * It decides nothing about SQL: the grid gives it statements.
 */
import type { JsonCell } from "../../shared/changes/values.ts";

/** A cell's mark. */
export type EditMark =
  | { readonly state: "pending"; readonly value: JsonCell }
  /** Saved at this index; pages read before it still show the old value. */
  | { readonly state: "confirmed"; readonly value: JsonCell; readonly index: number }
  | { readonly state: "rejected"; readonly value: JsonCell; readonly reason: string };

/** One cell to be changed. */
export type CellEdit = {
  readonly rowId: string;
  readonly column: number;
  readonly value: JsonCell;
};

/** Owns the marks of one table. */
export class EditMarks {
  #marks = $state.raw<ReadonlyMap<string, EditMark>>(new Map());

  /** Edits the agent has not answered. */
  readonly pendingCount = $derived.by(() => {
    let count = 0;
    for (const mark of this.#marks.values()) if (mark.state === "pending") count += 1;
    return count;
  });

  at(rowId: string, column: number): EditMark | null {
    return this.#marks.get(`${rowId}:${column}`) ?? null;
  }

  begin(edits: readonly CellEdit[]): void {
    this.#setAll(edits, (edit) => ({ state: "pending", value: edit.value }));
  }

  confirm(edits: readonly CellEdit[], index: number): void {
    this.#setAll(edits, (edit) => ({ state: "confirmed", value: edit.value, index }));
  }

  reject(edits: readonly CellEdit[], reason: string): void {
    this.#setAll(edits, (edit) => ({ state: "rejected", value: edit.value, reason }));
  }

  /** A page read at `index` is on screen: what it holds needs no mark. */
  settle(index: number): void {
    this.#filter((mark) => mark.state !== "confirmed" || mark.index > index);
  }

  /** The reader has seen what was refused. */
  dismissRejected(): void {
    this.#filter((mark) => mark.state !== "rejected");
  }

  #setAll(edits: readonly CellEdit[], markOf: (edit: CellEdit) => EditMark): void {
    const marks = new Map(this.#marks);
    for (const edit of edits) marks.set(`${edit.rowId}:${edit.column}`, markOf(edit));
    this.#marks = marks;
  }

  #filter(isKept: (mark: EditMark) => boolean): void {
    const marks = new Map([...this.#marks].filter(([, mark]) => isKept(mark)));
    if (marks.size !== this.#marks.size) this.#marks = marks;
  }
}
