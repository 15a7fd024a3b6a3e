import type { Clock, Disk } from "../../electron/agent/ports.ts";
import type { ApiError, ApiParams, ApiResult } from "../../shared/api/methods.ts";
import type { Result } from "../../shared/base/result.ts";
import type { Engine } from "./sim-store.ts";

/** How a client's call goes on to the member; null when the process ends before it answers. */
export type CallOf<M extends "execute" | "query"> = (
  params: ApiParams<M>,
) => Promise<Result<ApiResult<M>, ApiError> | null>;

/**
 * A mistake made around the agent instead of in it: each wrapper stands between the agent and a
 * port, or between a client and the agent, and behaves as the mistake would.
 */
export type Plant = {
  /** @param wait Virtual time. */
  readonly disk?: (disk: Disk, wait: (ms: number) => Promise<void>) => Disk;
  /** @param number Counts the engines of a world from 1. */
  readonly engine?: (engine: Engine, number: number) => Engine;
  readonly clock?: (clock: Clock) => Clock;
  readonly execute?: (call: CallOf<"execute">) => CallOf<"execute">;
  readonly query?: (call: CallOf<"query">) => CallOf<"query">;
};
