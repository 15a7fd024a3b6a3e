/**
 * The SQL that reads and writes single rows of one table, made once per table. It knows columns
 * and keys; what is in a row, and how a statement is run, is `row-writer.ts`.
 */
import { quoteIdentifier } from "../../shared/changes/identifiers.ts";

/** Values that SQLite gives or sets at once: 2,000 columns and a rowid beside them are one too many. */
const VALUES_MAX = 2000;
/** SQLite's expressions are at most 1,000 deep. */
const AND_MAX = 500;

/** A statement on one row: which values of its image it takes as parameters, in their order. */
export type RowStatement = {
  /** Places in the image; an update's new image lies behind its old one. */
  readonly slots: readonly number[];
  /** The statement with a parameter in each slot. */
  readonly sql: string;
  /** The same with other texts in the slots, for values that cannot be bound. */
  readonly withTexts: (texts: readonly string[]) => string;
};

/** The statements that read and write the rows of one table, each made when it is first asked. */
export class RowSql {
  readonly #table: string;
  readonly #imageSql: readonly string[];
  readonly #keyPlaces: readonly number[];
  readonly #inserts = new Map<number, string>();
  #insertOne: RowStatement | null = null;
  #selects: readonly RowStatement[] | null = null;
  #delete: RowStatement | null = null;
  #updateInPlace: RowStatement | null = null;
  #updateMoved: RowStatement | null = null;

  /** @param imageSql Quoted SQL of each value of an image. */
  constructor(name: string, imageSql: readonly string[], keyPlaces: readonly number[]) {
    this.#table = `main.${quoteIdentifier(name)}`;
    this.#imageSql = imageSql;
    this.#keyPlaces = keyPlaces;
  }

  /** Inserts so many rows at once. */
  insert(rowCount: number): string {
    const known = this.#inserts.get(rowCount);
    if (known !== undefined) return known;
    const row = `(${this.#imageSql.map(() => "?").join(",")})`;
    const sql = this.#insertHead() + new Array<string>(rowCount).fill(row).join(",");
    this.#inserts.set(rowCount, sql);
    return sql;
  }

  /** Inserts one row. */
  get insertOne(): RowStatement {
    return (this.#insertOne ??= statementOf(
      this.#imageSql.map((_, place) => place),
      (texts) => `${this.#insertHead()}(${texts.join(",")})`,
    ));
  }

  /** Each reads a part of the image of the row with a key, in order; nearly always there is one. */
  get selects(): readonly RowStatement[] {
    return (this.#selects ??= resultLists(this.#imageSql).map((list) => {
      const head = `SELECT ${list} FROM ${this.#table} WHERE `;
      return statementOf(this.#keyPlaces, (texts) => head + this.#whereKey(texts));
    }));
  }

  /** Deletes the row with a key. */
  get delete(): RowStatement {
    const head = `DELETE FROM ${this.#table} WHERE `;
    return (this.#delete ??= statementOf(this.#keyPlaces, (texts) => head + this.#whereKey(texts)));
  }

  /** Whether `update` can set a row's key and all the rest at once. */
  get canMove(): boolean {
    return this.#imageSql.length <= VALUES_MAX;
  }

  /**
   * Changes the row with a key; null when there is nothing to set: the key is all there is, and
   * it stays.
   *
   * @param isMoved Whether the key changes too.
   */
  update(isMoved: boolean): RowStatement | null {
    if (isMoved) return (this.#updateMoved ??= this.#updateOf(this.#imageSql.map((_, i) => i)));
    if (this.#keyPlaces.length === this.#imageSql.length) return null;
    const places = this.#imageSql.map((_, i) => i).filter((i) => !this.#keyPlaces.includes(i));
    return (this.#updateInPlace ??= this.#updateOf(places));
  }

  #updateOf(places: readonly number[]): RowStatement {
    const slots = [...places.map((place) => place + this.#imageSql.length), ...this.#keyPlaces];
    return statementOf(slots, (texts) => {
      const set = places.map((place, i) => `${this.#imageSql[place]} = ${texts[i]}`);
      const where = this.#whereKey(texts.slice(places.length));
      return `UPDATE OR ABORT ${this.#table} SET ${set.join(", ")} WHERE ${where}`;
    });
  }

  #insertHead(): string {
    return `INSERT OR ABORT INTO ${this.#table} (${this.#imageSql.join(",")}) VALUES `;
  }

  #whereKey(texts: readonly string[]): string {
    return isKey(
      this.#keyPlaces.map((place) => this.#imageSql[place] as string),
      texts,
    );
  }
}

/** The condition that the columns of a key have certain values. */
export function isKey(columns: readonly string[], texts: readonly string[]): string {
  if (columns.length > AND_MAX) return `(${columns.join(",")}) = (${texts.join(",")})`;
  return columns.map((column, i) => `${column} = ${texts[i]}`).join(" AND ");
}

/** Lists of values that SQLite takes as results, which are all values one after the other. */
export function resultLists(values: readonly string[]): string[] {
  const lists: string[] = [];
  for (let at = 0; at < values.length; at += VALUES_MAX) {
    lists.push(values.slice(at, at + VALUES_MAX).join(","));
  }
  return lists;
}

function statementOf(
  slots: readonly number[],
  withTexts: (texts: readonly string[]) => string,
): RowStatement {
  return { slots, sql: withTexts(slots.map(() => "?")), withTexts };
}
