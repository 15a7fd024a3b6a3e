/** The HTTP API of a running agent, as a program on the same computer uses it. */
import type {
  ApiError,
  ApiEvent,
  ApiMethod,
  ApiParams,
  ApiResult,
} from "../../shared/api/methods.ts";
import { err, ok, type Result } from "../../shared/base/result.ts";
import { postPatiently } from "./patient-post.ts";

/** Longer than a small call may take: the agent ends long queries and transfers itself. */
const CALL_MS_MAX = 120_000;
/** An agent that lives answers its status within this, however busy it is. */
const STATUS_MS_MAX = 30_000;

/** What takes as long as the database is large. */
const LONG_CALLS = new Set<ApiMethod>([
  "makeBackup",
  "verifyBackup",
  "createCluster",
  "restore",
  "restorePreview",
  "undo",
  "undoPreview",
  "undoImport",
  "undoImportPreview",
  "verify",
  "backup",
]);

/** One running agent. */
export class AgentClient {
  readonly http: string;
  readonly #token: string;

  constructor(http: string, token: string) {
    this.http = http;
    this.#token = token;
  }

  /**
   * Calls a method; one that may take long is waited for as long as the agent lives. `unreachable` also covers a
   * connection that broke before the answer: the call may or may not have been carried out.
   */
  async call<M extends ApiMethod>(
    method: M,
    params: ApiParams<M>,
  ): Promise<Result<ApiResult<M>, ApiError>> {
    if (LONG_CALLS.has(method)) return this.#callPatiently(method, params);
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

  async #callPatiently<M extends ApiMethod>(
    method: M,
    params: ApiParams<M>,
  ): Promise<Result<ApiResult<M>, ApiError>> {
    const answer = await postPatiently({
      url: `${this.http}/api/call/${method}`,
      headers: this.#headers(),
      body: JSON.stringify(params),
      isAlive: async () => {
        const init = { method: "GET", signal: AbortSignal.timeout(STATUS_MS_MAX) };
        return (await this.#fetch("/api/status", init)).ok;
      },
    });
    if (answer.type !== "answered") return err(lost(this.http, answer.type));
    // The agent's own answer: its shape is the contract of shared/api.
    if (answer.isOk) return ok(answer.body as ApiResult<M>);
    return err((answer.body as { readonly error: ApiError }).error);
  }

  async #fetch(path: string, init: RequestInit): Promise<Result<Response, ApiError>> {
    const headers = this.#headers();
    try {
      return ok(await fetch(`${this.http}${path}`, { ...init, headers, redirect: "error" }));
    } catch (cause) {
      return err(unreachable(this.http, cause));
    }
  }

  #headers(): Readonly<Record<string, string>> {
    return { Authorization: `Bearer ${this.#token}`, "Content-Type": "application/json" };
  }
}

const LOST: Readonly<Record<"not-sent" | "lost" | "silent", string>> = {
  "not-sent": "does not answer.",
  lost: "ended before it answered; what was asked may or may not have been done.",
  silent: "has answered nothing for a while; what was asked may still be done.",
};

function lost(http: string, how: keyof typeof LOST): ApiError {
  return { code: "unreachable", message: `The agent at ${http} ${LOST[how]}` };
}

function unreachable(http: string, cause: unknown): ApiError {
  const isTimeout = cause instanceof Error && cause.name === "TimeoutError";
  const reason = isTimeout ? "did not answer in time" : "does not answer";
  return { code: "unreachable", message: `The agent at ${http} ${reason}.` };
}
