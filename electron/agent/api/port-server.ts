import type { Logger } from "../ports.ts";
import type { AgentService } from "../service.ts";
import { ClientChannel } from "./client-channel.ts";
import { createDispatch } from "./dispatch.ts";
import { API_LIMITS } from "./limits.ts";

/** What Electron's MessagePortMain offers, as far as it is used here. */
export interface MessagePortLike {
  postMessage(message: unknown): void;
  on(event: "message", listener: (event: { readonly data: unknown }) => void): unknown;
  on(event: "close", listener: () => void): unknown;
  start(): void;
  close(): void;
}

/**
 * Serves one window over a port, with the same methods and events as the WebSocket. Whoever holds
 * the other end was given it by the main process, so there is no token here.
 *
 * @returns ends the conversation; also happens by itself when the window closes its end.
 */
export function servePort(options: {
  readonly service: AgentService;
  readonly port: MessagePortLike;
  readonly logger: Logger;
}): () => void {
  const { service, port, logger } = options;
  const channel = new ClientChannel({
    dispatch: createDispatch(service, logger),
    limits: API_LIMITS,
    sink: {
      send: (reply, onSent) => {
        port.postMessage(reply);
        // A port tells nothing about its reader; it counts as read once this turn is over.
        queueMicrotask(onSent);
      },
      bufferedBytes: () => 0,
      close: (reason) => {
        logger.warn("api-port-closed", { reason });
        end();
      },
    },
  });
  const unsubscribe = service.subscribe((event) => channel.pushEvent(event));
  const end = () => {
    unsubscribe();
    channel.dispose();
    port.close();
  };
  port.on("message", (event) => void channel.receive(event.data));
  port.on("close", () => {
    unsubscribe();
    channel.dispose();
  });
  port.start();
  return end;
}
