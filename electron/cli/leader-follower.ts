/**
 * Sends writes to whoever leads now, as long as that is a member on this computer.
 *
 * Only for calls with a client id and a sequence: those may be sent again after an unknown
 * outcome, and are carried out once all the same.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { ApiError, ApiErrorCode, ApiParams, ApiResult } from "../../shared/api/methods.ts";
import type { Result } from "../../shared/base/result.ts";
import type { AgentClient } from "./agent-client.ts";
import { findLeaderNearby } from "./connect.ts";

/** How long a write is tried again while nobody takes it. Elections take two seconds at worst. */
const RETRY_MS_MAX = 60_000;
const RETRY_AFTER_MS = 100;

type Write = "execute" | "insertRows" | "undo" | "undoImport" | "restore";

/** See the head of this file. */
export class LeaderFollower {
  #client: AgentClient;
  readonly #dataFolder: string;
  #cluster: string | null = null;
  /** Before the first success an error is an answer; after it, something to get over. */
  #hasWritten = false;

  constructor(client: AgentClient, dataFolder: string) {
    this.#client = client;
    this.#dataFolder = dataFolder;
  }

  /** One that goes to the leader before anything is asked, where it is on this computer: it knows the newest state. */
  static async atLeader(client: AgentClient, dataFolder: string): Promise<LeaderFollower> {
    const follower = new LeaderFollower(client, dataFolder);
    const status = await client.call("status", {});
    if (!status.ok) return follower;
    follower.#cluster = status.value.cluster?.id ?? null;
    if (status.value.role !== "leader") await follower.#findLeader(client);
    return follower;
  }

  /** Whom writes go to at present. */
  get client(): AgentClient {
    return this.#client;
  }

  async call<M extends Write>(
    method: M,
    params: ApiParams<M> & { readonly clientId: string; readonly sequence: number },
  ): Promise<Result<ApiResult<M>, ApiError>> {
    const startedMs = performance.now();
    let hasMoved = false;
    for (;;) {
      const client = this.#client;
      const result = await client.call(method, params);
      if (result.ok) {
        this.#hasWritten = true;
        return result;
      }
      if (!isPassing(result.error.code)) return result;
      const found = await this.#findLeader(client);
      if (found && !hasMoved) {
        hasMoved = true; // At once; waiting would only slow down a failover that is over.
        continue;
      }
      const isPatient = this.#hasWritten || RETRIED_FROM_START.has(result.error.code);
      const isOver = performance.now() - startedMs > RETRY_MS_MAX;
      if (isOver || (!isPatient && !found)) return result;
      await sleep(RETRY_AFTER_MS);
    }
  }

  /** Looks for a leader on this computer. @returns whether writes now go elsewhere than before. */
  async #findLeader(failed: AgentClient): Promise<boolean> {
    if (this.#client !== failed) return true; // The other lane found it meanwhile.
    if (this.#cluster === null) {
      const status = await failed.call("status", {});
      if (!status.ok || status.value.cluster === null) return false;
      this.#cluster = status.value.cluster.id;
    }
    const leader = await findLeaderNearby(this.#dataFolder, this.#cluster);
    if (leader === null || leader.http === failed.http) return false;
    this.#client = leader;
    return true;
  }

  /** Learns which cluster this is while the first agent is alive. */
  async prepare(): Promise<void> {
    const status = await this.#client.call("status", {});
    if (status.ok) this.#cluster = status.value.cluster?.id ?? null;
  }
}

const RETRIED_FROM_START = new Set<ApiErrorCode>(["busy", "unknown-outcome"]);

/** Errors that another leader, or the same one later, does not give. */
function isPassing(code: ApiErrorCode): boolean {
  switch (code) {
    case "not-leader":
    case "no-quorum":
    case "unknown-outcome":
    case "busy":
    case "unreachable":
    case "change-in-progress":
      return true;
    default:
      return false;
  }
}
