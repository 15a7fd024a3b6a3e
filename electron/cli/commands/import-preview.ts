import { ok } from "../../../shared/base/result.ts";
import type { ColumnChoice } from "../../../shared/interchange/import-plan.ts";
import { describeProblem } from "../../../shared/interchange/problem.ts";
import type { FileSurvey } from "../../../shared/interchange/survey.ts";
import { quotedCell } from "../cell-text.ts";
import { print, type CommandScope } from "../command.ts";
import type { CommandResult } from "../failure.ts";
import { formatCount, textPairs, textTable } from "../text-table.ts";

/** Says how a file would be imported; nothing is done. */
export function printPreview(
  scope: CommandScope,
  request: { readonly file: string; readonly table: string },
  { survey, choices }: { readonly survey: FileSurvey; readonly choices: readonly ColumnChoice[] },
): CommandResult {
  const { settings, rowCount, badRowCount, badRows, sample } = survey;
  const columns = choices.map(({ name, type, place }) => ({
    file: survey.columns[place]?.name ?? "",
    table: name,
    type,
  }));
  const result = { ...request, settings, columns, rowCount, badRowCount, badRows, sample };
  print(scope, result, () => {
    const delimiter = settings.delimiter === "\t" ? "tab" : settings.delimiter;
    const pairs: [string, string][] = [["format", settings.format]];
    if (settings.format !== "xlsx") pairs.push(["encoding", settings.encoding]);
    if (settings.format === "csv") pairs.push(["delimiter", delimiter ?? ""]);
    if (settings.format === "xlsx") pairs.push(["sheet", settings.sheet ?? ""]);
    if (settings.format !== "json") pairs.push(["header", settings.hasHeader ? "yes" : "no"]);
    pairs.push(["rows", formatCount(rowCount)], ["rows that do not fit", formatCount(badRowCount)]);
    const table = textTable(
      [{ title: "COLUMN" }, { title: "GOES INTO" }, { title: "TYPE" }, { title: "FIRST VALUES" }],
      columns.map(({ file, table: target, type }, place) => [
        file,
        target ?? "(left out)",
        type === "" ? "any" : type,
        sample
          .slice(0, 3)
          .map((row) => quotedCell(row[place] ?? null))
          .join(", "),
      ]),
    );
    const bad = badRows.slice(0, 10).map((each) => `${describeProblem(each)}\n`);
    return `${textPairs(pairs)}\n${table}${bad.length === 0 ? "" : `\n${bad.join("")}`}`;
  });
  return ok(null);
}
