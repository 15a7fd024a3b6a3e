/** The HTTP API of a running agent, as a program on the same computer uses it. */
import type {
  ApiError,
  ApiEvent,
  ApiMethod,
  ApiParams,
  ApiResult,
} from "../../shared/api/methods.ts";
import { err, ok, type Result } from "../../shared/base/result.ts";

/** Longer than any call may take: the agent ends long queries and transfers itself. */
const CALL_MS_MAX = 120_000;

/** One running agent. */
export class AgentClient {
  readonly http: string;
  readonly #token: string;

  constructor(http: string, token: string) {
    this.http = http;
    this.#token = token;
  }

  /**
   * Calls a method. `unreachable` also covers a connection that broke before the answer: the
   * call may or may not have been carried out.
   */
  async call<M extends ApiMethod>(
    method: M,
    params: ApiParams<M>,
  ): Promise<Result<ApiResult<M>, ApiError>> {
    const response = await this.#fetch(`/api/call/${method}`, {
      method: "POST",
      body: JSON.stringify(params),
      signal: AbortSignal.timeout(CALL_MS_MAX),
    });
    if (!response.ok) return response;
    try {
      const answer: unknown = await response.value.json();
      // The agent's own answer: its shape is the contract of shared/api.
      if (response.value.ok) return ok(answer as ApiResult<M>);
      return err((answer as { readonly error: ApiError }).error);
    } catch (cause) {
      return err(unreachable(this.http, cause));
    }
  }

  /** The agent's events from now on, until it stops or the reader breaks off. */
  async *events(): AsyncGenerator<ApiEvent, ApiError | null> {
    const response = await this.#fetch("/api/events", { method: "GET" });
    if (!response.ok) return response.error;
    if (response.value.body === null) return null;
    let text = "";
    const decoder = new TextDecoder();
    try {
      for await (const chunk of response.value.body) {
        text += decoder.decode(chunk, { stream: true });
        const messages = text.split("\n\n");
        text = messages.pop() ?? "";
        for (const message of messages) {
          const data = /^data: (.*)$/m.exec(message)?.[1];
          if (data !== undefined) yield JSON.parse(data) as ApiEvent;
        }
      }
    } catch (cause) {
      return unreachable(this.http, cause);
    }
    return null;
  }

  async #fetch(path: string, init: RequestInit): Promise<Result<Response, ApiError>> {
    const headers = {
      Authorization: `Bearer ${this.#token}`,
      "Content-Type": "application/json",
    };
    try {
      return ok(await fetch(`${this.http}${path}`, { ...init, headers, redirect: "error" }));
    } catch (cause) {
      return err(unreachable(this.http, cause));
    }
  }
}

function unreachable(http: string, cause: unknown): ApiError {
  const isTimeout = cause instanceof Error && cause.name === "TimeoutError";
  const reason = isTimeout ? "did not answer in time" : "does not answer";
  return { code: "unreachable", message: `The agent at ${http} ${reason}.` };
}
