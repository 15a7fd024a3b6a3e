import type {
  ApiError,
  ApiEvent,
  ApiMethod,
  ApiParams,
  ApiResult,
} from "../../shared/api/methods.ts";
import type { Result } from "../../shared/base/result.ts";

/** The running agent as its servers see it: HTTP, WebSocket, MessagePort and the CLI's demo. */
export interface AgentService {
  /** Never rejects for a reason of the world; parameters were checked by the caller's server. */
  call<M extends ApiMethod>(
    method: M,
    params: ApiParams<M>,
  ): Promise<Result<ApiResult<M>, ApiError>>;
  /** @returns the function that ends the subscription. */
  subscribe(listener: (event: ApiEvent) => void): () => void;
  /** Hands over leadership if it leads, then stops everything. */
  close(): Promise<void>;
}
