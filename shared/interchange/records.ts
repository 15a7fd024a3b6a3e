/**
 * The records of a file of any kind, in pieces: a file larger than memory is read like a small one.
 *
 * What can be told apart is a record, also when it is a bad row; only where the reader does not know
 * how to go on is it a problem, and the last thing that comes.
 */
import { err, ok, type Result } from "../base/result.ts";
import type { JsonCell } from "../changes/values.ts";
import { CsvReader, type CsvRecord } from "./csv-reader.ts";
import { chunksOf, type FileSource } from "./file-source.ts";
import { JsonReader, type JsonRecord } from "./json-reader.ts";
import type { BadRow, FileProblem } from "./problem.ts";
import { readSheet } from "./sheet-reader.ts";
import { FileDecoder, type FileEncoding } from "./text-decoder.ts";
import { openWorkbook, type Workbook } from "./workbook.ts";
import { XmlError } from "./xml-scanner.ts";
import { ZipError } from "./zip-reader.ts";

/** Kinds of files with one table in them; NDJSON is read as JSON. */
export type FileFormat = "csv" | "json" | "xlsx";

/** How to read a file. */
export type ReadSettings = {
  readonly format: FileFormat;
  readonly encoding: FileEncoding;
  /** null: found out from the first line. Of CSV only. */
  readonly delimiter: string | null;
  /** null: the first one. Of workbooks only. */
  readonly sheet: string | null;
};

/** A row of cells with the line it began on, from 1. */
export type CellRecord = { readonly cells: readonly JsonCell[]; readonly line: number };

/** What stands in a file for a row. */
export type FileRecord = CellRecord | CsvRecord | JsonRecord | BadRow;

/** Some records, and what is known of the file by then. */
export type RecordBatch = {
  readonly records: readonly FileRecord[];
  /** How much of the file was read. */
  readonly readBytes: number;
  readonly settings: ReadSettings;
};

/** The kind of a file by its name; null when the name does not tell. */
export function formatOfName(name: string): FileFormat | "sqlite" | null {
  const ending = /\.([^.]+)$/.exec(name)?.[1]?.toLowerCase() ?? "";
  if (["csv", "tsv", "tab", "txt"].includes(ending)) return "csv";
  if (["json", "ndjson", "jsonl"].includes(ending)) return "json";
  if (["xlsx", "xlsm"].includes(ending)) return "xlsx";
  return ["sqlite", "sqlite3", "db", "db3"].includes(ending) ? "sqlite" : null;
}

/** The kind of a file by its first bytes, where those tell. */
export async function formatOfFile(source: FileSource): Promise<FileFormat | "sqlite"> {
  const head = await source.read(0, Math.min(source.sizeBytes, 16));
  const text = String.fromCharCode(...head);
  if (text.startsWith("PK\u0003\u0004")) return "xlsx";
  if (text.startsWith("SQLite format 3\0")) return "sqlite";
  const named = formatOfName(source.name);
  if (named !== null && named !== "xlsx" && named !== "sqlite") return named;
  return /^\s*[[{]/.test(text) ? "json" : "csv";
}

/** Names of a workbook's sheets, in the order they are shown. */
export async function sheetNames(
  source: FileSource,
): Promise<Result<readonly string[], FileProblem>> {
  const opened = await attempt(() => openWorkbook(source));
  return opened.ok ? ok(opened.value.sheets.map(({ name }) => name)) : opened;
}

/** All records in order. */
export async function* readRecords(
  source: FileSource,
  settings: ReadSettings,
): AsyncGenerator<Result<RecordBatch, FileProblem>> {
  if (settings.format === "xlsx") yield* readWorkbook(source, settings);
  else yield* readText(source, settings);
}

async function* readText(
  source: FileSource,
  settings: ReadSettings,
): AsyncGenerator<Result<RecordBatch, FileProblem>> {
  const csv = settings.format === "csv" ? new CsvReader(settings.delimiter) : null;
  const reader = csv ?? new JsonReader();
  const decoder = new FileDecoder(settings.encoding);
  let readBytes = 0;
  const read = (bytes: Uint8Array, isLast: boolean): Result<RecordBatch, FileProblem> => {
    readBytes += bytes.length;
    const text = decoder.push(bytes, isLast);
    const records = text.ok ? reader.push(text.value, isLast) : text;
    if (!records.ok) return records;
    const { encoding } = decoder;
    const found = { ...settings, encoding, delimiter: csv?.delimiter ?? settings.delimiter };
    return ok({ records: records.value, readBytes, settings: found });
  };
  for await (const chunk of chunksOf(source)) {
    const batch = read(chunk, false);
    yield batch;
    if (!batch.ok) return;
  }
  yield read(new Uint8Array(0), true);
}

async function* readWorkbook(
  source: FileSource,
  settings: ReadSettings,
): AsyncGenerator<Result<RecordBatch, FileProblem>> {
  const opened = await attempt(() => openWorkbook(source));
  if (!opened.ok) return yield opened;
  const sheet = findSheet(opened.value, settings.sheet);
  if (!sheet.ok) return yield sheet;
  const found = { ...settings, sheet: sheet.value.name };
  const { sizeBytes } = source;
  const total = opened.value.entries.get(sheet.value.part)?.bytes ?? 1;
  const rows = readSheet(opened.value, sheet.value.part);
  let count = 0;
  try {
    for (;;) {
      const next = await attempt(() => rows.next());
      if (!next.ok) return yield next;
      if (next.value.done === true) return;
      count += 1;
      // How far it is in the packed file is not known; pieces of the unpacked sheet are alike.
      const readBytes = Math.min(sizeBytes, Math.round((count * PIECE_BYTES * sizeBytes) / total));
      yield ok({ records: next.value.value, readBytes, settings: found });
    }
  } finally {
    await rows.return(undefined);
  }
}

/** What the platform gives at once when it inflates. */
const PIECE_BYTES = 16 * 1024;

function findSheet(
  { sheets }: Workbook,
  name: string | null,
): Result<Workbook["sheets"][number], FileProblem> {
  const found = name === null ? sheets[0] : sheets.find((sheet) => sheet.name === name);
  if (found !== undefined) return ok(found);
  const names = sheets.map((sheet) => sheet.name).join(", ");
  const message =
    name === null ? "it has no sheet with rows." : `it has no sheet ${name}; it has ${names}.`;
  return err({ code: "bad-workbook", line: 1, column: 1, message });
}

async function attempt<T>(action: () => Promise<T>): Promise<Result<T, FileProblem>> {
  try {
    return ok(await action());
  } catch (cause) {
    if (!(cause instanceof ZipError || cause instanceof XmlError)) throw cause;
    const message = `this is no workbook that can be read: ${cause.message}.`;
    return err({ code: "bad-workbook", line: 1, column: 1, message });
  }
}
