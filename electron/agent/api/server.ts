/**
 * The local HTTP and WebSocket server: UI, CLI and other programs on this computer.
 *
 * It listens on loopback only: the API has no TLS, and one token for everything. Its life is
 * here; what a request must show is in `guard.ts` and `session.ts`, where it goes in `router.ts`.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { err, ok, type Result } from "../../../shared/base/result.ts";
import type { Logger } from "../ports.ts";
import type { AgentService } from "../service.ts";
import { allowedHosts } from "./guard.ts";
import { API_LIMITS, type ApiLimits } from "./limits.ts";
import { respondError } from "./respond.ts";
import { Router } from "./router.ts";
import { Session } from "./session.ts";

/** A server that listens. */
export type ApiServer = {
  readonly port: number;
  /** `http://127.0.0.1:PORT`, without the token. */
  readonly url: string;
  /** Answers the calls the agent already has, then ends every connection. */
  close(): Promise<void>;
};

/** Why it does not listen. */
export type ApiServerError = {
  readonly code: "port-in-use" | "not-allowed";
  readonly message: string;
};

/** What to serve, and where. */
export type ApiServerOptions = {
  readonly service: AgentService;
  /** A loopback address or "localhost"; others are `not-allowed`. */
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /** From `openToken`. */
  readonly token: string;
  /** The built window (`dist/renderer`), or null to serve the API alone. */
  readonly staticFolder: string | null;
  readonly logger: Logger;
  readonly limits?: Partial<ApiLimits>;
};

/** Starts the server. Everything it may refuse to start for is in the result. */
export async function createApiServer(
  options: ApiServerOptions,
): Promise<Result<ApiServer, ApiServerError>> {
  const address = loopbackAddress(options.host);
  if (address === null) {
    const message = `The local API is served on loopback only, not on ${options.host}.`;
    return err({ code: "not-allowed", message });
  }
  const limits = { ...API_LIMITS, ...options.limits };
  const server = createServer({
    requestTimeout: limits.requestMs,
    headersTimeout: Math.min(limits.headersMs, limits.requestMs),
    connectionsCheckingInterval: limits.checkEveryMs,
    maxHeaderSize: 16 * 1024,
  });
  server.maxConnections = limits.connectionCountMax;
  const failure = await listen(server, address, options.port);
  if (failure !== null) return err(failure);
  const { port } = server.address() as AddressInfo;
  const shown = address.includes(":") ? `[${address}]` : address;
  const router = new Router({
    service: options.service,
    session: new Session(options.token, port),
    hosts: allowedHosts(address, port),
    port,
    staticFolder: options.staticFolder,
    limits,
    logger: options.logger,
  });
  const unsubscribe = serve(server, router, options);
  const close = async () => {
    unsubscribe();
    await closeServer(server, router);
  };
  return ok({ port, url: `http://${shown}:${port}`, close });
}

/** Connects server, router and agent. @returns ends the subscription to the agent's events. */
function serve(server: Server, router: Router, options: ApiServerOptions): () => void {
  const { logger, service } = options;
  const answer = (request: IncomingMessage, response: ServerResponse) => {
    // A client that went away mid-answer is no news; without a listener it would end the agent.
    response.on("error", (error) => logger.info("api-connection-lost", { reason: error.message }));
    router.handle(request, response).catch((cause: unknown) => {
      logger.warn("api-request-failed", { reason: String(cause) });
      if (response.headersSent) response.destroy();
      else
        respondError(response, { code: "internal", message: "The agent's log has the details." });
    });
  };
  server.on("request", answer);
  // E.g. too many open files while accepting: the connections there are go on.
  server.on("error", (error) => logger.warn("api-accept-failed", { reason: error.message }));
  server.on("upgrade", (request, socket, head) => {
    socket.on("error", (error) => logger.info("api-connection-lost", { reason: error.message }));
    router.upgrade(request, socket, head);
  });
  return service.subscribe((event) => router.pushEvent(event));
}

async function closeServer(server: Server, router: Router): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  await router.close();
  // One turn of the event loop, so that the last answers and closing frames leave first.
  await new Promise<void>((resolve) => setImmediate(resolve));
  router.terminate();
  server.closeAllConnections();
  await closed;
}

function loopbackAddress(host: string): string | null {
  if (host === "localhost") return "127.0.0.1";
  const bare = host.replace(/^\[(.*)\]$/, "$1");
  return bare === "::1" || /^127(\.\d{1,3}){3}$/.test(bare) ? bare : null;
}

function listen(server: Server, host: string, port: number): Promise<ApiServerError | null> {
  return new Promise((resolve) => {
    const onError = (error: NodeJS.ErrnoException) => {
      const isTaken = error.code === "EADDRINUSE";
      const message = isTaken
        ? `Port ${port} on ${host} is used by another program; choose another with --http.`
        : `The local API cannot listen on ${host}:${port}: ${error.message}.`;
      resolve({ code: isTaken ? "port-in-use" : "not-allowed", message });
    };
    server.once("error", onError);
    server.listen({ host, port, exclusive: true }, () => {
      server.off("error", onError);
      resolve(null);
    });
  });
}
