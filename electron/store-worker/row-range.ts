/** Reads rows in the order of their keys, a piece at a time: two databases with the same table are compared so. */
import { assert, defined } from "../../shared/base/assert.ts";
import { concatBytes, NO_BYTES } from "../../shared/base/bytes.ts";
import { quoteIdentifier } from "../../shared/changes/identifiers.ts";
import { readValue, rowEnd, valueEnd } from "../../shared/changes/row-image.ts";
import type { Connection, Statement } from "./connection.ts";
import { PlacedBytes } from "./placed-bytes.ts";
import { resultLists } from "./row-sql.ts";
import type { TableLayout } from "./table-layout.ts";

/** Keys as their values' bytes, in the key's order; null: no bound. */
export type KeyRange = {
  /** Rows behind this key. */
  readonly after: Uint8Array | null;
  /** Rows up to this one, itself included. */
  readonly upTo: Uint8Array | null;
};

/** The images of the rows in a range. Each is valid until the next. */
export function* rowsInRange(
  connection: Connection,
  layout: TableLayout,
  range: KeyRange,
): Generator<Uint8Array> {
  const bounds = new RangeBounds(connection, layout, range);
  const keys = keySql(layout);
  const table = `main.${quoteIdentifier(layout.shape.name)}`;
  const statements: Statement[] = [];
  const { scratch } = connection;
  try {
    for (const list of resultLists(layout.imageSql)) {
      const sql = `SELECT ${list} FROM ${table} NOT INDEXED${bounds.where} ORDER BY ${keys.join(",")}`;
      const statement = defined(connection.prepare(sql).statement, "a SELECT is a statement");
      statements.push(statement);
      bounds.bind(statement);
    }
    while (statements[0]?.step() === true) {
      scratch.length = 0;
      for (const [i, statement] of statements.entries()) {
        assert(i === 0 || statement.step(), "each list shows every row");
        statement.writeImage(scratch);
      }
      yield scratch.bytes.subarray(0, scratch.length);
    }
  } finally {
    for (const statement of statements) statement.finalize();
    bounds.dispose();
  }
}

/** The key of an image, as `KeyRange` takes it. */
export function keyBytesOf(image: Uint8Array, { keyPlaces }: TableLayout): Uint8Array {
  return concatBytes(
    keyPlaces.map((place) => {
      const start = rowEnd(image, 0, place);
      return image.subarray(start, valueEnd(image, start));
    }),
  );
}

function keySql({ keyPlaces, imageSql }: TableLayout): string[] {
  return keyPlaces.map((place) => defined(imageSql[place], "a key is a part of its row"));
}

/** The condition of a range; integers that cannot be bound are written into it. */
class RangeBounds {
  readonly where: string;
  readonly #connection: Connection;
  readonly #placed: PlacedBytes;
  /** Offsets of the values that are bound, in order. */
  readonly #bound: number[] = [];

  constructor(connection: Connection, layout: TableLayout, { after, upTo }: KeyRange) {
    this.#connection = connection;
    const bytes = concatBytes([after ?? NO_BYTES, upTo ?? NO_BYTES]);
    this.#placed = new PlacedBytes(connection.sqlite, bytes);
    const conditions: string[] = [];
    if (after !== null) conditions.push(this.#condition(layout, ">", 0));
    if (upTo !== null) conditions.push(this.#condition(layout, "<=", after?.length ?? 0));
    this.where = conditions.length === 0 ? "" : ` WHERE ${conditions.join(" AND ")}`;
  }

  bind(statement: Statement): void {
    for (const [i, at] of this.#bound.entries()) {
      const code = this.#placed.bind(statement.pointer, i + 1, at);
      if (code !== 0) throw this.#connection.failure(code);
    }
  }

  dispose(): void {
    this.#placed.dispose();
  }

  #condition(layout: TableLayout, operator: string, start: number): string {
    const { bytes } = this.#placed;
    let at = start;
    const values = layout.keyPlaces.map((place) => {
      const valueAt = at;
      at = valueEnd(bytes, valueAt);
      assert(at > 0, "a key is well-formed");
      const takesReal = layout.takesIntegerAsReal[place] === true;
      if (!this.#placed.isBindable(valueAt, takesReal)) return String(readValue(bytes, valueAt));
      this.#bound.push(valueAt);
      return "?";
    });
    return `(${keySql(layout).join(",")}) ${operator} (${values.join(",")})`;
  }
}
