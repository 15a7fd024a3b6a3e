import { importIdOf } from "../../shared/changes/import-id.ts";
import type { RowCounts } from "../../shared/api/past.ts";
import { isReservedName } from "../../shared/changes/identifiers.ts";
import { readPart } from "../../shared/changes/parts.ts";
import { PayloadReader } from "../../shared/changes/payload.ts";
import type { PayloadSummary } from "./messages.ts";

const SCHEMA_CHANGES_MAX = 20;
const TABLES_MAX = 20;
const FIELDS = { insert: "inserted", update: "updated", delete: "deleted" } as const;

/** What an entry changed, in short. Bytes that are no payload are said to be so. */
export function describePayload(payload: Uint8Array): PayloadSummary {
  const part = readPart(payload);
  if (part !== null)
    return nothing(`part ${part.place + 1} of ${part.partCount} of a large transaction`);
  const opened = PayloadReader.open(payload);
  if (!opened.ok) return nothing(opened.error.detail);
  const { header } = opened.value;
  const importId = importIdOf(header.client?.id ?? null);
  return { at: isoOf(header.atMs), author: header.author, importId, ...summarize(opened.value) };
}

/** ISO 8601 of a payload's time; empty when it is none. */
export function isoOf(atMs: number): string {
  const time = new Date(atMs);
  return Number.isNaN(time.getTime()) ? "" : time.toISOString();
}

function nothing(summary: string): PayloadSummary {
  const nobody = { at: "", author: "", importId: null };
  return { ...nobody, summary, schemaChanges: [], tables: [], moreCount: 0 };
}

function summarize(reader: PayloadReader): Omit<PayloadSummary, "at" | "author" | "importId"> {
  const schemaChanges: string[] = [];
  const counts = new Map<string, { -readonly [K in keyof RowCounts]: RowCounts[K] }>();
  for (let record = reader.next(); record !== null; record = reader.next()) {
    if (record.type === "schema") schemaChanges.push(record.sql.trim());
    if (record.type !== "rows" || isReservedName(record.table.name)) continue;
    const table = record.table.name;
    const count = counts.get(table) ?? { table, inserted: 0, updated: 0, deleted: 0 };
    count[FIELDS[record.operation]] += record.rowCount;
    counts.set(table, count);
  }
  const told = {
    schemaChanges: schemaChanges.slice(0, SCHEMA_CHANGES_MAX),
    tables: [...counts.values()].slice(0, TABLES_MAX),
  };
  const shownCount = told.schemaChanges.length + told.tables.length;
  const moreCount = schemaChanges.length + counts.size - shownCount;
  return { ...told, moreCount, summary: sentenceOf({ ...told, moreCount }, reader.failed) };
}

function sentenceOf(
  {
    schemaChanges,
    tables,
    moreCount,
  }: Pick<PayloadSummary, "schemaChanges" | "tables" | "moreCount">,
  isUnreadable: boolean,
): string {
  const words = [...schemaChanges];
  for (const { table, inserted, updated, deleted } of tables) {
    if (inserted > 0) words.push(`insert ${inserted} into ${table}`);
    if (updated > 0) words.push(`update ${updated} in ${table}`);
    if (deleted > 0) words.push(`delete ${deleted} from ${table}`);
  }
  if (isUnreadable) words.push("and bytes that cannot be read");
  if (words.length === 0) return "no change";
  return moreCount > 0 ? `${words.join(", ")} and ${moreCount} more` : words.join(", ");
}
