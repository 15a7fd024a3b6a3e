/** `repair`: what is damaged in a data folder, and going on without it. */
import type { RepairOutcome } from "../../agent/repair.ts";
import { ok } from "../../../shared/base/result.ts";
import { addCommand, print, scopeOf, type CliContext, type CommonOptions } from "../command.ts";
import { connect } from "../connect.ts";
import { fail, failWith, type CommandResult } from "../failure.ts";

type RepairOptions = CommonOptions & { readonly acceptLoss?: true };

/** Registers it. */
export function registerRepairCommands(context: CliContext): void {
  addCommand(context, "repair", "show what is damaged in the data folder")
    .option("--accept-loss", "go on with what is whole; the damaged files are kept aside")
    .action(async (options: RepairOptions) => context.finish(await repair(context, options)));
}

async function repair(context: CliContext, options: RepairOptions): Promise<CommandResult> {
  const scope = scopeOf(context, options);
  const isLossAccepted = options.acceptLoss === true;
  const client = await connect(scope.dataFolder);
  if (client.ok) {
    if (isLossAccepted) return fail("stop the agent of this data folder first.");
    const status = await client.value.call("status", {});
    if (!status.ok) return failWith(status.error);
    const { seat, storage } = status.value;
    const found = storage.detail ?? seat.detail ?? "Nothing is known to be damaged.";
    print(scope, { seat, storage }, () => `${found}\n`);
    return ok(null);
  }
  const { repairIn } = await context.starters();
  const outcome = await repairIn({ dataFolder: scope.dataFolder, isLossAccepted });
  if (!outcome.ok) return fail(outcome.error.message);
  print(scope, outcome.value, () => outcomeText(outcome.value));
  return ok(null);
}

function outcomeText(outcome: RepairOutcome): string {
  const places = outcome.damage.map((place) => `  ${place}\n`).join("");
  if (outcome.state === "whole" && places === "") return "Nothing is damaged.\n";
  if (outcome.state === "whole") return `Damaged, and not needed:\n${places}Nothing is lost.\n`;
  const { readableUpTo, knownUpTo } = outcome;
  const range = `Changes up to ${readableUpTo} can be read; ${knownUpTo} were known.\n`;
  return `Damaged:\n${places}${range}${nextStep(outcome)}\n`;
}

function nextStep({ state, putAside }: RepairOutcome): string {
  if (state === "repaired") return `Repaired. The damaged files are kept in ${putAside ?? "?"}.`;
  if (state === "needs-others") {
    return "Start this computer (tidemark serve): it is filled again as soon as another one leads.";
  }
  return (
    "Make a backup of what is whole first (tidemark serve, then tidemark backup FILE). " +
    "To go on without the rest: tidemark repair --accept-loss"
  );
}
