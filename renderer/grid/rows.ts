/** Reading rows of one table through the agent. Knows the shape of an answer, not what is shown. */
import type { Agent, ClientError } from "../agent/client.ts";
import type { TableInfo } from "../../shared/api/methods.ts";
import { ok, type Result } from "../../shared/base/result.ts";
import type { AsOf } from "../../shared/cluster/status.ts";
import type { JsonCell, SqlStatement } from "../../shared/changes/values.ts";
import { countRows, selectPage, type RowName } from "../../shared/api/statements.ts";
import {
  countRowsBefore,
  hasUsableRowid,
  nameOfRow,
  toGridView,
  type RowView,
} from "../parts/statements.ts";
import type { GridRow } from "./page-cache.svelte.ts";

/** Rows with the position they were read at. */
export type RowsAnswer = Result<
  { readonly rows: readonly GridRow[]; readonly asOf: AsOf },
  ClientError
>;

/** Reads pages and counts of one table. */
export class RowReader {
  readonly #agent: Agent;
  readonly #table: TableInfo;

  constructor(agent: Agent, table: TableInfo) {
    this.#agent = agent;
    this.#table = table;
  }

  async page(view: RowView, offset: number, limit: number): Promise<RowsAnswer> {
    const statement = selectPage(toGridView(this.#table, view), { offset, limit });
    const answer = await this.#query(statement, limit);
    if (!answer.ok) return answer;
    const rows = answer.value.rows.map((cells, place) => this.#toRow(cells, offset + place));
    return ok({ rows, asOf: answer.value.asOf });
  }

  async count(view: RowView): Promise<Result<number, ClientError>> {
    const answer = await this.#query(countRows(toGridView(this.#table, view)), 1);
    if (!answer.ok) return answer;
    return ok(Number(answer.value.rows[0]?.[0] ?? 0));
  }

  /** Where a row is now; null when the view has no key order to tell it by. */
  async placeOf(view: RowView, name: RowName): Promise<number | null> {
    const statement = countRowsBefore(this.#table, view, name);
    if (statement === null) return null;
    const answer = await this.#query(statement, 1);
    return answer.ok ? Number(answer.value.rows[0]?.[0] ?? 0) : null;
  }

  #query(statement: SqlStatement, rowsMax: number) {
    return this.#agent.call("query", { ...statement, rowsMax, readLevel: "local" });
  }

  /** A row of a view has no name: its place must do. */
  #toRow(cells: readonly JsonCell[], rowIndex: number): GridRow {
    const name = nameOfRow(this.#table, cells);
    const id = name === null ? `#${rowIndex}` : JSON.stringify(name);
    return { id, name, cells: hasUsableRowid(this.#table) ? cells.slice(1) : cells };
  }
}
