/** Which columns of a file go where. Pure. */
import type { TableInfo } from "../api/methods.ts";
import { err, ok, type Result } from "../base/result.ts";
import { quoteIdentifier } from "../changes/identifiers.ts";
import type { SqlStatement } from "../changes/values.ts";
import type { ColumnType } from "./column-kind.ts";
import type { ColumnPlan } from "./file-rows.ts";
import { BAD_ROW_COLUMNS } from "./header.ts";
import type { FileSurvey } from "./survey.ts";

/** A column as a person sees it before the import. */
export type ColumnChoice = {
  readonly place: number;
  /** Its name in the table; null leaves it out. */
  readonly name: string | null;
  /** What all of its values can be. */
  readonly found: ColumnType;
  /** Of a new table's column, what it is to be. */
  readonly type: ColumnType;
};

/** What is proposed for each column of the file. @param table The one it goes into; null for a new one. */
export function proposeColumns(survey: FileSurvey, table: TableInfo | null): ColumnChoice[] {
  const targets = table === null ? null : fillable(table);
  const isByPlace = !survey.settings.hasHeader && targets?.length === survey.columns.length;
  return survey.columns.map(({ name, type }, place) => {
    const target = isByPlace ? targets[place] : targets?.find((each) => isSameName(each, name));
    const isOurs = BAD_ROW_COLUMNS.some((own) => own === name);
    const proposed = target ?? (isOurs ? null : name);
    return { place, name: proposed, found: type, type };
  });
}

/** What goes in; what is wrong with it as a sentence. @param table null for a new one. */
export function planOf(
  choices: readonly ColumnChoice[],
  table: TableInfo | null,
): Result<readonly ColumnPlan[], string> {
  const plan: ColumnPlan[] = [];
  const taken = new Set<string>();
  const missing: string[] = [];
  const targets = table === null ? null : fillable(table);
  for (const { place, name, found, type } of choices) {
    if (name === null) continue;
    if (name.trim() === "") return err("a column has no name.");
    if (taken.has(name.toLowerCase())) return err(`two columns are called ${name}.`);
    taken.add(name.toLowerCase());
    if (targets !== null && !targets.some((each) => isSameName(each, name))) missing.push(name);
    // What was found fits every value; only what a person says has to be checked.
    plan.push({ place, name, type: table !== null || type === found ? null : type });
  }
  if (plan.length === 0) return err("no column is chosen.");
  if (missing.length === 0) return ok(plan);
  return err(`the table ${table?.name} has no column ${missing.join(", ")}.`);
}

/** Makes the table for the columns that are chosen. */
export function createTableFor(table: string, choices: readonly ColumnChoice[]): SqlStatement {
  const defined = choices
    .filter(({ name }) => name !== null)
    .map(({ name, type }) => `${quoteIdentifier(name ?? "")} ${type}`.trimEnd());
  return { sql: `CREATE TABLE ${quoteIdentifier(table)} (${defined.join(", ")})` };
}

function fillable({ columns }: TableInfo): readonly string[] {
  return columns.filter(({ isGenerated }) => !isGenerated).map(({ name }) => name);
}

/** SQLite's names do not tell a from A. */
function isSameName(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}
