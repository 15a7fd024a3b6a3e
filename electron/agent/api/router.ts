/**
 * Which request goes where, and what it must show first.
 *
 * The order of the checks is the security of the local server: source, then the few paths that
 * are open to everybody, then credentials, and only then the body. It knows nothing of methods'
 * parameters (`params.ts`) nor of how the server lives (`server.ts`).
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { ApiError, ApiEvent } from "../../../shared/api/methods.ts";
import type { Logger } from "../ports.ts";
import type { AgentService } from "../service.ts";
import { readJson } from "./body.ts";
import { createDispatch, type Dispatch } from "./dispatch.ts";
import { EventStream } from "./event-stream.ts";
import {
  checkFetchSite,
  checkJson,
  checkSource,
  COMMON_HEADERS,
  contentSecurityPolicy,
  type Refusal,
} from "./guard.ts";
import { isHealthPath, judgeHealth, type HealthPath } from "./health.ts";
import type { ApiLimits } from "./limits.ts";
import { ApiMetrics } from "./metrics.ts";
import { respondError, respondJson, respondText } from "./respond.ts";
import type { Session } from "./session.ts";
import { SocketServer } from "./socket-server.ts";
import { NO_WINDOW_PAGE, readStatic } from "./static-files.ts";

/** What a router is made of. */
export type RouterOptions = {
  readonly service: AgentService;
  readonly session: Session;
  readonly hosts: readonly string[];
  readonly port: number;
  readonly staticFolder: string | null;
  readonly limits: ApiLimits;
  readonly logger: Logger;
};

type Exchange = {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly url: URL;
};

/** Answers everything that arrives at one server. */
export class Router {
  readonly #options: RouterOptions;
  readonly #dispatch: Dispatch;
  readonly #metrics = new ApiMetrics();
  readonly #sockets: SocketServer;
  readonly #streams = new Set<EventStream>();
  /** Calls the agent has and did not answer yet: closing waits for them. */
  readonly #calls = new Set<Promise<unknown>>();

  constructor(options: RouterOptions) {
    const { service, limits, logger } = options;
    this.#options = options;
    const dispatch = createDispatch(service, logger);
    this.#dispatch = async (method, params) => {
      const call = dispatch(method, params);
      this.#calls.add(call);
      const result = await call;
      this.#calls.delete(call);
      const isKnown = result.ok || result.error.code !== "not-found";
      const label = isKnown && typeof method === "string" ? method : "unknown";
      this.#metrics.countRequest(label, result.ok ? "ok" : result.error.code);
      return result;
    };
    this.#sockets = new SocketServer({ dispatch: this.#dispatch, limits, logger });
  }

  pushEvent(event: ApiEvent): void {
    this.#metrics.countEvent(event);
    this.#sockets.pushEvent(event);
    for (const stream of this.#streams) stream.push(event);
  }

  /** Ends streams and sockets, then waits for the calls the agent already has. */
  async close(): Promise<void> {
    for (const stream of this.#streams) stream.close();
    await Promise.allSettled([...this.#calls]);
    this.#sockets.close();
  }

  /** Ends what did not end by itself. */
  terminate(): void {
    this.#sockets.terminate();
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    for (const [name, value] of Object.entries(COMMON_HEADERS)) response.setHeader(name, value);
    const source = checkSource(request.headers, this.#options.hosts);
    if (source !== null) return this.#refuse(response, source);
    const url = parseUrl(request);
    if (url === null) return respondError(response, notFound("that path"));
    const exchange: Exchange = { request, response, url };
    if (isHealthPath(url.pathname)) return this.#health(exchange, url.pathname);
    const isOpen = !/^\/(api|auth|metrics|ws)(\/|$)/.test(url.pathname);
    if (isOpen) return this.#static(exchange);
    return this.#guarded(exchange);
  }

  /** A WebSocket wants to be opened; a refused one gets a plain HTTP answer. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const refusal = this.#upgradeRefusal(request);
    if (refusal !== null) {
      this.#noteRefusal(refusal);
      socket.end(`HTTP/1.1 ${refusal.status} Refused\r\nConnection: close\r\n\r\n`);
      return;
    }
    this.#sockets.accept(request, socket, head, (push) => void this.#greet(push));
  }

  #upgradeRefusal(request: IncomingMessage): Refusal | null {
    const source = checkSource(request.headers, this.#options.hosts);
    if (source !== null) return source;
    if (parseUrl(request)?.pathname !== "/ws") {
      return { status: 400, reason: "method", message: "WebSockets are at /ws only." };
    }
    return this.#checkCredentials(request);
  }

  async #guarded(exchange: Exchange): Promise<void> {
    const { request, response, url } = exchange;
    const site = checkFetchSite(request.headers);
    if (site !== null) return this.#refuse(response, site);
    if (url.pathname === "/auth") return this.#authenticate(exchange);
    const credentials = this.#checkCredentials(request);
    if (credentials !== null) return this.#refuse(response, credentials);
    switch (url.pathname) {
      case "/api/status":
        return this.#get(exchange, () => this.#call(response, "status", {}));
      case "/api/events":
        return this.#get(exchange, () => this.#events(response));
      case "/metrics":
        return this.#get(exchange, () => this.#sendMetrics(response));
    }
    const method = /^\/api\/(?:(execute|query)|call\/(\w{1,64}))$/.exec(url.pathname);
    if (method === null) return respondError(response, notFound(url.pathname));
    return this.#post(exchange, method[1] ?? method[2] ?? "");
  }

  async #get({ request, response }: Exchange, answer: () => Promise<void>): Promise<void> {
    if (request.method === "GET") return answer();
    response.setHeader("Allow", "GET");
    this.#refuse(response, { status: 405, reason: "method", message: "Only GET is known here." });
  }

  async #post(exchange: Exchange, method: string): Promise<void> {
    const { bulkBodyBytesMax, bodyBytesMax } = this.#options.limits;
    const bytesMax = method === "insertRows" ? bulkBodyBytesMax : bodyBytesMax;
    const body = await this.#readBody(exchange, bytesMax);
    if (body !== null) await this.#call(exchange.response, method, body.value);
  }

  /** The parsed body, or null when the request was already answered (or went away). */
  async #readBody(
    { request, response }: Exchange,
    bytesMax: number,
  ): Promise<{ readonly value: unknown } | null> {
    if (request.method !== "POST") {
      response.setHeader("Allow", "POST");
      this.#refuse(response, {
        status: 405,
        reason: "method",
        message: "Only POST is known here.",
      });
      return null;
    }
    const type = checkJson(request.headers);
    if (type !== null) {
      this.#refuse(response, type);
      return null;
    }
    const body = await readJson(request, bytesMax);
    if (body.ok) return { value: body.value };
    const { code, message } = body.error;
    if (code === "aborted") return null;
    if (code === "too-large") response.setHeader("Connection", "close");
    respondError(response, { code, message });
    return null;
  }

  async #call(response: ServerResponse, method: string, params: unknown): Promise<void> {
    const result = await this.#dispatch(method, params);
    if (result.ok) respondJson(response, 200, result.value);
    else respondError(response, result.error);
  }

  async #authenticate(exchange: Exchange): Promise<void> {
    const body = await this.#readBody(exchange, 4_096);
    if (body === null) return;
    const { response } = exchange;
    const token = isRecord(body.value) ? body.value["token"] : null;
    if (typeof token !== "string" || !this.#options.session.isToken(token)) {
      return this.#refuse(response, wrongCredentials);
    }
    response.writeHead(204, {
      "Set-Cookie": this.#options.session.cookieHeader(),
      "Cache-Control": "no-store",
    });
    response.end();
  }

  async #events(response: ServerResponse): Promise<void> {
    response.writeHead(200, {
      "Content-Type": "text/event-stream; charset=utf-8",
      "Cache-Control": "no-store",
    });
    const stream = new EventStream(response, this.#options.limits);
    this.#streams.add(stream);
    response.on("close", () => this.#streams.delete(stream));
    await this.#greet((event) => stream.push(event));
  }

  /** A new reader gets the status at once instead of waiting for the next change. */
  async #greet(push: (event: ApiEvent) => void): Promise<void> {
    const status = await this.#options.service.call("status", {});
    if (status.ok) push({ type: "status", status: status.value });
  }

  async #sendMetrics(response: ServerResponse): Promise<void> {
    const status = await this.#options.service.call("status", {});
    if (!status.ok) return respondError(response, status.error);
    const text = await this.#metrics.text(status.value);
    respondText(response, 200, { text, type: this.#metrics.contentType });
  }

  async #health({ response, url }: Exchange, path: HealthPath): Promise<void> {
    const lag = url.searchParams.get("lag") ?? "Infinity";
    if (!/^(\d{1,15}|Infinity)$/.test(lag)) {
      return respondError(response, { code: "bad-request", message: "lag is in ms, e.g. 500." });
    }
    const status = await this.#options.service.call("status", {});
    const health = status.ok
      ? judgeHealth(path, status.value, Number(lag))
      : { isUp: false, reason: status.error.code };
    const body = { text: `${health.reason}\n`, type: "text/plain; charset=utf-8" };
    respondText(response, health.isUp ? 200 : 503, body);
  }

  async #static({ request, response, url }: Exchange): Promise<void> {
    if (request.method !== "GET" && request.method !== "HEAD") {
      response.setHeader("Allow", "GET, HEAD");
      const message = "Only GET and HEAD are known here.";
      return this.#refuse(response, { status: 405, reason: "method", message });
    }
    response.setHeader("Content-Security-Policy", contentSecurityPolicy(this.#options.port));
    const { staticFolder } = this.#options;
    const file = staticFolder === null ? null : await readStatic(staticFolder, url.pathname);
    if (file === null) {
      if (url.pathname !== "/") return respondError(response, notFound(url.pathname));
      const type = "text/plain; charset=utf-8";
      return respondText(response, 200, { text: NO_WINDOW_PAGE, type });
    }
    response.writeHead(200, {
      "Content-Type": file.type,
      "Content-Length": file.content.length,
      "Cache-Control": file.cacheControl,
    });
    response.end(file.content);
  }

  #checkCredentials(request: IncomingMessage): Refusal | null {
    const { authorization, cookie } = request.headers;
    const shown = {
      ...(authorization === undefined ? {} : { authorization }),
      ...(cookie === undefined ? {} : { cookie }),
    };
    return this.#options.session.admits(shown) ? null : wrongCredentials;
  }

  #refuse(response: ServerResponse, refusal: Refusal): void {
    this.#noteRefusal(refusal);
    const { status, message } = refusal;
    if (status === 401) response.setHeader("WWW-Authenticate", 'Bearer realm="tidemark"');
    response.setHeader("Connection", "close");
    const code = status === 401 || status === 403 ? "unauthorized" : "bad-request";
    respondError(response, { code, message }, status);
  }

  #noteRefusal(refusal: Refusal): void {
    this.#metrics.countRefusal(refusal.reason);
    this.#options.logger.info("api-refused", { status: refusal.status, reason: refusal.reason });
  }
}

const wrongCredentials: Refusal = {
  status: 401,
  reason: "credentials",
  message: "Send the token of the data folder's api-token file as Authorization: Bearer.",
};

function notFound(what: string): ApiError {
  return { code: "not-found", message: `There is nothing at ${what.slice(0, 200)}.` };
}

/** Only the path and query of a request count; null for targets such as "*" or "//". */
function parseUrl(request: IncomingMessage): URL | null {
  const target = request.url ?? "/";
  const isPath = target.startsWith("/") && !target.startsWith("//");
  return isPath && URL.canParse(target, "http://host") ? new URL(target, "http://host") : null;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}
