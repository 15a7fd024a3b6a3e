/**
 * Starts an agent on a real computer: the one place where the ports get their real
 * implementations. Used by the CLI, by Electron's utility process and by the demo.
 */
import { writeFile, rm } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { hexEncode } from "../../shared/base/bytes.ts";
import { err, ok } from "../../shared/base/result.ts";
import type { Result } from "../../shared/base/result.ts";
import { Agent } from "./agent.ts";
import type { AgentBase } from "./agent-base.ts";
import { createApiServer } from "./api/server.ts";
import type { ApiServer } from "./api/server.ts";
import { openToken } from "./api/session.ts";
import { ForeignFiles } from "./foreign/foreign-files.ts";
import { MdnsDiscovery, NoDiscovery } from "./discovery/mdns.ts";
import { openFolder } from "./open-folder.ts";
import type { OpenedFolder } from "./open-folder.ts";
import { openLogger } from "./platform/json-logger.ts";
import type { ClosableLogger } from "./platform/json-logger.ts";
import { NodeClock } from "./platform/node-clock.ts";
import { NodeFolders } from "./platform/node-folders.ts";
import { NodeRandom } from "./platform/node-random.ts";
import type { Clock, Discovery, Logger, Ports } from "./ports.ts";
import { DEFAULT_SETTINGS } from "./replica/replica-context.ts";
import type { AgentService } from "./service.ts";
import { createStoreClient, spawnStoreWorker } from "./store/store-client.ts";
import { parseAddress } from "./transport/address.ts";
import { TlsNetwork } from "./transport/tls-network.ts";

declare const __TIDEMARK_VERSION__: string;

/** Why an agent did not start: a stable code and one sentence. */
export type StartFailure = { readonly code: string; readonly message: string };

/** A running agent. */
export type RunningAgent = {
  readonly service: AgentService;
  readonly httpUrl: string | null;
  /** With `#token=`: signs the browser in. */
  readonly openUrl: string | null;
  readonly memberId: string;
  readonly logger: Logger;
  /**
   * Resolves with a reason when this agent cannot go on and a new start can: something on its disk
   * went bad while it ran, and opening it again finds out what and mends it.
   */
  readonly broken: Promise<string>;
  /** Hands over leadership if it leads, stops everything, frees the data folder. */
  readonly close: () => Promise<void>;
};

/** Where and how to run. */
export type AgentOptions = {
  readonly dataFolder: string;
  /** host:port for other members; port 0 takes a free one. */
  readonly listen: string;
  /** host:port for UI and API, loopback only; null serves none. */
  readonly http: string | null;
  /** An address; null: all interfaces; "none": no mDNS. */
  readonly mdnsInterface: string | null;
  readonly peers: readonly string[];
  /** The built window, or null to serve the API alone. */
  readonly rendererFolder: string | null;
  /** The store's bundle; the one beside the running file when not given. */
  readonly workerUrl?: URL;
};

const LOG_BYTES_MAX = 4 * 1024 * 1024;
const QUERY_LIMIT_MS = 10_000;
/** Well above the largest transaction there may be (64 MiB) on a slow computer. */
const CAPTURE_LIMIT_MS = 60_000;
const RUNNING_FILE = "running.json";

/** Starts the agent of a data folder. */
export async function startAgent(
  options: AgentOptions,
): Promise<Result<RunningAgent, StartFailure>> {
  const clock = new NodeClock();
  const opened = await openFolder(options.dataFolder, () => clock.nowMs());
  if (!opened.ok) return opened;
  const logger = openLogger({
    path: join(options.dataFolder, "tidemark.log"),
    bytesMax: LOG_BYTES_MAX,
    wallMs: () => clock.wallMs(),
  });
  const started = await startIn(opened.value, options, logger);
  if (!started.ok) {
    logger.close();
    await opened.value.release();
  }
  return started;
}

async function startIn(
  opened: OpenedFolder,
  options: AgentOptions,
  logger: ClosableLogger,
): Promise<Result<RunningAgent, StartFailure>> {
  let server: ApiServer | null = null;
  let onBroken: (reason: string) => void = () => undefined;
  const broken = new Promise<string>((resolve) => (onBroken = resolve));
  const base = makeBase({
    opened,
    options,
    logger,
    onBroken: (reason) => {
      logger.warn("start-anew", { reason });
      onBroken(reason);
    },
    httpUrl: () => server?.url ?? null,
    onStoreRestart: (why) => {
      logger.warn("store-restarted", { why });
      agent.refillStore();
    },
  });
  if (!base.ok) return base;
  const agent: Agent = new Agent(base.value);
  const api = await startApi(agent, { opened, options, logger });
  if (!api.ok) {
    await agent.close();
    return api;
  }
  server = api.value.server;
  const close = async (): Promise<void> => {
    await rm(join(options.dataFolder, RUNNING_FILE), { force: true });
    await agent.close();
    await server?.close();
    logger.close();
    await opened.release();
  };
  const failure = await agent.start();
  if (failure !== null) {
    await agent.close();
    await server?.close();
    return err(startFailure(failure, options));
  }
  await announceRunning(opened, options, server);
  const openUrl = server === null ? null : `${server.url}/#token=${api.value.token}`;
  return ok({
    service: agent,
    httpUrl: server?.url ?? null,
    openUrl,
    memberId: opened.folder.self,
    logger,
    broken,
    close,
  });
}

function makeBase(parts: {
  readonly opened: OpenedFolder;
  readonly options: AgentOptions;
  readonly logger: ClosableLogger;
  readonly httpUrl: () => string | null;
  readonly onStoreRestart: (why: string) => void;
  readonly onBroken: (reason: string) => void;
}): Result<AgentBase, StartFailure> {
  const { opened, options, logger, httpUrl, onStoreRestart, onBroken } = parts;
  const listen = parseAddress(options.listen);
  if (!listen.ok) {
    return err({ code: "bad-address", message: `"${options.listen}" is not HOST:PORT.` });
  }
  const clock = new NodeClock();
  const random = new NodeRandom();
  const { identity } = opened;
  const network = new TlsNetwork({ identity, listen: listen.value, clock, logger });
  const workerUrl = options.workerUrl ?? defaultWorkerUrl();
  const discovery = makeDiscovery(options.mdnsInterface, { clock, random, logger });
  return ok({
    folder: opened.folder,
    ports: {
      clock,
      random,
      disk: opened.disk,
      folders: new NodeFolders(() => clock.nowMs()),
      network,
      discovery,
      logger,
      store: createStoreClient({
        ...storeThreads(clock, workerUrl),
        onRestart: onStoreRestart,
        onCrash: (error) => endBroken(logger, error),
      }),
      openScratchStore: scratchStoreOpener(clock, options.workerUrl),
    },
    network,
    discovery,
    settings: DEFAULT_SETTINGS,
    version: __TIDEMARK_VERSION__,
    httpUrl,
    foreignFiles: new ForeignFiles({
      spawn: () => spawnStoreWorker(workerUrl, { isForeign: true }),
      clock,
      newId: () => hexEncode(random.bytes(8)),
    }),
    onBroken,
    manualPeers: options.peers,
    defaultName: hostname(),
  });
}

/** How a store beside the one that serves is opened. @param workerUrl See `AgentOptions`. */
export function scratchStoreOpener(
  clock: Clock,
  workerUrl = defaultWorkerUrl(),
): Ports["openScratchStore"] {
  return (onLost) =>
    createStoreClient({
      ...storeThreads(clock, workerUrl),
      onRestart: onLost,
      onCrash: onLost,
    });
}

function storeThreads(
  clock: Clock,
  workerUrl: URL,
): Omit<Parameters<typeof createStoreClient>[0], "onRestart" | "onCrash"> {
  return {
    spawn: () => spawnStoreWorker(workerUrl, {}),
    clock,
    queryLimitMs: QUERY_LIMIT_MS,
    captureLimitMs: CAPTURE_LIMIT_MS,
  };
}

/** Beside the running bundle. */
function defaultWorkerUrl(): URL {
  return new URL("./store-worker.js", import.meta.url);
}

function makeDiscovery(
  mdnsInterface: string | null,
  ports: Pick<AgentBase["ports"], "clock" | "random" | "logger">,
): Discovery {
  if (mdnsInterface !== "none") {
    return new MdnsDiscovery({ ...ports, interfaceAddress: mdnsInterface });
  }
  return new NoDiscovery();
}

/** A store that died of a bug holds nothing any more, and nothing may be answered without it. */
function endBroken(logger: ClosableLogger, error: Error): void {
  logger.warn("store-crashed", { message: error.message, stack: error.stack });
  logger.close();
  process.exit(1);
}

async function startApi(
  agent: Agent,
  parts: {
    readonly opened: OpenedFolder;
    readonly options: AgentOptions;
    readonly logger: ClosableLogger;
  },
): Promise<Result<{ readonly server: ApiServer | null; readonly token: string }, StartFailure>> {
  const { options, logger } = parts;
  if (options.http === null) return ok({ server: null, token: "" });
  const http = parseAddress(options.http);
  if (!http.ok) return err({ code: "bad-address", message: `"${options.http}" is not HOST:PORT.` });
  const random = new NodeRandom();
  const token = await openToken(options.dataFolder, (count) => random.bytes(count));
  if (!token.ok) return token;
  const server = await createApiServer({
    service: agent,
    host: http.value.host,
    port: http.value.port,
    token: token.value,
    staticFolder: options.rendererFolder,
    logger,
  });
  return server.ok ? ok({ server: server.value, token: token.value }) : server;
}

async function announceRunning(
  opened: OpenedFolder,
  options: AgentOptions,
  server: ApiServer | null,
): Promise<void> {
  if (server === null) return;
  const running = { pid: process.pid, http: server.url, memberId: opened.folder.self };
  await writeFile(join(options.dataFolder, RUNNING_FILE), JSON.stringify(running), { mode: 0o600 });
}

function startFailure(
  failure: { readonly code: string; readonly detail: string },
  options: AgentOptions,
): StartFailure {
  const sentences: Readonly<Record<string, string>> = {
    "port-in-use": `The port of ${options.listen} is in use by another program; choose another with --listen.`,
    "not-allowed": `This computer may not listen on ${options.listen} (${failure.detail}).`,
    "log-damaged": `The replication log is damaged (${failure.detail}); nothing was changed.`,
    "storage-full": `The disk is full (${failure.detail}).`,
  };
  const message = sentences[failure.code] ?? `The data folder cannot be opened: ${failure.detail}.`;
  return { code: failure.code, message };
}
