/**
 * Many rows of JSON cells into one table: the capture side of an import. Cells go into SQLite's
 * memory as they are, 64 rows per statement; nothing is made per row.
 */
import type { RefusedRow } from "../../shared/api/methods.ts";
import type { JsonCell, Value } from "../../shared/changes/values.ts";
import { quoteIdentifier } from "../../shared/changes/identifiers.ts";
import { valueFromCell } from "../../shared/changes/json-cell.ts";
import { CellBinder } from "./cell-binder.ts";
import { SqliteError, type Connection } from "./connection.ts";
import { Refusal } from "./refusal.ts";
import type { TableLayout } from "./table-layout.ts";

const ROWS_PER_INSERT_MAX = 64;
const PARAMETER_COUNT_MAX = 2000;

type Rows = readonly (readonly JsonCell[])[];

/** A bulk insert as it was asked for. */
export type BulkInsert = {
  readonly columns: readonly string[];
  readonly rows: Rows;
  /** Rows that do not fit are left out and told. */
  readonly skipsBadRows?: boolean;
};

/** Bad rows in one insert; with more of them the answer would outgrow what is kept for a retry. */
const BAD_ROWS_MAX = 5_000;
const BAD_ROWS_LENGTH_MAX = 500_000;
const MESSAGE_LENGTH_MAX = 200;

/**
 * Inserts all rows.
 *
 * @param mark Of what is being recorded: called before rows that may fail; what it returns forgets them.
 * @returns the rows that were left out; none unless that was asked for.
 * @throws Refusal naming the first row that does not fit, and why.
 */
export function insertAllRows(
  connection: Connection,
  layout: TableLayout,
  input: BulkInsert,
  mark: () => () => void,
): readonly RefusedRow[] {
  const columns = input.columns.map((name) => columnPlace(layout, name));
  if (columns.length === 0) throw badRequest("An import needs at least one column.");
  const lead = layout.shape.hasLeadingRowid ? 1 : 0;
  const target = {
    head: insertHead(layout, columns),
    takesIntegerAsReal: columns.map((place) => layout.takesIntegerAsReal[place + lead] === true),
  };
  const refused = new RefusedRows(input.skipsBadRows === true);
  const binder = new CellBinder(connection.sqlite);
  try {
    insertInChunks(connection, binder, { ...target, rows: input.rows, mark, refused });
    return refused.rows;
  } finally {
    binder.dispose();
  }
}

type Target = {
  readonly head: string;
  readonly takesIntegerAsReal: readonly boolean[];
  readonly rows: Rows;
  readonly mark: () => () => void;
  readonly refused: RefusedRows;
};

/** What becomes of rows that do not fit. */
class RefusedRows {
  readonly rows: RefusedRow[] = [];
  readonly #isLenient: boolean;
  #length = 0;

  constructor(isLenient: boolean) {
    this.#isLenient = isLenient;
  }

  /** @throws Refusal when rows may not be left out, or not so many. */
  add(row: number, reason: string): void {
    const message = reason.slice(0, MESSAGE_LENGTH_MAX);
    this.rows.push({ row, message });
    this.#length += message.length;
    const isTooMany = this.rows.length > BAD_ROWS_MAX || this.#length > BAD_ROWS_LENGTH_MAX;
    if (this.#isLenient && !isTooMany) return;
    throw new Refusal({
      code: "import-row",
      message: `Row ${row + 1} cannot be inserted: ${reason}.`,
      statement: row,
    });
  }
}

function insertInChunks(connection: Connection, binder: CellBinder, target: Target): void {
  const width = target.takesIntegerAsReal.length;
  let at = 0;
  for (const size of [ROWS_PER_INSERT_MAX, 8, 1]) {
    if (size > 1 && size * width > PARAMETER_COUNT_MAX) continue;
    const sql = target.head + chunkValues(width, size);
    for (; target.rows.length - at >= size; at += size) {
      if (!insertChunk(connection, binder, { ...target, sql, at, size })) {
        insertOneByOne(connection, target, at, size);
      }
    }
  }
}

type Chunk = Target & { readonly sql: string; readonly at: number; readonly size: number };

/** @returns false when the rows have to go one by one; none of them is in then. */
function insertChunk(connection: Connection, binder: CellBinder, chunk: Chunk): boolean {
  const width = chunk.takesIntegerAsReal.length;
  for (let i = 0; i < chunk.size; i++) {
    if (chunk.rows[chunk.at + i]?.length !== width) return false;
  }
  const statement = connection.cached(chunk.sql);
  if (!binder.bindRows(statement.pointer, chunk)) return false;
  const forget = chunk.mark();
  try {
    statement.step();
    return true;
  } catch (error) {
    if (!(error instanceof SqliteError)) throw error;
    // SQLite has taken the statement back; the rows before the failing one were recorded already.
    forget();
    return false;
  } finally {
    statement.reset();
  }
}

/** The slow and exact way: wide integers as literals, and the failing row's own number. */
function insertOneByOne(connection: Connection, target: Target, at: number, count: number): void {
  for (let i = at; i < at + count; i++) {
    const problem = insertOne(connection, target, target.rows[i] ?? []);
    if (problem !== null) target.refused.add(i, problem);
  }
}

/** @returns why the row is not in; null when it is. */
function insertOne(connection: Connection, target: Target, row: Rows[number]): string | null {
  const width = target.takesIntegerAsReal.length;
  if (row.length !== width) return `it has ${row.length} cells, and ${width} columns were named`;
  const values: Value[] = [];
  for (const cell of row) {
    const value = valueFromCell(cell);
    if (!value.ok) return value.error.message;
    values.push(value.value);
  }
  const isLiteral = values.map(
    (value) => typeof value === "bigint" && BigInt.asIntN(32, value) !== value,
  );
  const places = values.map((value, place) => (isLiteral[place] === true ? String(value) : "?"));
  const forget = target.mark();
  try {
    const bound = values.filter((_, place) => isLiteral[place] !== true);
    connection.cached(`${target.head}(${places.join(",")})`).run(bound);
    return null;
  } catch (error) {
    if (!(error instanceof SqliteError)) throw error;
    forget();
    return error.message;
  }
}

function columnPlace(layout: TableLayout, name: string): number {
  const lower = name.toLowerCase();
  const place = layout.shape.columns.findIndex((column) => column.toLowerCase() === lower);
  if (place < 0) throw badRequest(`Table ${layout.shape.name} has no column ${name} to fill.`);
  return place;
}

function insertHead(layout: TableLayout, columns: readonly number[]): string {
  const names = columns.map((place) => quoteIdentifier(layout.shape.columns[place] ?? ""));
  return `INSERT INTO main.${quoteIdentifier(layout.shape.name)} (${names.join(",")}) VALUES `;
}

function chunkValues(width: number, rowCount: number): string {
  const row = `(${new Array<string>(width).fill("?").join(",")})`;
  return new Array<string>(rowCount).fill(row).join(",");
}

function badRequest(message: string): Refusal {
  return new Refusal({ code: "bad-request", message });
}
