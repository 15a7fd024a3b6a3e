/**
 * The SQL that reads and writes single rows of one table, made once per table. It knows columns
 * and keys; what is in a row, and how a statement is run, is `row-writer.ts`.
 */
import { quoteIdentifier } from "../../shared/changes/identifiers.ts";

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
  #select: RowStatement | null = null;
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

  /** Reads the image of the row with a key. */
  get select(): RowStatement {
    const head = `SELECT ${this.#imageSql.join(",")} FROM ${this.#table} WHERE `;
    return (this.#select ??= statementOf(this.#keyPlaces, (texts) => head + this.#whereKey(texts)));
  }

  /** Deletes the row with a key. */
  get delete(): RowStatement {
    const head = `DELETE FROM ${this.#table} WHERE `;
    return (this.#delete ??= statementOf(this.#keyPlaces, (texts) => head + this.#whereKey(texts)));
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
    return this.#keyPlaces
      .map((place, i) => `${this.#imageSql[place]} = ${texts[i]}`)
      .join(" AND ");
  }
}

function statementOf(
  slots: readonly number[],
  withTexts: (texts: readonly string[]) => string,
): RowStatement {
  return { slots, sql: withTexts(slots.map(() => "?")), withTexts };
}
