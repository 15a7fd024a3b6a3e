/**
 * `export`: a table as CSV, JSON, NDJSON or XLSX, page by page, so that its size does not matter; or
 * the database as a SQLite file. Where it stands goes to stderr, and into the file where that has a
 * place for it.
 */
import type { ApiError, TableInfo } from "../../../shared/api/methods.ts";
import type { PastMoment } from "../../../shared/api/past.ts";
import { formatPosition } from "../../../shared/base/ids.ts";
import { ok, type Result } from "../../../shared/base/result.ts";
import { PageFailure, TablePages } from "../../../shared/interchange/table-pages.ts";
import { writeTable, type TableFormat } from "../../../shared/interchange/table-writer.ts";
import {
  SHEET_ROWS_MAX,
  SheetLimit,
  tooManyRows,
} from "../../../shared/interchange/workbook-writer.ts";
import { ZipTooLarge } from "../../../shared/interchange/zip-writer.ts";
import type { AgentClient } from "../agent-client.ts";
import type { CommandScope } from "../command.ts";
import { fail, failWith, type CliFailure, type CommandResult } from "../failure.ts";
import { formatCount } from "../text-table.ts";
import { writeWholeFile } from "../whole-file.ts";
import { writeImage } from "./write-image.ts";
import { describeAsOf } from "./sql.ts";

/** What `export` was asked for. */
export type ExportRequest = {
  /** null: all of them, which only a SQLite file holds. */
  readonly table: string | null;
  readonly format: TableFormat | "sqlite";
  readonly isRaw: boolean;
  /** null: the present. */
  readonly moment: PastMoment | null;
  /** Where it goes; null for stdout. */
  readonly file: string | null;
};

/** Writes it; a file is there as a whole or not at all. */
export async function exportTable(
  client: AgentClient,
  scope: CommandScope,
  request: ExportRequest,
): Promise<CommandResult> {
  const { format, file } = request;
  if (format === "sqlite") return exportDatabase(client, scope, request);
  const past = request.moment === null ? {} : { asOf: request.moment };
  const tables = await client.call("tables", past);
  if (!tables.ok) return failWith(tables.error);
  const { term, index } = tables.value.asOf;
  // A time is looked up once: all pages are of one state then.
  const pageOf = request.moment === null ? {} : { asOf: { term, index } };
  const table = findTable(tables.value.tables, request.table ?? "");
  if (table === null) return fail(`there is no table ${JSON.stringify(request.table)}.`, 4);
  if (format === "xlsx" && (table.rowCount ?? 0) >= SHEET_ROWS_MAX) {
    return fail(tooManyRows().message);
  }
  const pages = new TablePages<ApiError>(table, (params) =>
    client.call("query", { ...params, ...pageOf }),
  );
  const bytes = writeTable(format, {
    name: table.name,
    columns: pages.columns,
    pages: pages.read(),
    asOf: () => pages.asOf,
    isFormulaGuarded: !request.isRaw,
  });
  const written = await write(scope, bytes, file);
  if (!written.ok) return written;
  const from = pages.movedFrom;
  const moved = from === null ? "" : `; the database changed since ${formatPosition(from)}`;
  const rows = `${formatCount(pages.rowCount)} rows of ${table.name}`;
  scope.terminal.error(`${rows}, ${describeAsOf(pages.asOf ?? tables.value.asOf)}${moved}\n`);
  return ok(null);
}

async function exportDatabase(
  client: AgentClient,
  scope: CommandScope,
  { table, file, moment }: ExportRequest,
): Promise<CommandResult> {
  if (moment !== null) {
    return fail("a SQLite file holds the present; --at and --as-of go with the other formats.", 2);
  }
  if (file === null) return fail("a SQLite file is not for the screen: --file says where.", 2);
  const tables = await client.call("tables", {});
  if (!tables.ok) return failWith(tables.error);
  const found = table === null ? null : findTable(tables.value.tables, table);
  if (table !== null && found?.kind !== "table") {
    return fail(`there is no table ${JSON.stringify(table)}.`, 4);
  }
  const wanted = found === null ? {} : { tables: [found.name] };
  return writeImage(client, scope, file, { ...wanted, isMarked: true });
}

async function write(
  scope: CommandScope,
  bytes: AsyncGenerator<Uint8Array>,
  file: string | null,
): Promise<Result<null, CliFailure>> {
  try {
    if (file === null) for await (const chunk of bytes) await scope.terminal.outSlowly(chunk);
    else await writeWholeFile(file, bytes);
    return ok(null);
  } catch (cause) {
    if (cause instanceof PageFailure) return failWith(cause.error as ApiError);
    if (cause instanceof SheetLimit || cause instanceof ZipTooLarge) return fail(cause.message);
    const reason = cause instanceof Error ? cause.message : String(cause);
    return fail(`the export could not be written: ${reason}`);
  }
}

/** Exact name first, then as SQLite compares names. */
function findTable(tables: readonly TableInfo[], wanted: string): TableInfo | null {
  const folded = wanted.toLowerCase();
  const exact = tables.find(({ name }) => name === wanted);
  return exact ?? tables.find(({ name }) => name.toLowerCase() === folded) ?? null;
}
