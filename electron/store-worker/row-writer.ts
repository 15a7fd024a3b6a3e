/**
 * Carries out the row changes of a payload on one table: many inserts per statement, one
 * statement per update or delete, each after its before image was compared byte by byte.
 *
 * Anything that does not fit is thrown as `Divergence`: the member no longer holds what the
 * leader held. Runs inside the applier's transaction, which is then rolled back.
 */
import { readValue, valueEnd } from "../../shared/changes/row-image.ts";
import type { RowSum } from "../../shared/changes/checksum.ts";
import { SqliteError, type Connection, type Statement } from "./connection.ts";
import type { PlacedBytes } from "./placed-bytes.ts";
import type { TableLayout } from "./table-layout.ts";
import type { RowStatement } from "./row-sql.ts";

/** The database does not hold what the log says it holds. */
export class Divergence extends Error {
  override readonly name = "Divergence";
}

const PARAMETER_COUNT_MAX = 2000;
const ROWS_PER_INSERT_MAX = 64;

/** Writes one table's rows from one payload. */
export class RowWriter {
  readonly #connection: Connection;
  readonly #layout: TableLayout;
  readonly #placed: PlacedBytes;
  readonly #sum: RowSum;
  readonly #valueCount: number;
  readonly #offsets: number[] = [];
  readonly #rowStarts: number[] = [];
  #replacedCount = 0;

  constructor(
    connection: Connection,
    layout: TableLayout,
    target: { readonly placed: PlacedBytes; readonly sum: RowSum },
  ) {
    this.#connection = connection;
    this.#layout = layout;
    this.#placed = target.placed;
    this.#sum = target.sum;
    this.#valueCount = layout.imageSql.length;
  }

  /** Inserts `rowCount` rows whose images start at `start`. @returns the offset after them. */
  insertRows(start: number, rowCount: number): number {
    let at = start;
    let left = rowCount;
    const rowsMax = Math.floor(PARAMETER_COUNT_MAX / this.#valueCount);
    for (const size of [ROWS_PER_INSERT_MAX, 8, 1]) {
      if (size > 1 && size > rowsMax) continue;
      const sql = this.#layout.rowSql.insert(size);
      for (; left >= size; left -= size) at = this.#insertChunk(sql, at, size);
    }
    return at;
  }

  /** Changes one row; its images lie at `at`, before and after. @returns the offset after. */
  updateRow(at: number): number {
    return this.changeRow(at, this.#readOffsets(at, 0));
  }

  /** The same with its images anywhere. @returns the offset after the second. */
  changeRow(before: number, after: number): number {
    const beforeEnd = this.#readOffsets(before, 0);
    const afterEnd = this.#readOffsets(after, this.#valueCount);
    this.#checkBefore(before, beforeEnd);
    this.#sum.subtract(this.#placed.bytes, before, beforeEnd);
    this.#sum.add(this.#placed.bytes, after, afterEnd);
    const { rowSql } = this.#layout;
    const isMoved = !this.#isKeyUnchanged();
    const sql = rowSql.update(isMoved);
    if (isMoved && !rowSql.canMove) this.#replaceRow(after);
    else if (sql !== null) this.#runForOneRow(sql);
    return afterEnd;
  }

  /** Rows that were moved by being taken away and put back, which is two changes. */
  get replacedCount(): number {
    return this.#replacedCount;
  }

  #replaceRow(after: number): void {
    this.#replacedCount++;
    this.#runForOneRow(this.#layout.rowSql.delete);
    this.#readOffsets(after, 0);
    this.#runForOneRow(this.#layout.rowSql.insertOne);
  }

  /** Deletes one row; its image lies at `at`. @returns the offset after it. */
  deleteRow(at: number): number {
    const end = this.#readOffsets(at, 0);
    this.#checkBefore(at, end);
    this.#sum.subtract(this.#placed.bytes, at, end);
    this.#runForOneRow(this.#layout.rowSql.delete);
    return end;
  }

  #insertChunk(sql: string, start: number, rowCount: number): number {
    const { takesIntegerAsReal } = this.#layout;
    const placed = this.#placed;
    const statement = this.#connection.cached(sql);
    const starts = this.#rowStarts;
    let at = start;
    let place = 1;
    for (let row = 0; row < rowCount; row++) {
      starts[row] = at;
      for (let i = 0; i < this.#valueCount; i++) {
        if (!placed.isBindable(at, takesIntegerAsReal[i] as boolean)) {
          return this.#insertOneByOne(start, rowCount);
        }
        const code = placed.bind(statement.pointer, place++, at);
        if (code !== 0) throw this.#connection.failure(code);
        at = this.#checkedEnd(at);
      }
    }
    starts[rowCount] = at;
    this.#step(statement);
    // Only now: rows that had to go one by one instead are summed there.
    for (let row = 0; row < rowCount; row++) {
      this.#sum.add(placed.bytes, starts[row] as number, starts[row + 1] as number);
    }
    return at;
  }

  /** The way for rows with integers that cannot be bound. */
  #insertOneByOne(start: number, rowCount: number): number {
    let at = start;
    const sql = this.#layout.rowSql.insertOne;
    for (let row = 0; row < rowCount; row++) {
      const end = this.#readOffsets(at, 0);
      this.#runForOneRow(sql);
      this.#sum.add(this.#placed.bytes, at, end);
      at = end;
    }
    return at;
  }

  /** The image of the row that has the key of the image at `at` now; null when there is none. */
  currentRow(at: number): Uint8Array | null {
    this.#readOffsets(at, 0);
    const { scratch } = this.#connection;
    return this.#readCurrent() ? scratch.bytes.slice(0, scratch.length) : null;
  }

  #checkBefore(start: number, end: number): void {
    const { scratch } = this.#connection;
    const isFound = this.#readCurrent();
    if (!isFound) throw new Divergence(`${this.#name()} lacks a row that the leader changed`);
    const found = scratch.bytes;
    let isSame = scratch.length === end - start;
    for (let i = start; isSame && i < end; i++) isSame = found[i - start] === this.#placed.bytes[i];
    if (!isSame) throw new Divergence(`${this.#name()} holds another row than the leader changed`);
  }

  /** Reads the row with the key at the offsets into the scratch. @returns whether there is one. */
  #readCurrent(): boolean {
    const { scratch } = this.#connection;
    scratch.length = 0;
    return this.#layout.rowSql.selects.every((select) => {
      const statement = this.#bound(select);
      try {
        const isFound = statement.step();
        if (isFound) statement.writeImage(scratch);
        return isFound;
      } finally {
        statement.reset();
      }
    });
  }

  #isKeyUnchanged(): boolean {
    const { bytes } = this.#placed;
    return this.#layout.keyPlaces.every((place) => {
      const before = this.#offsets[place] as number;
      const after = this.#offsets[place + this.#valueCount] as number;
      const length = valueEnd(bytes, before) - before;
      if (valueEnd(bytes, after) - after !== length) return false;
      for (let i = 0; i < length; i++) if (bytes[before + i] !== bytes[after + i]) return false;
      return true;
    });
  }

  #runForOneRow(sql: RowStatement): void {
    const statement = this.#bound(sql);
    this.#step(statement);
    const { changes } = this.#connection;
    if (changes !== 1) throw new Divergence(`${this.#name()}: one change met ${changes} rows`);
  }

  #step(statement: Statement): void {
    try {
      statement.step();
    } catch (error) {
      if (!(error instanceof SqliteError)) throw error;
      throw new Divergence(`${this.#name()}: ${error.message}`);
    } finally {
      statement.reset();
    }
  }

  /** The statement with the row's values; what cannot be bound is written into its SQL. */
  #bound({ slots, sql, withTexts }: RowStatement): Statement {
    const isAllBindable = slots.every((slot) => this.#isBindable(slot));
    const statement = this.#connection.cached(
      isAllBindable ? sql : withTexts(slots.map((slot) => this.#textOf(slot))),
    );
    let place = 1;
    for (const slot of slots) {
      if (!isAllBindable && !this.#isBindable(slot)) continue;
      const at = this.#offsets[slot] as number;
      const code = this.#placed.bind(statement.pointer, place++, at);
      if (code !== 0) throw this.#connection.failure(code);
    }
    return statement;
  }

  #isBindable(slot: number): boolean {
    const takesReal = this.#layout.takesIntegerAsReal[slot % this.#valueCount] as boolean;
    return this.#placed.isBindable(this.#offsets[slot] as number, takesReal);
  }

  #textOf(slot: number): string {
    if (this.#isBindable(slot)) return "?";
    return String(readValue(this.#placed.bytes, this.#offsets[slot] as number));
  }

  #readOffsets(start: number, firstPlace: number): number {
    let at = start;
    for (let i = 0; i < this.#valueCount; i++) {
      this.#offsets[firstPlace + i] = at;
      at = this.#checkedEnd(at);
    }
    return at;
  }

  #checkedEnd(at: number): number {
    const end = valueEnd(this.#placed.bytes, at);
    if (end < 0) throw new Divergence(`${this.#name()}: a row in the log is malformed`);
    return end;
  }

  #name(): string {
    return `table ${this.#layout.shape.name}`;
  }
}
