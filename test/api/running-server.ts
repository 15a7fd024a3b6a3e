import { request, type IncomingHttpHeaders, type OutgoingHttpHeaders } from "node:http";
import type { ApiLimits } from "../../electron/agent/api/limits.ts";
import { createApiServer, type ApiServer } from "../../electron/agent/api/server.ts";
import { openFakeService, type FakeService } from "./fake-service.ts";

/** The token all tests use. */
export const TOKEN = "ab".repeat(32);

/** A server on a free port with its agent. */
export type RunningServer = {
  readonly server: ApiServer;
  readonly service: FakeService;
  readonly logged: string[];
  close(): Promise<void>;
};

/** Starts one; the test closes it. */
export async function startServer(
  options: { readonly limits?: Partial<ApiLimits>; readonly staticFolder?: string } = {},
): Promise<RunningServer> {
  const service = await openFakeService();
  const logged: string[] = [];
  const log = (event: string, detail?: Record<string, unknown>) => {
    logged.push(`${event} ${JSON.stringify(detail ?? {})}`);
  };
  const started = await createApiServer({
    service,
    host: "127.0.0.1",
    port: 0,
    token: TOKEN,
    staticFolder: options.staticFolder ?? null,
    logger: { info: log, warn: log },
    ...(options.limits === undefined ? {} : { limits: options.limits }),
  });
  if (!started.ok) throw new Error(started.error.message);
  const server = started.value;
  const close = async () => {
    await server.close();
    await service.close();
  };
  return { server, service, logged, close };
}

/** An answer with its body read. */
export type Answer = {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
};

/** Sends exactly these headers: `fetch` would not let a test choose Host or Origin. */
export function send(
  port: number,
  path: string,
  options: {
    readonly method?: string;
    readonly headers?: OutgoingHttpHeaders;
    readonly body?: string | Buffer;
  } = {},
): Promise<Answer> {
  const { method = "GET", headers = {}, body } = options;
  return new Promise((resolve, reject) => {
    const outgoing = request({ host: "127.0.0.1", port, path, method, headers }, (response) => {
      const parts: Buffer[] = [];
      response.on("data", (part: Buffer) => parts.push(part));
      response.on("end", () => {
        const text = Buffer.concat(parts).toString();
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text });
      });
      response.on("error", reject);
    });
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}

/** Headers of a well-behaved program. */
export const WITH_TOKEN = {
  authorization: `Bearer ${TOKEN}`,
  "content-type": "application/json",
} as const;
