/**
 * A table in pages, in the order of its own key, so that each page costs the same however deep.
 *
 * Pages are separate reads: if the database moves on between the first and the last of them, the
 * rows are not all of one moment, and whoever writes them has to say so (`hasMoved`).
 */
import type { ApiError, ApiParams, ApiResult, TableInfo } from "../api/methods.ts";
import type { Result } from "../base/result.ts";
import { quoteIdentifier } from "../changes/identifiers.ts";
import type { JsonCell } from "../changes/values.ts";
import type { AsOf } from "../cluster/status.ts";

type Row = readonly JsonCell[];

const PAGE_ROWS = 5_000;

/** The reading was refused; the pages end with it. */
export class PageFailure<E> extends Error {
  override readonly name = "PageFailure";
  readonly error: E;

  constructor(error: E) {
    super("a page could not be read");
    this.error = error;
  }
}

/** One table on its way out. */
export class TablePages<E extends { readonly code: string }> {
  readonly #table: TableInfo;
  readonly #query: (params: ApiParams<"query">) => Promise<Result<ApiResult<"query">, E>>;
  #first: AsOf | null = null;
  #last: AsOf | null = null;
  #rowCount = 0;

  constructor(
    table: TableInfo,
    query: (params: ApiParams<"query">) => Promise<Result<ApiResult<"query">, E>>,
  ) {
    this.#table = table;
    this.#query = query;
  }

  get columns(): readonly string[] {
    return this.#table.columns.map(({ name }) => name);
  }

  get rowCount(): number {
    return this.#rowCount;
  }

  /** Of the last page; null before the first. */
  get asOf(): AsOf | null {
    return this.#last;
  }

  /** Where the first page stood, when the last one stands elsewhere; else null. */
  get movedFrom(): AsOf | null {
    return this.#first?.index === this.#last?.index ? null : this.#first;
  }

  /** @throws PageFailure */
  async *read(): AsyncGenerator<readonly Row[]> {
    const keys = keysOf(this.#table);
    const width = this.#table.columns.length;
    let after: Row | null = null;
    let pageRows = PAGE_ROWS;
    for (;;) {
      const answer = await this.#query(this.#pageParams(keys, after, pageRows));
      if (
        !answer.ok &&
        answer.error.code === ("too-large" satisfies ApiError["code"]) &&
        pageRows > 1
      ) {
        // Large cells: as many rows as fit into one answer.
        pageRows = Math.ceil(pageRows / 8);
        continue;
      }
      if (!answer.ok) throw new PageFailure(answer.error);
      const { rows, asOf } = answer.value;
      this.#first ??= asOf;
      this.#last = asOf;
      this.#rowCount += rows.length;
      yield keys.length === 0 ? rows : rows.map((row) => row.slice(0, width));
      if (rows.length < pageRows) return;
      after = rows.at(-1)?.slice(width) ?? null;
    }
  }

  #pageParams(keys: readonly string[], after: Row | null, pageRows: number): ApiParams<"query"> {
    const columns = this.#table.columns.map(({ name }) => quoteIdentifier(name));
    const selected = [...columns, ...keys].join(", ");
    const from = `SELECT ${selected} FROM ${quoteIdentifier(this.#table.name)}`;
    if (keys.length === 0) {
      return { sql: `${from} LIMIT ${pageRows} OFFSET ${this.#rowCount}`, rowsMax: pageRows };
    }
    const places = keys.map(() => "?").join(", ");
    const where = after === null ? "" : ` WHERE (${keys.join(", ")}) > (${places})`;
    const sql = `${from}${where} ORDER BY ${keys.join(", ")} LIMIT ${pageRows}`;
    return { sql, params: after ?? [], rowsMax: pageRows };
  }
}

/** SQL names that order the rows of a table and tell them apart; none for a view. */
function keysOf(table: TableInfo): readonly string[] {
  if (table.kind === "view") return [];
  if (!table.hasRowid) {
    const keys = table.columns.filter(({ keyPlace }) => keyPlace > 0);
    return keys.sort((a, b) => a.keyPlace - b.keyPlace).map(({ name }) => quoteIdentifier(name));
  }
  const taken = new Set(table.columns.map(({ name }) => name.toLowerCase()));
  const rowid = ["rowid", "_rowid_", "oid"].find((name) => !taken.has(name));
  return rowid === undefined ? [] : [rowid];
}
