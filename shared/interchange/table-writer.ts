/**
 * A table as a file: CSV, JSON, NDJSON or a workbook, written page by page. It knows neither where
 * the rows come from nor where the bytes go.
 */
import { utf8Encode } from "../base/bytes.ts";
import { formatPosition } from "../base/ids.ts";
import { unreachable } from "../base/assert.ts";
import type { JsonCell } from "../changes/values.ts";
import type { AsOf } from "../cluster/status.ts";
import { csvRecord } from "./csv-writer.ts";
import { writeWorkbook } from "./workbook-writer.ts";

/** Kinds of files one table can become; a SQLite file is made by the store. */
export type TableFormat = "csv" | "json" | "ndjson" | "xlsx";

/** What becomes a file. */
export type TableContent = {
  readonly name: string;
  readonly columns: readonly string[];
  /** Pages of rows, read one after the other. */
  readonly pages: AsyncIterable<readonly (readonly JsonCell[])[]>;
  /** Where the table stands, once all pages were read. */
  readonly asOf: () => AsOf | null;
  /** Of CSV: whether text that a spreadsheet would run is guarded. */
  readonly isFormulaGuarded: boolean;
};

/** The bytes of the file. @throws SheetLimit, ZipTooLarge for what a workbook cannot hold. */
export function writeTable(format: TableFormat, content: TableContent): AsyncGenerator<Uint8Array> {
  switch (format) {
    case "csv":
      return writeCsv(content);
    case "json":
      return writeObjects(content, { before: "[", first: "\n", between: ",\n", after: "\n]\n" });
    case "ndjson":
      return writeObjects(content, { before: "", first: "", between: "\n", after: "\n" });
    case "xlsx":
      return writeWorkbook({
        title: content.name,
        columns: content.columns,
        rows: content.pages,
        properties: () => asOfProperties(content.asOf()),
      });
    default:
      return unreachable(format);
  }
}

/** `people as of 7-18204.csv`: formats without a place for it carry it in their name. */
export function fileNameFor(name: string, ending: string, asOf: AsOf | null): string {
  const bare = name.replace(/[\u0000-\u001f<>:"/\\|?*]/g, "_").slice(0, 100);
  const place = asOf === null ? "" : ` as of ${asOf.term}-${asOf.index}`;
  return `${bare}${place}.${ending}`;
}

function asOfProperties(asOf: AsOf | null): (readonly [string, string])[] {
  if (asOf === null) return [];
  return [
    ["Tidemark as of", formatPosition(asOf)],
    ["Tidemark as of time", asOf.at ?? "unknown"],
    ["Tidemark changes behind", String(asOf.lagEntries)],
  ];
}

async function* writeCsv({
  columns,
  pages,
  isFormulaGuarded,
}: TableContent): AsyncGenerator<Uint8Array> {
  const options = { delimiter: ",", isFormulaGuarded };
  yield utf8Encode(csvRecord(columns, options));
  for await (const page of pages) {
    let text = "";
    for (const row of page) text += csvRecord(row, options);
    yield utf8Encode(text);
  }
}

type Frame = Readonly<Record<"before" | "first" | "between" | "after", string>>;

async function* writeObjects(
  { columns, pages }: TableContent,
  { before, first, between, after }: Frame,
): AsyncGenerator<Uint8Array> {
  let isFirst = true;
  yield utf8Encode(before);
  for await (const page of pages) {
    let text = "";
    for (const row of page) {
      text += isFirst ? first : between;
      text += objectText(columns, row);
      isFirst = false;
    }
    yield utf8Encode(text);
  }
  if (!isFirst || before !== "") yield utf8Encode(after);
}

/** Not by an object: of one with the names "2" and "1" the order would be another. */
function objectText(columns: readonly string[], row: readonly JsonCell[]): string {
  const fields = columns.map(
    (name, place) => `${JSON.stringify(name)}:${JSON.stringify(row[place] ?? null)}`,
  );
  return `{${fields.join(",")}}`;
}
