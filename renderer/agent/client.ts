/**
 * Asks the agent and hands out its events, whatever the transport.
 *
 * Reads fail at once when the connection drops. Writes do not: each carries (client id,
 * sequence), is sent one at a time, and is sent again after a reconnect, so that a lost answer
 * is neither a lost write nor a double one. It knows nothing of what the methods mean.
 */
import type {
  ApiError,
  ApiEvent,
  ApiMethod,
  ApiParams,
  ApiReply,
  ApiResult,
} from "../../shared/api/methods.ts";
import { err, ok, type Result } from "../../shared/base/result.ts";
import type { Transport, TransportLoss } from "./transport.ts";

/** A failure as the window sees it: the agent's own, or that the agent could not be asked. */
export type ClientError =
  | ApiError
  | { readonly code: "agent-unreachable"; readonly message: string; readonly leader?: never };

/** Every code a text must exist for. */
export type ClientErrorCode = ClientError["code"];

/** The answer to a call. Calls never reject. */
export type Answer<M extends ApiMethod> = Promise<Result<ApiResult<M>, ClientError>>;

/** Whether the agent can be asked. */
export type ConnectionState = "connecting" | "open" | "lost" | "unauthorized";

/** The methods that change rows and carry an exactly-once key. */
export type WriteMethod = "execute" | "insertRows" | "undo" | "undoImport" | "restore";

/** What a feature needs of the client; tests give another one. */
export interface Agent {
  /** Why nothing can be written through it, whatever the member may; absent where that depends on the member. */
  readonly readOnlyReason?: string;
  call<M extends ApiMethod>(method: M, params: ApiParams<M>): Answer<M>;
  /** One at a time, in order; survives a reconnect. */
  write<M extends WriteMethod>(method: M, params: ApiParams<M>): Answer<M>;
  /** Survives a reconnect too, with a key of the caller's; several may be on their way. */
  writeKeyed<M extends WriteMethod>(
    method: M,
    params: ApiParams<M> & { readonly clientId: string; readonly sequence: number },
  ): Answer<M>;
  /** @returns the function that ends the subscription. */
  onEvent(listener: (event: ApiEvent) => void): () => void;
  onConnection(listener: (state: ConnectionState) => void): () => void;
}

type Waiting = {
  readonly method: ApiMethod;
  readonly params: unknown;
  readonly isWrite: boolean;
  readonly settle: (answer: Result<unknown, ClientError>) => void;
  /** Times it went out; above 1 a refusal no longer proves that nothing was written. */
  sentCount: number;
};

const UNREACHABLE: ClientError = {
  code: "agent-unreachable",
  message: "The agent on this computer did not answer.",
};

/** The client of one window. */
export class AgentClient implements Agent {
  readonly #transport: Transport;
  readonly #clientId: string;
  readonly #waiting = new Map<number, Waiting>();
  readonly #eventListeners = new Set<(event: ApiEvent) => void>();
  readonly #connectionListeners = new Set<(state: ConnectionState) => void>();
  #state: ConnectionState = "connecting";
  #requestId = 0;
  #sequence = 0;
  #lastWrite: Promise<unknown> = Promise.resolve();

  /** @param clientId Names this window in the exactly-once key; new for every page load. */
  constructor(transport: Transport, clientId: string) {
    this.#transport = transport;
    this.#clientId = clientId;
  }

  start(): void {
    this.#transport.start({
      onOpen: () => this.#onOpen(),
      onLost: (loss) => this.#onLost(loss),
      onReply: (reply) => this.#onReply(reply),
    });
  }

  call<M extends ApiMethod>(method: M, params: ApiParams<M>): Answer<M> {
    return this.#request(method, params, false) as Answer<M>;
  }

  write<M extends WriteMethod>(method: M, params: ApiParams<M>): Answer<M> {
    this.#sequence += 1;
    const keyed = { ...params, clientId: this.#clientId, sequence: this.#sequence };
    const answer = this.#lastWrite.then(() => this.#request(method, keyed, true));
    this.#lastWrite = answer;
    return answer as Answer<M>;
  }

  writeKeyed<M extends WriteMethod>(
    method: M,
    params: ApiParams<M> & { readonly clientId: string; readonly sequence: number },
  ): Answer<M> {
    return this.#request(method, params, true) as Answer<M>;
  }

  onEvent(listener: (event: ApiEvent) => void): () => void {
    this.#eventListeners.add(listener);
    return () => this.#eventListeners.delete(listener);
  }

  onConnection(listener: (state: ConnectionState) => void): () => void {
    this.#connectionListeners.add(listener);
    listener(this.#state);
    return () => this.#connectionListeners.delete(listener);
  }

  dispose(): void {
    this.#transport.dispose();
    for (const waiting of this.#waiting.values()) waiting.settle(err(UNREACHABLE));
    this.#waiting.clear();
    this.#eventListeners.clear();
    this.#connectionListeners.clear();
  }

  #request(
    method: ApiMethod,
    params: unknown,
    isWrite: boolean,
  ): Promise<Result<unknown, ClientError>> {
    return new Promise((settle) => {
      this.#requestId += 1;
      const waiting: Waiting = { method, params, isWrite, settle, sentCount: 0 };
      this.#waiting.set(this.#requestId, waiting);
      if (this.#send(this.#requestId, waiting) || isWrite) return;
      this.#waiting.delete(this.#requestId);
      settle(err(UNREACHABLE));
    });
  }

  #send(id: number, waiting: Waiting): boolean {
    const isSent = this.#transport.send({ id, method: waiting.method, params: waiting.params });
    if (isSent) waiting.sentCount += 1;
    return isSent;
  }

  #onOpen(): void {
    this.#setState("open");
    for (const [id, waiting] of this.#waiting) this.#send(id, waiting);
  }

  #onLost(loss: TransportLoss): void {
    for (const [id, waiting] of this.#waiting) {
      if (waiting.isWrite) continue;
      this.#waiting.delete(id);
      waiting.settle(err(UNREACHABLE));
    }
    this.#setState(loss === "unauthorized" ? "unauthorized" : "lost");
  }

  #onReply(reply: ApiReply): void {
    if ("event" in reply) {
      for (const listener of this.#eventListeners) listener(reply.event);
      return;
    }
    const waiting = this.#waiting.get(reply.id);
    if (waiting === undefined) return;
    this.#waiting.delete(reply.id);
    if ("result" in reply) waiting.settle(ok(reply.result));
    else waiting.settle(err(outcomeOf(reply.error, waiting)));
  }

  #setState(state: ConnectionState): void {
    if (state === this.#state) return;
    this.#state = state;
    for (const listener of this.#connectionListeners) listener(state);
  }
}

/** A retry that meets a computer that may not write says nothing about the first attempt. */
function outcomeOf(error: ApiError, waiting: Waiting): ApiError {
  const isFromTheStart = error.code !== "not-leader" && error.code !== "no-quorum";
  if (waiting.sentCount < 2 || isFromTheStart) return error;
  return { ...error, code: "unknown-outcome" };
}
