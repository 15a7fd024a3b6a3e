/**
 * `export`: a table as CSV or JSON on stdout, page by page, so that its size does not matter.
 *
 * Pages are separate reads. If the database moved on between the first and the last one, the
 * export says so: its rows then are not all of one moment.
 */
import type { ApiError, ApiResult, TableInfo } from "../../../shared/api/methods.ts";
import type { PastMoment } from "../../../shared/api/past.ts";
import { ok, type Result } from "../../../shared/base/result.ts";
import type { JsonCell } from "../../../shared/changes/values.ts";
import type { AsOf } from "../../../shared/cluster/status.ts";
import { csvRecord } from "../../agent/interchange/csv-writer.ts";
import type { AgentClient } from "../agent-client.ts";
import type { CommandScope } from "../command.ts";
import { fail, failWith, type CliFailure, type CommandResult } from "../failure.ts";
import { quoteName } from "../sql-text.ts";
import { formatCount } from "../text-table.ts";
import { describeAsOf } from "./sql.ts";

/** What `export` was asked for. */
export type ExportRequest = {
  readonly table: string;
  readonly format: "csv" | "json";
  readonly isRaw: boolean;
  /** null: the present. */
  readonly moment: PastMoment | null;
};

const PAGE_ROWS = 5_000;

type Cells = readonly JsonCell[];
type Writer = {
  readonly head: (columns: readonly string[]) => string;
  readonly row: (columns: readonly string[], cells: Cells, isFirst: boolean) => string;
  readonly tail: string;
};

/** Prints the table; where it stands goes to stderr. */
export async function exportTable(
  client: AgentClient,
  scope: CommandScope,
  request: ExportRequest,
): Promise<CommandResult> {
  const past = request.moment === null ? {} : { asOf: request.moment };
  const tables = await client.call("tables", past);
  if (!tables.ok) return failWith(tables.error);
  const { term, index } = tables.value.asOf;
  // A time is looked up once: all pages are of one state then.
  const pageOf = request.moment === null ? {} : { asOf: { term, index } };
  const table = findTable(tables.value.tables, request.table);
  if (table === null) return fail(`there is no table ${JSON.stringify(request.table)}.`, 4);
  const columns = table.columns.map(({ name }) => name);
  const writer = request.format === "json" ? jsonWriter : csvWriter(!request.isRaw);
  await scope.terminal.outSlowly(writer.head(columns));
  let rowCount = 0;
  let first: AsOf = tables.value.asOf;
  let last: AsOf = first;
  for await (const page of readPages(client, table, pageOf)) {
    if (!page.ok) return page;
    if (rowCount === 0) first = page.value.asOf;
    last = page.value.asOf;
    let text = "";
    for (const cells of page.value.rows) {
      text += writer.row(columns, cells, rowCount === 0);
      rowCount += 1;
    }
    await scope.terminal.outSlowly(text);
  }
  await scope.terminal.outSlowly(writer.tail);
  const moved =
    first.index === last.index ? "" : `; the database changed since ${first.term}:${first.index}`;
  const rows = formatCount(rowCount);
  scope.terminal.error(`${rows} rows of ${table.name}, ${describeAsOf(last)}${moved}\n`);
  return ok(null);
}

/** Exact name first, then as SQLite compares names. */
function findTable(tables: readonly TableInfo[], wanted: string): TableInfo | null {
  const folded = wanted.toLowerCase();
  const exact = tables.find(({ name }) => name === wanted);
  return exact ?? tables.find(({ name }) => name.toLowerCase() === folded) ?? null;
}

type Page = { readonly rows: readonly Cells[]; readonly asOf: AsOf };

/** Pages in the order of the table's own key, so that each one costs the same. */
async function* readPages(
  client: AgentClient,
  table: TableInfo,
  pageOf: { readonly asOf?: PastMoment },
): AsyncGenerator<Result<Page, CliFailure>> {
  const keys = keysOf(table);
  const columns = table.columns.map(({ name }) => quoteName(name));
  const selected = [...columns, ...keys].join(", ");
  const from = `SELECT ${selected} FROM ${quoteName(table.name)}`;
  const order = keys.length === 0 ? "" : ` ORDER BY ${keys.join(", ")}`;
  let after: Cells | null = null;
  let offset = 0;
  let pageRows = PAGE_ROWS;
  for (;;) {
    const isPaged: boolean = keys.length > 0 && after !== null;
    const where: string = isPaged
      ? ` WHERE (${keys.join(", ")}) > (${keys.map(() => "?").join(", ")})`
      : "";
    const skip = keys.length > 0 ? "" : ` OFFSET ${offset}`;
    const answer: Result<ApiResult<"query">, ApiError> = await client.call("query", {
      sql: `${from}${where}${order} LIMIT ${pageRows}${skip}`,
      params: after ?? [],
      rowsMax: pageRows,
      ...pageOf,
    });
    if (!answer.ok && answer.error.code === "too-large" && pageRows > 1) {
      // Large cells: as many rows as fit into one answer.
      pageRows = Math.ceil(pageRows / 8);
      continue;
    }
    if (!answer.ok) return yield failWith(answer.error);
    const { rows, asOf }: ApiResult<"query"> = answer.value;
    yield ok({ rows: rows.map((row) => row.slice(0, columns.length)), asOf });
    if (rows.length < pageRows) return;
    after = keys.length === 0 ? null : (rows.at(-1)?.slice(columns.length) ?? null);
    offset += rows.length;
  }
}

/** SQL names that order the rows of a table and tell them apart; none for a view. */
function keysOf(table: TableInfo): readonly string[] {
  if (table.kind === "view") return [];
  if (!table.hasRowid) {
    const keys = table.columns.filter(({ keyPlace }) => keyPlace > 0);
    return keys.sort((a, b) => a.keyPlace - b.keyPlace).map(({ name }) => quoteName(name));
  }
  const taken = new Set(table.columns.map(({ name }) => name.toLowerCase()));
  const rowid = ["rowid", "_rowid_", "oid"].find((name) => !taken.has(name));
  return rowid === undefined ? [] : [rowid];
}

function csvWriter(isFormulaGuarded: boolean): Writer {
  const options = { delimiter: ",", isFormulaGuarded };
  return {
    head: (columns) => csvRecord(columns, options),
    row: (_columns, cells) => csvRecord(cells, options),
    tail: "",
  };
}

const jsonWriter: Writer = {
  head: () => "[",
  row: (columns, cells, isFirst) => {
    const fields = columns.map((name, place) => [name, cells[place] ?? null] as const);
    return `${isFirst ? "\n" : ",\n"}${JSON.stringify(Object.fromEntries(fields))}`;
  },
  tail: "\n]\n",
};
