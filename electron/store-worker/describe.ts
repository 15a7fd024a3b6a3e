import { readPart } from "../../shared/changes/parts.ts";
import { PayloadReader } from "../../shared/changes/payload.ts";
import type { RowsRecord } from "../../shared/changes/row-change.ts";
import type { PayloadSummary } from "./messages.ts";

const DESCRIBED_RECORDS_MAX = 20;

/** What an entry changed, in words. Bytes that are no payload are said to be so. */
export function describePayload(payload: Uint8Array): PayloadSummary {
  const part = readPart(payload);
  if (part !== null) {
    const summary = `part ${part.place + 1} of ${part.partCount} of a large transaction`;
    return { at: "", author: "", summary };
  }
  const opened = PayloadReader.open(payload);
  if (!opened.ok) return { at: "", author: "", summary: opened.error.detail };
  const { header } = opened.value;
  return { at: isoOf(header.atMs), author: header.author, summary: summarize(opened.value) };
}

/** ISO 8601 of a payload's time; empty when it is none. */
export function isoOf(atMs: number): string {
  const time = new Date(atMs);
  return Number.isNaN(time.getTime()) ? "" : time.toISOString();
}

function summarize(reader: PayloadReader): string {
  const rowCounts = new Map<string, number>();
  const words: string[] = [];
  for (let record = reader.next(); record !== null; record = reader.next()) {
    if (record.type === "schema") words.push(record.sql.trim());
    if (record.type !== "rows") continue;
    const phrase = `${record.operation} # ${preposition(record)} ${record.table.name}`;
    rowCounts.set(phrase, (rowCounts.get(phrase) ?? 0) + record.rowCount);
  }
  for (const [phrase, count] of rowCounts) words.push(phrase.replace("#", String(count)));
  if (reader.failed) words.push("and bytes that cannot be read");
  if (words.length === 0) return "no change";
  const more = words.length - DESCRIBED_RECORDS_MAX;
  const shown = words.slice(0, DESCRIBED_RECORDS_MAX).join(", ");
  return more > 0 ? `${shown} and ${more} more` : shown;
}

function preposition(record: RowsRecord): string {
  if (record.operation === "insert") return "into";
  return record.operation === "delete" ? "from" : "in";
}
