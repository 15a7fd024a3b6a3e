import type { ApiReply, ApiRequest } from "../../shared/api/methods.ts";

/** Why there is no way to the agent at the moment. */
export type TransportLoss = "unreachable" | "unauthorized";

/** What a transport tells its one owner. */
export type TransportEvents = {
  /** Requests can be sent from now on. */
  readonly onOpen: () => void;
  /** Requests without a reply will not get one over this connection. */
  readonly onLost: (loss: TransportLoss) => void;
  readonly onReply: (reply: ApiReply) => void;
};

/** A way to the agent that reconnects by itself until it is disposed. */
export interface Transport {
  /** Starts; called once. */
  start(events: TransportEvents): void;
  /** @returns whether it was handed to an open connection. */
  send(request: ApiRequest): boolean;
  dispose(): void;
}
