/** `create`, `join`, `invite`: how a cluster begins and grows. */
import { hostname } from "node:os";
import { resolve } from "node:path";
import { ok } from "../../../shared/base/result.ts";
import {
  addCommand,
  print,
  scopeOf,
  withAgent,
  type CliContext,
  type CommonOptions,
} from "../command.ts";
import { connect } from "../connect.ts";
import { fail, failWith, type CommandResult } from "../failure.ts";
import { whileWaiting } from "../waiting.ts";

type CreateOptions = CommonOptions & {
  readonly name: string;
  readonly memberName?: string;
  readonly from?: string;
};
type JoinOptions = CommonOptions & { readonly memberName?: string; readonly replace?: true };
type InviteOptions = CommonOptions & { readonly role?: string; readonly expires?: string };

/** Registers them. */
export function registerClusterCommands(context: CliContext): void {
  addCommand(context, "create", "start a new cluster; this member is its only voter")
    .requiredOption("--name <name>", "name of the cluster")
    .option("--member-name <name>", "name of this computer (default: its host name)")
    .option("--from <file>", "begin with the tables of this backup")
    .action(async (options: CreateOptions) => context.finish(await create(context, options)));
  addCommand(context, "join <link>", "join a cluster by an invite link; then serve")
    .option("--member-name <name>", "name of this computer (default: its host name)")
    .option("--replace", "put aside what the data folder holds, and join under a new key")
    .action(async (link: string, options: JoinOptions) =>
      context.finish(await join(context, link, options)),
    );
  addCommand(context, "invite", "print a link that lets one computer join")
    .option("--role <role>", "voter or mirror (default: what the cluster needs)")
    .option("--expires <duration>", "e.g. 90s, 10m, 2h, 1d")
    .action((options: InviteOptions) => invite(context, options));
}

async function create(context: CliContext, options: CreateOptions): Promise<CommandResult> {
  const scope = scopeOf(context, options);
  const { name } = options;
  const memberName = options.memberName ?? hostname();
  const from = options.from === undefined ? null : resolve(options.from);
  const client = await connect(scope.dataFolder);
  if (client.ok) {
    const begun = from === null ? {} : { from };
    const creating = client.value.call("createCluster", { name, memberName, ...begun });
    const created = await whileWaiting(creating, { terminal: scope.terminal, client: null });
    if (!created.ok) return failWith(created.error);
    print(scope, created.value, () => `Created the cluster ${name}.\n`);
    return ok(null);
  }
  const { createClusterIn } = await context.starters();
  const { dataFolder } = scope;
  const creating = createClusterIn({ dataFolder, name, memberName, from });
  const created = await whileWaiting(creating, { terminal: scope.terminal, client: null });
  if (!created.ok) return fail(created.error.message);
  print(scope, created.value, () => {
    const next = `tidemark serve --data ${dataFolder}`;
    return `Created the cluster ${name} in ${dataFolder}.\nStart this member with: ${next}\n`;
  });
  return ok(null);
}

async function join(
  context: CliContext,
  link: string,
  options: JoinOptions,
): Promise<CommandResult> {
  const scope = scopeOf(context, options);
  if (!link.startsWith("tidemark://join/")) {
    return fail("an invite link begins with tidemark://join/; print one with: tidemark invite", 2);
  }
  const memberName = options.memberName ?? hostname();
  const isReplacing = options.replace === true;
  const client = await connect(scope.dataFolder);
  if (client.ok && isReplacing) return fail("stop the agent of this data folder first.");
  if (client.ok) {
    const joined = await client.value.call("joinCluster", { link, memberName });
    if (!joined.ok) return failWith(joined.error);
    print(scope, joined.value, () => `Joined the cluster ${joined.value.clusterName}.\n`);
    return ok(null);
  }
  const { joinClusterIn } = await context.starters();
  const { dataFolder } = scope;
  const more = isReplacing ? { isReplacing } : {};
  const joined = await joinClusterIn({ dataFolder, link, memberName, ...more });
  if (!joined.ok) return fail(joined.error.message);
  print(scope, joined.value, () => {
    const next = `tidemark serve --data ${dataFolder}`;
    return `Joined the cluster ${joined.value.clusterName}.\nStart this member with: ${next}\n`;
  });
  return ok(null);
}

function invite(context: CliContext, options: InviteOptions): Promise<void> {
  const { role, expires } = options;
  if (role !== undefined && role !== "voter" && role !== "mirror") {
    context.finish(fail(`--role is voter or mirror, not ${JSON.stringify(role)}.`, 2));
    return Promise.resolve();
  }
  const expiresMs = expires === undefined ? undefined : parseDuration(expires);
  if (expiresMs === null) {
    context.finish(fail(`--expires is a duration such as 10m, not ${expires}.`, 2));
    return Promise.resolve();
  }
  return withAgent(context, options, async (client, scope) => {
    const invited = await client.call("invite", {
      ...(role === undefined ? {} : { role }),
      ...(expiresMs === undefined ? {} : { expiresMs }),
    });
    if (!invited.ok) return failWith(invited.error);
    print(scope, invited.value, () => `${invited.value.link}\n`);
    if (!scope.isJson) scope.terminal.error(`Valid once, until ${invited.value.expiresAt}.\n`);
    return ok(null);
  });
}

const UNIT_MS: Readonly<Record<string, number>> = {
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** `90s`, `10m`, `2h`, `1d` in ms; null for anything else. */
export function parseDuration(text: string): number | null {
  const match = /^(\d{1,6})([smhd])$/.exec(text);
  if (match === null) return null;
  const ms = Number(match[1]) * (UNIT_MS[match[2] ?? ""] ?? 0);
  return ms > 0 ? ms : null;
}
