/** Reads whole files in both passes, for tests. */
import { expect } from "vitest";
import type { JsonCell } from "../../shared/changes/values.ts";
import { readFileRows, type ColumnPlan } from "../../shared/interchange/file-rows.ts";
import { describeProblem } from "../../shared/interchange/problem.ts";
import {
  surveyFile,
  type FileSurvey,
  type SurveyRequest,
} from "../../shared/interchange/survey.ts";
import { memorySource, NOBODY } from "./memory-source.ts";

/** A CSV file of which nothing is told. */
export const CSV: SurveyRequest = {
  format: "csv",
  encoding: "auto",
  delimiter: null,
  sheet: null,
  hasHeader: null,
};
/** The same of JSON. */
export const JSON_FILE: SurveyRequest = { ...CSV, format: "json" };

/** A file as it comes in. */
export type Read = {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly JsonCell[])[];
  readonly lines: readonly number[];
};

/** Reads a whole file; a problem becomes its text. Chunks of every size must give the same. */
export async function read(
  content: string | Uint8Array,
  options: SurveyRequest = CSV,
  chunkBytes = 1 << 16,
): Promise<Read | string> {
  const bytes = typeof content === "string" ? Buffer.from(content) : content;
  const source = memorySource(bytes, chunkBytes);
  const survey = await surveyFile(source, options, NOBODY);
  if (!survey.ok) return describeProblem(survey.error);
  const bad = survey.value.badRows[0];
  if (bad !== undefined) return describeProblem(bad);
  const rows: (readonly JsonCell[])[] = [];
  const lines: number[] = [];
  for await (const part of readFileRows(source, survey.value, planAll(survey.value))) {
    if (!part.ok) return describeProblem(part.error);
    rows.push(...part.value.rows);
    lines.push(...part.value.lines);
  }
  expect(rows.length).toBe(survey.value.rowCount);
  return { columns: survey.value.columns.map(({ name, type }) => `${name} ${type}`), rows, lines };
}

/** Every column as it is. */
export function planAll({ columns }: FileSurvey): ColumnPlan[] {
  return columns.map(({ name }, place) => ({ place, name, type: null }));
}

/** Its rows alone. */
export async function rowsOf(content: string | Uint8Array, options = CSV, chunkBytes?: number) {
  const result = await read(content, options, chunkBytes);
  return typeof result === "string" ? result : result.rows;
}
