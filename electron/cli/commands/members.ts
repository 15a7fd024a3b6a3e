/** `members`, `lag`, `switchover`, `remove`: the computers of the cluster. */
import { ok, type Result } from "../../../shared/base/result.ts";
import type { Lag, MemberStatus, Status } from "../../../shared/cluster/status.ts";
import type { AgentClient } from "../agent-client.ts";
import {
  addCommand,
  print,
  withAgent,
  type CliContext,
  type CommandScope,
  type CommonOptions,
} from "../command.ts";
import { fail, failWith, type CliFailure, type CommandResult } from "../failure.ts";
import { formatCount, formatMs, textTable } from "../text-table.ts";

/** Registers them. */
export function registerMemberCommands(context: CliContext): void {
  addCommand(context, "members", "list the computers of the cluster").action(
    (options: CommonOptions) => withAgent(context, options, members),
  );
  addCommand(context, "lag", "how far each member is behind, stage by stage").action(
    (options: CommonOptions) => withAgent(context, options, lag),
  );
  addCommand(context, "switchover [member]", "hand the lead over, without losing a write").action(
    (member: string | undefined, options: CommonOptions) =>
      withAgent(context, options, (client, scope) => switchover(client, scope, member)),
  );
  addCommand(context, "remove <member>", "remove a computer and revoke its key").action(
    (member: string, options: CommonOptions) =>
      withAgent(context, options, (client, scope) => remove(client, scope, member)),
  );
}

/** The table of `members`, also part of `status`. */
export function membersTable(status: Status): string {
  const columns = [
    { title: "NAME" },
    { title: "ID" },
    { title: "SEAT" },
    { title: "STATE" },
    { title: "APPLIED", isNumber: true },
    { title: "BEHIND", isNumber: true },
    { title: "LAG", isNumber: true },
    { title: "LAST SEEN" },
    { title: "ADDRESS" },
    { title: "VERSION" },
  ];
  const rows = status.members.map((member) => [
    member.isSelf ? `${member.name} (here)` : member.name,
    member.id.slice(0, 12),
    member.seat,
    stateOf(member),
    countOf(member.applied),
    countOf(member.lagEntries),
    formatMs(member.lagMs),
    member.isSelf ? "now" : (member.lastSeen ?? "never"),
    member.address ?? "-",
    member.version ?? "-",
  ]);
  return textTable(columns, rows) + status.members.map(refusalLine).join("");
}

/** Why there is no connection to a member, where one of both ends has said so. */
function refusalLine({ name, refusal }: MemberStatus): string {
  return refusal === null ? "" : `${name} is not connected: ${refusal.detail}.\n`;
}

/** One member by name, id, or the beginning of its id. */
export function findMember(status: Status, wanted: string): Result<MemberStatus, CliFailure> {
  const exact = status.members.filter(({ id, name }) => id === wanted || name === wanted);
  const found = exact.length > 0 ? exact : status.members.filter(({ id }) => id.startsWith(wanted));
  const first = found[0];
  if (first === undefined) return fail(`there is no member ${JSON.stringify(wanted)}.`, 4);
  if (found.length > 1) return fail(`${found.length} members match ${wanted}; give the id.`, 2);
  return ok(first);
}

async function members(client: AgentClient, scope: CommandScope): Promise<CommandResult> {
  const status = await client.call("status", {});
  if (!status.ok) return failWith(status.error);
  print(scope, status.value.members, () => membersTable(status.value));
  return ok(null);
}

async function lag(client: AgentClient, scope: CommandScope): Promise<CommandResult> {
  const status = await client.call("status", {});
  if (!status.ok) return failWith(status.error);
  const { lag: own, members: all, leader } = status.value;
  print(scope, { lag: own, leader, members: all }, () => {
    const columns = [
      { title: "NAME" },
      { title: "RECEIVED", isNumber: true },
      { title: "FLUSHED", isNumber: true },
      { title: "APPLIED", isNumber: true },
      { title: "BEHIND", isNumber: true },
      { title: "LAG", isNumber: true },
      { title: "ROUND TRIP", isNumber: true },
      { title: "STATE" },
    ];
    const rows = all.map((member) => [
      member.isSelf ? `${member.name} (here)` : member.name,
      countOf(member.received),
      countOf(member.flushed),
      countOf(member.applied),
      countOf(member.lagEntries),
      formatMs(member.lagMs),
      formatMs(member.roundTripMs),
      stateOf(member),
    ]);
    return `${describeLag(status.value)}\n\n${textTable(columns, rows)}`;
  });
  return ok(null);
}

/** This member's own lag in one sentence that never says more than is known. */
export function describeLag(status: Status): string {
  const { entries, ms, asOf, leaderReachable } = status.lag;
  if (status.cluster === null) return "This member is in no cluster yet.";
  if (status.role === "leader") return describeLeadersLag(status.lag);
  if (asOf === null) return "The leader was never heard; how far behind this is, is unknown.";
  const behind = entries === 0 ? "up to date" : `${formatCount(entries)} changes behind`;
  if (!leaderReachable) return `As of ${asOf}: ${behind}. The leader is unreachable since then.`;
  return `This member is ${behind} (${formatMs(ms)}), as of ${asOf}.`;
}

/** A leader that has just begun may still lack what the one before it had confirmed. */
function describeLeadersLag({ entries, ms, asOf }: Lag): string {
  if (entries === 0 && ms === 0) return "This member leads, and has all that it knows confirmed.";
  const since = asOf === null ? "" : ` Its data is as of ${asOf}.`;
  return `This member leads, and has not applied all yet that may be confirmed.${since}`;
}

async function switchover(
  client: AgentClient,
  scope: CommandScope,
  wanted: string | undefined,
): Promise<CommandResult> {
  const status = await client.call("status", {});
  if (!status.ok) return failWith(status.error);
  const target = wanted === undefined ? null : findMember(status.value, wanted);
  if (target !== null && !target.ok) return target;
  const done = await client.call("switchover", target === null ? {} : { to: target.value.id });
  if (!done.ok) return failWith(done.error);
  const { leader, tookMs } = done.value;
  const name = status.value.members.find(({ id }) => id === leader)?.name ?? leader;
  print(scope, done.value, () => `${name} leads now; it took ${formatMs(tookMs)}.\n`);
  return ok(null);
}

async function remove(
  client: AgentClient,
  scope: CommandScope,
  wanted: string,
): Promise<CommandResult> {
  const status = await client.call("status", {});
  if (!status.ok) return failWith(status.error);
  const member = findMember(status.value, wanted);
  if (!member.ok) return member;
  const { id, name } = member.value;
  const removed = await client.call("removeMember", { member: id });
  if (!removed.ok) return failWith(removed.error);
  print(scope, { ...removed.value, member: id, name }, () => `${name} was removed.\n`);
  return ok(null);
}

function stateOf(member: MemberStatus): string {
  if (member.isLeader) return "leader";
  return member.connected ? "connected" : "away";
}

function countOf(count: number | null): string {
  return count === null ? "-" : formatCount(count);
}
