/** Sends an import's parts to the agent, again where nobody could take them for a moment. */
import type { Agent, ClientError, WriteMethod } from "../agent/client.ts";
import type { ApiParams, ApiResult } from "../../shared/api/methods.ts";
import { err, type Result } from "../../shared/base/result.ts";
import { refusedRow, type ImportRequest } from "../../shared/interchange/import-run.ts";

const TRIES_MAX = 60;
const RETRY_MS = 500;
/** Passing: the same part with the same key is taken later, and counts once. */
const PASSING: ReadonlySet<ClientError["code"]> = new Set(["busy", "unknown-outcome"]);

type Keyed = { readonly clientId: string; readonly sequence: number };

/** How parts are sent from this window. */
export class ImportSender {
  readonly #agent: Agent;

  constructor(agent: Agent) {
    this.#agent = agent;
  }

  readonly insert: ImportRequest<ClientError>["insert"] = async (params) => {
    const answer = await this.send("insertRows", params);
    if (answer.ok) return answer;
    const { error } = answer;
    const told =
      "leader" in error && error.leader !== undefined ? { message: error.message } : error;
    return err({ error, ...refusedRow(told) });
  };

  async send<M extends WriteMethod>(
    method: M,
    params: ApiParams<M> & Keyed,
  ): Promise<Result<ApiResult<M>, ClientError>> {
    for (let tries = 1; ; tries += 1) {
      const answer = await this.#agent.writeKeyed(method, params);
      if (answer.ok || !PASSING.has(answer.error.code) || tries >= TRIES_MAX) return answer;
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }
}
