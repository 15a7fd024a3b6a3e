import type { ApiError } from "../../../shared/api/methods.ts";
import { err, type Result } from "../../../shared/base/result.ts";
import type { Logger } from "../ports.ts";
import type { AgentService } from "../service.ts";
import { isApiMethod, parseParams } from "./params.ts";

/** Carries out one request of any transport. Never rejects. */
export type Dispatch = (method: unknown, params: unknown) => Promise<Result<unknown, ApiError>>;

/**
 * Checks the method and its parameters, then asks the agent. A rejection of the agent is a bug
 * in it: the client gets `internal` without the details, the log file gets them.
 */
export function createDispatch(service: AgentService, logger: Logger): Dispatch {
  return async (method, params) => {
    if (!isApiMethod(method)) {
      const shown = typeof method === "string" ? JSON.stringify(method.slice(0, 100)) : "that";
      return err({ code: "not-found", message: `There is no method ${shown}.` });
    }
    const parsed = parseParams(method, params);
    if (!parsed.ok) return parsed;
    try {
      return await service.call(method, parsed.value);
    } catch (cause) {
      const detail = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
      logger.warn("api-method-threw", { method, detail });
      const message = `${method} failed inside the agent; its log file has the details.`;
      return err({ code: "internal", message });
    }
  };
}
