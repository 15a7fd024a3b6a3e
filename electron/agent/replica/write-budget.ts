import type { JsonCell, JsonParams } from "../../../shared/changes/values.ts";
import type { WriteRequest } from "./write-queue.ts";

/** Writes taken and not answered yet; more are refused as `busy` instead of growing the memory. */
export const WRITE_COUNT_MAX = 10_000;

/** What they hold, together: as much as the largest transaction. */
export const WRITE_BYTES_MAX = 64 * 1024 * 1024;

/** A number, a reference, a place in a list. */
const CELL_BYTES = 16;

/** Bounds what all writes that wait for something hold: a leader, their turn, their confirmation. */
export class WriteBudget {
  #count = 0;
  #bytes = 0;

  /**
   * Takes a write into account. One that is larger than all there is gets its turn when nothing else waits.
   *
   * @returns its size, to be given back once it is answered; null when there is no room now.
   */
  take(request: WriteRequest): number | null {
    const bytes = bytesOf(request);
    const isFull = this.#count >= WRITE_COUNT_MAX || this.#bytes + bytes > WRITE_BYTES_MAX;
    if (isFull && this.#count > 0) return null;
    this.#count++;
    this.#bytes += bytes;
    return bytes;
  }

  /** It was answered. @param bytes What `take` returned. */
  giveBack(bytes: number): void {
    this.#count--;
    this.#bytes -= bytes;
  }
}

/** About what it takes in memory. */
function bytesOf({ capture: { work } }: WriteRequest): number {
  switch (work.type) {
    case "statements":
      return sum(work.statements, ({ sql, params }) => sql.length + paramBytes(params ?? []));
    case "insert-rows":
      return sum(work.rows, (row) => sum(row, cellBytes));
    case "undo":
      return work.payload.length;
    case "restore":
      return sum(work.inverses, ({ length }) => length);
    case "restore-state":
      return work.former.rows.length;
  }
}

function paramBytes(params: JsonParams): number {
  return sum(Object.values(params), cellBytes);
}

function cellBytes(cell: JsonCell): number {
  if (typeof cell === "string") return CELL_BYTES + cell.length;
  if (cell === null || typeof cell === "number") return CELL_BYTES;
  return CELL_BYTES + sum(Object.values(cell) as string[], (text) => text.length);
}

function sum<T>(items: readonly T[], bytes: (item: T) => number): number {
  let total = 0;
  for (const item of items) total += bytes(item);
  return total;
}
