import { Agent, request } from "node:http";
import type { ApiError, ApiMethod, ApiParams, ApiResult } from "../../shared/api/methods.ts";
import { err, ok, type Result } from "../../shared/base/result.ts";

/** The HTTP API of a member in another network, through its relay. */
export class SocketClient {
  readonly #agent = new Agent({ keepAlive: true });
  readonly #socketFile: string;
  readonly #host: string;
  readonly #token: string;

  constructor(place: {
    readonly socketFile: string;
    readonly host: string;
    readonly token: string;
  }) {
    this.#socketFile = place.socketFile;
    this.#host = place.host;
    this.#token = place.token;
  }

  /**
   * Calls a method. `unreachable` also covers a broken connection and an answer that did not come
   * in time: the call may or may not have been carried out, or may still be.
   */
  call<M extends ApiMethod>(
    method: M,
    params: ApiParams<M>,
    withinMs: number,
  ): Promise<Result<ApiResult<M>, ApiError>> {
    const body = JSON.stringify(params);
    return new Promise((resolve) => {
      const fail = (message: string): void => resolve(err({ code: "unreachable", message }));
      const sent = request(
        {
          agent: this.#agent,
          socketPath: this.#socketFile,
          method: "POST",
          path: `/api/call/${method}`,
          headers: {
            Host: this.#host,
            Authorization: `Bearer ${this.#token}`,
            "Content-Type": "application/json",
            "Content-Length": Buffer.byteLength(body),
          },
        },
        (response) => {
          const parts: Buffer[] = [];
          response.on("data", (part: Buffer) => parts.push(part));
          response.on("error", (cause) => fail(cause.message));
          response.on("end", () => {
            clearTimeout(timer);
            resolve(answerOf<M>(response.statusCode, Buffer.concat(parts).toString("utf8")));
          });
        },
      );
      const timer = setTimeout(() => sent.destroy(new Error("no answer in time")), withinMs);
      sent.on("error", (cause) => {
        clearTimeout(timer);
        fail(cause.message);
      });
      sent.end(body);
    });
  }

  /** Closes all connections. */
  close(): void {
    this.#agent.destroy();
  }
}

function answerOf<M extends ApiMethod>(
  status: number | undefined,
  text: string,
): Result<ApiResult<M>, ApiError> {
  try {
    const answer: unknown = JSON.parse(text);
    // The member's own answer: its shape is the contract of shared/api.
    if (status === 200) return ok(answer as ApiResult<M>);
    return err((answer as { readonly error: ApiError }).error);
  } catch (cause) {
    return err({ code: "unreachable", message: `an answer that is no JSON: ${String(cause)}` });
  }
}
