/** Finding running agents by their data folders. */
import { readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Status } from "../../shared/cluster/status.ts";
import { ok, type Result } from "../../shared/base/result.ts";
import { AgentClient } from "./agent-client.ts";
import { fail, type CliFailure } from "./failure.ts";

/** What an agent writes into its data folder while it serves. */
export type RunningFile = {
  readonly pid: number;
  readonly http: string;
  readonly memberId: string;
};

/** The running agent of a data folder, or the sentence that says why there is none. */
export async function connect(dataFolder: string): Promise<Result<AgentClient, CliFailure>> {
  const client = await openClient(dataFolder);
  if (client === null) return fail(noAgent(dataFolder));
  const status = await client.call("status", {});
  if (status.ok || status.error.code === "no-cluster") return ok(client);
  if (status.error.code !== "unreachable") return fail(status.error.message);
  return fail(noAgent(dataFolder));
}

/**
 * The member of the cluster that takes writes, if it runs on this computer under the same user:
 * its data folder is looked for beside this one, because the token is in there.
 */
export async function findLeaderNearby(
  dataFolder: string,
  cluster: string,
): Promise<AgentClient | null> {
  const parent = dirname(dataFolder);
  for (const name of await folderNames(parent)) {
    const client = await openClient(join(parent, name));
    if (client === null) continue;
    const status = await client.call("status", {});
    if (status.ok && isLeaderOf(status.value, cluster)) return client;
  }
  return null;
}

function isLeaderOf(status: Status, cluster: string): boolean {
  return status.cluster?.id === cluster && status.role === "leader" && status.canWrite;
}

async function openClient(dataFolder: string): Promise<AgentClient | null> {
  const running = parseRunning(await readText(join(dataFolder, "running.json")));
  const token = (await readText(join(dataFolder, "api-token")))?.trim();
  if (running === null || token === undefined) return null;
  return new AgentClient(running.http, token);
}

/** The content of `running.json`, or null when it is none. Only loopback is believed. */
export function parseRunning(text: string | null): RunningFile | null {
  if (text === null) return null;
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return null; // Half a file: the agent that wrote it did not come to its end.
  }
  if (typeof parsed !== "object" || parsed === null) return null;
  const { pid, http, memberId }: Record<string, unknown> = { ...parsed };
  if (typeof pid !== "number" || typeof http !== "string") return null;
  if (typeof memberId !== "string" || !URL.canParse(http)) return null;
  const { hostname, protocol, origin } = new URL(http);
  const isLoopback = hostname === "localhost" || hostname === "[::1]" || /^127\./.test(hostname);
  return isLoopback && protocol === "http:" ? { pid, http: origin, memberId } : null;
}

function noAgent(dataFolder: string): string {
  return `No agent runs for ${dataFolder}; start it with: tidemark serve --data ${dataFolder}`;
}

async function readText(path: string): Promise<string | null> {
  try {
    return await readFile(path, "utf8");
  } catch {
    return null; // Missing or not ours to read: no agent that we could talk to, either way.
  }
}

async function folderNames(parent: string): Promise<readonly string[]> {
  try {
    const entries = await readdir(parent, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  } catch {
    return []; // A parent that cannot be listed has no neighbours to offer.
  }
}
