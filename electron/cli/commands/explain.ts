/** `explain`: who leads and why, who else could, and what happened. */
import type { HistoryEvent } from "../../../shared/api/methods.ts";
import { ok } from "../../../shared/base/result.ts";
import { leadingReport, type LeadingReport } from "../../../shared/cluster/leading.ts";
import { safetySentence } from "../../../shared/cluster/safety.ts";
import type { AgentClient } from "../agent-client.ts";
import {
  addCommand,
  print,
  withAgent,
  type CliContext,
  type CommandScope,
  type CommonOptions,
} from "../command.ts";
import { failWith, type CommandResult } from "../failure.ts";

/** Events shown: the last hours of a restless room. */
const EVENT_COUNT = 10;

/** Registers it. */
export function registerExplainCommand(context: CliContext): void {
  addCommand(context, "explain", "who leads and why, who else could, and what happened").action(
    (options: CommonOptions) => withAgent(context, options, explain),
  );
}

async function explain(client: AgentClient, scope: CommandScope): Promise<CommandResult> {
  const status = await client.call("status", {});
  if (!status.ok) return failWith(status.error);
  const history = await client.call("history", {});
  const events = history.ok ? history.value.events.slice(-EVENT_COUNT) : [];
  const report = leadingReport(status.value);
  const safety = safetySentence(status.value.safety);
  print(scope, { ...report, safety: status.value.safety, events }, () =>
    [
      report.sentence,
      ...(status.value.members.length === 0 ? [] : [`If this computer is closed: ${safety}`]),
      ...report.members.flatMap(memberLines),
      ...eventLines(events),
      "",
    ].join("\n"),
  );
  return ok(null);
}

function memberLines(member: LeadingReport["members"][number]): string[] {
  const { name, isSelf, isLeader, canLead, checks } = member;
  const verdict = isLeader ? "leads" : CHANCES[String(canLead) as keyof typeof CHANCES];
  const marks = checks.map(
    ({ isMet, sentence }) => `  ${MARKS[String(isMet) as Mark]} ${sentence}`,
  );
  return ["", `${isSelf ? `${name} (here)` : name}: ${verdict}`, ...marks];
}

const CHANCES = {
  true: "could lead",
  false: "cannot lead now",
  null: "could lead as far as is known here",
} as const;

type Mark = "true" | "false" | "null";
const MARKS: { readonly [isMet in Mark]: string } = { true: "yes", false: "NO ", null: " ? " };

function eventLines(events: readonly HistoryEvent[]): string[] {
  if (events.length === 0) return [];
  return ["", "What happened:", ...events.map(({ at, sentence }) => `  ${at}  ${sentence}`)];
}
