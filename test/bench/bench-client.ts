import { Agent, request } from "node:http";

/** Longer than any call takes that ends by itself. */
const CALL_WAIT_MS = 60_000;

/** An answer of a member's HTTP API. */
export type BenchAnswer = { readonly status: number; readonly body: unknown };

/** One program that uses a member's HTTP API over one connection that stays open. */
export class BenchClient {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1, noDelay: true });
  readonly #http: URL;
  readonly #token: string;

  constructor(http: string, token: string) {
    this.#http = new URL(http);
    this.#token = token;
  }

  /** Calls a method. Rejects when the connection breaks. */
  call(method: string, params: unknown): Promise<BenchAnswer> {
    return this.callText(method, JSON.stringify(params));
  }

  /** The same with parameters that are JSON already. */
  callText(method: string, body: string): Promise<BenchAnswer> {
    return new Promise((resolve, reject) => {
      const sent = request(
        {
          agent: this.#agent,
          host: this.#http.hostname,
          port: this.#http.port,
          method: "POST",
          path: `/api/call/${method}`,
          headers: {
            Authorization: `Bearer ${this.#token}`,
            "Content-Type": "application/json",
            "Content-Length": Buffer.byteLength(body),
          },
        },
        (response) => {
          const parts: Buffer[] = [];
          response.on("data", (part: Buffer) => parts.push(part));
          response.on("error", reject);
          response.on("end", () => {
            const text = Buffer.concat(parts).toString("utf8");
            resolve({ status: response.statusCode ?? 0, body: JSON.parse(text) as unknown });
          });
        },
      );
      sent.on("error", reject);
      sent.setTimeout(CALL_WAIT_MS, () => sent.destroy(new Error(`${method}: no answer in time`)));
      sent.end(body);
    });
  }

  /** The result of a call that has to work. */
  async result<T>(method: string, params: unknown): Promise<T> {
    const { status, body } = await this.call(method, params);
    if (status !== 200) throw new Error(`${method} answered ${status}: ${JSON.stringify(body)}`);
    return body as T;
  }

  /** Closes the connection. */
  close(): void {
    this.#agent.destroy();
  }
}
