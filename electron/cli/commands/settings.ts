/** `settings`: the workspace's settings, and what is kept of the past for them. */
import type { RetentionReport } from "../../../shared/api/past.ts";
import { formatPosition } from "../../../shared/base/ids.ts";
import { ok } from "../../../shared/base/result.ts";
import { diskUseMax } from "../../../shared/cluster/retention.ts";
import type { SettingValue } from "../../../shared/cluster/settings.ts";
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
import { formatBytes, formatCount, textPairs } from "../text-table.ts";

/** Registers it. */
export function registerSettingsCommand(context: CliContext): void {
  addCommand(
    context,
    "settings <verb> [key] [value]",
    "settings get [KEY]: print them; settings set KEY VALUE: change one for all members",
  ).action((...args: [string, string | undefined, string | undefined, CommonOptions]) => {
    const [verb, key, value, options] = args;
    if (verb === "get" && value === undefined) {
      return withAgent(context, options, (client, scope) => get(client, scope, key));
    }
    if (verb === "set" && key !== undefined && value !== undefined) {
      return withAgent(context, options, (client, scope) => set(client, scope, { key, value }));
    }
    context.finish(fail("settings get [KEY], or settings set KEY VALUE.", 2));
    return undefined;
  });
}

async function get(
  client: AgentClient,
  scope: CommandScope,
  key: string | undefined,
): Promise<CommandResult> {
  const status = await client.call("status", {});
  if (!status.ok) return failWith(status.error);
  const all: Readonly<Record<string, string | number>> = {
    durability: status.value.durability,
    ...status.value.settings,
  };
  if (key === undefined) return getAll(client, scope, all);
  const value = Object.hasOwn(all, key) ? all[key] : undefined;
  if (value === undefined) return fail(`there is no setting ${JSON.stringify(key)}.`, 4);
  print(scope, { [key]: value }, () => `${value}\n`);
  return ok(null);
}

async function getAll(
  client: AgentClient,
  scope: CommandScope,
  all: Readonly<Record<string, string | number>>,
): Promise<CommandResult> {
  const pairs = Object.entries(all).map(([name, value]): [string, string] => [name, String(value)]);
  const report = await client.call("retention", {});
  // Before there is a workspace nothing is kept.
  const kept = report.ok ? keptPairs(report.value) : [];
  const json = report.ok ? { ...all, past: report.value } : all;
  print(scope, json, () => {
    const about = kept.length === 0 ? "" : `\nkept on this computer\n${textPairs(kept)}`;
    return textPairs(pairs) + about;
  });
  return ok(null);
}

function keptPairs(report: RetentionReport): [string, string][] {
  const { log, snapshots, readableFrom, since, bytesPerDay, sizes } = report;
  const snapshotBytes = snapshots.reduce((sum, { bytes }) => sum + bytes, 0);
  const most = diskUseMax(sizes);
  const from = readableFrom === null ? "nothing yet" : `after entry ${readableFrom}`;
  return [
    ["log", `${formatBytes(log.bytes)}, from entry ${log.firstIndex}`],
    ["snapshots", `${formatCount(snapshots.length)}, ${formatBytes(snapshotBytes)}`],
    ["past readable from", since === null ? from : `${since} (${from})`],
    ["log a day", bytesPerDay === null ? "not known yet" : formatBytes(bytesPerDay)],
    ["at most", `${formatBytes(most.log)} of log and ${formatBytes(most.snapshots)} of snapshots`],
  ];
}

/** Members of earlier versions take numbers only. */
function numberOrText(value: string): SettingValue {
  return /^-?\d{1,15}$/.test(value) ? Number(value) : value;
}

async function set(
  client: AgentClient,
  scope: CommandScope,
  { key, value }: { readonly key: string; readonly value: string },
): Promise<CommandResult> {
  const done = await client.call("changeSetting", { key, value: numberOrText(value) });
  if (!done.ok) return failWith(done.error);
  print(scope, done.value, () => `${key} is ${value}, at ${formatPosition(done.value)}\n`);
  return ok(null);
}
