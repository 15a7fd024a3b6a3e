import type { Agent, Answer, ClientError, ConnectionState, WriteMethod } from "../agent/client.ts";
import type { ApiMethod, ApiParams } from "../../shared/api/methods.ts";
import type { PastMoment } from "../../shared/api/past.ts";
import { err } from "../../shared/base/result.ts";
import { text } from "../text/en.ts";

const READ_ONLY: ClientError = { code: "sql-refused", message: text.past.readOnly };

/**
 * The agent as of one position: what features read through it is the database of then, nothing they do changes
 * anything, and nothing changes under them.
 */
export class PastAgent implements Agent {
  readonly readOnlyReason = text.past.readOnly;
  readonly #agent: Agent;
  readonly #asOf: PastMoment;

  constructor(agent: Agent, asOf: PastMoment) {
    this.#agent = agent;
    this.#asOf = asOf;
  }

  call<M extends ApiMethod>(method: M, params: ApiParams<M>): Answer<M> {
    if (method === "tables") {
      return this.#agent.call("tables", { asOf: this.#asOf }) as unknown as Answer<M>;
    }
    if (method !== "query") return this.#agent.call(method, params);
    const { sql, params: values = [], rowsMax } = params as ApiParams<"query">;
    const limit = rowsMax === undefined ? {} : { rowsMax };
    const asked = { sql, params: values, ...limit, asOf: this.#asOf };
    return this.#agent.call("query", asked) as unknown as Answer<M>;
  }

  write<M extends WriteMethod>(): Answer<M> {
    return Promise.resolve(err(READ_ONLY));
  }

  writeKeyed<M extends WriteMethod>(): Answer<M> {
    return Promise.resolve(err(READ_ONLY));
  }

  onEvent(): () => void {
    return () => undefined;
  }

  onConnection(listener: (state: ConnectionState) => void): () => void {
    return this.#agent.onConnection(listener);
  }
}
