/** `status`, `log`: what this member knows. */
import type { ApiResult } from "../../../shared/api/methods.ts";
import { formatPosition } from "../../../shared/base/ids.ts";
import { ok } from "../../../shared/base/result.ts";
import { safetySentence } from "../../../shared/cluster/safety.ts";
import type { Status } from "../../../shared/cluster/status.ts";
import type { AgentClient } from "../agent-client.ts";
import {
  addCommand,
  print,
  withAgent,
  type CliContext,
  type CommandScope,
  type CommonOptions,
} from "../command.ts";
import { fail, failWith, type CommandResult } from "../failure.ts";
import { formatBytes, formatCount, textPairs, textTable } from "../text-table.ts";
import { describeLag, membersTable } from "./members.ts";

type LogOptions = CommonOptions & {
  readonly from?: string;
  readonly count: string;
  readonly follow?: true;
};

/** Most lines asked for at once while following. */
const FOLLOW_COUNT = 500;

/** Registers them. */
export function registerStateCommands(context: CliContext): void {
  addCommand(context, "status", "who leads, what can be done here, how far behind this is").action(
    (options: CommonOptions) => withAgent(context, options, status),
  );
  addCommand(context, "log", "the replication log as people read it")
    .option("--from <index>", "first log index (default: the last --count entries)")
    .option("--count <n>", "how many entries, 1 to 10000", "20")
    .option("--follow", "go on printing new entries")
    .action((options: LogOptions) =>
      withAgent(context, options, (client, scope) => log(client, scope, options)),
    );
}

async function status(client: AgentClient, scope: CommandScope): Promise<CommandResult> {
  const answer = await client.call("status", {});
  if (!answer.ok) return failWith(answer.error);
  print(scope, answer.value, () => statusText(answer.value));
  return ok(null);
}

function statusText(status: Status): string {
  const { cluster, member, leader, log, checksum, storage } = status;
  const applied = formatPosition({ term: status.term, index: log.appliedIndex });
  const pairs: (readonly [string, string])[] = [
    ["cluster", cluster === null ? "none" : `${cluster.name} (timeline ${cluster.timeline})`],
    ["member", `${member.name} (${member.seat ?? "no seat"}, ${status.role})`],
    ["id", member.id],
    ["leader", leader === null ? "none" : `${leader.name} at ${leader.address ?? "?"}`],
    ["writes here", status.canWrite ? "yes" : "no"],
    ["position", `${applied}, committed ${formatCount(log.commitIndex)}`],
    ["checksum", `${checksum.value} at ${checksum.index}`],
    ["durability", status.durability],
    ["if it is closed", safetySentence(status.safety)],
    ["seat", seatText(status.seat)],
    ...alarmPairs(status.alarm),
    ["storage", storage.detail === null ? storage.state : `${storage.state}: ${storage.detail}`],
    ["log", `${formatBytes(log.bytes)}, from ${log.firstIndex} to ${log.lastIndex}`],
    ["folder", storage.folder],
    ["version", status.version],
  ];
  return `${textPairs(pairs)}\n${describeLag(status)}\n\n${membersTable(status)}`;
}

function alarmPairs(alarm: Status["alarm"]): (readonly [string, string])[] {
  if (alarm === null) return [];
  return [["alarm", `${alarm.member} is not sound, its word was not taken: ${alarm.detail}`]];
}

function seatText({ state, detail, since }: Status["seat"]): string {
  if (state === "ok") return "ok";
  return `${SEAT_WORDS[state]}: ${detail ?? "no detail"} (since ${since ?? "?"})`;
}

const SEAT_WORDS: { readonly [state in Exclude<Status["seat"]["state"], "ok">]: string } = {
  barred: "given up, waiting for a new one; neither votes nor confirms",
  damaged: "given up, stored data is damaged; neither votes nor confirms",
  copy: "this data folder is a copy of one in use; neither votes nor confirms",
  reseeding: "new, being filled from the others",
};

async function log(
  client: AgentClient,
  scope: CommandScope,
  options: LogOptions,
): Promise<CommandResult> {
  const count = wholeNumber(options.count);
  if (count === null || count < 1 || count > 10_000) return fail("--count is 1 to 10000.", 2);
  const from = options.from === undefined ? null : wholeNumber(options.from);
  if (options.from !== undefined && from === null) return fail("--from is a log index.", 2);
  const status = await client.call("status", {});
  if (!status.ok) return failWith(status.error);
  const { firstIndex, lastIndex } = status.value.log;
  const start = Math.max(from ?? lastIndex - count + 1, firstIndex);
  const answer = await client.call("log", { fromIndex: start, count });
  if (!answer.ok) return failWith(answer.error);
  if (options.follow !== true) {
    print(scope, answer.value, () => logTable(answer.value.lines));
    return ok(null);
  }
  printLines(scope, answer.value.lines);
  return followLog(client, scope, (answer.value.lines.at(-1)?.index ?? start - 1) + 1);
}

/** Prints entries as they are committed, until the agent stops or the person does. */
async function followLog(
  client: AgentClient,
  scope: CommandScope,
  from: number,
): Promise<CommandResult> {
  let next = from;
  const events = client.events();
  for (;;) {
    const event = await events.next();
    if (event.done === true) return event.value === null ? ok(null) : failWith(event.value);
    const isNews =
      event.value.type === "status"
        ? event.value.status.log.commitIndex >= next
        : event.value.type === "committed";
    while (isNews) {
      const answer = await client.call("log", { fromIndex: next, count: FOLLOW_COUNT });
      if (!answer.ok) return failWith(answer.error);
      const { lines } = answer.value;
      printLines(scope, lines);
      next = (lines.at(-1)?.index ?? next - 1) + 1;
      if (lines.length < FOLLOW_COUNT) break;
    }
  }
}

type Lines = ApiResult<"log">["lines"];

const LOG_COLUMNS = [
  { title: "POSITION" },
  { title: "AT" },
  { title: "AUTHOR" },
  { title: "BYTES", isNumber: true },
  { title: "WHAT" },
];

function logRows(lines: Lines): string[][] {
  return lines.map((line) => [
    formatPosition(line),
    line.at ?? "-",
    line.author ?? "-",
    formatCount(line.bytes),
    line.kind === "transaction" ? line.summary : `(${line.kind}) ${line.summary}`.trimEnd(),
  ]);
}

function logTable(lines: Lines): string {
  return textTable(LOG_COLUMNS, logRows(lines));
}

/** One line each: what comes later cannot be aligned with what is printed already. */
function printLines(scope: CommandScope, lines: Lines): void {
  for (const line of lines) {
    const text = scope.isJson ? JSON.stringify(line) : (logRows([line])[0] ?? []).join("  ");
    scope.terminal.out(`${text}\n`);
  }
}

function wholeNumber(text: string): number | null {
  return /^\d{1,15}$/.test(text) ? Number(text) : null;
}
