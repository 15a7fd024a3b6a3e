/** `verify`: whether this computer's copy is what its log says, which rows are not, and putting them right. */
import type { CopyDifferences, CopyFinding, Verification } from "../../../shared/api/copy.ts";
import type { ApiResult } from "../../../shared/api/methods.ts";
import { ok } from "../../../shared/base/result.ts";
import type { RowChange } from "../../../shared/changes/row-change.ts";
import type { AgentClient } from "../agent-client.ts";
import { cellText, quotedCell } from "../cell-text.ts";
import {
  addCommand,
  print,
  withAgent,
  type CliContext,
  type CommandScope,
  type CommonOptions,
} from "../command.ts";
import { fail, failWith, type CommandResult } from "../failure.ts";
import { formatCount, shorten, textTable } from "../text-table.ts";

type VerifyOptions = CommonOptions & {
  readonly rows?: true;
  readonly repair?: true;
  readonly yes?: true;
};

/** Rows printed; all are counted. */
const ROWS_MAX = 200;

/** Registers it. */
export function registerVerifyCommand(context: CliContext): void {
  addCommand(context, "verify", "recompute the checksums from the rows")
    .option("--rows", "name the rows that are not what this computer's log says")
    .option("--repair", "write them back, on this computer alone, after asking")
    .option("--yes", "with --repair: do not ask")
    .action((options: VerifyOptions) =>
      withAgent(context, options, (client, scope) => {
        if (options.repair === true) return repair(client, scope, options.yes === true);
        if (options.yes === true) return Promise.resolve(fail("--yes goes with --repair.", 2));
        return options.rows === true ? verifyRows(client, scope) : verify(client, scope);
      }),
    );
}

async function verify(client: AgentClient, scope: CommandScope): Promise<CommandResult> {
  const answer = await client.call("verify", {});
  if (!answer.ok) return failWith(answer.error);
  print(scope, answer.value, () => verificationText(answer.value));
  if (answer.value.isIdentical) return ok(null);
  const hint = "see: tidemark verify --rows";
  return fail(`the data at ${answer.value.index} is NOT what it should be; ${hint}`);
}

async function verifyRows(client: AgentClient, scope: CommandScope): Promise<CommandResult> {
  const answer = await client.call("verifyRows", { rowsMax: ROWS_MAX });
  if (!answer.ok) return failWith(answer.error);
  const { finding } = answer.value;
  print(scope, answer.value, () => foundText(answer.value));
  return finding === "sound" ? ok(null) : fail(nextStep(finding));
}

async function repair(
  client: AgentClient,
  scope: CommandScope,
  isConfirmed: boolean,
): Promise<CommandResult> {
  const found = await client.call("verifyRows", { rowsMax: ROWS_MAX });
  if (!found.ok) return failWith(found.error);
  const { finding } = found.value;
  if (!scope.isJson) scope.terminal.out(foundText(found.value));
  const isRepairable = finding === "rows-differ" || finding === "tables-differ";
  if (!isRepairable) {
    if (scope.isJson) print(scope, { done: "nothing", ...found.value }, () => "");
    return finding === "sound" ? ok(null) : fail(nextStep(finding));
  }
  const status = await client.call("status", {});
  if (!status.ok) return failWith(status.error);
  scope.terminal.error(WHAT_REPAIR_DOES[finding]);
  if (status.value.role === "leader") scope.terminal.error(WHAT_IT_MEANS_FOR_THE_LEADER);
  if (!isConfirmed) {
    const answer = await scope.terminal.ask("Repair this copy? Type yes: ");
    if (answer === null) return fail("nobody is here to ask; nothing was changed. Give --yes.", 2);
    if (answer.trim().toLowerCase() !== "yes") return fail("nothing was changed.");
  }
  const answer = await client.call("repairCopy", {});
  if (!answer.ok) return failWith(answer.error);
  return repaired(scope, answer.value);
}

function repaired(scope: CommandScope, outcome: ApiResult<"repairCopy">): CommandResult {
  const { verification } = outcome;
  print(scope, outcome, () => {
    if (outcome.done === "nothing" || outcome.done === "rolled-back") return "";
    const what =
      outcome.done === "all"
        ? "the whole copy was made anew"
        : `${countText(outcome.differences)} put right`;
    return `Repaired at ${outcome.differences.index}: ${what}.\n${verdictText(verification)}\n`;
  });
  if (outcome.done === "rolled-back") {
    return fail(
      `the repair would not have come to the log's checksums (${shorten(outcome.detail)}), ` +
        "so it was rolled back; nothing was changed.",
    );
  }
  if (verification.isIdentical) return ok(null);
  return fail(nextStep(outcome.finding));
}

const WHAT_REPAIR_DOES = {
  "rows-differ":
    "A repair writes these rows on this computer alone: no other computer and no log is touched. It counts only " +
    "when all checksums are the log's again; otherwise it is rolled back.\n",
  "tables-differ":
    "A repair makes the whole copy anew from this computer's own log: no other computer and no log is touched.\n",
} as const;

const WHAT_IT_MEANS_FOR_THE_LEADER =
  "This computer leads. Its rows are taken from its own log, which the others follow. Edits that were made here while " +
  "the rows were wrong were made on the wrong rows, and a repair does not take them back: see tidemark history.\n";

function foundText({ verification, differences }: ApiResult<"verifyRows">): string {
  const found = differences === null ? "" : differencesText(differences);
  return verificationText(verification) + found;
}

function verificationText(verification: Verification): string {
  const { rolling, recomputed, tables, leader } = verification;
  const columns = [{ title: "TABLE" }, { title: "LOG SAYS" }, { title: "ROWS SAY" }];
  const rows = tables.map((table) => [table.name, table.rolling, table.recomputed]);
  const told = leader ?? "not heard at this index";
  const sums = `${textTable(columns, rows)}\nall: ${rolling} ${recomputed}  leader: ${told}\n`;
  return verification.isIdentical ? `${sums}${verdictText(verification)}\n` : sums;
}

/** Never claims more than was compared. */
function verdictText({ isIdentical, comparedWith, index, leader }: Verification): string {
  if (!isIdentical) return `NOT what it should be at ${index}.`;
  if (comparedWith === "leader") return `Identical to the leader at ${index}.`;
  const why = leader === null ? "the leader was not heard at this index" : "this computer leads";
  return `Every row is what this computer's own log says at ${index}. NOT compared with another computer: ${why}.`;
}

function differencesText({ index, tables, objects, counters, rows }: CopyDifferences): string {
  const head = `\nDifferent at ${index}:\n`;
  const columns = [
    { title: "TABLE" },
    { title: "MISSING HERE", isNumber: true },
    { title: "TOO MANY HERE", isNumber: true },
    { title: "OTHER VALUES", isNumber: true },
  ];
  const counted = tables.map(({ table, missing, surplus, changed }) => [
    table,
    ...[missing, surplus, changed].map(formatCount),
  ]);
  const all = tables.reduce((sum, each) => sum + each.missing + each.surplus + each.changed, 0);
  const more = all - rows.length;
  return [
    head,
    counted.length === 0 ? "" : textTable(columns, counted),
    ...objects.map(({ type, name, here, should }) => {
      const problem =
        here === null ? "missing here" : should === null ? "too many here" : "another";
      return `${type} ${shorten(name)}: ${problem}\n`;
    }),
    ...counters.map(
      ({ table, here, should }) =>
        `next number of ${shorten(table)}: after ${cellText(here)} here, should be after ${cellText(should)}\n`,
    ),
    ...rows.map((row) => `${rowLine(row)}\n`),
    more > 0 ? `and ${formatCount(more)} more\n` : "",
  ].join("");
}

function rowLine({ table, columns, before, after }: RowChange): string {
  const name = shorten(table);
  const cellsOf = (cells: RowChange["before"], places: readonly number[]): string =>
    places
      .map((i) => `${shorten(columns[i] ?? "")}=${shorten(quotedCell(cells?.[i] ?? null))}`)
      .join(", ");
  const places = columns.map((_, i) => i);
  if (before === null) return `${name}: missing here: ${cellsOf(after, places)}`;
  if (after === null) return `${name}: should not be here: ${cellsOf(before, places)}`;
  const textAt = (cells: RowChange["before"], i: number): string => quotedCell(cells?.[i] ?? null);
  const same = places.filter((i) => textAt(before, i) === textAt(after, i));
  const other = places.filter((i) => !same.includes(i));
  const row = same.length === 0 ? "" : `  in the row ${cellsOf(before, same)}`;
  return `${name}: ${cellsOf(before, other)}, should be ${cellsOf(after, other)}${row}`;
}

function countText({ tables, counters }: Pick<CopyDifferences, "tables" | "counters">): string {
  const rows = tables.reduce((sum, each) => sum + each.missing + each.surplus + each.changed, 0);
  const told = rows === 1 ? "1 row" : `${formatCount(rows)} rows`;
  if (counters.length === 0) return told;
  return `${told} and ${counters.length === 1 ? "1 counter" : `${counters.length} counters`}`;
}

/** What helps. */
function nextStep(finding: CopyFinding): string {
  switch (finding) {
    case "sound":
      return "the copy is sound.";
    case "rows-differ":
      return "rows are NOT what this computer's log says. To write them back: tidemark verify --repair";
    case "tables-differ":
      return (
        "tables are NOT what this computer's log says, or too many rows for single repairs. " +
        "To make the whole copy anew from its own log: tidemark verify --repair"
      );
    case "log-differs":
      return (
        "the leader has another checksum at the same index: this computer's own log, or the image it began with, is " +
        "not the workspace's, and nothing can be repaired from it. Only a new copy from the other computers helps. " +
        "This one fetches it by itself when two others agree against it; otherwise remove it and let it join again."
      );
    case "no-proof":
      return (
        "rows are NOT what this computer's log says, and no image that is kept here leads to what it says, so nothing " +
        "can be repaired from it. Only a new copy helps: remove this computer and let it join again in a new data " +
        "folder. If it is the only one, restore a backup."
      );
  }
}
