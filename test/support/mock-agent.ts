/**
 * An agent for trying the window alone: one in-memory database, and a status that a test sets
 * as it likes. It speaks the real WebSocket messages and serves the built window under the real
 * content policy. It replicates nothing; nothing about replication may be concluded from it.
 */
import { readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";
import { WebSocketServer, type WebSocket } from "ws";
import type { ApiEvent, ApiReply, ApiRequest } from "../../shared/api/methods.ts";
import { MockCluster } from "./mock-cluster.ts";
import type { MockDatabase } from "./mock-database.ts";
import { answerRequest } from "./mock-methods.ts";

/** The policy the real server sends. */
export const CONTENT_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " +
  "font-src 'self'; connect-src 'self' ws://127.0.0.1:*; base-uri 'none'; " +
  "form-action 'none'; frame-ancestors 'none'";

const TYPES: { readonly [extension: string]: string } = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".woff2": "font/woff2",
};

/** A running mock. */
export type MockAgent = {
  readonly url: string;
  readonly cluster: MockCluster;
  readonly database: MockDatabase;
  /** How long every answer takes, in ms: pending states become visible. */
  setDelay(delayMs: number): void;
  push(event: ApiEvent): void;
  /** Sends the status now, as after a change of it. */
  pushStatus(): void;
  /** Runs SQL as somebody at another computer would. */
  writeElsewhere(sql: string): void;
  /** Cuts every window off, and refuses new ones while `isDown`. */
  setDown(isDown: boolean): void;
  close(): Promise<void>;
};

/** Starts a mock on a free port of the loopback interface, or on the one given. */
export async function startMockAgent(options: {
  readonly folder: string;
  readonly database: MockDatabase;
  readonly port?: number;
}): Promise<MockAgent> {
  const cluster = new MockCluster();
  const sockets = new Set<WebSocket>();
  let delayMs = 0;
  let isDown = false;
  const server = createServer((request, response) => void serve(options.folder, request, response));
  const wss = new WebSocketServer({ noServer: true });
  server.on("upgrade", (request, socket, head) => {
    if (isDown) return void socket.destroy();
    wss.handleUpgrade(request, socket, head, (opened) => {
      sockets.add(opened);
      opened.on("close", () => sockets.delete(opened));
      opened.on("message", (data) => void onMessage(opened, String(data)));
    });
  });
  const send = (socket: WebSocket, reply: ApiReply): void => socket.send(JSON.stringify(reply));
  const push = (event: ApiEvent): void => {
    for (const socket of sockets) send(socket, { event });
  };
  const pushStatus = (): void => push({ type: "status", status: cluster.status() });
  const onMessage = async (socket: WebSocket, data: string): Promise<void> => {
    const request = JSON.parse(data) as ApiRequest;
    if (delayMs > 0) await new Promise((done) => setTimeout(done, delayMs));
    const { reply, events } = answerRequest(request, cluster, options.database);
    send(socket, reply);
    for (const event of events) push(event);
  };
  const ticker = setInterval(pushStatus, 1_000);
  await new Promise<void>((listening) =>
    server.listen(options.port ?? 0, "127.0.0.1", () => listening()),
  );
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/`,
    cluster,
    database: options.database,
    setDelay: (ms) => (delayMs = ms),
    push,
    pushStatus,
    writeElsewhere(sql) {
      options.database.execute([{ sql }]);
      push(
        cluster.commit(options.database.touchedTables([sql]), /\b(create|alter|drop)\b/i.test(sql)),
      );
    },
    setDown(down) {
      isDown = down;
      if (down) for (const socket of sockets) socket.terminate();
    },
    async close() {
      clearInterval(ticker);
      for (const socket of sockets) socket.terminate();
      wss.close();
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
}

async function serve(
  folder: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const path = new URL(request.url ?? "/", "http://127.0.0.1").pathname;
  if (path === "/auth" || path === "/api/status") {
    response.writeHead(200, { "content-type": "application/json" }).end("{}");
    return;
  }
  const name = normalize(path === "/" ? "/index.html" : path);
  const body = await readFile(join(folder, name)).catch(() => null);
  if (body === null) return void response.writeHead(404).end();
  response.writeHead(200, {
    "content-type": TYPES[extname(name)] ?? "application/octet-stream",
    "content-security-policy": CONTENT_POLICY,
    "x-content-type-options": "nosniff",
  });
  response.end(body);
}
